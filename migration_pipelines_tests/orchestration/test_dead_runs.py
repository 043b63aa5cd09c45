"""Runs whose process was killed: Dagster would show them as started for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import dagster as dg
import pytest

from migration_pipelines import stages
from migration_pipelines.definitions import build_definitions
from migration_pipelines.ledger.life_sign import shows_life
from migration_pipelines.orchestration import sensors
from migration_pipelines.orchestration.resources import Partitions
from migration_pipelines.orchestration.run import run_job
from migration_pipelines_tests.world import World

RUN = "import sys; from migration_pipelines.orchestration.run import run_job; run_job('migrate', sys.argv[1])"


def look() -> None:
    """One evaluation of the sensor, as the daemon makes it."""
    sensor = build_definitions().resolve_sensor_def("free_dead_runs")
    with (
        dg.DagsterInstance.get() as instance,
        dg.build_sensor_context(instance=instance, resources={"partitions": Partitions()}) as context,
    ):
        sensor.evaluate_tick(context)


def run_state() -> dg.DagsterRunStatus | None:
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(limit=1)
    return runs[0].status if runs else None


def newest_run_id() -> str:
    with dg.DagsterInstance.get() as instance:
        return instance.get_runs(limit=1)[0].run_id


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def test_a_run_whose_process_was_killed_is_ended_and_a_living_one_is_left_alone(
    dagster_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster_world.prepare()
    with dagster_world.partition() as partition:
        stages.approve_plan(partition, who="a test")
    monkeypatch.setattr(sensors, "GRACE_SECONDS", 0)
    dagster_world.set_fault("slow", endpoint="GET /api/v4/*", seconds=50)
    worker = subprocess.Popen([sys.executable, "-c", RUN, dagster_world.key], env=os.environ)
    try:
        until(lambda: run_state() is dg.DagsterRunStatus.STARTED)
        until(lambda: shows_life(dagster_world.ledger.engine, newest_run_id()))

        look()
        assert run_state() is dg.DagsterRunStatus.STARTED
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    assert run_state() is dg.DagsterRunStatus.STARTED  # what Dagster makes of it
    look()
    assert run_state() is dg.DagsterRunStatus.FAILURE

    run_job("migrate", dagster_world.key)
    assert run_state() is dg.DagsterRunStatus.SUCCESS
