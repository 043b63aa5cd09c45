"""Cards of the report: some loaded records, what the source has beside what the target has as the ledger knows it.

The draw is spread over routes by size and hangs on a seed, so that the same plan shows the same cards (SF-KOMMO-61).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.transform import CompiledRoute, is_empty
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.record_names import names_of, sources_of

CARDS = 40
LEAST = 2
"""How many cards a kind of record has at least, if it has as many records."""


def shares(sizes: Mapping[str, int], total: int, least: int = LEAST) -> dict[str, int]:
    """How many to draw of each kind: `least` of each, or all it has, and the rest in proportion to size.

    They sum to `total`, or to all there are; to more only where there are so many kinds that `least` of each is more.
    """
    drawn = {name: min(size, least) for name, size in sizes.items()}
    while sum(drawn.values()) < min(total, sum(sizes.values())):
        open_ = [name for name, size in sizes.items() if drawn[name] < size]
        drawn[max(open_, key=lambda name: sizes[name] / (drawn[name] + 1))] += 1
    return drawn


def cards_of(partition: OpenPartition, seed: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The drawn cards of a partition.

    Args:
        seed: the same one draws the same records.
        figures: CRM object -> its figures.
    """
    compiled = {one.key: one for name, one in partition.routes if name != "users" and one.route.fields}
    routes = {key: one for of in figures.values() for key, one in of["routes"].items() if key in compiled}
    sizes = {key: loaded for key, one in routes.items() if (loaded := one["outcomes"].get("loaded", 0))}
    cards: list[dict[str, Any]] = []
    for key, count in shares(sizes, CARDS).items():
        cards += _drawn(partition, compiled[key], count, seed, frozenset(routes[key]["ignored"]))
    return {"seed": seed, "of": sum(sizes.values()), "drawn": len(cards), "cards": cards}


def _drawn(
    partition: OpenPartition, compiled: CompiledRoute, count: int, seed: str, ignored: frozenset[str]
) -> Iterator[dict[str, Any]]:
    report = partition.ledger.report
    rows = report.draw(compiled.key, count, seed)
    ids = [row["source_id"] for row in rows]
    source = report.source_values(compiled.route.source, ids)
    own = names_of(partition, compiled.route.source, ids)
    parents = _parents(partition, rows)
    people = {user.id: user.name for user in partition.schema("target").users}
    for row in rows:
        findings = {one["field"]: one for one in row["findings"] or ()} if row["is_read"] else {}
        lines = [
            *_values(partition, compiled, row, source.get(row["source_id"], {})),
            *_references(compiled, row, parents, people),
        ]
        yield {
            "route": compiled.key, "source_id": row["source_id"], "target_id": row["target_id"],
            "name": own.get(row["source_id"], ""),
            "lines": [_overlaid(line, findings, row["is_read"], ignored) for line in lines],
        }  # fmt: skip


def _parents(partition: OpenPartition, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """(route, source id) -> name of the records that these refer to."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        for route, source_id in zip(row["ref_routes"] or (), row["ref_ids"], strict=True):
            wanted.setdefault(route, set()).add(source_id)
    return {
        (route, source_id): name
        for route, ids in wanted.items()
        for source_id, name in names_of(partition, route.split("/")[1].split(">")[0], sorted(ids)).items()
    }


def _values(
    partition: OpenPartition, compiled: CompiledRoute, row: Mapping[str, Any], source: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for name, meant in row["payload"].items():
        fields = sources_of(partition, compiled, name)
        given = {field: source.get(field) for field in fields if not is_empty(source.get(field))}
        constant = compiled.route.fields[name].value if name in compiled.route.fields else None
        if given or not is_empty(meant):
            yield {"field": name, "source": given, "constant": constant is not None, "target": meant}


def _references(
    compiled: CompiledRoute, row: Mapping[str, Any], parents: Mapping[tuple[str, str], str], people: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    lines: dict[str, dict[str, Any]] = {}
    for field, route, source_id, target_id in zip(
        row["ref_fields"], row["ref_routes"] or (), row["ref_ids"], row["ref_target_ids"] or (), strict=True
    ):
        if target_id is None:
            continue
        mapped = compiled.route.references.get(field)
        label = (mapped.from_ if mapped else None) or route.split("/")[0]
        line = lines.setdefault(field, {"field": field, "source": {label: []}, "constant": False, "target": []})
        line["source"][label].append(_named(source_id, parents.get((route, source_id))))
        line["target"].append(_named(target_id, people.get(target_id) if route.startswith("users/") else None))
    yield from lines.values()


def _named(record_id: str, name: str | None) -> str:
    return f"{name} {record_id}" if name else record_id


def _overlaid(
    line: dict[str, Any], findings: Mapping[str, Mapping[str, Any]], is_read: bool, ignored: frozenset[str]
) -> dict[str, Any]:
    """A line with what was found in place of what was meant, and how it compares."""
    if "" in findings:
        return line | {"target": None, "state": str(Verdict.MISSING)}
    if line["field"] in ignored:
        return line | {"target": None, "state": "not kept by the target"}
    if found := findings.get(line["field"]):
        return line | {"meant": line["target"], "target": found["found"], "state": found["verdict"]}
    return line | {"state": "as meant" if is_read else "not read back"}
