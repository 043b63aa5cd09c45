"""Jobs: `migrate` walks the whole graph; `verify` only reads back; `roll_back` undoes."""

from typing import Any

import dagster as dg

from migration_pipelines import stages
from migration_pipelines.errors import InvalidInput, ProofFailed
from migration_pipelines.orchestration.checks import raise_if_broken
from migration_pipelines.orchestration.resources import Partitions, as_failure, reporter


class RollBackConfig(dg.Config):
    """`partition` repeats the partition's key, so that nobody rolls back by a slip of the hand."""

    partition: str = ""
    force: bool = False


@dg.op(description="Reads back everything that was loaded, and reports every check anew. Writes nothing to the target.")
def read_back(context: dg.OpExecutionContext, partitions: Partitions) -> None:
    with as_failure():
        partition = partitions.open(context.partition_key)
        figures = stages.verify(partition, reporter(context))
        judged = {name: stages.judge_object(name, one) for name, one in figures.items()}
        for name, judgements in judged.items():
            for claim, one in judgements.items():
                context.instance.report_runless_asset_event(
                    dg.AssetCheckEvaluation(
                        asset_key=dg.AssetKey(name), check_name=claim, passed=one.holds, blocking=True,
                        description=f"{partition.key}: {one.says}", partition=partition.key,
                        metadata={"next": dg.MetadataValue.text(one.next)} if one.next and not one.holds else {},
                    )
                )  # fmt: skip
        flat = {f"{name} {claim}": one for name, judgements in judged.items() for claim, one in judgements.items()}
        raise_if_broken(partition.key, flat, ProofFailed)


@dg.op(
    description="Undoes what this project did in the target, last first, and leaves alone what people changed since."
)
def undo_everything(context: dg.OpExecutionContext, config: RollBackConfig, partitions: Partitions) -> None:
    with as_failure():
        if config.partition != context.partition_key:
            raise InvalidInput(
                f"To roll back {context.partition_key}, repeat its key in the config: partition: {context.partition_key}"
            )
        done = stages.roll_back(partitions.open(context.partition_key), force=config.force, report=reporter(context))
    left = [f"{route} {source_id}: {why}" for route, rows in done.left.items() for source_id, why in rows]
    context.add_output_metadata({"undone": done.undone, "left alone": left})


def build_jobs(partitions_def: dg.StaticPartitionsDefinition) -> list[Any]:
    @dg.job(name="verify", partitions_def=partitions_def, executor_def=dg.in_process_executor)
    def verify() -> None:
        read_back()

    @dg.job(name="roll_back", partitions_def=partitions_def, executor_def=dg.in_process_executor)
    def roll_back() -> None:
        undo_everything()

    migrate = dg.define_asset_job(
        "migrate", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor,
        description="Discover, extract, plan, and load what is approved.",
    )  # fmt: skip
    return [migrate, verify, roll_back]
