"""Reconcile: the figures of one CRM object, from the ledger, judged and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.claims import claims_of
from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.crm_objects import ARCHIVE
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.stages.archived import archive_figures
from migration_pipelines.stages.canary import ignored_fields
from migration_pipelines.stages.owners import owner_figures
from migration_pipelines.stages.partition import PRODUCTION, OpenPartition
from migration_pipelines.stages.taken_over import figures_of_twice


def reconcile(partition: OpenPartition, crm_object: str, plan_id: int) -> Mapping[str, Any]:
    """Work out the figures of an object, judge its claims, and keep both."""
    figures = figures_of(partition, crm_object)
    judgements = {claim.name: claim.judge(figures) for claim in claims_of(crm_object)}
    passed = all(judgement.holds for judgement in judgements.values())
    partition.ledger.proof.keep_reconciliation(crm_object, plan_id, passed=passed, figures=figures)
    return figures


def figures_of(partition: OpenPartition, crm_object: str) -> dict[str, Any]:
    """Everything that the claims of an object are judged by.

    Shape: {"objects": {source object: {source_count, extracted, unaccounted, without_record}},
    "routes": {route: {rows, outcomes, present, read_back_at, wrong, wrong_references, unverified, findings,
    not_loaded, ignored}}, "failed_allowed"}, for users the owners, for leads what stands
    "twice", and for the archive the "archives".
    """
    if crm_object == ARCHIVE:
        return archive_figures(partition)
    records, proof = partition.ledger.records, partition.ledger.proof
    routes = partition.routes_of(crm_object)
    objects: dict[str, Any] = {}
    for name in dict.fromkeys(compiled.route.source for compiled in routes):
        extraction = records.last_extraction(name)
        keys = [compiled.key for compiled in partition.routes_from(name)]
        objects[name] = {
            "source_count": extraction["source_count"] if extraction else None,
            "extracted": records.count(name),
            "unaccounted": proof.unaccounted(name, keys),
            "without_record": proof.without_record(name, keys),
        }
    figures: dict[str, Any] = {
        "objects": objects,
        "routes": {
            compiled.key: _route_figures(partition, compiled.key)
            | {"ignored": sorted(_written(compiled) & ignored_fields(partition, compiled.route.target))}
            for compiled in routes
        },
        "failed_allowed": 0
        if partition.environment == PRODUCTION
        else partition.project.decisions.get("failed_allowed", 0),
    }
    if crm_object == "users":
        figures |= owner_figures(partition)
    if crm_object == "leads":
        figures["twice"] = figures_of_twice(partition, crm_object)
    return figures


def _written(compiled: CompiledRoute) -> set[str]:
    return set(compiled.route.fields) | set(compiled.route.references)


def _route_figures(partition: OpenPartition, route: str) -> dict[str, Any]:
    proof = partition.ledger.proof
    outcomes, counts = proof.outcomes(route), proof.finding_counts(route)
    unverified = proof.unverified(route)
    return {
        "rows": sum(outcomes.values()),
        "outcomes": outcomes,
        "present": outcomes.get("loaded", 0) - unverified - proof.gone(route),
        "read_back_at": proof.read_back_at(route),
        "wrong": proof.wrong_fields(route),
        "wrong_references": counts.get(Verdict.WRONG_REFERENCE, 0),
        "unverified": unverified,
        "findings": [dict(one) for one in proof.findings(route)],
        "not_loaded": [dict(one) for one in proof.not_loaded(route)],
    }
