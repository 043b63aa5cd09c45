"""`filter[..]`, `query` and `order` of a list of records, as pieces of SQL."""

import json
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

from starlette.requests import Request

from migration_pipelines.twins.kommo.asking import several, whole_numbers
from migration_pipelines.twins.kommo.entities import LEADS, Entity
from migration_pipelines.twins.kommo.twin import Kommo

Condition = tuple[str, tuple[object, ...]]
"""A piece of SQL and its parameters."""
SPOKEN_FLAGS = {"1": 1, "true": 1, "0": 0, "false": 0}


def conditions_of(twin: Kommo, entity: Entity, told: Mapping[str, object]) -> list[Condition]:
    """Kommo REST v4, filters. A filter that the entity does not know is ignored, and unfiltered results come back."""
    known = dict(entity.filters)
    if twin.switches.contacts_filter_created_at and entity.name == "contacts":
        known["created_at"] = "range"
    conditions: list[Condition] = []
    for name, value in told.items():
        column = entity.columns.get(name, name)
        match known.get(name):
            case "ids":
                conditions.append(_among(column, whole_numbers(value)))
            case "text":
                conditions.append(_among(column, several(value)))
            case "flag":
                conditions.append(_among(column, [SPOKEN_FLAGS.get(one.lower()) for one in several(value)]))
            case "range":
                conditions += _range(column, value)
    if entity.has_tags and twin.switches.tag_filter and "tags" in told:
        conditions.append(_tagged(entity, whole_numbers(told["tags"])))
    if entity is LEADS and isinstance(told.get("statuses"), dict):
        conditions.append(_statuses(told["statuses"]))
    if twin.switches.custom_field_filter and isinstance(told.get("custom_fields_values"), dict):
        conditions += _custom_fields(told["custom_fields_values"])
    return conditions


def _among(column: str, values: Sequence[object]) -> Condition:
    return column + " IN (SELECT value FROM json_each(?))", (json.dumps(list(values)),)  # noqa: S608


def _range(column: str, told: object) -> list[Condition]:
    """`[from]` and `[to]`. One bare moment finds nothing, as users report."""
    if not isinstance(told, dict):
        return [_among(column, whole_numbers(told))] if column == "price" else [("0", ())]
    return [
        (f"{column} {comparison} ?", (whole_numbers(told[end])[0],))
        for end, comparison in (("from", ">="), ("to", "<="))
        if end in told
    ]


def _tagged(entity: Entity, tags: Sequence[int]) -> Condition:
    return (
        "id IN (SELECT record_id FROM record_tag WHERE entity = ? AND tag_id IN (SELECT value FROM json_each(?)))",
        (entity.name, json.dumps(list(tags))),
    )


def _statuses(told: object) -> Condition:
    pairs = [
        (whole_numbers(pair["pipeline_id"])[0], whole_numbers(pair["status_id"])[0])
        for pair in (told.values() if isinstance(told, dict) else ())
        if isinstance(pair, dict) and {"pipeline_id", "status_id"} <= set(pair)
    ]
    alternatives = " OR ".join(["(pipeline_id = ? AND status_id = ?)"] * len(pairs)) or "0"
    return f"({alternatives})", tuple(number for pair in pairs for number in pair)


def _custom_fields(told: object) -> list[Condition]:
    conditions: list[Condition] = []
    for field_id, value in told.items() if isinstance(told, dict) else ():
        held = "EXISTS (SELECT 1 FROM json_each(custom_fields, ?) AS one WHERE {})"
        path = f'$."{whole_numbers(field_id)[0]}"'
        if isinstance(value, dict) and {"from", "to"} & set(value):
            bounds = [
                f"CAST(one.value ->> 'value' AS REAL) {sign} ?"
                for end, sign in (("from", ">="), ("to", "<="))
                if end in value
            ]
            numbers = tuple(whole_numbers(value[end])[0] for end in ("from", "to") if end in value)
            conditions.append((held.format(" AND ".join(bounds)), (path, *numbers)))
        else:
            either = "CAST(one.value ->> 'value' AS TEXT) IN (SELECT value FROM json_each(?))"
            either += " OR CAST(one.value ->> 'enum_id' AS TEXT) IN (SELECT value FROM json_each(?))"
            listed = json.dumps(several(value))
            conditions.append((held.format(either), (path, listed, listed)))
    return conditions


def holding(twin: Kommo, text: str) -> Condition:
    """Kommo REST v4, `query`: any filled field may match, custom fields included."""
    found = "instr(search_text, ?) > 0"
    if not twin.switches.query_delay_seconds:
        return found, (text.lower(),)
    return f"{found} AND written_at <= ?", (text.lower(), twin.clock.now() - twin.switches.query_delay_seconds)


def order_of(entity: Entity, told: object) -> str:
    for name, direction in told.items() if isinstance(told, dict) else ():
        if name in entity.orders and str(direction).lower() in ("asc", "desc"):
            return f"{name} {direction}, id {direction}"
    return "id"


def changed_since(request: Request) -> list[Condition]:
    """`If-Modified-Since`, which Kommo recommends to whoever reads a list again. One that cannot be read is ignored."""
    try:
        moment = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (TypeError, ValueError):
        return []
    return [("updated_at > ?", (int(moment.timestamp()),))]
