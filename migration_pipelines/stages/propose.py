"""Map: write into the mapping files what nobody has disposed of yet, and fill tables that are still empty.

What was in the files stays as it was, byte by byte. A proposal decides nothing: the plan stays closed until a person has
moved each undecided field into `fields:` or `lost:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migration_pipelines.core.mapping import Route, route_key
from migration_pipelines.core.proposals import code_for, propose_row, taken_in
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.core.transform import taker
from migration_pipelines.core.ways import OpenObject, Parent
from migration_pipelines.errors import InvalidInput
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.yaml_text import Addition, add, lines_of, replace_file


def propose(partition: OpenPartition) -> list[str]:
    """Add undecided fields and stage tables to the mapping files. Returns what was added, in words.

    Raises:
        GateClosed: the source has not been discovered yet.
        InvalidInput: a file cannot be added to without changing what it says; none was written then.
    """
    partition.schema("source")
    added: list[str] = []
    additions: dict[str, list[Addition]] = {name: [] for name in partition.project.mappings}
    for crm_object, table, filled in _tables(partition):
        additions[crm_object].append(Addition(("tables", table), filled))
        added.append(f"{crm_object}: table {table}")
    for source_object in partition.source_objects:
        for crm_object, addition in _undecided(partition, source_object):
            additions[crm_object].append(addition)
            added += [f"{crm_object}: {source_object}.{name} is undecided" for name in addition.entries]
    texts: dict[Path, str] = {}
    for crm_object, wanted in additions.items():
        if wanted:
            path = partition.project.folder / "mapping" / f"{crm_object}.yaml"
            try:
                texts[path] = add(path.read_bytes().decode("utf-8"), wanted)
            except InvalidInput as error:
                raise InvalidInput(f"{path} {error}") from None
    for path, text in texts.items():
        replace_file(path, text)
    return added


def open_objects(partition: OpenPartition) -> list[OpenObject]:
    """The objects with rows that no mapping and no disposition names, each with its ways and what to write for them.

    Raises:
        GateClosed: the source has not been discovered yet.
    """
    target = partition.schema("target").objects
    takes_fields = {name for name, one in target.items() if one.takes_fields}
    brought_over = {
        source_object: (crm_object, route)
        for source_object in partition.source_objects
        for crm_object, position in [_home(partition, source_object)]
        if not (route := partition.project.mappings[crm_object].routes[position]).carried_by
        and route.target in takes_fields
    }
    return [
        OpenObject(one.name, one.records or 0, partition.project.pair.ways(one, _parents(one, brought_over)))
        for one in gates.open_objects(partition)
    ]


def _parents(found: ObjectSchema, brought_over: Mapping[str, tuple[str, Route]]) -> list[Parent]:
    return [
        Parent(field.name, crm_object, route.source, route.target)
        for field in found.fields.values()
        if field.is_custom and len(field.refers_to) == 1 and field.refers_to[0] in brought_over
        for crm_object, route in [brought_over[field.refers_to[0]]]
    ]


# Fields


def _undecided(partition: OpenPartition, source_object: str) -> list[tuple[str, Addition]]:
    """The CRM object whose file takes them, and the fields that nobody has disposed of or proposed; at most one such."""
    found = partition.schema("source").objects.get(source_object)
    if found is None or not found.fields:
        return []
    routes = [route for mapping in partition.project.mappings.values() for route in mapping.routes]
    proposed = {name for route in routes if route.source == source_object for name in route.undecided}
    fields = {
        name: filled for name, filled in gates.open_fields(partition, source_object).items() if name not in proposed
    }
    if not fields:
        return []
    crm_object, position = _home(partition, source_object)
    route = partition.project.mappings[crm_object].routes[position]
    carrier = next(iter(route.carried_by), None)
    into_object, into_position = _home(partition, carrier) if carrier else (crm_object, position)
    into = partition.project.mappings[into_object].routes[into_position]
    target = partition.schema("target").objects.get(into.target)
    taken = taken_in(into.target, target.fields if target else (), routes)
    strays = _strays(partition, source_object, [found.fields[name] for name in fields])
    entries: dict[str, Any] = {}
    remarks: dict[str, list[str]] = {}
    for name, filled in fields.items():
        proposal = propose_row(
            found.fields[name], code_for(name, taken), takes_fields=bool(target and target.takes_fields),
            strays=strays.get(name, ()), child=source_object if carrier else None,
        )  # fmt: skip
        taken |= set(proposal.row)
        entries[name] = _what_is_known(partition, source_object, name, filled)
        if proposal.decide:
            entries[name]["suggestion"] = f"decide: {proposal.decide}"
        else:
            entries[name]["suggestion"] = proposal.row
        if carrier:
            remarks[name] = [f"This row goes below fields: of {carrier} to {into.target}, in {into_object}.yaml."]
        if proposal.decide and proposal.row:
            remarks[name] = [*remarks.get(name, ()), *lines_of(proposal.row)]
    return [(crm_object, Addition(("routes", position, "undecided"), entries, remarks))]


def _home(partition: OpenPartition, source_object: str) -> tuple[str, int]:
    """The file and place of the route that an object's fields belong to: the first that makes a record of its own which
    takes fields, else the first."""
    target = partition.schema("target").objects
    there = [
        (crm_object, position, route)
        for crm_object, mapping in partition.project.mappings.items()
        for position, route in enumerate(mapping.routes)
        if route.source == source_object and _is_in_force(partition, crm_object, route)
    ]

    def rank(one: tuple[str, int, Route]) -> int:
        found = target.get(one[2].target)
        return 2 if one[2].carried_by else 0 if found and found.takes_fields else 1

    crm_object, position, _ = min(there, key=rank)
    return crm_object, position


def _is_in_force(partition: OpenPartition, crm_object: str, route: Route) -> bool:
    return any(one.key == route_key(crm_object, route) for one in partition.routes_of(crm_object))


def _what_is_known(partition: OpenPartition, source_object: str, name: str, filled: int) -> dict[str, Any]:
    extraction = partition.ledger.records.last_extraction(source_object)
    known: dict[str, Any] = {"type": partition.schema("source").objects[source_object].fields[name].type}
    if extraction:
        known["filled"] = f"{filled} of {extraction['extracted']}"
        known["samples"] = [_short(one) for one in extraction["profile"]["samples"].get(name, ())]
    return known


def _strays(partition: OpenPartition, source_object: str, fields: list[FieldSchema]) -> Mapping[str, list[str]]:
    """Field -> values of its records that are none of its choices."""
    choosing = [one for one in fields if one.type in ("select", "multiselect")]
    found: dict[str, dict[str, None]] = {one.name: {} for one in choosing}
    for page in partition.ledger.records.pages(source_object) if choosing else ():
        for record in page:
            for field in choosing:
                given = str(record.values.get(field.name) or "")
                values = given.split(";") if field.type == "multiselect" else [given]
                found[field.name] |= dict.fromkeys(one for one in values if one and one not in field.choices)
    return {name: list(strays) for name, strays in found.items() if strays}


def _short(sample: Any) -> Any:
    return sample[:60] if isinstance(sample, str) else sample


# Tables


def _tables(partition: OpenPartition) -> list[tuple[str, str, Mapping[str, str]]]:
    """Tables that are empty and that the org has values for: CRM object, table, what to fill it with."""
    source, found = partition.schema("source"), dict[tuple[str, str], Mapping[str, str]]()
    for crm_object, mapping in partition.project.mappings.items():
        for route in mapping.routes:
            for row in route.fields.values():
                if row.table and not mapping.tables[row.table] and route.source in source.objects:
                    filled = found.get((crm_object, row.table)) or _table(partition, route, row.table)
                    found[crm_object, row.table] = filled
    return [(crm_object, table, filled) for (crm_object, table), filled in found.items() if filled]


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
    takes = taker(route)
    inside, outside = set[Any](), set[Any]()
    for page in partition.ledger.records.pages(route.source):
        for record in page:
            (inside if takes(record) else outside).add(record.values.get(field))
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
