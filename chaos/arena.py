"""Where a case plays: a home with an embedded PostgreSQL of its own, twins that can be killed, runs by the real run worker."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import httpx
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._grpc.types import ExecuteRunArgs
from dagster_shared.serdes import serialize_value

from chaos.checkpoints import NOON
from migration_pipelines import stages
from migration_pipelines.launcher import prepare_environment
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.orchestration import sensors
from migration_pipelines.orchestration.resources import Partitions
from migration_pipelines_tests.office import write_office_account, write_office_project
from migration_pipelines_tests.world import TOKEN, World

DEFINITIONS = "migration_pipelines.definitions"


@dataclass
class Twin:
    """A Kommo twin as a process: it may be killed, and comes back on the same port with the data that it had."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            sys.executable, "-m", "migration_pipelines.twins", "kommo", "--port", str(self.port), "--token", TOKEN,
            "--seed", str(self.folder / "kommo.json"), "--data", str(self.folder / "kommo.sqlite"),
            "--switch", "requests_per_second=0",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().rpartition(":")[2])
        httpx.post(f"{self.url}/__twin__/clock", json={"set": NOON}).raise_for_status()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Arena:
    """One PostgreSQL, one Salesforce twin, and a world for each case.

    Args:
        home: an empty folder.
        source_url: of a Salesforce twin that holds the office.
    """

    home: Path
    source_url: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.server = EmbeddedServer(self.home)
        os.environ["MIGRATION_HOME"] = str(self.home)
        os.environ["MIGRATION_PROJECTS"] = str(self.home / "projects")
        for name in ("MIGRATION_FILES", "DAGSTER_HOME"):
            os.environ.pop(name, None)
        self.start_database()

    def start_database(self) -> None:
        """Start the embedded server unless it runs, as every command does."""
        os.environ.pop("MIGRATION_DATABASE_URL", None)
        prepare_environment(os.environ)

    @contextmanager
    def world(self) -> Iterator[tuple[World, Twin]]:
        """A world of its own, planned and approved, with nothing loaded."""
        folder = self.home / f"case{next(self._numbers)}"
        folder.mkdir()
        twin = Twin(folder)
        write_office_account(folder / "kommo.json")
        projects = write_office_project(folder / "projects")
        ledger = Ledger(os.environ["MIGRATION_DATABASE_URL"])
        try:
            twin.start()
            with httpx.Client(base_url=f"{twin.url}/__twin__/", timeout=30) as client:
                world = World.between(ledger, self.source_url, twin.url, client, projects, folder)
                world.prepare()
                with world.partition() as partition:
                    stages.approve_plan(partition, who="chaos")
                world.forget_requests()
                yield world, twin
        finally:
            twin.kill()
            ledger.close()


@dataclass
class Run:
    """A run of the job `migrate` by Dagster's own run worker, in a process of its own."""

    world: World
    id: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self) -> dg.DagsterRunStatus:
        self.process.wait()
        return state_of(self.id)


def start_run(world: World) -> Run:
    """Launch `migrate` for a world's partition."""
    environ = environment_of(world)
    with _as(environ):
        from migration_pipelines.definitions import build_definitions

        job = build_definitions().resolve_job_def("migrate")
        origin = (
            ReconstructableRepository.for_module(DEFINITIONS, "defs", working_directory=str(Path.cwd()))
            .get_reconstructable_job("migrate")
            .get_python_origin()
        )
        with dg.DagsterInstance.get() as instance:
            run = instance.create_run_for_job(job, tags={"dagster/partition": world.key}, job_code_origin=origin)
            arguments = serialize_value(ExecuteRunArgs(origin, run.run_id, instance.get_ref()))
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "api", "execute_run", arguments],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return Run(world, run.run_id, process)


def environment_of(world: World) -> dict[str, str]:
    return os.environ | world.environ | {
        "MIGRATION_HOME": str(world.settings.home), "MIGRATION_PROJECTS": str(world.projects),
        "MIGRATION_FILES": world.settings.files_url,
    }  # fmt: skip


@contextmanager
def _as(environ: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def state_of(run_id: str) -> dg.DagsterRunStatus:
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
    assert run
    return run.status


def free_dead_runs() -> None:
    """One evaluation of the sensor, without its grace."""
    from migration_pipelines.definitions import build_definitions

    sensors.GRACE_SECONDS = 0
    sensor = build_definitions().resolve_sensor_def("free_dead_runs")
    with (
        dg.DagsterInstance.get() as instance,
        dg.build_sensor_context(instance=instance, resources={"partitions": Partitions()}) as context,
    ):
        sensor.evaluate_tick(context)


def until(holds: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("it never came to that")
        time.sleep(0.005)
