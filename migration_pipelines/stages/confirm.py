"""Confirm: a person's word, kept as an event over the fingerprint of what it was given for."""

from __future__ import annotations

from migration_pipelines.errors import GateClosed, InvalidInput
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition


def confirm_rows(partition: OpenPartition, *, who: str, crm_object: str | None = None) -> list[str]:
    """Confirm every row that is not confirmed as it stands; of one CRM object, if that is named.

    Returns:
        the rows that were confirmed now.

    Raises:
        GateClosed: a decision is open, or fields are undecided, so that there is nothing whole to confirm.
        InvalidInput: the mapping has no such CRM object.
    """
    partition.schema("target")
    judgements = gates.judge_plan(partition)
    gates.require(
        partition, {name: judgements[name] for name in ("every_decision_is_taken", "everything_has_a_disposition")}
    )
    if crm_object and crm_object not in partition.project.mappings:
        raise InvalidInput(f"{partition.key}: the mapping has no {crm_object!r}.")
    rows = [
        name
        for name in gates.unconfirmed(partition)
        if crm_object is None or name.startswith((f"{crm_object}/", f"{crm_object} "))
    ]
    if rows:
        prints = partition.rows()
        partition.ledger.add_event("confirmed", who=who, detail={"rows": {name: prints[name] for name in rows}})
    if not gates.unconfirmed(partition):
        partition.reach("mapped")
    return rows


def vouch(partition: OpenPartition, *, who: str) -> list[str]:
    """A person's word that everything on the target's checklist is seen to. It holds for this target org only.

    Returns:
        the statements that the word was given for; empty where it was given before.

    Raises:
        GateClosed: the orgs have not been discovered yet.
    """
    open_ = gates.unvouched(partition)
    if open_:
        target = partition.schema("target")
        detail = {"target": target.identity, "statements": dict(target.checklist)}
        partition.ledger.add_event("vouched", who=who, detail=detail)
    return open_


def approve_plan(partition: OpenPartition, *, who: str) -> str:
    """Approve the current plan, so that it may run. Returns its fingerprint.

    Raises:
        GateClosed: there is no plan, or something it stands on does not hold.
    """
    plan = partition.ledger.plans.current()
    if plan is None:
        raise GateClosed(f"{partition.key}: there is no plan yet. Run: crm-migrate plan {partition.key}")
    gates.require(partition, gates.judge_plan(partition))
    if plan["summary"]["mapping"] != partition.fingerprint():
        raise GateClosed(
            f"{partition.key}: mapping, decisions or owners were changed after the plan was made. "
            f"Run: crm-migrate plan {partition.key}"
        )
    partition.reach("planned")
    partition.ledger.add_event("plan approved", who=who, detail={"plan": plan["fingerprint"]})
    return str(plan["fingerprint"])
