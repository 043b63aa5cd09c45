"""Does a planned record fit the target's schema? Asked before anything is sent, so that the target never has to refuse."""

from __future__ import annotations

from typing import Any

from migration_pipelines.core.records import HoldReason, Planned, Problem
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.core.transform import is_empty


def validate(planned: Planned, schema: ObjectSchema) -> list[Problem]:
    """Every way in which the record does not fit; empty where it does."""
    problems: list[Problem] = []
    for name, value in planned.values.items():
        field = schema.fields.get(name)
        if field is not None and not is_empty(value):
            problems.extend(_misfits(field, value))
    for name in schema.required:
        if name in planned.values and is_empty(planned.values[name]):
            problems.append(Problem(HoldReason.MISSING_REQUIRED, f"{name} is empty, and the target requires it", name))
    return problems


def _misfits(field: FieldSchema, value: Any) -> list[Problem]:
    texts = [one["value"] for one in value] if isinstance(value, list) and field.type == "multitext" else [value]
    limit = field.max_length
    problems = [
        Problem(
            HoldReason.TOO_LONG, f"{field.name} takes {limit} characters, the value has {len(text)}", field.name,
            text[:80],
        )
        for text in texts
        if limit and isinstance(text, str) and len(text) > limit
    ]  # fmt: skip
    if field.max_value is not None and not isinstance(value, (str, list)) and value > field.max_value:
        message = f"{field.name} takes {field.max_value:,} at most, the value is {value:,}"
        problems.append(Problem(HoldReason.TOO_LARGE, message, field.name, value))
    if field.type in ("select", "multiselect") and field.choices:
        chosen = value if isinstance(value, list) else [value]
        problems.extend(
            Problem(HoldReason.VALUE_NOT_MAPPED, f"{one!r} is no choice of {field.name}", field.name, one)
            for one in chosen
            if one not in field.choices
        )
    return problems
