"""Which records are linked: one row a pair, seen from either side; each lead and customer has one main contact."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from migration_pipelines.twins.kommo.store import Store

Ref = tuple[str, int]
"""Kind and id of a record."""

STORED_FROM = ("leads", "customers", "contacts", "companies", "catalog_elements")
"""A pair is stored from the kind that stands first here."""


@dataclass(frozen=True)
class Partner:
    """The other side of a link. `quantity` and `catalog_id` are a list element's."""

    kind: str
    id: int
    is_main: bool
    quantity: float | None
    catalog_id: int | None


def has_main(entity: str, other: str) -> bool:
    """Whether one of the linked records is the main one, as seen from the lead or customer."""
    return entity in ("leads", "customers") and other == "contacts"


def linked(store: Store, entity: str, ids: Iterable[int], other: str) -> dict[int, list[Partner]]:
    """For each record, its partners of the other kind, the main one first."""
    mine, theirs = ("id", "to_id") if _stored_from(entity, other) else ("to_id", "id")
    pair = (entity, other) if mine == "id" else (other, entity)
    rows = store.sql(
        f"SELECT link.{mine} AS mine, link.{theirs} AS theirs, is_main, quantity, catalog_id FROM link"  # noqa: S608
        f" JOIN record ON record.entity = ? AND record.id = link.{theirs} AND NOT record.is_deleted"
        f" WHERE link.entity = ? AND to_entity = ? AND link.{mine} IN (SELECT value FROM json_each(?))"
        " ORDER BY is_main DESC, theirs",
        (other, *pair, json.dumps(list(ids))),
    )
    found: dict[int, list[Partner]] = {}
    for row in rows:
        partner = Partner(other, row["theirs"], bool(row["is_main"]), _whole(row["quantity"]), row["catalog_id"])
        found.setdefault(row["mine"], []).append(partner)
    return found


def join(store: Store, one: Ref, other: Ref, *, is_main: bool = False, quantity: float | None = None) -> None:
    """Link two records. A lead's first contact is its main one; a new main contact takes the place of the old."""
    (entity, record_id), (to_entity, to_id) = _oriented(one, other)
    if has_main(entity, to_entity):
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
    if to_entity == "catalog_elements" and quantity is None:
        quantity = 1
    store.sql(
        "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET is_main = max(is_main, excluded.is_main), quantity = excluded.quantity",
        (entity, record_id, to_entity, to_id, is_main, quantity),
    )


def part(store: Store, one: Ref, other: Ref) -> None:
    """Unlink two records. Where that was a lead's main contact, the next one becomes it."""
    (entity, record_id), (to_entity, to_id) = _oriented(one, other)
    store.sql(
        "DELETE FROM link WHERE entity = ? AND id = ? AND to_entity = ? AND to_id = ?",
        (entity, record_id, to_entity, to_id),
    )
    remaining = linked(store, entity, [record_id], to_entity).get(record_id, [])
    if has_main(entity, to_entity) and remaining and not remaining[0].is_main:
        join(store, (entity, record_id), (to_entity, remaining[0].id), is_main=True)


def _oriented(one: Ref, other: Ref) -> tuple[Ref, Ref]:
    return (one, other) if _stored_from(one[0], other[0]) else (other, one)


def _whole(quantity: float | None) -> float | None:
    """2, not 2.0."""
    return int(quantity) if quantity is not None and quantity == int(quantity) else quantity


def _stored_from(entity: str, other: str) -> bool:
    return STORED_FROM.index(entity) < STORED_FROM.index(other)
