"""Map: write into the mapping files what nobody has disposed of yet, and fill tables that are still empty.

Comments and order of the files are kept. A proposal decides nothing: the plan stays closed until a person has moved
each undecided field into `fields:` or `lost:`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from migration_pipelines.core.mapping import Route
from migration_pipelines.core.transform import is_in_route
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition


def propose(partition: OpenPartition) -> list[str]:
    """Add undecided fields and stage tables to the mapping files. Returns what was added, in words.

    Raises:
        GateClosed: the source has not been discovered yet.
    """
    source = partition.schema("source")
    added: list[str] = []
    seen: set[str] = set()
    for crm_object, mapping in partition.project.mappings.items():
        path = partition.project.folder / "mapping" / f"{crm_object}.yaml"
        content, changed = _round_trip().load(path.read_text("utf-8")), False
        for position, route in enumerate(mapping.routes):
            stage_tables = [row.table for row in route.fields.values() if row.table and not mapping.tables[row.table]]
            for table in stage_tables:
                content["tables"][table] = _table(partition, route, table)
                added.append(f"{crm_object}: table {table}")
                changed = True
            if route.source in seen or route.source not in source.objects:
                continue
            seen.add(route.source)
            for name, filled in gates.open_fields(partition, route.source).items():
                if name not in route.undecided:
                    content["routes"][position].setdefault("undecided", {})[name] = _what_is_known(
                        partition, route.source, name, filled
                    )
                    added.append(f"{crm_object}: {route.source}.{name} is undecided")
                    changed = True
        if changed:
            _write(path, content)
    return added


def _what_is_known(partition: OpenPartition, source_object: str, name: str, filled: int) -> dict[str, Any]:
    extraction = partition.ledger.records.last_extraction(source_object)
    field = partition.schema("source").objects[source_object].fields[name]
    known: dict[str, Any] = {"type": field.type}
    if extraction:
        known["filled"] = f"{filled} of {extraction['extracted']}"
        known["samples"] = [_short(one) for one in extraction["profile"]["samples"].get(name, ())]
    return known | {"suggestion": f"{name.removesuffix('__c').upper()}: {{from: {name}}}"}


def _table(partition: OpenPartition, route: Route, table: str) -> dict[str, str]:
    """A proposal for an empty table: each value that its source field may have, a deal's stages with how they end. In a
    pipeline that another route has, all go to the first stage."""
    source = partition.schema("source")
    (field,) = next(row.sources for row in route.fields.values() if row.table == table)
    if field == "StageName":
        return _stage_table(source.facts.get("stages", ()))
    first = _first_stage(source.facts.get("stages", ())) if _shares_pipeline(partition, route) else None
    foreign = _only_outside(partition, route, field)
    choices = source.objects[route.source].fields[field].choices
    return {choice: first or choice for choice in choices if choice not in foreign}


def _only_outside(partition: OpenPartition, route: Route, field: str) -> set[Any]:
    """The values of a field that were seen only in records which the route does not take."""
    inside, outside = set[Any](), set[Any]()
    for page in partition.ledger.records.pages(route.source):
        for record in page:
            (inside if is_in_route(record, route) else outside).add(record.values.get(field))
    return outside - inside


def _shares_pipeline(partition: OpenPartition, route: Route) -> bool:
    """Whether records of other source objects go to the same pipeline."""
    return any(
        other.source != route.source and _pipeline(partition, other) == _pipeline(partition, route)
        for mapping in partition.project.mappings.values()
        for other in mapping.routes
        if "pipeline" in other.fields and "pipeline" in route.fields
    )


def _pipeline(partition: OpenPartition, route: Route) -> Any:
    row = route.fields["pipeline"]
    return partition.project.decisions.get(row.decision) if row.decision else row.value


def _first_stage(stages: Any) -> str | None:
    return next((one["name"] for one in stages if not one["is_closed"]), None)


def _stage_table(stages: Any) -> dict[str, str]:
    """Open stages keep their names; closed ones are won or lost."""
    return {one["name"]: ("won" if one["is_won"] else "lost") if one["is_closed"] else one["name"] for one in stages}


def _short(sample: Any) -> Any:
    return sample[:60] if isinstance(sample, str) else sample


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.preserve_quotes = True
    return yaml


def _write(path: Path, content: Any) -> None:
    text = io.StringIO()
    _round_trip().dump(content, text)
    path.write_text(text.getvalue(), "utf-8")
