"""Jobs: `migrate` walks the whole graph; `verify` only reads back; `roll_back` undoes."""

from typing import Any

import dagster as dg
from pydantic import Field

from migration_pipelines import stages
from migration_pipelines.errors import InvalidInput, ProofFailed
from migration_pipelines.orchestration.checks import log_checks, raise_if_broken
from migration_pipelines.orchestration.resources import Partitions, as_failure, reporter

VERIFY = "Reads back everything that was loaded, and reports every check anew. Writes nothing to the target."
ROLL_BACK = "Undoes what this project did in the target, last first, and leaves alone what people changed since."


class RollBackConfig(dg.Config):
    partition: str = Field(
        "", description="The partition's key once more, so that nobody rolls back by a slip of the hand."
    )
    force: bool = Field(False, description="Also undo records that somebody has changed since.")


@dg.op(description=VERIFY)
def read_back(context: dg.OpExecutionContext, partitions: Partitions) -> None:
    with as_failure():
        partition = partitions.open(_partition_key(context))
        figures = stages.verify(partition, reporter(context))
        report = stages.write_report(partition)
        judged = {name: stages.judge_object(name, one) for name, one in figures.items()}
        for name, judgements in judged.items():
            log_checks(context, name, partition.key, judgements, report)
        broken = {
            f"{name} {claim}": one
            for name, judgements in judged.items()
            for claim, one in judgements.items()
            if not one.holds
        }
        raise_if_broken("verify", partition.key, broken, ProofFailed)


@dg.op(description=ROLL_BACK)
def undo_everything(context: dg.OpExecutionContext, config: RollBackConfig, partitions: Partitions) -> None:
    with as_failure():
        if config.partition != _partition_key(context):
            raise InvalidInput(
                f"To roll back {context.partition_key}, repeat its key in the config: partition: {context.partition_key}"
            )
        partition = partitions.open(_partition_key(context))
        done = stages.roll_back(partition, force=config.force, report=reporter(context))
        report = dg.MetadataValue.path(stages.write_report(partition))
    left = [f"{route} {source_id}: {why}" for route, rows in done.left.items() for source_id, why in rows]
    listed = str(done.admin_list) if done.admin_list else "nothing"
    context.add_output_metadata(
        {"undone": done.undone, "left alone": left, "still in the target": listed, "report": report}
    )


def _partition_key(context: dg.OpExecutionContext) -> str:
    if not context.has_partition_key:
        raise InvalidInput("Choose a partition: one migration project in one environment.")
    return context.partition_key


def build_jobs(partitions_def: dg.StaticPartitionsDefinition) -> list[Any]:
    @dg.job(name="verify", description=VERIFY, partitions_def=partitions_def, executor_def=dg.in_process_executor)
    def verify() -> None:
        read_back()

    @dg.job(name="roll_back", description=ROLL_BACK, partitions_def=partitions_def, executor_def=dg.in_process_executor)
    def roll_back() -> None:
        undo_everything()

    migrate = dg.define_asset_job(
        "migrate", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor,
        description="Discover, extract, plan, and load what is approved.",
    )  # fmt: skip
    return [migrate, verify, roll_back]
