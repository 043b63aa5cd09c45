"""Load: bring one CRM object into the target as planned, exactly once, and read back what was written."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from migration_pipelines.core.crm_objects import ARCHIVE
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.ledger.batches import Entry
from migration_pipelines.stages import canary, gates
from migration_pipelines.stages.archived import archive_figures
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.pilot import require_pilot
from migration_pipelines.stages.progress import Progress, Report
from migration_pipelines.stages.reconcile import reconcile
from migration_pipelines.stages.sending import Sender, settle_leftovers
from migration_pipelines.stages.users import confirm_users
from migration_pipelines.stages.verify import verify_route

CANARIES = 5  # refused ones, after which the rest goes without: then none of them shows what the target keeps


def load(partition: OpenPartition, crm_object: str, report: Report = lambda _line: None) -> Mapping[str, Any]:
    """Bring one CRM object over, and prove it.

    Returns:
        the figures of its reconciliation.

    Raises:
        GateClosed: the plan is not approved, an object before this one has not passed, or in production nobody has
            looked at the pilot.
        ProofFailed: the first record of a kind did not come back as it was meant.
        TransientFailure: the target stopped answering; the same call continues.
    """
    plan = gates.require_approved_plan(partition)
    gates.require_parents(partition, crm_object, plan["id"])
    partition.lock()
    settle_leftovers(partition, report)
    if crm_object != "users":
        require_pilot(partition, plan["id"], report)
    for compiled in partition.routes_of(crm_object):
        if crm_object == "users":
            confirm_users(partition, plan["id"], compiled)
        elif not compiled.route.carried_by:
            _send_route(partition, plan["id"], compiled, report)
        verify_route(partition, compiled, only_unverified=True, report=report)
    figures = reconcile(partition, crm_object, plan["id"])
    if (
        crm_object == partition.routes[-1][0]
        and _hold(crm_object, figures)
        and _hold(ARCHIVE, archive_figures(partition))
    ):
        partition.reach("loaded")
        partition.reach("verified")
    return figures


def _hold(name: str, figures: Mapping[str, Any]) -> bool:
    return all(judgement.holds for judgement in gates.judge_object(name, figures).values())


def _send_route(partition: OpenPartition, plan_id: int, compiled: CompiledRoute, report: Report) -> None:
    batches = partition.ledger.batches
    sender = Sender(partition, plan_id, compiled)
    progress = Progress(report, f"{compiled.key}: written", batches.count_to_send(compiled.key))
    pages = batches.to_send(compiled.key, partition.target.group_by(compiled.route.target))
    first = _after_canary(partition, compiled, sender, next(pages, []), progress)
    for done in sender.send(chain([first], pages)):
        progress.add(done)


def _after_canary(
    partition: OpenPartition, compiled: CompiledRoute, sender: Sender, page: list[Entry], progress: Progress
) -> list[Entry]:
    """What is left of a page once a canary has shown what the target keeps. One that is refused or held shows nothing."""
    target_object = compiled.route.target
    rest = list(page)
    for _ in range(CANARIES):
        ours = [entry for entry in rest if not entry.is_matched]  # of others too little is written to show anything
        if not ours or not canary.is_needed(partition, target_object) or canary.look(partition, compiled):
            break
        first = canary.choose(partition, target_object, ours)
        rest.remove(first)
        for done in sender.send([[first]]):
            progress.add(done)
    else:
        canary.look(partition, compiled)
    return rest
