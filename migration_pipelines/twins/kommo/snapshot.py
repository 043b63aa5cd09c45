"""The twin's whole state as readable JSON, in a stable order: what a test or a person looks at afterwards."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from migration_pipelines.twins.kommo import tag_store
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.entities import CARDS, NOTES, TASKS, Entity, elements_of, fields_of_catalog
from migration_pipelines.twins.kommo.kept_lists import SEEDED
from migration_pipelines.twins.kommo.reading import plain
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.values import Fields


def take(twin: Kommo) -> Json:
    """Removed records are there too, with `is_deleted`; `links` names each pair once."""
    catalogs = [catalog["id"] for catalog in twin.store.documents("catalogs")]
    return {
        "account": twin.account(),
        "users": twin.store.documents("users"),
        "pipelines": [
            {**pipeline, "statuses": sorted(twin.store.documents("statuses", pipeline["id"]), key=_sort)}
            for pipeline in sorted(twin.store.documents("pipelines"), key=_sort)
        ],
        **{kind: twin.store.documents(kind) for kind in (*SEEDED, "unsorted", "files")},
        "custom_fields": {
            owner.path: sorted(twin.store.documents(owner.kind), key=_sort)
            for owner in (*(card.fields for card in CARDS.values()), *map(fields_of_catalog, catalogs))
            if owner
        },
        "tags": {
            name: [dict(row) for row in twin.store.sql("SELECT id, name, color FROM tag WHERE entity = ?", (name,))]
            for name in CARDS
        },
        "webhooks": twin.store.documents("webhooks"),
        **{name: list(_records(twin, card)) for name, card in CARDS.items()},
        "tasks": list(_records(twin, TASKS)),
        "notes": [
            {**note, "entity_type": row["entity_type"]}
            for note, row in zip(_records(twin, NOTES), _rows(twin, NOTES), strict=True)
        ],
        "catalog_elements": [one for catalog in catalogs for one in _records(twin, elements_of(catalog))],
        "links": [
            {key: value for key, value in (dict(row) | {"is_main": bool(row["is_main"])}).items() if value is not None}
            for row in twin.store.sql("SELECT entity, id, to_entity, to_id, is_main, quantity FROM link")
        ],
        "attached": [dict(row) for row in twin.store.sql("SELECT entity, record_id, file_uuid FROM attached")],
        "events": twin.store.sql("SELECT count(*) FROM event").fetchone()[0],
    }


def _records(twin: Kommo, entity: Entity) -> Iterator[Json]:
    fields = Fields.of(twin.store, entity.fields)
    rows = _rows(twin, entity)
    tags = tag_store.of_records(twin.store, entity.name, [row["id"] for row in rows])
    for row in rows:
        record = {"is_deleted": bool(row["is_deleted"]), **plain(twin, entity, row, fields)}
        if entity.fields:
            values = record.pop("custom_fields_values") or []
            record["custom_fields"] = {one["field_code"] or one["field_name"]: one["values"] for one in values}
        if entity.has_tags:
            record["tags"] = [tag["name"] for tag in tags.get(row["id"], [])]
        yield record


def _rows(twin: Kommo, entity: Entity) -> list[sqlite3.Row]:
    rows = twin.store.sql("SELECT * FROM record WHERE entity = ? ORDER BY id", (entity.name,)).fetchall()
    return [row for row in rows if all(row[column] == value for column, value in entity.scope.items())]


def _sort(one: Json) -> tuple[Any, Any]:
    return one["sort"], one["id"]
