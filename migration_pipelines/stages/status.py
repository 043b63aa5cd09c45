"""Status and explain: what the ledger knows, for a partition and for one record. Reads only the ledger and the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.claims import Judgement, claims_of
from migration_pipelines.core.crm_objects import ARCHIVE, NAMES
from migration_pipelines.core.records import Outcome
from migration_pipelines.errors import InvalidInput
from migration_pipelines.stages import archived, gates
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.reconcile import figures_of


def status(partition: OpenPartition) -> dict[str, Any]:
    """Lifecycle step, plan, gates, and the figures and claims of each CRM object as the ledger has them now."""
    plan = partition.ledger.plans.current()
    objects: dict[str, Any] = {}
    for name in (*([ARCHIVE] if archived.planned(partition) else []), *NAMES):
        found = partition.ledger.proof.reconciliation(name)
        if found:
            figures = figures_of(partition, name)
            judged = gates.judge_object(name, figures)
            objects[name] = {
                "figures": figures,
                "last_run": {"at": found["at"], "passed": found["passed"]},
                "claims": _as_data(partition.key, judged),
            }
    gate: dict[str, Any] = {}
    if partition.ledger.schema("target"):
        gate = _as_data(partition.key, gates.judge_plan(partition))
    return {
        "partition": partition.key,
        "step": partition.step,
        "plan": None if plan is None else {"fingerprint": plan["fingerprint"], "created_at": plan["created_at"]},
        "gate": gate,
        "objects": objects,
    }


def written(partition: OpenPartition) -> dict[str, int]:
    """How many records stand in the target by the current plan, and how many times an apply would write now."""
    by_source: dict[str, list[str]] = {}
    for crm_object, compiled in partition.routes:
        if crm_object != "users" and not compiled.route.carried_by:
            by_source.setdefault(compiled.route.source, []).append(compiled.key)
    ledger = partition.ledger
    return {
        "records": sum(map(ledger.proof.count_loaded, by_source.values())),
        "to_write": sum(ledger.batches.count_to_send(key) for keys in by_source.values() for key in keys),
    }


def standing(partition: OpenPartition, crm_object: str, gate: str) -> dict[str, Judgement]:
    """The claims of an object where a closed gate kept it from being loaded: as its records stand in the ledger now."""
    if partition.ledger.proof.reconciliation(crm_object):
        return gates.judge_object(crm_object, figures_of(partition, crm_object))
    return {claim.name: Judgement(False, f"not loaded yet: {gate}") for claim in claims_of(crm_object)}


def explain(partition: OpenPartition, source_id: str) -> list[Mapping[str, Any]]:
    """The whole story of one source record, a part for each of its routes.

    `payload`, `ref_fields` and `ref_ids` are what the newest plan means, and None where it does not load the record; what
    an earlier plan has brought to the target of such a record is `earlier`.

    Raises:
        InvalidInput: the ledger has no such record.
    """
    story = partition.ledger.story_of(source_id)
    if not story:
        raise InvalidInput(
            f"{partition.key}: the ledger has no record with source id {source_id!r}. Ids are case-sensitive and have "
            "18 characters in Salesforce."
        )
    files = {one["key"]: one for one in archived.archives(partition).values()}
    return [_by_newest_plan(one) | {"archive": files.get(one["route"])} for one in story]


def _by_newest_plan(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry keeps its last intent while a plan holds it, or leaves it out."""
    meant = {name: entry[name] for name in ("payload", "ref_fields", "ref_ids")}
    if entry["planned"] == Outcome.PLANNED:
        return {**entry, "earlier": None}
    is_there = meant["payload"] is not None and entry["target_id"] is not None
    return {**entry, **dict.fromkeys(meant), "earlier": meant if is_there else None}


def _as_data(key: str, judgements: Mapping[str, Judgement]) -> dict[str, Any]:
    return {claim: {"holds": one.holds, "says": one.says, "next": one.advice(key)} for claim, one in judgements.items()}
