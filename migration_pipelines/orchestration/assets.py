"""Assets: one a CRM object, and those that surround them. The table `CRM_OBJECTS` is the graph."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg

from migration_pipelines import stages
from migration_pipelines.core.claims import PLAN_CLAIMS, claims_of
from migration_pipelines.core.crm_objects import ARCHIVE, CRM_OBJECTS, CrmObject
from migration_pipelines.errors import GateClosed, MigrationError, ProofFailed
from migration_pipelines.orchestration.checks import check_results, check_specs, log_checks, raise_if_broken
from migration_pipelines.orchestration.resources import Partitions, as_failure, reporter
from migration_pipelines.reports.text import discovery_text

ARCHIVED = "archived"
"""The source asset of all objects that are only archived, since those differ from org to org."""

Results = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def build_assets(
    partitions_def: dg.StaticPartitionsDefinition, source_objects: Sequence[str]
) -> list[dg.AssetsDefinition]:
    """The whole graph, parents first.

    Args:
        source_objects: the source objects that any project maps; a partition that does not map one has zero rows of it.
    """
    chain = [archive_asset(partitions_def), provision_asset(partitions_def)]
    for before, crm_object in zip(("provision", *(one.name for one in CRM_OBJECTS)), CRM_OBJECTS, strict=False):
        chain.append(object_asset(crm_object, before, partitions_def))
    return [
        discovery_asset(partitions_def),
        source_assets(partitions_def, source_objects),
        plan_asset(partitions_def, source_objects),
        *chain,
    ]


def discovery_asset(partitions_def: dg.StaticPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(name="discovery", partitions_def=partitions_def, group_name="source",
              description="What both orgs are: objects, fields, users, automations, and what is hidden from us.")  # fmt: skip
    def discovery(context: dg.AssetExecutionContext, partitions: Partitions) -> dg.MaterializeResult[Any]:
        with as_failure():
            found = stages.discover(partitions.open(context.partition_key))
        return dg.MaterializeResult(
            metadata={
                "source": found.source.identity,
                "target": found.target.identity,
                "source objects with records": len(found.source.objects),
                "hidden from us": len(found.source.gaps),
                "report": dg.MetadataValue.md(f"```\n{discovery_text(found.source, found.target)}\n```"),
            }
        )

    return discovery


def source_assets(partitions_def: dg.StaticPartitionsDefinition, source_objects: Sequence[str]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="source", partitions_def=partitions_def, group_name="source", can_subset=True,
        specs=[
            dg.AssetSpec(["source", name], deps=["discovery"], skippable=True, group_name="source",
                         description=f"Every {name} of the source, as it was extracted.")
            for name in source_objects
        ] + [
            dg.AssetSpec(["source", ARCHIVED], deps=["discovery"], skippable=True, group_name="source",
                         description="Every record of the objects that are only archived, as they were extracted.")
        ],
    )  # fmt: skip
    def source(context: dg.AssetExecutionContext, partitions: Partitions) -> Results:
        selected = {key.path[-1] for key in context.selected_asset_keys}
        yielded = set()
        with as_failure():
            partition = partitions.open(context.partition_key)
            mapped = partition.source_objects
            for name in sorted(selected, key=lambda one: mapped.index(one) if one in mapped else len(mapped)):
                read = [one for one in partition.extracted_objects if (one if one in mapped else ARCHIVED) == name]
                rows = sum(stages.extract(partition, one, reporter(context)).records for one in read)
                yielded.add(name)
                yield dg.MaterializeResult(asset_key=["source", name], metadata={"dagster/row_count": rows})
        if yielded != selected:  # Dagster would call the run a success, and skip the plan without a word
            raise dg.Failure(f"not extracted: {', '.join(sorted(selected - yielded))}", allow_retries=False)

    return source


def plan_asset(partitions_def: dg.StaticPartitionsDefinition, source_objects: Sequence[str]) -> dg.AssetsDefinition:
    @dg.asset(name="plan", partitions_def=partitions_def, group_name="plan",
              deps=["discovery", *(dg.AssetKey(["source", name]) for name in (*source_objects, ARCHIVED))],
              check_specs=check_specs("plan", PLAN_CLAIMS, partitions_def),
              description="What will become of every record, worked out before the first one is sent.")  # fmt: skip
    def plan(context: dg.AssetExecutionContext, partitions: Partitions) -> Results:
        with as_failure():
            partition = partitions.open(context.partition_key)
            try:
                summary = stages.plan(partition, reporter(context))
                yield dg.MaterializeResult(
                    metadata={
                        "fingerprint": summary["fingerprint"],
                        "requests": summary["cost"]["requests"],
                        "minutes": summary["cost"]["minutes"],
                        "routes": _table(summary["routes"]),
                    }
                )
            finally:
                judgements = stages.judge_plan(partition)
                yield from check_results("plan", partition.key, judgements)
            raise_if_broken("plan", partition.key, judgements, GateClosed)

    return plan


def archive_asset(partitions_def: dg.StaticPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(name=ARCHIVE, partitions_def=partitions_def, group_name="plan", deps=["plan"],
              check_specs=check_specs(ARCHIVE, claims_of(ARCHIVE), partitions_def),
              description="Records that are kept outside the target, a file or a table for each source object.")  # fmt: skip
    def archive(context: dg.AssetExecutionContext, partitions: Partitions) -> Results:
        with as_failure():
            partition = partitions.open(context.partition_key)
            try:
                figures = stages.archive(partition, reporter(context))
            except GateClosed as closed:
                yield from check_results(ARCHIVE, partition.key, stages.standing(partition, ARCHIVE, str(closed)))
                raise
            judgements = stages.judge_object(ARCHIVE, figures)
            results = check_results(ARCHIVE, partition.key, judgements)
            if any(not one.holds for one in judgements.values()):
                yield from results
                raise_if_broken(ARCHIVE, partition.key, judgements, ProofFailed)
            rows = sum(one["records"] for one in figures["archives"].values())
            places = {name: dg.MetadataValue.path(one["place"]) for name, one in figures["archives"].items()}
            yield dg.MaterializeResult(metadata={"dagster/row_count": rows, **places}, check_results=results)

    return archive


def provision_asset(partitions_def: dg.StaticPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(name="provision", partitions_def=partitions_def, group_name="target", deps=[ARCHIVE],
              description="Fields and pipelines that the plan previewed, made in the target.")  # fmt: skip
    def provision(context: dg.AssetExecutionContext, partitions: Partitions) -> dg.MaterializeResult[Any]:
        with as_failure():
            partition = partitions.open(context.partition_key)
            made = stages.provision(partition)
            # A person's confirmation comes after the plan was made: its checks are judged anew, now that it runs.
            log_checks(context, "plan", partition.key, stages.judge_plan(partition))
        return dg.MaterializeResult(metadata={"made": len(made), "what": made})

    return provision


def object_asset(
    crm_object: CrmObject, before: str, partitions_def: dg.StaticPartitionsDefinition
) -> dg.AssetsDefinition:
    """Materialised: the target holds this project's records as planned, and that was read back."""

    @dg.asset(name=crm_object.name, partitions_def=partitions_def, group_name="target", deps=[before],
              check_specs=check_specs(crm_object.name, claims_of(crm_object.name), partitions_def),
              description=crm_object.says)  # fmt: skip
    def bring_over(context: dg.AssetExecutionContext, partitions: Partitions) -> Results:
        name = crm_object.name
        with as_failure():
            partition = partitions.open(context.partition_key)
            try:
                figures = stages.load(partition, name, reporter(context))
            except MigrationError as ended:
                if isinstance(ended, GateClosed):
                    yield from check_results(name, partition.key, stages.standing(partition, name, str(ended)))
                with suppress(Exception):  # there may be nothing to report yet; the first error is the one to tell
                    stages.write_report(partition)
                raise
            judgements = stages.judge_object(name, figures)
            is_sound = all(one.holds for one in judgements.values())
            report = stages.report_path(partition)
            if not is_sound or _is_last(context):  # the whole report takes seconds, and tells of all objects at once
                stages.write_report(partition)
            results = check_results(name, partition.key, judgements, report)
            if not is_sound:
                yield from results
                raise_if_broken(name, partition.key, judgements, ProofFailed)
            metadata = _metadata(figures) | {"report": dg.MetadataValue.path(report)}
            yield dg.MaterializeResult(metadata=metadata, check_results=results)

    return bring_over


def _is_last(context: dg.AssetExecutionContext) -> bool:
    """Whether this run brings over no object after this one."""
    here = {key.path[-1] for key in context.job_def.asset_layer.executable_asset_keys}
    last: str = [one.name for one in CRM_OBJECTS if one.name in here][-1]
    return bool(context.asset_key.path[-1] == last)


def _metadata(figures: Any) -> dict[str, Any]:
    rows = [
        {"route": route, "outcome": outcome, "rows": n}
        for route, one in figures["routes"].items()
        for outcome, n in one["outcomes"].items()
    ]
    records: Any = next(
        iter(figures["routes"].values()), {"outcomes": {}}
    )  # the first route makes the records themselves
    return {"dagster/row_count": records["outcomes"].get("loaded", 0), **({"outcomes": _table(rows)} if rows else {})}


def _table(rows: Sequence[dict[str, Any]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows])


def _cell(value: Any) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
