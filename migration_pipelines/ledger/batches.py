"""What was sent, and what came of it: entries to send, batches, outcomes, undo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.base import PartitionTables, copy_rows, to_json
from migration_pipelines.ledger.lock import OrgLock

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry with the version that is meant now.

    Attributes:
        references: (field, route, parent's source id, parent's target id or None where it is not in the target).
        target_id: the record it already has in the target, or None.
        is_adopted: the record was rolled back, and is taken up again by this load.
        previous: what the target last took of it, or None.
    """

    entry_id: int
    source_id: str
    version: int
    payload: Mapping[str, Any]
    references: Sequence[tuple[str, str, str, str | None]]
    target_id: str | None = None
    created_by_us: bool = False
    is_adopted: bool = False
    previous: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry of a batch: created, updated, unchanged, failed or held."""

    entry: Entry
    result: str
    target_id: str | None = None
    created_by_us: bool = False
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as the ledger keeps it."""

    id: int
    route: str
    entries: Sequence[Entry] = field(repr=False)
    body_digest: str | None = None
    high_water: str | None = None


# What one entry is, with its parents' target ids; the callers add which entries.
_ENTRIES = """
    SELECT s.entry_id, s.source_id, s.version, s.target_id, coalesce(s.created_by_us, false) AS created_by_us,
           coalesce(s.undone, '') = 'undone' AS is_adopted, i.payload, i.ref_fields, i.ref_ids, parents.keys,
           parents.targets, old.payload AS previous
    FROM ledger.entry_status s
    JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.version
    LEFT JOIN ledger.intent old ON old.entry_id = s.entry_id AND old.version = (
      SELECT max(taken.version) FROM ledger.outcome taken
      WHERE taken.entry_id = s.entry_id AND taken.result IN ('created', 'updated', 'unchanged'))
    CROSS JOIN LATERAL (
      SELECT array_agg(CASE WHEN p.outcome = 'loaded' THEN p.target_id END ORDER BY n) AS targets,
             array_agg(r.key ORDER BY n) AS keys
      FROM unnest(i.ref_routes, i.ref_ids) WITH ORDINALITY AS u(route_id, source_id, n)
      JOIN ledger.route r ON r.id = u.route_id
      LEFT JOIN ledger.entry_status p
        ON p.partition_id = s.partition_id AND p.route_id = u.route_id AND p.source_id = u.source_id
    ) parents
"""
_TO_SEND = """
    WHERE s.partition_id = :partition AND s.route_id = :route AND s.planned = 'planned'
    AND s.outcome NOT IN ('loaded', 'conflict')
"""


