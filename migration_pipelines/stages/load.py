"""Load: bring one CRM object into the target as planned, exactly once, and read back what was written.

For each batch: its row is durable before anything is sent; outcomes are written when it is settled. A batch whose
answer was lost is settled by asking the target, never by sending it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import MigrationError, OutcomeUnknown, TransientFailure
from migration_pipelines.ledger.batches import Entry, Result, StoredBatch
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report
from migration_pipelines.stages.reconcile import reconcile
from migration_pipelines.stages.users import confirm_users
from migration_pipelines.stages.verify import verify_route

ATTEMPTS = 3  # of a record that is neither taken nor refused


def load(partition: OpenPartition, crm_object: str, report: Report = lambda _line: None) -> Mapping[str, Any]:
    """Bring one CRM object over, and prove it.

    Returns:
        the figures of its reconciliation.

    Raises:
        GateClosed: the plan is not approved, or an object before this one has not passed.
        TransientFailure: the target stopped answering; the same call continues.
    """
    plan = gates.require_approved_plan(partition)
    gates.require_parents(partition, crm_object, plan["id"])
    partition.lock()
    settle_leftovers(partition, report)
    for compiled in partition.routes_of(crm_object):
        if crm_object == "users":
            confirm_users(partition, plan["id"], compiled)
        elif not compiled.route.carried_by:
            _send_route(partition, plan["id"], compiled, report)
        verify_route(partition, compiled, only_unverified=True, report=report)
    figures = reconcile(partition, crm_object, plan["id"])
    if crm_object == partition.routes[-1][0] and all(
        judgement.holds for judgement in gates.judge_object(crm_object, figures).values()
    ):
        partition.reach("loaded")
        partition.reach("verified")
    return figures


def settle_leftovers(partition: OpenPartition, report: Report) -> None:
    """Find out what became of batches that a dead run prepared and perhaps sent, before anything else is sent."""
    by_key = {compiled.key: compiled for _, compiled in partition.routes}
    for stored in partition.ledger.batches.unsettled():
        report(f"settling batch {stored.id} of {stored.route}, which an interrupted run left behind")
        results = partition.target.settle(_as_batch(by_key[stored.route], stored.entries, stored.high_water))
        _settle(partition, stored, results)


def _send_route(partition: OpenPartition, plan_id: int, compiled: CompiledRoute, report: Report) -> None:
    target, batches = partition.target, partition.ledger.batches
    group_by = target.group_by(compiled.route.target)
    progress = Progress(report, f"{compiled.key}: written", batches.count_to_send(compiled.key))
    for page in batches.to_send(compiled.key, group_by):
        ready = [entry for entry in page if not _missing_parents(compiled, entry)]
        blocked = [entry for entry in page if _missing_parents(compiled, entry)]
        if blocked:
            batches.record(partition.lock(), plan_id, compiled.key, [_held(compiled, entry) for entry in blocked])
        for alike in _alike(ready, group_by):
            for sent in _send_all(partition, plan_id, compiled, alike):
                progress.add(sent)


def _send_all(
    partition: OpenPartition, plan_id: int, compiled: CompiledRoute, entries: Sequence[Entry]
) -> Iterator[int]:
    """Send entries in batches until each is taken or refused; yields how many, batch by batch."""
    pending, size, idle = list(entries), 0, 0
    while pending:
        limit = partition.target.batch_size(compiled.route.target)
        chunk = pending[: min(limit, size) if size else limit]
        results = _send(partition, plan_id, compiled, chunk)
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
                    f"{partition.key}: the target neither took nor refused {compiled.route.source} {rest[0].source_id} in "
                    f"{ATTEMPTS} attempts. Run the same command again later."
                )


def _send(
    partition: OpenPartition, plan_id: int, compiled: CompiledRoute, entries: Sequence[Entry]
) -> Sequence[WriteResult | None]:
    target, batches, lock = partition.target, partition.ledger.batches, partition.lock()
    batch = _as_batch(compiled, entries, target.high_water(compiled.route.target))
    digest = partition.files.put(target.render(batch))
    stored = batches.prepare(lock, plan_id, compiled.key, entries, body_digest=digest, high_water=batch.high_water)
    try:
        results = target.write(batch, on_remote_job=lambda _job: None)
    except OutcomeUnknown:
        results = target.settle(batch)
    except MigrationError:
        batches.abandon(lock, stored)  # certainly not applied
        raise
    _settle(partition, stored, results)
    return results


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


def _as_batch(compiled: CompiledRoute, entries: Sequence[Entry], high_water: str | None) -> Batch:
    fields = tuple(compiled.route.references)
    return Batch(compiled.route.target, [_as_record(entry, fields) for entry in entries], high_water)


def _as_record(entry: Entry, fields: Sequence[str]) -> Record:
    references: dict[str, list[str]] = {field: [] for field in fields}
    for field, _, _, target_id in entry.references:
        if target_id is not None:
            references[field].append(target_id)
    values = dict(entry.payload)
    return Record(entry.source_id, values, references, entry.target_id, entry.is_adopted)


def _alike(entries: Sequence[Entry], group_by: str | None) -> Iterator[list[Entry]]:
    """Entries that may travel together: all new or all known, and of one parent where the target wants that."""

    def kind(entry: Entry) -> tuple[bool, str]:
        parent = next((one[2] for one in entry.references if one[0] == group_by), "")
        return entry.target_id is not None and not group_by, parent

    for _, alike in groupby(sorted(entries, key=kind), key=kind):
        yield list(alike)


def _missing_parents(compiled: CompiledRoute, entry: Entry) -> list[tuple[str, str]]:
    """(field, source id) of parents that were planned and are not in the target, where the mapping wants them there."""
    return [
        (field, source_id)
        for field, _, source_id, target_id in entry.references
        if target_id is None and compiled.route.references[field].if_held == "hold"
    ]


def _held(compiled: CompiledRoute, entry: Entry) -> Result:
    field, source_id = _missing_parents(compiled, entry)[0]
    problem = Problem(HoldReason.PARENT_FAILED, f"{source_id} is not in the target", field, source_id)
    return Result(entry, "held", entry.target_id, entry.created_by_us, problem.as_json())
