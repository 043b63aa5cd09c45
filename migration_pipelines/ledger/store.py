"""The ledger as the rest of the system sees it: opened once, one `PartitionLedger` a partition, grouped by question."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.ledger import schema
from migration_pipelines.ledger.base import PartitionTables, to_json
from migration_pipelines.ledger.batches import Batches
from migration_pipelines.ledger.codec import decode_text
from migration_pipelines.ledger.matches import Matches
from migration_pipelines.ledger.outage import outage
from migration_pipelines.ledger.plans import Plans
from migration_pipelines.ledger.proof import Proof
from migration_pipelines.ledger.records import Records
from migration_pipelines.ledger.report import ReportQuestions
from migration_pipelines.ledger.successions import Successions


class Ledger:
    """A database that holds the ledger of every partition.

    Args:
        url: a normalised `postgresql+psycopg2://` URL.

    Raises:
        TransientFailure: the database does not answer.
    """

    def __init__(self, url: str) -> None:
        # Hidden parameters: they are people's data, and an error's text goes into logs.
        self.engine: Engine = create_engine(url, pool_size=4, max_overflow=4, hide_parameters=True)
        event.listen(self.engine, "checkout", self._see_that_it_answers)
        event.listen(self.engine, "checkin", _note_when_it_was_used)
        event.listen(self.engine, "handle_error", _say_what_is_wrong)
        schema.upgrade(self.engine)

    def partition(self, key: str) -> PartitionLedger:
        """The ledger of one partition; its number is given at the first call and never reused."""
        with self.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO ledger.partition (key) VALUES (:key) ON CONFLICT (key) DO NOTHING"), {"key": key}
            )
            number = connection.scalar(text("SELECT id FROM ledger.partition WHERE key = :key"), {"key": key})
        assert number is not None
        return PartitionLedger(self.engine, number, key)

    def close(self) -> None:
        self.engine.dispose()

    def _see_that_it_answers(self, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """The pool gives another connection in place of one that does not answer. One just used is not asked."""
        if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) < IDLE_SECONDS:
            return
        try:
            self.engine.dialect.do_ping(connection)
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


IDLE_SECONDS = 5
"""How long a connection may have been idle without being asked whether it still answers."""

_USED_AT = "used_at"


def _note_when_it_was_used(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _say_what_is_wrong(failed: ExceptionContext) -> None:
    """No connection, a connection that was lost, or a full disk: a sentence instead of a traceback, whenever it happens."""
    if not isinstance(failed.sqlalchemy_exception, OperationalError) and not failed.is_disconnect:
        return
    raise outage(failed.original_exception) from None


class PartitionLedger(PartitionTables):
    """One partition's questions and answers."""

    @cached_property
    def records(self) -> Records:
        """What the source gave."""
        return Records(self.engine, self.id, self.key)

    @cached_property
    def plans(self) -> Plans:
        """What is meant."""
        return Plans(self.engine, self.id, self.key)

    @cached_property
    def matches(self) -> Matches:
        """What people had made in the target before us."""
        return Matches(self.engine, self.id, self.key)

    @cached_property
    def successions(self) -> Successions:
        """What became of records that others took the place of."""
        return Successions(self.engine, self.id, self.key)

    @cached_property
    def batches(self) -> Batches:
        """What was sent, and what came of it."""
        return Batches(self.engine, self.id, self.key)

    @cached_property
    def proof(self) -> Proof:
        """What was read back, and how it adds up."""
        return Proof(self.engine, self.id, self.key)

    @cached_property
    def report(self) -> ReportQuestions:
        """What only the report asks."""
        return ReportQuestions(self.engine, self.id, self.key)

    def add_event(self, kind: str, *, who: str | None = None, detail: Mapping[str, Any] | None = None) -> None:
        self.execute(
            "INSERT INTO ledger.event (partition_id, kind, who, detail) VALUES (:partition, :kind, :who, :detail)",
            kind=kind, who=who, detail=to_json(dict(detail or {})),
        )  # fmt: skip

    def events(self, *kinds: str) -> list[Mapping[str, Any]]:
        """(id, at, kind, who, detail), oldest first; all kinds where none is named."""
        return self.select(
            "SELECT id, at, kind, who, detail FROM ledger.event WHERE partition_id = :partition "
            "AND (cardinality(CAST(:kinds AS text[])) = 0 OR kind = ANY(:kinds)) ORDER BY id",
            kinds=list(kinds),
        )

    def last_event(self, *kinds: str) -> Mapping[str, Any] | None:
        found = self.events(*kinds)
        return found[-1] if found else None

    def keep_schema(self, side: str, org: OrgSchema) -> None:
        """Keep a snapshot of the source's or the target's schema; `side` is "source" or "target"."""
        self.execute(
            "INSERT INTO ledger.schema_snapshot (partition_id, side, payload) VALUES (:partition, :side, :payload)",
            side=side, payload=to_json(org.model_dump(mode="json")),
        )  # fmt: skip
        self._schemas.pop(side, None)

    def schema(self, side: str) -> OrgSchema | None:
        """The newest snapshot of a side, or None before discovery. Kept: one command sees one schema, as often as it asks."""
        if side not in self._schemas:
            payload = self.scalar(
                "SELECT payload FROM ledger.schema_snapshot WHERE partition_id = :partition AND side = :side "
                "ORDER BY id DESC LIMIT 1",
                side=side,
            )
            if payload is None:
                return None
            self._schemas[side] = OrgSchema.model_validate(payload)
        return self._schemas[side]

    @cached_property
    def _schemas(self) -> dict[str, OrgSchema]:
        return {}

    def story_of(self, source_id: str) -> list[Mapping[str, Any]]:
        """Every entry of one source record, with what was meant and all that happened to it."""
        return self.select(
            """
            SELECT r.key AS route, s.*, i.payload, i.ref_fields, i.ref_ids,
              (SELECT json_agg(json_build_object('batch', o.batch_id, 'version', o.version, 'result', o.result,
                 'target_id', o.target_id, 'problem', o.problem, 'at', b.settled_at, 'verified', b.verified_at)
                 ORDER BY o.batch_id)
               FROM ledger.outcome o JOIN ledger.batch b ON b.id = o.batch_id WHERE o.entry_id = s.entry_id) AS outcomes,
              (SELECT json_agg(json_build_object('field', f.field, 'verdict', f.verdict, 'meant', f.meant,
                 'found', f.found)) FROM ledger.finding f WHERE f.entry_id = s.entry_id) AS findings
            FROM ledger.entry_status s JOIN ledger.route r ON r.id = s.route_id
            LEFT JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.version
            WHERE s.partition_id = :partition AND s.source_id = :source_id ORDER BY s.route_id
            """,
            source_id=source_id,
        )

    def owners(self) -> list[Mapping[str, Any]]:
        """Every source user with what it was matched to; `is_needed` where a record in scope is owned by it."""
        rows = self.select(
            "SELECT source_id, name, email, is_active, target_id, resolved_by, problem, is_needed FROM ledger.owner "
            "WHERE partition_id = :partition ORDER BY is_needed DESC, source_id"
        )
        return [
            {name: decode_text(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in rows
        ]
