"""Exactly once: whichever answer is lost, and wherever the run is killed, the account ends the same.

These are a few of the cases of `python -m chaos`, which has all of them, and the command line's own.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.checkpoints import Checkpoints, Seen
from chaos.faults import KINDS, SIDES, Calm, cases_of, undisturbed
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines_tests.office import office_source
from migration_pipelines_tests.world import World

PARTS = 6
EVERY = 53
"""Of each kind of fault one request in so many is disturbed here."""
KILLS = 3
SEED = 20261122


@pytest.fixture(scope="module")
def checkpoints(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkpoints]:
    folder = tmp_path_factory.mktemp("chaos")
    with office_source(folder) as url, Checkpoints.open(server, url, folder / f"faults_{os.getpid()}") as checkpoints:
        yield checkpoints


@pytest.fixture(scope="module")
def course(checkpoints: Checkpoints) -> list[Calm]:
    return undisturbed(checkpoints)


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_request_goes_wrong_in_whatever_way_the_account_ends_the_same(
    checkpoints: Checkpoints, course: list[Calm], part: int
) -> None:
    """Kommo has no idempotency key: a request whose answer is lost is asked about, never sent again blindly. A failed read
    is never an empty read."""
    cases = cases_of(checkpoints, course, EVERY)
    assert {kind for kind, _ in cases} == {f"{side}: {kind}" for side in SIDES for kind in KINDS}

    for name in list(cases)[part::PARTS]:
        try:
            cases[name]()
        except Exception as error:
            raise AssertionError(f"again: python -m chaos faults --only {name[0]!r} --case {name[1]}") from error


def test_what_a_step_leaves_undone_is_seen(checkpoints: Checkpoints, course: list[Calm]) -> None:
    """A comparison that cannot fail would prove nothing."""
    for calm in course:
        with checkpoints.world(calm.before) as world:
            assert calm.after.difference(Seen.of(world)), calm.step.name


@pytest.mark.parametrize("case", range(KILLS))
def test_a_run_killed_at_a_random_moment_is_finished_by_the_next(
    checkpoints: Checkpoints, course: list[Calm], case: int
) -> None:
    """kill -9 of the real command, then the same command again."""
    rng = random.Random(SEED + case)
    planned = next(place for place, calm in enumerate(course) if calm.step.name == "archive")
    requests = sum(calm.requests["target"] for calm in course[planned:])
    with checkpoints.world(course[planned].before) as world:
        world.forget_requests()
        after, pause = rng.randint(1, requests), rng.uniform(0, 0.02)
        run = _start_apply(world)
        while run.poll() is None and len(world.requests()) < after:
            time.sleep(0.002)
        time.sleep(pause)
        run.kill()
        run.communicate()

        again = _start_apply(world)
        said, complained = again.communicate(timeout=120)

        moment = f"seed {SEED + case}: killed {pause:.3f} s after request {after} of {requests}"
        assert again.returncode == 0, f"{moment}\n{said}\n{complained}"
        assert Seen.of(world).account == course[-1].after.account, moment
        assert world.broken_claims() == {}, moment


def _start_apply(world: World) -> subprocess.Popen[str]:
    environ = os.environ | world.environ | {
        "MIGRATION_DATABASE_URL": world.ledger.engine.url.render_as_string(hide_password=False),
        "MIGRATION_HOME": str(world.settings.home),
        "MIGRATION_PROJECTS": str(world.projects),
        "MIGRATION_FILES": world.settings.files_url,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "migration_pipelines.cli", "apply", world.key],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
