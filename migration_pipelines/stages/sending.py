"""Sending: entries into batches, batches to the target, outcomes into the ledger. Exactly once.

For each batch: its row is durable before anything is sent; outcomes are written when it is settled. A batch whose
answer was lost is settled by asking the target, never by sending it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import MigrationError, OutcomeUnknown, TransientFailure
from migration_pipelines.ledger.batches import Entry, Result, StoredBatch
from migration_pipelines.stages.canary import ignored_fields
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Report

ATTEMPTS = 3  # of a record that is neither taken nor refused


def settle_leftovers(partition: OpenPartition, report: Report) -> None:
    """Find out what became of batches that a dead run prepared and perhaps sent, before anything else is sent."""
    by_key = {compiled.key: compiled for _, compiled in partition.routes}
    for stored in partition.ledger.batches.unsettled():
        report(f"settling batch {stored.id} of {stored.route}, which an interrupted run left behind")
        batch = _as_batch(by_key[stored.route], stored.entries, stored.high_water, ignored=frozenset())
        _settle(partition, stored, partition.target.settle(batch))


class Sender:
    """Sends entries of one route under one plan. What no record in the target has as a parent is held."""

    def __init__(self, partition: OpenPartition, plan_id: int, compiled: CompiledRoute) -> None:
        self._partition = partition
        self._plan_id = plan_id
        self._compiled = compiled
        self._group_by = partition.target.group_by(compiled.route.target)

    def send(self, entries: Sequence[Entry]) -> Iterator[int]:
        """Send entries until each is taken or refused, or hold them; yields how many are done, batch by batch."""
        blocked = [entry for entry in entries if self._missing_parents(entry)]
        if blocked:
            held = [self._held(entry) for entry in blocked]
            self._partition.ledger.batches.record(self._partition.lock(), self._plan_id, self._compiled.key, held)
            yield len(blocked)
        for alike in self._alike([entry for entry in entries if not self._missing_parents(entry)]):
            yield from self._send_all(alike)

    def _send_all(self, entries: Sequence[Entry]) -> Iterator[int]:
        pending, size, idle = list(entries), 0, 0
        while pending:
            limit = self._partition.target.batch_size(self._compiled.route.target)
            chunk = pending[: min(limit, size) if size else limit]
            results = self._send_batch(chunk)
            rest = [entry for entry, result in zip(chunk, results, strict=True) if result is None]
            pending = rest + pending[len(chunk) :]
            if len(rest) < len(chunk):
                size, idle = 0, 0
                yield len(chunk) - len(rest)
            elif len(chunk) > 1:
                size = len(chunk) // 2  # one of them may spoil the request for all
            else:
                size, idle = 1, idle + 1
                if idle == ATTEMPTS:
                    raise TransientFailure(
                        f"{self._partition.key}: the target neither took nor refused {self._compiled.route.source} "
                        f"{rest[0].source_id} in {ATTEMPTS} attempts. Run the same command again later."
                    )

    def _send_batch(self, entries: Sequence[Entry]) -> Sequence[WriteResult | None]:
        target, batches, lock = self._partition.target, self._partition.ledger.batches, self._partition.lock()
        name = self._compiled.route.target
        ignored = ignored_fields(self._partition, name)
        batch = _as_batch(self._compiled, entries, target.high_water(name), ignored=ignored)
        digest = self._partition.files.put(target.render(batch))
        stored = batches.prepare(
            lock, self._plan_id, self._compiled.key, entries, body_digest=digest, high_water=batch.high_water
        )
        try:
            results = target.write(batch, on_remote_job=lambda _job: None)
        except OutcomeUnknown:
            results = target.settle(batch)
        except MigrationError:
            batches.abandon(lock, stored)  # certainly not applied
            raise
        _settle(self._partition, stored, results)
        return results

    def _alike(self, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
        """Entries that may travel together: all new or all known, and of one parent where the target wants that."""

        def kind(entry: Entry) -> tuple[bool, str]:
            parent = next((one[2] for one in entry.references if one[0] == self._group_by), "")
            return entry.target_id is not None and not self._group_by, parent

        for _, alike in groupby(sorted(entries, key=kind), key=kind):
            yield list(alike)

    def _missing_parents(self, entry: Entry) -> list[tuple[str, str]]:
        """(field, source id) of parents that were planned and are not in the target, where the mapping wants them there."""
        references = self._compiled.route.references
        return [
            (field, source_id)
            for field, _, source_id, target_id in entry.references
            if target_id is None and references[field].if_held == "hold"
        ]

    def _held(self, entry: Entry) -> Result:
        field, source_id = self._missing_parents(entry)[0]
        problem = Problem(HoldReason.PARENT_FAILED, f"{source_id} is not in the target", field, source_id)
        return Result(entry, "held", entry.target_id, entry.created_by_us, problem.as_json())


def _settle(partition: OpenPartition, stored: StoredBatch, results: Sequence[WriteResult | None]) -> None:
    partition.ledger.batches.settle(
        partition.lock(), stored,
        [
            Result(
                entry, result.result, result.target_id or entry.target_id,
                entry.created_by_us or result.result == "created",
                {"reason": "REFUSED", "message": result.message} if result.message else None,
            )
            for entry, result in zip(stored.entries, results, strict=True)
            if result is not None
        ],
    )  # fmt: skip


def _as_batch(
    compiled: CompiledRoute, entries: Sequence[Entry], high_water: str | None, *, ignored: frozenset[str]
) -> Batch:
    fields = tuple(name for name in compiled.route.references if name not in ignored)
    return Batch(compiled.route.target, [_as_record(entry, fields, ignored) for entry in entries], high_water)


def _as_record(entry: Entry, fields: Sequence[str], ignored: frozenset[str]) -> Record:
    references: dict[str, list[str]] = {field: [] for field in fields}
    for field, _, _, target_id in entry.references:
        if target_id is not None and field in references:
            references[field].append(target_id)
    values = {name: value for name, value in entry.payload.items() if name not in ignored}
    return Record(entry.source_id, values, references, entry.target_id, entry.is_adopted)
