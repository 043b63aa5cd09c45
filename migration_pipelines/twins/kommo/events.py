"""Events: what happened in the account, read only."""

import hashlib
import json
import sqlite3

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, hal, refuse
from migration_pipelines.twins.kommo.asking import filters_of, link_to, listing, page_of, several, whole_numbers
from migration_pipelines.twins.kommo.automation import SINGULAR
from migration_pipelines.twins.kommo.filters import Condition
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo, RouteTable

MOST_ENTITIES = 10
"""Kommo limits: ids in `filter[entity_id]`."""


def _get_events(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: the latest first."""
    page = page_of(call, twin.switches, twin.switches.events_page)
    conditions = list(_conditions(filters_of(call)))
    where = " AND ".join(["1", *(sql for sql, _ in conditions)])
    rows = twin.store.sql(
        f"SELECT * FROM event WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
        (*(value for _, values in conditions for value in values), page.limit + 1, page.offset),
    ).fetchall()
    shown = [_shown(call, row) for row in rows[: page.limit]]
    return listing(call, page, "events", shown, None, has_next=len(rows) > page.limit)


def _get_event(twin: Kommo, call: Call) -> Response:
    number, _, tail = call.request.path_params["id"].partition("-")
    row = twin.store.sql("SELECT * FROM event WHERE id = CAST(? AS INTEGER)", (number,)).fetchone()
    if row is None or _uid(row["id"]) != f"{number}-{tail}":
        raise refuse(404, "Event not found")
    return hal(_shown(call, row))


def _conditions(filters: Json) -> list[Condition]:
    found: list[Condition] = []
    if "type" in filters:
        found.append(_among("type", [one for told in several(filters["type"]) for one in told.split(",")]))
    if "entity" in filters:
        plural = {one: many for many, one in SINGULAR.items()}
        found.append(_among("entity_type", [plural.get(one, one) for one in several(filters["entity"])]))
    if "entity_id" in filters:
        ids = whole_numbers(filters["entity_id"])
        if len(ids) > MOST_ENTITIES:
            raise refuse(400, f"At most {MOST_ENTITIES} values of entity_id")
        found.append(_among("entity_id", ids))
    if "created_by" in filters:
        found.append(_among("created_by", whole_numbers(filters["created_by"])))
    if "id" in filters:
        found.append(_among("CAST(id AS TEXT)", [one.partition("-")[0] for one in several(filters["id"])]))
    told = filters.get("created_at")
    if isinstance(told, dict):
        for end, sign in (("from", ">="), ("to", "<=")):
            if end in told:
                found.append((f"created_at {sign} ?", (whole_numbers(told[end])[0],)))
    elif told is not None:
        found.append(_among("created_at", whole_numbers(told)))
    return found


def _among(column: str, values: list[int] | list[str]) -> Condition:
    return f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(values),)  # noqa: S608


def _shown(call: Call, row: sqlite3.Row) -> Json:
    kind = row["entity_type"]
    embedded: Json = {}
    if kind:
        links = link_to(call.request, f"{kind}/{row['entity_id']}")
        embedded = {"entity": {"id": row["entity_id"], "_links": links}}
    return {
        "id": _uid(row["id"]),
        "type": row["type"],
        "entity_id": row["entity_id"],
        "entity_type": SINGULAR.get(kind, kind),
        "created_by": row["created_by"],
        "created_at": row["created_at"],
        "value_after": json.loads(row["value_after"]),
        "value_before": json.loads(row["value_before"]),
        "account_id": ACCOUNT_ID,
        "_links": link_to(call.request, f"events/{_uid(row['id'])}"),
        "_embedded": embedded,
    }


def _uid(number: int) -> str:
    """Kommo's events have texts for ids."""
    return f"{number}-{hashlib.sha256(str(number).encode()).hexdigest()[:20]}"


ROUTES: RouteTable = (("GET", "events", _get_events), ("GET", "events/{id}", _get_event))
