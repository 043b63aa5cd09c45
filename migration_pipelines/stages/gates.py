"""The gate is the ledger: what must have passed before a stage may begin, asked by every stage itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.registry import record_ceilings
from migration_pipelines.core.claims import PLAN_CLAIMS, Judgement, claims_of
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.errors import GateClosed
from migration_pipelines.stages.owners import owner_figures
from migration_pipelines.stages.partition import CONVERT, MULTI_CURRENCY, OpenPartition

REFUSE = "refuse if not empty"
EXPLAINED = 2
"""How many open decisions a sentence explains. `plan` lists all of them with what each means."""


def unconfirmed(partition: OpenPartition) -> list[str]:
    """Rows that nobody has confirmed as they stand now."""
    confirmed: dict[str, str] = {}
    for event in partition.ledger.events("confirmed"):
        confirmed.update(event["detail"]["rows"])
    return [name for name, print_ in partition.rows().items() if confirmed.get(name) != print_]


def undisposed(partition: OpenPartition) -> list[str]:
    """Source objects with rows, and fields that some record fills, that are neither mapped nor lost by a decision."""
    found = [f"{one.name} ({one.records} records)" for one in open_objects(partition)]
    for name in partition.source_objects:
        found += [f"{name}.{field}" for field in open_fields(partition, name)]
    return found


def open_objects(partition: OpenPartition) -> list[ObjectSchema]:
    """Source objects with rows that are neither mapped nor disposed of by a decision."""
    return [
        one
        for name, one in partition.schema("source").objects.items()
        if one.is_business
        and one.records
        and name not in partition.source_objects
        and name not in partition.dispositions
    ]


def gaps(partition: OpenPartition) -> Sequence[str]:
    """What the source may hold and does not show us, unless it is decided to go on without it."""
    accepted = partition.project.decisions.get("visibility_gap") == "accept"
    return () if accepted else partition.schema("source").gaps


def unvouched(partition: OpenPartition) -> list[str]:
    """What a person has to see to in the target, and nobody has said of it that it is seen to."""
    target = partition.schema("target")
    said: dict[str, str] = {}
    for event in partition.ledger.events("vouched"):
        if event["detail"]["target"] == target.identity:
            said.update(event["detail"]["statements"])
    return [statement for name, statement in target.checklist.items() if said.get(name) != statement]


def open_fields(partition: OpenPartition, source_object: str) -> dict[str, int]:
    """Fields of an object that records fill and that no route reads or declares lost -> how many records fill them.

    None where the records are archived as well: the archive has every field. To read the name of the record that a
    reference points at is to read the reference.
    """
    if source_object in partition.archived:
        return {}
    extraction = partition.ledger.records.last_extraction(source_object)
    filled = extraction["profile"]["filled"] if extraction else {}
    lost = (compiled.route.lost for compiled in partition.routes_from(source_object))
    disposed = partition.reads(source_object).union(*lost)
    schema = partition.source_schema(source_object)
    return {
        name: filled[name]
        for name, field in schema.fields.items()
        if field.is_business and filled.get(name) and not {name, field.name_path} & disposed
    }


def misfits(partition: OpenPartition, target: OrgSchema) -> list[str]:
    """What in the target, as it was discovered or is now, stands against the plan."""
    source, decisions = partition.schema("source"), partition.project.decisions
    under_way = {batch.route for batch in partition.ledger.batches.unsettled()}
    found = []
    for compiled in (route for _, route in partition.routes):
        name = compiled.route.target
        decision, value = partition.project.existing.get(name, ("", ""))
        held = target.objects[name].records if name in target.objects else 0
        if value == REFUSE and held and not compiled.route.carried_by:
            alike = [one.key for _, one in partition.routes if one.route.target == name]
            is_ours = any(one in under_way or partition.ledger.proof.was_ever_loaded(one) for one in alike)
            if not is_ours:
                found.append(f"the target holds {name} already (decision {decision})")
    ours, theirs = source.facts.get("currency"), target.facts.get("currency")
    if decisions.get(MULTI_CURRENCY) == CONVERT:
        found += unconverted(partition)
    elif ours and theirs and ours != theirs and decisions.get("currency_differs") == "refuse":
        found.append(f"the source counts in {ours}, the target in {theirs} (decision currency_differs)")
    found += foreign_pipelines(partition, target)
    found += over_ceilings(partition, target)
    found += lost_owners(partition, target)
    if decisions.get("live_webhooks") != "accept":
        for hook in target.facts.get("webhooks", ()):
            found.append(
                f"webhook to {hook} would fire for every record: switch it off for the load (decision live_webhooks)"
            )
    return list(dict.fromkeys(found))


def unconverted(partition: OpenPartition) -> list[str]:
    """Why amounts that are to be converted would not be, in words."""
    rows = [row for _, compiled in partition.routes for row in compiled.route.fields.values()]
    return [
        said
        for holds, said in (
            (partition.exchange, "the source has no active rate for the target's currency (decision multi_currency)"),
            (
                any(row.exchange for row in rows),
                "amounts are to be converted, and no field of the mapping says exchange: (decision multi_currency)",
            ),
        )
        if not holds
    ]


def over_ceilings(partition: OpenPartition, target: OrgSchema) -> list[str]:
    """Where the current plan makes more records than the target may hold, in words. What it holds already comes on top."""
    plan = partition.ledger.plans.current()
    makes: dict[str, int] = {}
    for row in plan["summary"]["routes"] if plan else ():
        target_object = row["route"].split(">")[1]
        makes[target_object] = makes.get(target_object, 0) + row["to_create"]
    return [
        f"the plan makes {count} {' and '.join(objects)}, and what is paid for holds {ceiling} (decisions of the account's "
        "plan and seats)"
        for objects, ceiling in record_ceilings(
            partition.project.file.target, partition.project.decisions, target
        ).items()
        if (count := sum(makes.get(name, 0) for name in objects)) > ceiling
    ]


def foreign_pipelines(partition: OpenPartition, target: OrgSchema) -> list[str]:
    """Pipelines of the mapping that are there and were not made by this project, in words."""
    made = {name for event in partition.ledger.events("provisioning") for name in event["detail"]["pipelines"]}
    there = {one["name"] for one in target.facts.get("pipelines", ())}
    wanted = {
        str(row.value)
        for mapping in partition.mappings.values()
        for route in mapping.routes
        if (row := route.fields.get("pipeline"))
    }
    return [
        f"pipeline {name!r} was not made by this project, and its automations would fire: name another in the mapping"
        for name in sorted(wanted & there - made)
    ]


def lost_owners(partition: OpenPartition, target: OrgSchema) -> list[str]:
    """Owners of records in scope whose counterpart is not active in the target any more, in words; none where it is decided
    to hold their records."""
    if partition.project.decisions.get("unmatched_owner") == "hold":
        return []
    people = {one.id: one for one in target.users}
    return [
        f"{people[number].name if number in people else owner['name']} (user {number}), who is to own the records of "
        f"{owner['name']}, is not active in the target any more: activate the user, or name another in owners.yaml"
        for owner in partition.ledger.owners()
        if owner["is_needed"] and (number := owner["target_id"]) and not (number in people and people[number].is_active)
    ]


def judge_plan(partition: OpenPartition) -> Mapping[str, Judgement]:
    """Every claim on the plan, judged as things stand now."""
    figures: dict[str, Any] = {
        "open_decisions": _open_decisions(partition),
        "undisposed": undisposed(partition),
        "gaps": gaps(partition),
        "misfits": misfits(partition, partition.schema("target")),
        "unvouched": unvouched(partition),
        "unconfirmed": unconfirmed(partition),
        **owner_figures(partition),
    }
    return {claim.name: claim.judge(figures) for claim in PLAN_CLAIMS}


def _open_decisions(partition: OpenPartition) -> list[str]:
    """Decisions that nobody has taken, with what each takes, or where there are many only by name."""
    decisions = partition.project.pair.decisions
    names = partition.project.open_decisions(partition.schema("source").facts)
    if len(names) > EXPLAINED:
        return list(names)
    return [f"{name} ({decisions[name].meaning}; it takes {decisions[name].explain()})" for name in names]


def require(partition: OpenPartition, judgements: Mapping[str, Judgement]) -> None:
    """Raises GateClosed with every claim that does not hold, and what to do about each."""
    broken = [one for one in judgements.values() if not one.holds]
    if broken:
        raise GateClosed("\n".join(f"{partition.key}: {one.says}. {one.advice(partition.key)}" for one in broken))


def require_approved_plan(partition: OpenPartition) -> Mapping[str, Any]:
    """The current plan, if a person has approved it and everything it stands on still holds.

    Raises:
        GateClosed: there is no plan, its claims do not hold, the mapping was changed since, or nobody approved it.
    """
    plan = partition.ledger.plans.current()
    if plan is None:
        raise GateClosed(f"{partition.key}: there is no plan yet. Run: crm-migrate plan {partition.key}")
    require(partition, judge_plan(partition))
    if plan["summary"]["mapping"] != partition.fingerprint():
        raise GateClosed(
            f"{partition.key}: mapping, decisions or owners were changed after the plan was made. "
            f"Run: crm-migrate plan {partition.key}"
        )
    approved = partition.ledger.last_event("plan approved", "rolled back")
    if approved is None or approved["kind"] == "rolled back" or approved["detail"]["plan"] != plan["fingerprint"]:
        raise GateClosed(
            f"{partition.key}: plan {plan['fingerprint'][:12]} is not approved. Read it (crm-migrate plan {partition.key}), "
            f"then run: crm-migrate apply {partition.key}, or for the Dagster UI: crm-migrate confirm {partition.key} --plan"
        )
    return plan


def require_parents(partition: OpenPartition, crm_object: str, plan_id: int) -> None:
    """Raises GateClosed where something before this object is not provisioned, loaded or proven for this plan."""
    provisioned = partition.ledger.last_event("provisioned")
    if provisioned is None or provisioned["detail"]["plan"] != plan_id:
        raise GateClosed(f"{partition.key}: the target is not provisioned for this plan. Materialise provision first.")
    undone = partition.ledger.last_event("rolled back")
    for parent in NAMES[: NAMES.index(crm_object)]:
        found = partition.ledger.proof.reconciliation(parent)
        is_current = found is not None and found["plan_id"] == plan_id and not (undone and undone["at"] > found["at"])
        if found is None or not is_current or not found["passed"]:
            state = "has open checks" if is_current else "has not been loaded for this plan"
            raise GateClosed(
                f"{partition.key}: {crm_object} comes after {parent}, which {state}. "
                f"Run: crm-migrate status {partition.key}"
            )


def judge_object(crm_object: str, figures: Mapping[str, Any]) -> dict[str, Judgement]:
    return {claim.name: claim.judge(figures) for claim in claims_of(crm_object)}
