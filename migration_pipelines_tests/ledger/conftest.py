"""A partition of its own for every test, and short words for plans and loads."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from migration_pipelines.core.fingerprint import digest
from migration_pipelines.core.records import Outcome
from migration_pipelines.ledger.batches import Entry, Result, StoredBatch
from migration_pipelines.ledger.lock import OrgLock
from migration_pipelines.ledger.plans import PlanRow
from migration_pipelines.ledger.store import Ledger, PartitionLedger

_numbers = itertools.count(1)
COMPANIES = "accounts/Account>companies"
CONTACTS = "contacts/Contact>contacts"


def planned(source_id: str, route: str = CONTACTS, *, references: Any = (), **values: Any) -> PlanRow:
    return PlanRow(
        route, source_id, Outcome.PLANNED, digest([values, references]), payload=values, references=references
    )  # fmt: skip


def not_planned(source_id: str, outcome: Outcome, why: str = "", route: str = CONTACTS, **more: Any) -> PlanRow:
    return PlanRow(route, source_id, outcome, problems=[{"reason": "X", "message": why}] if why else [], **more)


@dataclass
class Desk:
    """One partition, and the lock on the org that it writes to."""

    partition: PartitionLedger
    lock: OrgLock

    def plan(self, *rows: PlanRow) -> int:
        plan_id = self.partition.plans.begin()
        self.partition.plans.add(plan_id, rows)
        self.partition.plans.switch(plan_id, f"print of {plan_id}", {})
        return plan_id

    def send(self, route: str = CONTACTS) -> list[Entry]:
        return [entry for page in self.partition.batches.to_send(route) for entry in page]

    def prepare(self, entries: Sequence[Entry], route: str = CONTACTS) -> StoredBatch:
        plan = self.partition.plans.current()
        assert plan
        return self.partition.batches.prepare(self.lock, plan["id"], route, entries)

    def settle(self, batch: StoredBatch, result: str, prefix: str = "k") -> None:
        """Every entry of the batch fares alike; what is created gets the source id after a prefix."""
        ids = {one.entry_id: one.target_id or (f"{prefix}{one.source_id}" if result == "created" else None)
               for one in batch.entries}  # fmt: skip
        self.partition.batches.settle(
            self.lock, batch,
            [
                Result(one, result, ids[one.entry_id], one.created_by_us or result == "created",
                       {"message": "no"} if result == "failed" else None)
                for one in batch.entries
            ],
        )  # fmt: skip

    def load(self, result: str = "created", route: str = CONTACTS) -> list[Entry]:
        """Send all that is to be sent, and say how it went."""
        entries = self.send(route)
        self.settle(self.prepare(entries, route), result)
        return entries

    def to_undo(self, route: str = CONTACTS) -> list[Entry]:
        return [entry for page in self.partition.batches.to_undo(route) for entry in page]

    def undo(self, result: str = "undone", route: str = CONTACTS) -> list[Entry]:
        entries = self.to_undo(route)
        self.partition.batches.record_undo(self.lock, [(entry, result, "why") for entry in entries])
        return entries

    def outcomes(self, route: str = CONTACTS) -> dict[str, int]:
        return self.partition.proof.outcomes(route)

    def entries(self, route: str = CONTACTS) -> dict[str, Mapping[str, Any]]:
        """Source id -> the entry's row, with xmin: it moves when a row is written, and only then."""
        return {
            row["source_id"]: row
            for row in self.partition.select(
                "SELECT e.*, e.xmin::text AS written_by FROM ledger.ledger_entry e "
                "WHERE partition_id = :partition AND route_id = :route",
                route=self.partition.route_id(route),
            )
        }  # fmt: skip


@pytest.fixture
def partition(ledger: Ledger) -> PartitionLedger:
    return ledger.partition(f"test-{os.getpid()}-{next(_numbers)}")


@pytest.fixture
def desk(ledger: Ledger, partition: PartitionLedger) -> Iterator[Desk]:
    lock = OrgLock(ledger.engine, f"kommo:{partition.key}")
    yield Desk(partition, lock)
    lock.release()
