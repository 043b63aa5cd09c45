"""Transferability: of each kind of data, whether it arrives from this org, by what, how many records, and what is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.core.compatibility import Entry, score, source_of
from migration_pipelines.core.concerns import Concern
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.stages.counting import Counted, count
from migration_pipelines.stages.partition import OpenPartition


def concerns_of_table(partition: OpenPartition) -> list[Concern]:
    """What the compatibility table counts, row by row."""
    return [concern for entry in partition.project.pair.compatibility.entries for concern in entry.counted]


def transferability(partition: OpenPartition, counts: Sequence[Counted] | None = None) -> dict[str, Any]:
    """The pair's compatibility table, as it is for this org under its decisions and dispositions (SF-KOMMO-34).

    Shape: {"score": {"one_to_one", "of"}, "score_here": the same of what the org has records of (COMMON-12), "rows": [{data,
    becomes, cardinality, support, transfers, method, lost, records: [{records, number, why, objects}], decision, value,
    says, is_object}]}. `cardinality` is None where nothing carries the data; with `support` and `transfers` it is None where
    the decision on it is open.

    Args:
        counts: of `concerns_of_table`, where they are there already.
    """
    counted = iter(count(partition, concerns_of_table(partition)) if counts is None else counts)
    rows: list[dict[str, Any]] = []
    for entry in partition.project.pair.compatibility.entries:
        of_entry = [next(counted) for _ in entry.counted]
        if entry.kind == "custom objects":
            rows += _custom_objects(partition, entry)
        elif entry.kind == "custom fields":
            rows.append(_custom_fields(partition, entry))
        else:
            rows.append(_row(partition, entry, of_entry))
    objects = [row for row in rows if row["is_object"]]
    here = [row for row in objects if any(one["number"] != 0 for one in row["records"])]
    return {
        "score": score(row["cardinality"] for row in objects),
        "score_here": score(row["cardinality"] for row in here),
        "rows": rows,
    }


def _row(partition: OpenPartition, entry: Entry, counted: list[Counted]) -> dict[str, Any]:
    row = _described(partition, entry, [one.as_json() for one in counted])
    if not entry.routes:
        return row
    taken = {compiled.key: compiled.route for _, compiled in partition.routes}
    degree = entry.degree([taken[key] for key in entry.routes if key in taken])
    if degree:
        return row | {"cardinality": degree[0], "support": degree[1]}
    if entry.decision and entry.decision not in partition.project.decisions:
        return row | {"cardinality": None, "support": None, "transfers": None}
    return row | _left_behind(partition, entry)


def _described(partition: OpenPartition, entry: Entry, records: list[dict[str, Any]]) -> dict[str, Any]:
    value = partition.project.decisions.get(entry.decision or "")
    about = partition.project.pair.decisions.get(entry.decision or "")
    return {
        "data": entry.data, "becomes": entry.becomes, "cardinality": entry.cardinality, "support": entry.support,
        "transfers": entry.transfers, "method": entry.method, "lost": entry.lost, "records": records,
        "decision": entry.decision, "value": value,
        "says": about.allowed.get(str(value), "") if about and value is not None else "",
        "is_object": entry.kind != "custom fields",
    }  # fmt: skip


def _left_behind(partition: OpenPartition, entry: Entry) -> dict[str, Any]:
    """What a row says whose data no route carries: where it is kept, and that all of it is lost."""
    for key in entry.routes:
        for how, why in (partition.project.disposition_of(source_of(key)) or {}).items():
            return _not(how, f"all of it: {why}")
    return _not("none", "all of it")


def _not(method: str, lost: str) -> dict[str, Any]:
    return {"cardinality": None, "support": "not supported", "transfers": "not", "method": method, "lost": lost}


def _custom_objects(partition: OpenPartition, entry: Entry) -> Iterator[dict[str, Any]]:
    """A row for each custom object that has records: as its routes say, or its disposition, or nobody yet."""
    schema = partition.ledger.schema("source")
    for name, found in schema.objects.items() if schema else ():
        if not found.is_custom or not found.is_business or not found.records:
            continue
        records = [{"records": name, "number": found.records, "why": "as the org tells", "objects": [name]}]
        row = _described(partition, entry, records) | {"data": f"Custom object {found.label or name}"}
        routes = [compiled.route for compiled in partition.routes_from(name)]
        targets = ", ".join(dict.fromkeys(route.target for route in routes))
        degree = entry.model_copy(update={"cardinality": None, "support": None}).degree(routes)
        if disposition := partition.dispositions.get(name):
            ((how, why),) = disposition.items()
            row |= {"method": f"{how}, and named in {targets}" if targets else how, "lost": f"{entry.lost}; {why}"}
        elif degree:
            row |= {
                "becomes": targets, "cardinality": degree[0], "support": degree[1], "transfers": "with mapping",
                "method": "API", "lost": "fields that have no mapping",
            }  # fmt: skip
        else:
            row |= {"transfers": None, "method": "nobody has decided yet"}
        yield row


def _custom_fields(partition: OpenPartition, entry: Entry) -> dict[str, Any]:
    """Custom fields of the objects that are mapped, and how many of them a route reads."""
    schema, there, mapped = partition.ledger.schema("source"), 0, 0
    for name in partition.source_objects:
        custom = {field for field, one in _fields(schema, name).items() if one.is_custom and one.is_business}
        there, mapped = there + len(custom), mapped + len(custom & partition.reads(name))
    why = "" if schema else "the orgs have not been discovered yet"
    records: list[dict[str, Any]] = [
        {"records": "custom fields", "number": there if schema else None, "why": why, "objects": []}
    ]
    return _described(partition, entry, records) | {"lost": f"{there - mapped:,} of {there:,} have no mapping"}


def _fields(schema: OrgSchema | None, name: str) -> Mapping[str, Any]:
    return schema.objects[name].fields if schema and name in schema.objects else {}
