"""What the target must have before the first record is sent, worked out from the mapping and both schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migration_pipelines.core.converters import made_type
from migration_pipelines.core.mapping import FieldMap, ObjectMapping
from migration_pipelines.core.rules import RuleBook
from migration_pipelines.core.schema import FieldSchema, ObjectSchema, OrgSchema

CLOSED_STAGES = ("won", "lost")
"""What a stage table says where the target has stages of its own for closed deals."""


@dataclass(frozen=True, slots=True)
class WantedField:
    """A field that the mapping fills. `type` as in FieldSchema."""

    object: str
    name: str
    label: str
    type: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedPipeline:
    """A pipeline of its own for the migrated deals, its open stages in order."""

    name: str
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    fields: tuple[WantedField, ...]
    pipelines: tuple[WantedPipeline, ...]


def work_out_wanted(
    mappings: Mapping[str, ObjectMapping], source: OrgSchema, target: OrgSchema, rules: RuleBook
) -> Wanted:
    """Every field that the mapping fills and the target lacks, and the pipelines that its stage tables name."""
    fields: dict[tuple[str, str], WantedField] = {}
    pipelines: dict[str, WantedPipeline] = {}
    for mapping in mappings.values():
        for route in mapping.routes:
            target_object = target.objects.get(route.target)
            if target_object is None:
                continue
            for name, row in route.fields.items():
                if name not in target_object.fields:
                    source_object = source.objects.get(row.child or route.source)
                    fields[route.target, name] = _field(route.target, name, row, source_object, rules)
            pipeline, status = route.fields.get("pipeline"), route.fields.get("status")
            if pipeline and pipeline.value and status and status.table:
                table = mapping.tables[status.table]
                name, there = str(pipeline.value), pipelines.get(str(pipeline.value))  # two routes may share one
                stages = (stage for stage in table.values() if stage not in CLOSED_STAGES)
                pipelines[name] = WantedPipeline(
                    name, tuple(dict.fromkeys([*(there.stages if there else ()), *stages]))
                )
    return Wanted(tuple(fields.values()), tuple(pipelines.values()))


def schema_after(target: OrgSchema, wanted: Wanted) -> OrgSchema:
    """The target as it will be once everything wanted is there: what a plan is measured against."""
    objects = dict(target.objects)
    for field in wanted.fields:
        there = objects[field.object]
        made = FieldSchema(
            name=field.name, label=field.label, type=field.type, choices=field.choices, is_custom=True,
            max_length=TEXT_LIMIT if field.type == "text" else None,
        )  # fmt: skip
        objects[field.object] = there.model_copy(update={"fields": {**there.fields, field.name: made}})
    return target.model_copy(update={"objects": objects})


TEXT_LIMIT = 256
"""Characters that a text field made by us takes; longer source fields become text areas (Kommo value lengths)."""


def _field(
    target_object: str, name: str, row: FieldMap, source_object: ObjectSchema | None, rules: RuleBook
) -> WantedField:
    if row.rule:
        return WantedField(target_object, name, row.label or _label(name), _made(rules.find(row.rule).makes))
    sources: Sequence[FieldSchema] = [
        source_object.fields[one] for one in row.names if source_object and one in source_object.fields
    ]
    if not sources:
        return WantedField(target_object, name, row.label or _label(name), "text")
    first = sources[0]
    label = row.label or first.label or _label(name)
    if row.many == "lines":
        return WantedField(target_object, name, label, "textarea")
    if made := made_type(row.convert):
        return WantedField(target_object, name, label, _made(made), first.choices if made == "multiselect" else ())
    if row.table:
        return WantedField(target_object, name, label, "text")
    if first.type in ("text", "url") and (first.max_length or 0) > TEXT_LIMIT:
        return WantedField(target_object, name, label, "textarea")
    return WantedField(target_object, name, label, _made(first.type), first.choices)


def _made(kind: str) -> str:
    """The type of field that is made for a type: one for whole numbers is none of its own, and reads back as decimal."""
    return {"integer": "decimal", "reference": "text", "id": "text"}.get(kind, kind)


def _label(name: str) -> str:
    return name.removeprefix("SF_").replace("_", " ").capitalize()
