"""Checks: one factory from the tables of claims. The numbers come from the ledger; a check only shows the judgement."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

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


def check_results(key: str, judgements: Mapping[str, Judgement]) -> Iterator[dg.AssetCheckResult]:
    """Results to yield; each description starts with the partition and the number."""
    for name, judgement in judgements.items():
        metadata = {"next": judgement.next} if judgement.next and not judgement.holds else {}
        yield dg.AssetCheckResult(
            check_name=name, passed=judgement.holds, description=f"{key}: {judgement.says}", metadata=metadata
        )


def raise_if_broken(key: str, judgements: Mapping[str, Judgement], error: type[MigrationError]) -> None:
    """Stop what follows, with every sentence that a person needs."""
    broken = [f"{key}: {one.says}. {one.next}" for one in judgements.values() if not one.holds]
    if broken:
        raise error("\n".join(broken))
