"""Kills: of the run worker, PostgreSQL and the target, at random moments, one or two at once; two runs at once; a sleep.

Whatever dies, the next run ends as the undisturbed one did: nothing twice, nothing missing, no run or lock left over.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import text

from chaos.arena import Arena, Run, Twin, free_dead_runs, start_run, state_of, until
from chaos.case import Cases, Name
from migration_pipelines_tests.office import office_source
from migration_pipelines_tests.world import World, end_state

COUNTS = {
    "kill the run worker": 200,
    "kill PostgreSQL": 20,
    "kill the target": 20,
    "kill worker and PostgreSQL": 10,
    "kill worker and target": 10,
    "kill PostgreSQL and target": 10,
    "two runs at once": 10,
    "sleep in mid-run": 10,
}
ATTEMPTS = 3
"""How often a run may be launched again: what answers no more fails it, and what is started anew answers."""


@dataclass(frozen=True)
class Undisturbed:
    """What a run comes to that nobody disturbs, and how many requests it sends to the target."""

    state: dict[str, Any]
    requests: int


def undisturbed(arena: Arena) -> Undisturbed:
    with arena.world() as (world, _):
        assert start_run(world).wait() is dg.DagsterRunStatus.SUCCESS, "the undisturbed run failed"
        return Undisturbed(end_state(world.snapshot()), len(world.requests()))


@contextmanager
def open_cases(seed: int, every: int = 1) -> Iterator[Cases]:
    """Every case; of each kind one in `every`, and at least one."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, office_source(Path(name)) as url:
        arena = Arena(Path(name) / "home", url)
        try:
            yield _cases(arena, seed, every)
        finally:
            arena.server.erase()


def _cases(arena: Arena, seed: int, every: int) -> Cases:
    calm = undisturbed(arena)
    cases: dict[Name, Callable[[], None]] = {}
    for kind, blows in BLOWS.items():
        for number in range(0, COUNTS[kind], every):
            rng = random.Random(f"{seed} {kind} {number}")
            after = 0 if kind == "two runs at once" else rng.randint(0, calm.requests)
            cases[kind, number] = partial(_strike, arena, calm, blows, after, rng.uniform(0, 0.05))
    return cases


def _strike(
    arena: Arena, calm: Undisturbed, blows: Sequence[Callable[[_Stricken], None]], after: int, pause: float
) -> None:
    with arena.world() as (world, twin):
        run = start_run(world)
        until(lambda: run.process.poll() is not None or _requests(world) >= after)
        time.sleep(pause)
        stricken = _Stricken(arena, world, twin, run)
        for blow in blows:
            blow(stricken)
        run.process.wait()
        stricken.recover()
        free_dead_runs()
        assert state_of(run.id).value in ("SUCCESS", "FAILURE"), f"the run is stuck: {state_of(run.id).value}"
        _finish(world)
        assert end_state(world.snapshot()) == calm.state, "the account is not as it must be"
        broken = world.broken_claims()
        assert broken == {}, f"claims that do not hold: {broken}"
        _require_nothing_left(world)


def _finish(world: World) -> None:
    for _ in range(ATTEMPTS):
        if start_run(world).wait() is dg.DagsterRunStatus.SUCCESS:
            return
    raise AssertionError(f"the run did not succeed in {ATTEMPTS} further attempts")


def _requests(world: World) -> int:
    return int(world.kommo.get("statistics").json()["requests"])


def _require_nothing_left(world: World) -> None:
    before = _requests(world)
    time.sleep(0.3)
    assert _requests(world) == before, "somebody is still writing"
    with world.ledger.engine.connect() as connection:
        locks = connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
        )
        open_batches = connection.scalar(text("SELECT count(*) FROM ledger.batch WHERE state = 'prepared'"))
    assert locks == 0, "a lock is left over"
    assert open_batches == 0, "a batch without an outcome is left over"


@dataclass
class _Stricken:
    """A world in mid-run, and what can be done to it."""

    arena: Arena
    world: World
    twin: Twin
    run: Run

    def kill_worker(self) -> None:
        self.run.kill()

    def kill_database(self) -> None:
        with self.world.ledger.engine.connect() as connection:
            backend = connection.scalar(text("SELECT pg_backend_pid()"))
        status = Path(f"/proc/{backend}/stat").read_text("ascii")
        os.kill(int(status.rpartition(")")[2].split()[1]), signal.SIGKILL)  # the server is every backend's parent

    def kill_target(self) -> None:
        self.twin.kill()

    def second_run(self) -> None:
        """Only one may write; the other is refused, or finds nothing to do."""
        start_run(self.world).wait()

    def sleep(self) -> None:
        """The lid is closed: nothing runs, every connection is gone when it opens."""
        self.run.process.send_signal(signal.SIGSTOP)
        self.twin.kill()
        with self.world.ledger.engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        self.twin.start()
        time.sleep(1)
        self.run.process.send_signal(signal.SIGCONT)

    def recover(self) -> None:
        """Start again what is dead, as a person or a supervisor would."""
        if self.twin.process and self.twin.process.poll() is not None:
            self.twin.start()
        self.arena.start_database()
        self.world.ledger.engine.dispose()


BLOWS: dict[str, Sequence[Callable[[_Stricken], None]]] = {
    "kill the run worker": [_Stricken.kill_worker],
    "kill PostgreSQL": [_Stricken.kill_database],
    "kill the target": [_Stricken.kill_target],
    "kill worker and PostgreSQL": [_Stricken.kill_worker, _Stricken.kill_database],
    "kill worker and target": [_Stricken.kill_target, _Stricken.kill_worker],
    "kill PostgreSQL and target": [_Stricken.kill_target, _Stricken.kill_database],
    "two runs at once": [_Stricken.second_run],
    "sleep in mid-run": [_Stricken.sleep],
}
