"""Exactly once: whichever answer is lost, and wherever the run is killed, the account ends the same.

These are a few of the cases of `python -m chaos`, which has all of them, and the command line's own.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest

from chaos.faults import KINDS, Places, Undisturbed, cases_of, undisturbed
from migration_pipelines.ledger.store import Ledger
from migration_pipelines_tests.world import World, end_state

PARTS = 6
EVERY = 90
"""Of each kind of fault one request in so many is disturbed here."""
KILLS = 3
SEED = 20261122


@pytest.fixture(scope="module")
def places(ledger: Ledger, small_source: str, tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(ledger, small_source, tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def calm(places: Places) -> Undisturbed:
    return undisturbed(places)


@pytest.mark.parametrize("part", range(PARTS))
def test_whichever_request_goes_wrong_in_whatever_way_the_account_ends_the_same(
    places: Places, calm: Undisturbed, part: int
) -> None:
    """Kommo has no idempotency key: a request whose answer is lost is asked about, never sent again blindly. A failed read
    is never an empty read."""
    cases = cases_of(places, calm, EVERY)
    assert {kind for kind, _ in cases} == {f"{side}: {kind}" for side in ("source", "target") for kind in KINDS}

    for name in list(cases)[part::PARTS]:
        try:
            cases[name]()
        except Exception as error:
            raise AssertionError(f"again: python -m chaos faults --only {name[0]!r} --case {name[1]}") from error


@pytest.mark.parametrize("case", range(KILLS))
def test_a_run_killed_at_a_random_moment_is_finished_by_the_next(
    places: Places, calm: Undisturbed, database_url: str, case: int
) -> None:
    """kill -9 of the real command, then the same command again."""
    rng = random.Random(SEED + case)
    with places.world() as world:
        world.prepare()
        world.forget_requests()
        after, pause = rng.randint(1, calm.to_apply), rng.uniform(0, 0.02)
        run = _start_apply(world, database_url)
        while run.poll() is None and len(world.requests()) < after:
            time.sleep(0.002)
        time.sleep(pause)
        run.kill()
        run.communicate()

        again = _start_apply(world, database_url)
        said, complained = again.communicate(timeout=120)

        moment = f"seed {SEED + case}: killed {pause:.3f} s after request {after} of {calm.to_apply}"
        assert again.returncode == 0, f"{moment}\n{said}\n{complained}"
        assert end_state(world.snapshot()) == calm.state, moment
        assert world.broken_claims() == {}, moment


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
