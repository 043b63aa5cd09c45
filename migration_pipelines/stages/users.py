"""Users are matched, never written: the target is asked whether each counterpart is still there and active."""

from __future__ import annotations

from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.batches import Entry, Result
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition


def confirm_users(partition: OpenPartition, plan_id: int, compiled: CompiledRoute) -> None:
    """Record the target user of every matched user. One who is gone is held, where that is decided.

    Raises:
        GateClosed: one who is to own records is gone, and that is to stop everything.
    """
    live = partition.target.describe()
    if gone := gates.lost_owners(partition, live):
        raise GateClosed(f"{partition.key}: {'; '.join(gone)}. Then run: crm-migrate apply {partition.key}")
    active = {user.id for user in live.users if user.is_active}
    matched = {owner["source_id"]: owner["target_id"] for owner in partition.ledger.owners()}
    for page in partition.ledger.batches.to_send(compiled.key):
        results = [_result(entry, matched, active) for entry in page]
        partition.ledger.batches.record(partition.lock(), plan_id, compiled.key, results)


def _result(entry: Entry, matched: dict[str, str | None], active: set[str]) -> Result:
    target_id = matched.get(entry.source_id)
    if target_id in active:
        return Result(entry, "unchanged", target_id)
    gone = Problem(
        HoldReason.OWNER_UNRESOLVED, "the matched user is no longer active in the target; discover and plan again"
    )
    return Result(entry, "held", None, problem=gone.as_json())