class Batches(PartitionTables):
    """The batches and outcomes of a partition."""

    def to_send(self, route: str, group_by: str | None = None) -> Iterator[list[Entry]]:
        """Entries of a route that are planned and not in the target as meant, a page at a time.

        Args:
            group_by: a reference field; entries that share this parent come one after the other.
        """
        if group_by:
            yield from self._in_groups(route, group_by)
            return
        last = ""
        while rows := self.select(  # in the order of an index: no page reads what others were about
            f"{_ENTRIES} {_TO_SEND} AND s.source_id > :last ORDER BY s.source_id LIMIT :limit",
            route=self.route_id(route), last=last, limit=PAGE,
        ):  # fmt: skip
            last = rows[-1]["source_id"]
            yield [_entry(row) for row in rows]

    def _in_groups(self, route: str, group_by: str) -> Iterator[list[Entry]]:
        group, last = "", ""
        while rows := self.select(
            f"SELECT * FROM (SELECT page.*, coalesce(page.ref_ids[array_position(page.ref_fields, :group_by)], '') "  # noqa: S608
            f"AS grouped FROM ({_ENTRIES} {_TO_SEND}) page) sorted "
            "WHERE (grouped, source_id) > (:group, :last) ORDER BY grouped, source_id LIMIT :limit",
            route=self.route_id(route), group_by=group_by, group=group, last=last, limit=PAGE,
        ):  # fmt: skip
            group, last = rows[-1]["grouped"], rows[-1]["source_id"]
            yield [_entry(row) for row in rows]

    def to_send_of(self, route: str, source_ids: Sequence[str]) -> list[Entry]:
        """Those of some records of a route that are planned and not in the target as meant."""
        rows = self.select(
            f"{_ENTRIES} {_TO_SEND} AND s.source_id = ANY(:ids) ORDER BY s.source_id",
            route=self.route_id(route), ids=list(source_ids),
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def target_ids(self, route: str, source_ids: Sequence[str]) -> list[str]:
        """The ids in the target of those of some records of a route that are there."""
        rows = self.select(
            "SELECT target_id FROM ledger.entry_status WHERE partition_id = :partition AND route_id = :route "
            "AND outcome = 'loaded' AND source_id = ANY(:ids) ORDER BY source_id",
            route=self.route_id(route), ids=list(source_ids),
        )  # fmt: skip
        return [row["target_id"] for row in rows]

    def count_to_send(self, route: str) -> int:
        """How many entries `to_send` will give."""
        return int(
            self.scalar(
                "SELECT count(*) FROM ledger.entry_status WHERE partition_id = :partition AND route_id = :route "
                "AND planned = 'planned' AND outcome NOT IN ('loaded', 'conflict')",
                route=self.route_id(route),
            )
        )

    def prepare(
        self, lock: OrgLock, plan_id: int, route: str, entries: Sequence[Entry], *, body_digest: str | None = None,
        high_water: str | None = None,
    ) -> StoredBatch:  # fmt: skip
        """Make a batch durable before anything of it is sent.

        Raises:
            GateClosed: another run has taken the target org, or another plan is the current one now.
        """
        with self.engine.begin() as connection:
            return self._insert(connection, lock, plan_id, route, entries, body_digest, high_water)

    def settle(self, lock: OrgLock, batch: StoredBatch, results: Sequence[Result]) -> None:
        """Write the outcomes and settle the batch, in one transaction."""
        with self.engine.begin() as connection:
            lock.assert_held(connection)
            self._settle(connection, batch, results)

    def record(self, lock: OrgLock, plan_id: int, route: str, results: Sequence[Result]) -> None:
        """Keep outcomes that took no request: matched users, records whose parents did not arrive. Raises as `prepare`."""
        with self.engine.begin() as connection:
            entries = [one.entry for one in results]
            self._settle(connection, self._insert(connection, lock, plan_id, route, entries), results)

    def abandon(self, lock: OrgLock, batch: StoredBatch) -> None:
        """Close a batch of which nothing was applied; its entries stay planned."""
        self.settle(lock, batch, [])

    def _insert(
        self, connection: Connection, lock: OrgLock, plan_id: int, route: str, entries: Sequence[Entry],
        body_digest: str | None = None, high_water: str | None = None,
    ) -> StoredBatch:  # fmt: skip
        lock.assert_held(connection)
        if not connection.scalar(
            text("SELECT 1 FROM ledger.plan WHERE id = :plan AND state = 'current' FOR SHARE"), {"plan": plan_id}
        ):
            raise GateClosed(f"{self.key}: a newer plan took the place of the one that was being loaded. Apply that.")
        number = connection.scalar(
            text(
                "INSERT INTO ledger.batch (partition_id, route_id, plan_id, epoch, state, entry_ids, versions, "
                "body_digest, high_water) VALUES (:partition, :route, :plan, :epoch, 'prepared', :entries, "
                ":versions, :digest, :high_water) RETURNING id"
            ),
            {
                "partition": self.id, "route": self.route_id(route), "plan": plan_id, "epoch": lock.epoch,
                "entries": [entry.entry_id for entry in entries], "versions": [entry.version for entry in entries],
                "digest": body_digest, "high_water": high_water,
            },
        )  # fmt: skip
        return StoredBatch(int(number or 0), route, entries, body_digest, high_water)

    def _settle(self, connection: Connection, batch: StoredBatch, results: Sequence[Result]) -> None:
        self._write_outcomes(connection, batch.id, results)
        connection.execute(
            text("UPDATE ledger.batch SET state = 'settled', settled_at = now() WHERE id = :batch"), {"batch": batch.id}
        )

    def _write_outcomes(self, connection: Connection, batch_id: int, results: Sequence[Result]) -> None:
        columns = (
            "entry_id",
            "batch_id",
            "version",
            "result",
            "target_id",
            "created_by_us",
            "ref_target_ids",
            "problem",
        )
        copy_rows(
            connection, "ledger.outcome", columns,
            (
                (one.entry.entry_id, batch_id, one.entry.version, one.result, one.target_id, one.created_by_us,
                 [target_id for _, _, _, target_id in one.entry.references],
                 None if one.problem is None else to_json(dict(one.problem)))
                for one in results
            ),
        )  # fmt: skip

    def unsettled(self) -> list[StoredBatch]:
        """Batches that were prepared and perhaps sent, by whomever, and never settled; oldest first."""
        return [
            StoredBatch(
                row["id"], row["key"], self._entries_of(row["entry_ids"]), row["body_digest"], row["high_water"]
            )
            for row in self.select(
                "SELECT b.id, r.key, b.entry_ids, b.body_digest, b.high_water FROM ledger.batch b "
                "JOIN ledger.route r ON r.id = b.route_id "
                "WHERE b.partition_id = :partition AND b.state = 'prepared' ORDER BY b.id"
            )
        ]

    def _entries_of(self, entry_ids: Sequence[int]) -> list[Entry]:
        rows = self.select(f"{_ENTRIES} WHERE s.entry_id = ANY(:ids)", ids=list(entry_ids))
        found = {row["entry_id"]: _entry(row) for row in rows}
        return [found[entry_id] for entry_id in entry_ids]

    def to_undo(self, route: str, last: int | None = None, limit: int = PAGE) -> list[Entry]:
        """Entries of a route that are in the target by our doing and not undone yet, newest first.

        That their last update was refused or held back makes no difference: what an earlier one wrote is there.
        """
        rows = self.select(
            f"{_ENTRIES} WHERE s.partition_id = :partition AND s.route_id = :route AND s.undone IS DISTINCT FROM 'undone' "  # noqa: S608
            "AND EXISTS (SELECT 1 FROM ledger.outcome o WHERE o.entry_id = s.entry_id AND o.result IN ('created', 'updated')) "
            "AND (:last IS NULL OR s.entry_id < :last) ORDER BY s.entry_id DESC LIMIT :limit",
            route=self.route_id(route), last=last, limit=limit,
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def record_undo(self, lock: OrgLock, results: Sequence[tuple[Entry, str, str]]) -> None:
        """Keep what undoing came to: (entry, "undone" or "left", why)."""
        with self.engine.begin() as connection:
            lock.assert_held(connection)
            self._write_undo(connection, results)

    def _write_undo(self, connection: Connection, results: Sequence[tuple[Entry, str, str]]) -> None:
        connection.execute(
            text(
                "INSERT INTO ledger.undo (entry_id, after_batch, result, detail) SELECT :entry, max(batch_id), :result, "
                ":detail FROM ledger.outcome WHERE entry_id = :entry "
                "ON CONFLICT (entry_id, after_batch) DO UPDATE SET result = excluded.result, detail = excluded.detail"
            ),
            [{"entry": entry.entry_id, "result": result, "detail": detail} for entry, result, detail in results],
        )

    def made_by_us(self, route: str) -> Iterator[Mapping[str, Any]]:
        """Records of a route that we made in the target: (source_id, target_id, payload, undone, detail)."""
        last = ""
        while rows := self.select(
            "SELECT s.source_id, s.target_id, s.undone, s.undo_detail AS detail, i.payload FROM ledger.entry_status s "
            "LEFT JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.sent_version "
            "WHERE s.partition_id = :partition AND s.route_id = :route AND s.target_id IS NOT NULL AND s.created_by_us "
            "AND s.source_id > :last ORDER BY s.source_id LIMIT :limit",
            route=self.route_id(route), last=last, limit=PAGE,
        ):  # fmt: skip
            last = rows[-1]["source_id"]
            yield from rows

    def adopt(self, lock: OrgLock, plan_id: int, route: str, target_ids: Mapping[str, str]) -> int:
        """Take note of records that stand in the target rolled back and that this ledger does not know, so that the next
        load takes them up. Returns how many of them the plan has.

        Args:
            target_ids: source id -> target id.
        """
        rows = self.select(
            f"{_ENTRIES} WHERE s.partition_id = :partition AND s.route_id = :route AND s.planned = 'planned' "
            "AND s.target_id IS NULL AND s.source_id = ANY(:ids)",
            route=self.route_id(route), ids=list(target_ids),
        )  # fmt: skip
        entries = [_entry(row) for row in rows]
        if entries:
            found = [Result(one, "created", target_ids[one.source_id], created_by_us=True) for one in entries]
            undone = [(one, "undone", "found rolled back in the target") for one in entries]
            with self.engine.begin() as connection:
                self._settle(connection, self._insert(connection, lock, plan_id, route, entries), found)
                self._write_undo(connection, undone)
        return len(entries)

    def left_alone(self) -> list[Mapping[str, Any]]:
        """What the last roll back did not touch, or could not: (route, source_id, target_id, detail)."""
        return self.select(
            "SELECT r.key AS route, s.source_id, s.target_id, s.undo_detail AS detail FROM ledger.entry_status s "
            "JOIN ledger.route r ON r.id = s.route_id "
            "WHERE s.partition_id = :partition AND s.undone = 'left' ORDER BY s.route_id, s.source_id"
        )


def _entry(row: Mapping[str, Any]) -> Entry:
    references = zip(row["ref_fields"], row["keys"] or [], row["ref_ids"], row["targets"] or [], strict=True)
    return Entry(
        row["entry_id"], row["source_id"], row["version"], row["payload"], tuple(references), row["target_id"],
        row["created_by_us"], row["is_adopted"], row["previous"],
    )  # fmt: skip
