"""The twin's whole state as readable JSON, in a stable order: what a test or a person looks at afterwards."""

from collections.abc import Iterator
from typing import Any

from migration_pipelines.twins.kommo import tag_store
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.entities import ENTITIES, Entity
from migration_pipelines.twins.kommo.reading import plain
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.values import Fields


def take(twin: Kommo) -> Json:
    """Removed records are there too, with `is_deleted`; `links` names each pair once."""
    return {
        "account": twin.account(),
        "users": twin.store.documents("users"),
        "pipelines": [
            {**pipeline, "statuses": sorted(twin.store.documents("statuses", pipeline["id"]), key=_sort)}
            for pipeline in sorted(twin.store.documents("pipelines"), key=_sort)
        ],
        "loss_reasons": twin.store.documents("loss_reasons"),
        "custom_fields": {name: sorted(twin.store.documents(f"custom_fields:{name}"), key=_sort) for name in ENTITIES},
        "tags": {
            name: [dict(row) for row in twin.store.sql("SELECT id, name, color FROM tag WHERE entity = ?", (name,))]
            for name in ENTITIES
        },
        "webhooks": twin.store.documents("webhooks"),
        **{name: list(_records(twin, entity)) for name, entity in ENTITIES.items()},
        "links": [
            {**dict(row), "is_main": bool(row["is_main"])}
            for row in twin.store.sql("SELECT entity, id, to_entity, to_id, is_main FROM link")
        ],
    }


def _records(twin: Kommo, entity: Entity) -> Iterator[Json]:
    fields = Fields.of(twin.store, entity.name)
    rows = twin.store.sql("SELECT * FROM record WHERE entity = ? ORDER BY id", (entity.name,)).fetchall()
    tags = tag_store.of_records(twin.store, entity.name, [row["id"] for row in rows])
    for row in rows:
        record = plain(twin, entity, row, fields)
        values = record.pop("custom_fields_values") or []
        yield {
            **record,
            "custom_fields": {one["field_code"] or one["field_name"]: one["values"] for one in values},
            "tags": [tag["name"] for tag in tags.get(row["id"], [])],
        }


def _sort(one: Json) -> tuple[Any, Any]:
    return one["sort"], one["id"]
