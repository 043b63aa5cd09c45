"""Checks: one factory from the tables of claims. The numbers come from the ledger; a check only shows the judgement."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

# Not exported by dagster, and the only way to say which materialisation a logged check judges.
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from migration_pipelines.core.claims import Claim, Judgement
from migration_pipelines.errors import MigrationError


def check_specs(
    asset: str, claims: Sequence[Claim], partitions: dg.StaticPartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    """A blocking check a claim, with a result of its own for every partition."""
    return [
        dg.AssetCheckSpec(claim.name, asset=asset, description=claim.docs, blocking=True, partitions_def=partitions)
        for claim in claims
    ]


def check_results(
    asset: str, key: str, judgements: Mapping[str, Judgement], report: Path | None = None
) -> list[dg.AssetCheckResult]:
    """Results to yield; each description starts with the partition and the number, and leads to the report if there is one."""
    return [
        dg.AssetCheckResult(
            asset_key=asset, check_name=name, passed=one.holds, description=f"{key}: {one.says}",
            metadata=_what_next(key, one, report),
        )
        for name, one in judgements.items()
    ]  # fmt: skip


def log_checks(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, asset: str, key: str, judgements: Mapping[str, Judgement],
    report: Path | None = None,
) -> None:  # fmt: skip
    """Record judgements on an asset that this step does not make, against its last materialisation."""
    found = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key]), limit=1
    ).records
    target = None
    if found:
        record = found[0]
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    for name, one in judgements.items():
        context.log_event(  # takes check evaluations too, whatever its annotation says
            dg.AssetCheckEvaluation(  # type: ignore[arg-type]
                asset_key=dg.AssetKey(asset), check_name=name, passed=one.holds, blocking=True, partition=key,
                description=f"{key}: {one.says}", target_materialization_data=target,
                metadata=_what_next(key, one, report),
            )
        )  # fmt: skip


def raise_if_broken(asset: str, key: str, judgements: Mapping[str, Judgement], error: type[MigrationError]) -> None:
    """Stop what follows, with every sentence that a person needs."""
    broken = [f"{key}: {asset}: {one.says}. {one.advice(key)}" for one in judgements.values() if not one.holds]
    if broken:
        raise error("\n".join(broken))


def _what_next(key: str, one: Judgement, report: Path | None) -> dict[str, dg.MetadataValue[Any]]:
    next_step = {} if one.holds or not one.next else {"next": dg.MetadataValue.text(one.advice(key))}
    return next_step | ({"report": dg.MetadataValue.path(report)} if report else {})
