"""What was sent, and what came of it: entries to send, batches, outcomes, undo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, text

from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.base import PartitionTables, copy_rows, to_json
from migration_pipelines.ledger.lock import OrgLock
from migration_pipelines.ledger.matches import written_of

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry with the version that is meant now.

    Attributes:
        references: (field, route, parent's source id, parent's target id or None where it is not in the target).
        target_id: the record it already has in the target, or None.
        is_adopted: the record was rolled back, and is taken up again by this load.
        previous: what the target last took of it, or None.
        matched_id: the record in the target that people had made and that it is by the plan, or None.
        matched_key: the key that says so.
        before: of a matched record that is made ready, the values of all that is written of it as they stood.
        has_matched_parent: it refers to a record that people had made.
        former_id: the source id of the record that became this one, whose record in the target it has taken over, or None.
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
    matched_id: str | None = None
    matched_key: str | None = None
    before: Mapping[str, Any] | None = None
    has_matched_parent: bool = False
    former_id: str | None = None

    @property
    def is_matched(self) -> bool:
        """Whether people made the record in the target, so that nothing of theirs may be overwritten."""
        return self.matched_id is not None and not self.created_by_us


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
           coalesce(s.undone = 'undone' AND s.created_by_us, false) AS is_adopted, i.payload, i.ref_fields, i.ref_ids,
           parents.keys, parents.targets, coalesce(parents.has_matched, false) AS has_matched_parent,
           old.payload AS previous, s.matched_id, s.match ->> 'key' AS matched_key, s.former_id
    FROM ledger.entry_status s
    JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.version
    LEFT JOIN ledger.intent old ON old.entry_id = s.entry_id AND old.version = (
      SELECT max(taken.version) FROM ledger.outcome taken
      WHERE taken.entry_id = s.entry_id AND taken.result IN ('created', 'updated', 'unchanged'))
    CROSS JOIN LATERAL (
      SELECT array_agg(CASE WHEN p.outcome = 'loaded' THEN p.target_id END ORDER BY n) AS targets,
             array_agg(r.key ORDER BY n) AS keys,
             bool_or(p.outcome = 'loaded' AND p.matched_id IS NOT NULL AND NOT p.created_by_us) AS has_matched
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
_TO_UNDO = """
    FROM ledger.entry_status s
    WHERE s.partition_id = :partition AND s.route_id = :route AND s.undone IS DISTINCT FROM 'undone'
    AND EXISTS (SELECT 1 FROM ledger.outcome o WHERE o.entry_id = s.entry_id AND o.result IN ('created', 'updated'))
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
        chosen = {"route": self.route_id(route)}
        in_order = self.select(
            f"SELECT s.entry_id FROM ledger.entry_status s "  # noqa: S608
            f"JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.version {_TO_SEND} "
            "ORDER BY coalesce(i.ref_ids[array_position(i.ref_fields, :group_by)], ''), s.source_id",
            group_by=group_by, **chosen,
        )  # fmt: skip
        ids = [row["entry_id"] for row in in_order]
        for start in range(0, len(ids), PAGE):
            rows = self.select(
                f"{_ENTRIES} {_TO_SEND} AND s.entry_id = ANY(:ids) "
                "ORDER BY array_position(CAST(:ids AS bigint[]), s.entry_id)",
                ids=ids[start : start + PAGE], **chosen,
            )  # fmt: skip
            yield [_entry(row) for row in rows]

    def to_send_of(self, route: str, source_ids: Sequence[str]) -> list[Entry]:
        """Those of some records of a route that are planned and not in the target as meant."""
        rows = self.select(
            f"{_ENTRIES} {_TO_SEND} AND s.source_id = ANY(:ids) ORDER BY s.source_id",
            route=self.route_id(route), ids=list(source_ids),
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def standing_of(self, route: str, source_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """What became of some records of a route: (source_id, outcome, target_id, payload, problems, problem)."""
        return self.select(
            "SELECT s.source_id, s.outcome, s.target_id, i.payload, s.problems, s.problem FROM ledger.entry_status s "
            "LEFT JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.version "
            "WHERE s.partition_id = :partition AND s.route_id = :route AND s.source_id = ANY(:ids) ORDER BY s.source_id",
            route=self.route_id(route), ids=list(source_ids),
        )  # fmt: skip

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
        stored = StoredBatch(int(number or 0), route, entries, body_digest, high_water)
        copy_rows(
            connection, "ledger.pre_image", ("entry_id", "batch_id", "version", "payload"),
            (
                (one.entry_id, stored.id, one.version, to_json(dict(one.before)))
                for one in entries if one.before is not None
            ),
        )  # fmt: skip
        return stored

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
                row["id"],
                row["key"],
                self._entries_of(row["id"], row["entry_ids"]),
                row["body_digest"],
                row["high_water"],
            )
            for row in self.select(
                "SELECT b.id, r.key, b.entry_ids, b.body_digest, b.high_water FROM ledger.batch b "
                "JOIN ledger.route r ON r.id = b.route_id "
                "WHERE b.partition_id = :partition AND b.state = 'prepared' ORDER BY b.id"
            )
        ]

    def _entries_of(self, batch_id: int, entry_ids: Sequence[int]) -> list[Entry]:
        """Entries as they were sent in a batch: of matched ones only what was blank there."""
        rows = self.select(f"{_ENTRIES} WHERE s.entry_id = ANY(:ids)", ids=list(entry_ids))
        found = {row["entry_id"]: _entry(row) for row in rows}
        for row in self.select(
            "SELECT entry_id, payload FROM ledger.pre_image WHERE batch_id = :batch", batch=batch_id
        ):
            found[row["entry_id"]] = as_written(found[row["entry_id"]], row["payload"])
        return [found[entry_id] for entry_id in entry_ids]

    def to_undo(self, route: str, size: int = PAGE) -> Iterator[list[Entry]]:
        """Entries of a route that are in the target by our doing and not undone yet, newest first, a page at a time.

        That their last update was refused or held back makes no difference: what an earlier one wrote is there.
        """
        ids = [
            row["entry_id"]
            for row in self.select(f"SELECT s.entry_id {_TO_UNDO} ORDER BY s.entry_id DESC", route=self.route_id(route))
        ]
        for start in range(0, len(ids), size):
            rows = self.select(
                f"{_ENTRIES} WHERE s.entry_id = ANY(:ids) ORDER BY s.entry_id DESC", ids=ids[start : start + size]
            )
            yield [_entry(row) for row in rows]

    def count_to_undo(self, route: str) -> int:
        """How many entries `to_undo` will give."""
        return int(self.scalar(f"SELECT count(*) {_TO_UNDO}", route=self.route_id(route)))

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
            "AND s.target_id IS NULL AND s.matched_id IS NULL AND s.source_id = ANY(:ids)",
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
        row["created_by_us"], row["is_adopted"], row["previous"], row["matched_id"],
        row["matched_key"], has_matched_parent=row["has_matched_parent"], former_id=row["former_id"],
    )  # fmt: skip


def as_written(entry: Entry, before: Mapping[str, Any]) -> Entry:
    """A matched entry of which just these fields are written, and no reference.

    Args:
        before: how they stood.
    """
    payload = written_of(entry.payload, before, entry.source_id)
    references = tuple((name, route, source_id, None) for name, route, source_id, _ in entry.references)
    return replace(entry, payload=payload, references=references, target_id=entry.matched_id, before=before)
