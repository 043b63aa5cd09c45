"""What a person calls a record: in the source the values that the mapping makes its name of, in the target that name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.stages.partition import OpenPartition

_NAMING = (("name",), ("first_name", "last_name"), ("text",))
_LONGEST = 80


def names_of(partition: OpenPartition, source_object: str, source_ids: Iterable[str]) -> dict[str, str]:
    """Source id -> the record's name, for those of some records that have one."""
    fields = _naming_fields(partition, source_object)
    found = partition.ledger.report.parts_of_names(source_object, fields, list(source_ids)) if fields else {}
    return {source_id: name for source_id, parts in found.items() if (name := _name(parts))}


def name_in_target(payload: Mapping[str, Any]) -> str:
    """What a person knows a record by that was written with these fields: its name, or how its text begins."""
    parts = [payload.get("name") or payload.get("first_name"), payload.get("last_name")]
    name = " ".join(str(part) for part in parts if part)
    return name or str(payload.get("text") or "").partition("\n")[0][:_LONGEST]


def _name(parts: Sequence[str | None]) -> str:
    whole = " ".join(part for part in parts if part)
    return next((line.strip()[:_LONGEST] for line in whole.splitlines() if line.strip()), "")


def _naming_fields(partition: OpenPartition, source_object: str) -> tuple[str, ...]:
    """The source fields behind the target's name, first and last name, or text; empty for links and the like."""
    for compiled in partition.routes_from(source_object):
        for names in _NAMING:
            if found := tuple(field for name in names for field in sources_of(partition, compiled, name)):
                return found if names != ("text",) else found[:1]
    return ()


def sources_of(partition: OpenPartition, compiled: CompiledRoute, target_field: str) -> tuple[str, ...]:
    """The source fields that a target field of a route is filled from; what its rule declares, where it has one."""
    row = compiled.route.fields.get(target_field)
    if row is None:
        return ()
    return partition.project.pair.rules.find(row.rule).reads if row.rule else row.sources
