"""Which records are linked: one row a pair, seen from either side; each lead has one main contact."""

import json
from collections.abc import Iterable

from migration_pipelines.twins.kommo.store import Store

Ref = tuple[str, int]
"""Kind and id of a record."""

STORED_FROM = ("leads", "contacts", "companies")
"""A pair is stored from the kind that stands first here."""


def linked(store: Store, entity: str, ids: Iterable[int], other: str) -> dict[int, list[tuple[int, bool]]]:
    """For each record, its partners of the other kind: id, and whether it is the main one, which comes first."""
    mine, theirs = ("id", "to_id") if _stored_from(entity, other) else ("to_id", "id")
    pair = (entity, other) if mine == "id" else (other, entity)
    rows = store.sql(
        f"SELECT link.{mine} AS mine, link.{theirs} AS theirs, is_main FROM link JOIN record"  # noqa: S608
        f" ON record.entity = ? AND record.id = link.{theirs} AND NOT record.is_deleted"
        f" WHERE link.entity = ? AND to_entity = ? AND link.{mine} IN (SELECT value FROM json_each(?))"
        " ORDER BY is_main DESC, theirs",
        (other, *pair, json.dumps(list(ids))),
    )
    found: dict[int, list[tuple[int, bool]]] = {}
    for row in rows:
        found.setdefault(row["mine"], []).append((row["theirs"], bool(row["is_main"])))
    return found


def join(store: Store, one: Ref, other: Ref, *, is_main: bool = False) -> None:
    """Link two records. A lead's first contact is its main one; a new main contact takes the place of the old."""
    (entity, record_id), (to_entity, to_id) = _oriented(one, other)
    if (entity, to_entity) == ("leads", "contacts"):
        has_others = store.sql(
            "SELECT 1 FROM link WHERE entity = ? AND id = ? AND to_entity = ? AND to_id <> ?",
            (entity, record_id, to_entity, to_id),
        ).fetchone()
        is_main = is_main or has_others is None
        if is_main:
            store.sql(
                "UPDATE link SET is_main = 0 WHERE entity = ? AND id = ? AND to_entity = ?",
                (entity, record_id, to_entity),
            )
    store.sql(
        "INSERT INTO link VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET is_main = max(is_main, excluded.is_main)",
        (entity, record_id, to_entity, to_id, is_main),
    )


def part(store: Store, one: Ref, other: Ref) -> None:
    """Unlink two records. Where that was a lead's main contact, the next one becomes it."""
    (entity, record_id), (to_entity, to_id) = _oriented(one, other)
    store.sql(
        "DELETE FROM link WHERE entity = ? AND id = ? AND to_entity = ? AND to_id = ?",
        (entity, record_id, to_entity, to_id),
    )
    remaining = linked(store, entity, [record_id], to_entity).get(record_id, [])
    if (entity, to_entity) == ("leads", "contacts") and remaining and not remaining[0][1]:
        join(store, (entity, record_id), (to_entity, remaining[0][0]), is_main=True)


def _oriented(one: Ref, other: Ref) -> tuple[Ref, Ref]:
    return (one, other) if _stored_from(one[0], other[0]) else (other, one)


def _stored_from(entity: str, other: str) -> bool:
    return STORED_FROM.index(entity) < STORED_FROM.index(other)
