"""Sensors: `free_dead_runs` ends in Dagster what has ended in truth."""

from __future__ import annotations

import time
from collections.abc import Collection

import dagster as dg

from migration_pipelines.orchestration.resources import Partitions

GRACE_SECONDS = 180
DEAD = (
    "The process of this run is dead: its sign of life in the ledger's database is gone. Nothing is lost. Launch the run "
    "again, and it continues where this one ended."
)


def build_sensors(job_names: Collection[str]) -> list[dg.SensorDefinition]:
    @dg.sensor(
        minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends runs whose process was killed: Dagster itself shows them as started for ever, and starts no other "
        "run of their partition.",
    )  # fmt: skip
    def free_dead_runs(context: dg.SensorEvaluationContext, partitions: Partitions) -> dg.SkipReason:
        looked_for = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
        freed = []
        for record in context.instance.get_run_records(looked_for):
            run = record.dagster_run
            is_young = time.time() - (record.start_time or time.time()) < GRACE_SECONDS
            if run.job_name not in job_names or is_young or partitions.shows_life(run.run_id):
                continue
            if run.status is dg.DagsterRunStatus.CANCELING:
                context.instance.report_run_canceled(run, DEAD)
            else:
                context.instance.report_run_failed(run, DEAD)
            freed.append(run.run_id)
        return dg.SkipReason(f"Freed: {', '.join(freed)}" if freed else "Every started run shows a sign of life.")

    return [free_dead_runs]
