"""The twin's state in SQLite: documents (what an administrator sets up), records, tags, links, events, file parts."""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from migration_pipelines.twins.kommo.answers import Json

TABLES = """
CREATE TABLE IF NOT EXISTS sequence (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT, parent INTEGER, id INTEGER, body TEXT NOT NULL, PRIMARY KEY (kind, parent, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    entity TEXT, id INTEGER, name TEXT NOT NULL DEFAULT '', first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '', price REAL, status_id INTEGER, pipeline_id INTEGER, loss_reason_id INTEGER,
    responsible_user_id INTEGER, group_id INTEGER NOT NULL DEFAULT 0, created_by INTEGER, updated_by INTEGER,
    created_at INTEGER, updated_at INTEGER, closed_at INTEGER, closest_task_at INTEGER,
    is_deleted INTEGER NOT NULL DEFAULT 0, is_unsorted INTEGER NOT NULL DEFAULT 0,
    source_id INTEGER, is_price_modified_by_robot INTEGER NOT NULL DEFAULT 0,
    next_price REAL, next_date INTEGER, periodicity INTEGER, catalog_id INTEGER, currency_id INTEGER,
    entity_type TEXT, entity_id INTEGER, text TEXT, complete_till INTEGER, task_type_id INTEGER,
    is_completed INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT '[]', duration INTEGER NOT NULL DEFAULT 0,
    note_type TEXT, params TEXT, is_pinned INTEGER NOT NULL DEFAULT 0,
    custom_fields TEXT NOT NULL DEFAULT '{}', search_text TEXT NOT NULL DEFAULT '', written_at REAL,
    PRIMARY KEY (entity, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_updated ON record (entity, updated_at);
CREATE INDEX IF NOT EXISTS record_parent ON record (entity_type, entity_id, entity) WHERE entity_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS tag (
    entity TEXT, id INTEGER, name TEXT NOT NULL, color TEXT, PRIMARY KEY (entity, id), UNIQUE (entity, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record_tag (
    entity TEXT, record_id INTEGER, tag_id INTEGER, PRIMARY KEY (entity, record_id, tag_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (
    entity TEXT, id INTEGER, to_entity TEXT, to_id INTEGER, is_main INTEGER NOT NULL DEFAULT 0, quantity REAL,
    PRIMARY KEY (entity, id, to_entity, to_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_back ON link (to_entity, to_id, entity, id);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, type TEXT, entity_id INTEGER, entity_type TEXT, created_by INTEGER, created_at INTEGER,
    value_after TEXT NOT NULL, value_before TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS automation (
    id INTEGER PRIMARY KEY, event TEXT, entity_type TEXT, entity_id INTEGER, started TEXT
);
CREATE TABLE IF NOT EXISTS file_part (session_id INTEGER, number INTEGER, body BLOB, PRIMARY KEY (session_id, number));
CREATE TABLE IF NOT EXISTS attached (
    entity TEXT, record_id INTEGER, file_uuid TEXT, id INTEGER, PRIMARY KEY (entity, record_id, file_uuid)
) WITHOUT ROWID;
"""
SCHEMA = 2
"""Goes up with every change of the tables: an older data file is refused, not misread."""
FIRST_IDS = {
    "users": 5001,
    "pipelines": 7001,
    "statuses": 71001,
    "custom_fields": 30001,
    "enums": 60001,
    "companies": 8000001,
    "contacts": 8500001,
    "leads": 9000001,
    "tags": 4001,
    "loss_reasons": 2001,
    "webhooks": 1001,
    "customers": 9500001,
    "catalogs": 6101,
    "catalog_elements": 6500001,
    "tasks": 5500001,
    "notes": 7500001,
    "events": 1,
    "sources": 3001,
    "roles": 3501,
    "statuses_of_customers": 3601,
    "segments": 3701,
    "transactions": 3800001,
    "field_groups": 10001,
    "sessions": 77,
    "files": 1,
    "attached": 1,
    "unsorted": 1,
}
"""Ids of different kinds start apart, so that one mistaken for another is not found."""


class Store:
    """Plain reads and writes. Knows no rule of Kommo's; transactions are `kit.serial`'s."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sql = connection.execute
        (version,) = self.sql("PRAGMA user_version").fetchone()
        if version != SCHEMA and self.sql("SELECT 1 FROM sqlite_master").fetchone():
            raise ValueError("the data file was made by another version of the twin; begin a new one")
        connection.executescript(f"{TABLES} PRAGMA user_version = {SCHEMA};")

    def clear(self) -> None:
        for table in (
            "sequence",
            "document",
            "record",
            "tag",
            "record_tag",
            "link",
            "event",
            "automation",
            "file_part",
            "attached",
        ):
            self.sql(f"DELETE FROM {table}")  # noqa: S608

    def is_empty(self) -> bool:
        return self.sql("SELECT 1 FROM document LIMIT 1").fetchone() is None

    def next_id(self, kind: str) -> int:
        row = self.sql(
            "INSERT INTO sequence VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET last = last + 1 RETURNING last",
            (kind, FIRST_IDS[kind]),
        ).fetchone()
        return int(row["last"])

    def keep_past(self, kind: str, taken: int) -> None:
        """Give out ids after this one only: a seed brought it."""
        self.sql(
            "INSERT INTO sequence VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET last = max(last, excluded.last)",
            (kind, max(taken, FIRST_IDS[kind] - 1)),
        )

    # Documents: the account and whatever an administrator sets up in it; `parent` is a stage's pipeline, for example.

    def documents(self, kind: str, parent: int = 0) -> list[Json]:
        rows = self.sql("SELECT body FROM document WHERE kind = ? AND parent = ? ORDER BY id", (kind, parent))
        return [json.loads(row["body"]) for row in rows]

    def document(self, kind: str, document_id: int | str, parent: int = 0) -> Json | None:
        row = self.sql(
            "SELECT body FROM document WHERE kind = ? AND parent = ? AND id = ?", (kind, parent, document_id)
        ).fetchone()
        body: Json | None = json.loads(row["body"]) if row else None
        return body

    def put_document(self, kind: str, body: Json, parent: int = 0) -> None:
        self.sql(
            "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)",
            (kind, parent, body["id"], json.dumps(body, ensure_ascii=False)),
        )

    def drop_document(self, kind: str, document_id: int | str, parent: int = 0) -> None:
        self.sql("DELETE FROM document WHERE kind = ? AND parent = ? AND id = ?", (kind, parent, document_id))

    # Records: everything that `entities` describes.

    def records(self, entity: str, ids: Iterable[object]) -> dict[int, sqlite3.Row]:
        """Those that exist and were not removed by a person."""
        rows = self.sql(
            "SELECT * FROM record WHERE entity = ? AND id IN (SELECT value FROM json_each(?)) AND NOT is_deleted",
            (entity, json.dumps([one for one in ids if isinstance(one, int)])),
        )
        return {row["id"]: row for row in rows}

    def insert_record(self, entity: str, columns: Mapping[str, object]) -> None:
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        self.sql(f"INSERT INTO record (entity, {names}) VALUES (?, {marks})", (entity, *columns.values()))  # noqa: S608

    def update_record(self, entity: str, record_id: int, columns: Mapping[str, object]) -> None:
        changes = ", ".join(f"{name} = ?" for name in columns)
        self.sql(
            f"UPDATE record SET {changes} WHERE entity = ? AND id = ?",  # noqa: S608
            (*columns.values(), entity, record_id),
        )
