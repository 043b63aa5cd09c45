"""Tags of records: made by name when first used, one list of them for each kind of record."""

import json
from collections.abc import Iterable

from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.store import Store


def exists(store: Store, entity: str, tag_id: object) -> bool:
    return store.sql("SELECT 1 FROM tag WHERE entity = ? AND id = ?", (entity, tag_id)).fetchone() is not None


def named(store: Store, entity: str, name: str, color: str | None = None) -> Json:
    """The tag of that name, made if there is none (Kommo REST v4: a known name gives back its id)."""
    found = store.sql("SELECT id, name, color FROM tag WHERE entity = ? AND name = ?", (entity, name)).fetchone()
    if found:
        return dict(found)
    tag = {"id": store.next_id("tags"), "name": name, "color": color}
    store.sql("INSERT INTO tag VALUES (?, ?, ?, ?)", (entity, *tag.values()))
    return tag


def replace(store: Store, entity: str, record_id: int, tags: Iterable[Json]) -> None:
    store.sql("DELETE FROM record_tag WHERE entity = ? AND record_id = ?", (entity, record_id))
    add(store, entity, record_id, tags)


def add(store: Store, entity: str, record_id: int, tags: Iterable[Json]) -> None:
    for tag in tags:
        tag_id = tag["id"] if "id" in tag else named(store, entity, tag["name"])["id"]
        store.sql("INSERT OR IGNORE INTO record_tag VALUES (?, ?, ?)", (entity, record_id, tag_id))


def remove(store: Store, entity: str, record_id: int, tags: Iterable[Json]) -> None:
    for tag in tags:
        store.sql(
            "DELETE FROM record_tag WHERE entity = ?1 AND record_id = ?2 AND tag_id IN"
            " (SELECT id FROM tag WHERE entity = ?1 AND (id = ?3 OR name = ?4))",
            (entity, record_id, tag.get("id"), tag.get("name")),
        )


def of_records(store: Store, entity: str, ids: Iterable[int]) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = {}
    for row in store.sql(
        "SELECT record_id, id, name, color FROM record_tag JOIN tag ON tag.entity = record_tag.entity AND id = tag_id"
        " WHERE record_tag.entity = ? AND record_id IN (SELECT value FROM json_each(?)) ORDER BY record_id, id",
        (entity, json.dumps(list(ids))),
    ):
        found.setdefault(row["record_id"], []).append({"id": row["id"], "name": row["name"], "color": row["color"]})
    return found
