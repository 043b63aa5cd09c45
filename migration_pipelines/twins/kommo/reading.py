"""Listing and showing records of every kind: paging, `with`, and what a read shows of each."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store, tag_store
from migration_pipelines.twins.kommo.answers import Json, hal, nothing
from migration_pipelines.twins.kommo.asking import filters_of, link_to, listing, nested, page_of, wanted
from migration_pipelines.twins.kommo.entities import FLAG_COLUMNS, JSON_COLUMNS, LEADS, Entity
from migration_pipelines.twins.kommo.filters import Condition, changed_since, conditions_of, holding, order_of
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo
from migration_pipelines.twins.kommo.values import Fields, render

SHOWN_IN_TRASH = frozenset({"id", "updated_by", "updated_at", "is_deleted"})


def get_records(twin: Kommo, entity: Entity, call: Call) -> Response:
    page = page_of(call, twin.switches)
    withs = wanted(call)
    trash = entity is LEADS and "only_deleted" in withs
    since = changed_since(call.request)
    conditions: list[Condition] = [
        ("entity = ?", (entity.name,)),
        *((f"{column} = ?", (value,)) for column, value in entity.scope.items()),
        ("is_deleted = ?", (trash,)),
        *conditions_of(twin, entity, filters_of(call)),
        *since,
    ]
    if query := call.request.query_params.get("query"):
        conditions.append(holding(twin, query))
    # SQLite would walk every note to spare itself the sorting of a card's few.
    index = " INDEXED BY record_parent" if "entity_id" in entity.scope else ""
    again = int(twin.switches.repeated_page_item and page.number > 1)
    rows = twin.store.sql(
        f"SELECT * FROM record{index} WHERE {' AND '.join(sql for sql, _ in conditions)}"  # noqa: S608
        f" ORDER BY {order_of(entity, nested(call).get('order'))} LIMIT ? OFFSET ?",
        (*(value for _, values in conditions for value in values), page.limit + 1 + again, page.offset - again),
    ).fetchall()
    if not rows and since:
        return Response(status_code=304)
    shown = show(twin, entity, rows[: page.limit + again], withs, call.request)
    if trash:
        shown = [{key: value if key in SHOWN_IN_TRASH else None for key, value in record.items()} for record in shown]
    return listing(call, page, entity.embedded_key, shown, None, has_next=len(rows) > page.limit + again)


def get_record(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4: an unknown id is 204."""
    rows = twin.records(entity, [call.request.path_params["id"]])
    if not rows:
        return nothing()
    (record,) = show(twin, entity, list(rows.values()), wanted(call), call.request)
    return hal(record)


def show(
    twin: Kommo, entity: Entity, rows: Sequence[sqlite3.Row], withs: Iterable[str], request: Request
) -> list[Json]:
    """Records as a read shows them."""
    ids = [row["id"] for row in rows]
    fields = Fields.of(twin.store, entity.fields)
    tags = tag_store.of_records(twin.store, entity.name, ids) if entity.has_tags else {}
    partners = {
        other: link_store.linked(twin.store, entity.name, ids, other)
        for other in (*entity.embedded, *(kind for kind in entity.embedded_with if kind in withs))
    }
    asked_for = [column for column in entity.shown_with if column in withs]
    shown = []
    for row in rows:
        record = plain(twin, entity, row, fields) | {column: _shown(row, column) for column in asked_for}
        record["_links"] = link_to(request, f"{entity.path}/{row['id']}")
        if entity.has_tags:
            embedded: Json = {"tags": tags.get(row["id"], [])}
            for other, of_record in partners.items():
                embedded[other] = [_partner(entity.name, one, request) for one in of_record.get(row["id"], [])]
            record["_embedded"] = embedded | _extras(twin, entity, row, withs)
        shown.append(record)
    return shown


def plain(twin: Kommo, entity: Entity, row: sqlite3.Row, fields: Fields) -> Json:
    """One record without links and embedded records."""
    record: Json = {column: _shown(row, column) for column in entity.readable}
    if entity.fields:
        record["custom_fields_values"] = render(json.loads(row["custom_fields"]), fields, twin.switches)
    record["account_id"] = ACCOUNT_ID
    if entity is LEADS:
        record["price"] = int(row["price"])
        if twin.switches.minor_units:
            record["price_with_minor_units"] = row["price"]
    return {**record, **entity.constants}


def _shown(row: sqlite3.Row, column: str) -> object:
    value: object = row[column]
    if column in FLAG_COLUMNS:
        return bool(value)
    return json.loads(str(value or "{}")) if column in JSON_COLUMNS else value


def _partner(entity: str, other: link_store.Partner, request: Request) -> Json:
    shown: Json = {"id": other.id}
    if other.kind == "catalog_elements":
        catalog = other.catalog_id
        shown["metadata"] = {"quantity": other.quantity, "catalog_id": catalog}
        return shown | {
            "quantity": other.quantity,
            "catalog_id": catalog,
            "_links": link_to(request, f"catalogs/{catalog}/elements/{other.id}"),
        }
    if link_store.has_main(entity, other.kind):
        shown["is_main"] = other.is_main
    return shown | {"_links": link_to(request, f"{other.kind}/{other.id}")}


def _extras(twin: Kommo, entity: Entity, row: sqlite3.Row, withs: Iterable[str]) -> Json:
    """What `with=` embeds that is not a linked record."""
    extras: Json = {}
    if entity is LEADS and "loss_reason" in withs:
        reason = twin.store.document("loss_reasons", row["loss_reason_id"] or 0)
        extras["loss_reason"] = [reason] if reason else []
    if entity is LEADS and "source" in withs:
        source = twin.store.document("sources", row["source_id"] or 0)
        extras["source"] = {"id": source["id"], "name": source["name"]} if source else None
    if entity.name == "contacts" and "social_profiles" in withs:
        extras["social_profiles"] = []
    return extras
