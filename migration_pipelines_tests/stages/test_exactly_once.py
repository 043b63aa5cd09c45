"""Exactly once: whichever answer is lost, and wherever the run is killed, the account ends the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.ledger.store import Ledger
from migration_pipelines_tests.world import World, end_state, write_project

SLICES = 2
KILLS = 20 if os.environ.get("CHAOS") == "all" else 3
SEED = 20261122
EVERY = 12
"""Of all cases one in so many runs here, the kinds of fault taking turns; CHAOS=all runs each."""
WRITE_FAULTS = ("cut_before", "cut_after")
READ_FAULTS = ("cut_before", "cut_after", "truncated")

OpenWorld = Callable[[str], Any]


@dataclass(frozen=True)
class Undisturbed:
    """What nobody disturbs: the plan, the account at the end, and how many requests each part of the way takes."""

    plan: Any
    state: dict[str, Any]
    from_source: int
    to_prepare: int
    to_apply: int


@pytest.fixture(scope="module")
def undisturbed(ledger: Ledger, small_source: str, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    with (
        httpx.Client(base_url=f"{small_source}/__twin__/") as source,
        World.open(ledger, small_source, write_project(folder / "projects"), folder) as world,
    ):
        source.post("statistics/reset")
        world.prepare()
        plan, from_source = world.plan(), len(source.get("statistics").json()["log"])
        to_prepare = len(world.requests())
        world.forget_requests()
        world.apply()
        return Undisturbed(plan, end_state(world.snapshot()), from_source, to_prepare, len(world.requests()))


@pytest.fixture
def open_world(ledger: Ledger, small_source: str, tmp_path: Path) -> OpenWorld:
    def open_one(name: str) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        return World.open(ledger, small_source, write_project(folder / "projects"), folder)

    return open_one


@pytest.fixture
def source_twin(small_source: str) -> Any:
    with httpx.Client(base_url=f"{small_source}/__twin__/") as client:
        yield client
        client.delete("faults")


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("kind", WRITE_FAULTS)
def test_a_lost_answer_of_any_request_to_the_target_changes_nothing(
    open_world: OpenWorld, undisturbed: Undisturbed, kind: str, part: int
) -> None:
    """Kommo has no idempotency key: a request whose answer is lost is asked about, never sent again blindly."""
    requests = undisturbed.to_prepare + undisturbed.to_apply
    assert requests > 30

    for ordinal in _cases(range(1, requests + 1), WRITE_FAULTS.index(kind) / len(WRITE_FAULTS))[part::SLICES]:
        with open_world(f"cut-{ordinal}") as world:
            world.set_fault(kind, ordinal=ordinal)
            world.prepare()
            world.apply()

            assert end_state(world.snapshot()) == undisturbed.state, f"{kind} of request {ordinal}"
            assert world.broken_claims() == {}, f"{kind} of request {ordinal}"


@pytest.mark.parametrize("kind", READ_FAULTS)
def test_a_lost_answer_of_any_request_to_the_source_changes_nothing(
    open_world: OpenWorld, undisturbed: Undisturbed, source_twin: httpx.Client, kind: str
) -> None:
    """A failed read is never an empty read: the plan, which stands on every record, comes out the same."""
    assert undisturbed.from_source > 15

    # The first is the sign-in, which a person repeats.
    requests = range(2, undisturbed.from_source + 1)
    for ordinal in _cases(requests, READ_FAULTS.index(kind) / len(READ_FAULTS)):
        with open_world(f"cut-{ordinal}") as world:
            source_twin.post("faults", json={"kind": kind, "ordinal": ordinal})
            world.prepare()
            source_twin.delete("faults")

            assert world.plan() == undisturbed.plan, f"{kind} of request {ordinal}"


@pytest.mark.parametrize("case", range(KILLS))
def test_a_run_killed_at_a_random_moment_is_finished_by_the_next(
    open_world: OpenWorld, undisturbed: Undisturbed, database_url: str, case: int
) -> None:
    """kill -9 of the real command, then the same command again."""
    rng = random.Random(SEED + case)
    with open_world("killed") as world:
        world.prepare()
        world.forget_requests()
        after, pause = rng.randint(1, undisturbed.to_apply), rng.uniform(0, 0.02)
        run = _start_apply(world, database_url)
        while run.poll() is None and len(world.requests()) < after:
            time.sleep(0.002)
        time.sleep(pause)
        run.kill()
        run.communicate()

        again = _start_apply(world, database_url)
        said, complained = again.communicate(timeout=120)

        moment = f"seed {SEED + case}: killed {pause:.3f} s after request {after} of {undisturbed.to_apply}"
        assert again.returncode == 0, f"{moment}\n{said}\n{complained}"
        assert end_state(world.snapshot()) == undisturbed.state, moment
        assert world.broken_claims() == {}, moment


def _cases(requests: range, offset: float) -> list[int]:
    """The requests that meet a kind of fault, of all of them; `offset` sets the kinds apart, 0 to 1."""
    return list(requests) if os.environ.get("CHAOS") == "all" else list(requests)[int(offset * EVERY) :: EVERY]


def _start_apply(world: World, database_url: str) -> subprocess.Popen[str]:
    environ = os.environ | world.environ | {
        "MIGRATION_DATABASE_URL": database_url,
        "MIGRATION_HOME": str(world.settings.home),
        "MIGRATION_PROJECTS": str(world.projects),
        "MIGRATION_FILES": world.settings.files_url,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "migration_pipelines.cli", "apply", world.key],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
