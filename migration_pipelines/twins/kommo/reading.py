"""Listing and showing companies, contacts and leads: filters, order, paging, `query`, `with`."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store, tag_store
from migration_pipelines.twins.kommo.answers import Json, hal, nothing
from migration_pipelines.twins.kommo.asking import (
    link_to,
    nested,
    page_links,
    page_of,
    several,
    wanted,
    whole_numbers,
)
from migration_pipelines.twins.kommo.entities import LEADS, Entity
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo
from migration_pipelines.twins.kommo.values import Fields, render

Condition = tuple[str, tuple[object, ...]]
"""A piece of SQL and its parameters."""

SHOWN_IN_TRASH = frozenset({"id", "updated_by", "updated_at", "is_deleted"})


def get_records(twin: Kommo, entity: Entity, call: Call) -> Response:
    page = page_of(call)
    asked = nested(call)
    withs = wanted(call)
    trash = entity is LEADS and "only_deleted" in withs
    conditions: list[Condition] = [("entity = ?", (entity.name,)), ("is_deleted = ?", (trash,))]
    filters = asked.get("filter")
    if isinstance(filters, dict):
        conditions += _filters(twin, entity, filters)
    if call.request.query_params.get("query"):
        conditions.append(_query(twin, call.request.query_params["query"]))
    rows = twin.store.sql(
        f"SELECT * FROM record WHERE {' AND '.join(sql for sql, _ in conditions)}"  # noqa: S608
        f" ORDER BY {_order(entity, asked.get('order'))} LIMIT ? OFFSET ?",
        (*(value for _, values in conditions for value in values), page.limit + 1, page.offset),
    ).fetchall()
    if not rows:
        return nothing()
    shown = show(twin, entity, rows[: page.limit], withs, call.request)
    if trash:
        shown = [{key: value if key in SHOWN_IN_TRASH else None for key, value in record.items()} for record in shown]
    return hal(
        {
            "_page": page.number,
            "_links": page_links(call.request, page, has_next=len(rows) > page.limit),
            "_embedded": {entity.name: shown},
        }
    )


def get_record(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4: an unknown id is 204."""
    rows = twin.store.records(entity.name, [call.request.path_params["id"]])
    if not rows:
        return nothing()
    (record,) = show(twin, entity, list(rows.values()), wanted(call), call.request)
    return hal(record)


def show(
    twin: Kommo, entity: Entity, rows: Sequence[sqlite3.Row], withs: Iterable[str], request: Request
) -> list[Json]:
    """Records as a read shows them."""
    ids = [row["id"] for row in rows]
    fields = Fields.of(twin.store, entity.name)
    tags = tag_store.of_records(twin.store, entity.name, ids)
    partners = {
        other: link_store.linked(twin.store, entity.name, ids, other)
        for other in (*entity.embedded, *(kind for kind in entity.embedded_with if kind in withs))
    }
    loss_reasons = {reason["id"]: reason for reason in twin.store.documents("loss_reasons")}
    shown = []
    for row in rows:
        embedded: Json = {"tags": tags.get(row["id"], [])}
        for other, of_record in partners.items():
            embedded[other] = [
                {"id": other_id}
                | ({"is_main": is_main} if (entity.name, other) == ("leads", "contacts") else {})
                | {"_links": link_to(request, f"{other}/{other_id}")}
                for other_id, is_main in of_record.get(row["id"], [])
            ]
        if entity is LEADS and "loss_reason" in withs:
            reason = loss_reasons.get(row["loss_reason_id"])
            embedded["loss_reason"] = [reason] if reason else []
        shown.append(
            plain(twin, entity, row, fields)
            | {"_links": link_to(request, f"{entity.name}/{row['id']}"), "_embedded": embedded}
        )
    return shown


def plain(twin: Kommo, entity: Entity, row: sqlite3.Row, fields: Fields) -> Json:
    """One record without links and embedded records."""
    record = {name: row[name] if name != "is_unsorted" else False for name in entity.readable}
    record["is_deleted"] = bool(row["is_deleted"])
    record["custom_fields_values"] = render(json.loads(row["custom_fields"]), fields, twin.switches)
    record["account_id"] = ACCOUNT_ID
    if entity is LEADS:
        record["price"] = int(row["price"])
        record |= {"score": None, "labor_cost": None, "is_price_computed": False}
        if twin.switches.minor_units:
            record["price_with_minor_units"] = row["price"]
    return record


def _filters(twin: Kommo, entity: Entity, told: Mapping[str, object]) -> list[Condition]:
    """Kommo REST v4, filters. A filter that the entity does not know is ignored, and unfiltered results come back."""
    known = dict(entity.filters)
    if twin.switches.contacts_filter_created_at:
        known.setdefault("created_at", "range")
    conditions: list[Condition] = []
    for name, value in told.items():
        match known.get(name):
            case "ids":
                conditions.append(_among(name, whole_numbers(value)))
            case "text":
                conditions.append(_among(name, several(value)))
            case "range":
                conditions += _range(name, value)
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


def _query(twin: Kommo, text: str) -> Condition:
    """Kommo REST v4, `query`: any filled field may match, custom fields included."""
    found = "instr(search_text, ?) > 0"
    if not twin.switches.query_delay_seconds:
        return found, (text.lower(),)
    return f"{found} AND written_at <= ?", (text.lower(), twin.clock.now() - twin.switches.query_delay_seconds)


def _order(entity: Entity, told: object) -> str:
    for name, direction in told.items() if isinstance(told, dict) else ():
        if name in entity.orders and str(direction).lower() in ("asc", "desc"):
            return f"{name} {direction}, id {direction}"
    return "id"
