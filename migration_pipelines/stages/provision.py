"""Provision: make in the target what the approved plan previewed. Idempotent; the first stage that writes."""

from __future__ import annotations

from migration_pipelines.errors import GateClosed
from migration_pipelines.stages import as_planned, gates
from migration_pipelines.stages.partition import OpenPartition


def provision(partition: OpenPartition) -> list[str]:
    """Make the fields and pipelines of the plan, and find what an earlier load left there rolled back.

    Returns:
        what was made and found, in words; empty where everything was there.

    Raises:
        GateClosed: the plan is not approved, the target is not what the plan was measured against, or something in it
            stands against the plan by now.
    """
    plan = gates.require_approved_plan(partition)
    partition.lock()
    live = partition.target.describe()
    as_planned.require_as_planned(partition, plan, live)
    if found := gates.misfits(partition, live):
        raise GateClosed(
            f"{partition.key}: {'; '.join(found)}. Clear each of them, then run: crm-migrate discover {partition.key}, and "
            "plan again."
        )
    wanted = as_planned.wanted_of(plan)
    # Kept before the first of them is made: whatever is found under these names afterwards is this project's.
    partition.ledger.add_event(
        "provisioning",
        detail={
            "fields": [f"{one.object}.{one.name}" for one in as_planned.lacking(wanted, live).fields],
            "pipelines": [one.name for one in wanted.pipelines],
        },
    )
    made = partition.target.provision(wanted)
    if made:
        partition.ledger.keep_schema("target", partition.target.describe())
    made += _take_up(partition, plan["id"])
    partition.ledger.add_event("provisioned", detail={"plan": plan["id"], "made": made})
    return made


def _take_up(partition: OpenPartition, plan_id: int) -> list[str]:
    """Note what stands in the target rolled back and is not in this ledger, so that the load takes it up by its key."""
    done = []
    for crm_object, compiled in partition.routes:
        if crm_object == "users" or compiled.route.carried_by or partition.ledger.proof.was_ever_loaded(compiled.key):
            continue
        there = partition.target.rolled_back(compiled.route.target)
        if count := partition.ledger.batches.adopt(partition.lock(), plan_id, compiled.key, there):
            done.append(f"{count} rolled back {compiled.route.target} to take up by their migration key")
    return done
