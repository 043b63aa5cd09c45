"""Faults: every HTTP request of a whole migration goes wrong in every way, one at a time, the stages in this process.

A case begins at the checkpoint before the step that its request belongs to, and ends when that step, given again where
it failed, has come to exactly what it comes to undisturbed: then what follows is the same too. One case in some goes on
to the end of the migration all the same, so that nothing rests on that reasoning alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from chaos.case import Cases, Name
from chaos.checkpoints import DISCOVER, Checkpoint, Checkpoints, Seen, Step, steps_after_discovery
from migration_pipelines.connectors import http
from migration_pipelines.errors import MigrationError
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines_tests.office import office_source
from migration_pipelines_tests.world import World

KINDS = ("cut_before", "cut_after", "500", "503", "504_after_apply", "429", "slow", "truncated", "expired_token")
CLIENT_TIMEOUT, SLOW, QUIET = 0.4, 0.6, 0.4
"""Seconds: what we wait for an answer, how late one comes, and the pause before we ask what became of the request."""
FIRST_PAUSE = 0.01
"""Seconds before a request is sent a second time."""
ATTEMPTS = 3
"""How often a person may give the same command again: only faults that outlast our own attempts end it."""
TO_THE_END = 60
"""One case in so many goes on to the end of the migration."""
SIDES = ("source", "target")
REQUESTS_A_STEP = 16
"""A step that only reads, and that sends more requests to one side, has several of them disturbed in a case: every
eleventh, say, from the case's own on. Reads are repeated one by one and know nothing of each other."""


@dataclass(frozen=True)
class Calm:
    """A step that nobody disturbs: where it begins, what it comes to, and how many requests it sends to each side."""

    step: Step
    before: Checkpoint
    after: Seen
    requests: dict[str, int]


def undisturbed(checkpoints: Checkpoints) -> list[Calm]:
    """Every step of the migration. Raises where it does not end as it must."""
    course: list[Calm] = []
    sides = {"source": checkpoints.source, "target": checkpoints.target}
    before = checkpoints.first()
    with checkpoints.world(before) as world:
        todo = [DISCOVER]
        while todo:
            step = todo.pop(0)
            for twin in sides.values():
                twin.post("statistics/reset")
            _take(step, world)
            requests = {side: int(twin.get("statistics").json()["requests"]) for side, twin in sides.items()}
            course.append(Calm(step, before, Seen.of(world), requests))
            before = checkpoints.after(world)
            if step is DISCOVER:
                todo = steps_after_discovery(world)
        assert world.broken_claims() == {}, "the undisturbed migration does not end as it must"
    return course


@contextmanager
def open_cases(seed: int, every: int = 1) -> Iterator[Cases]:
    """The faults, in a place of their own."""
    del seed  # nothing here is random
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, office_source(Path(name)) as url:
        server = EmbeddedServer(Path(name) / "home")
        try:
            server.start()
            with Checkpoints.open(server, url, Path(name) / "faults") as checkpoints:
                yield cases_of(checkpoints, undisturbed(checkpoints), every)
        finally:
            server.erase()


def cases_of(checkpoints: Checkpoints, course: Sequence[Calm], every: int) -> Cases:
    """Of each kind, on each side, one request in `every`, and at least one; the kinds take turns."""
    cases: dict[Name, Callable[[], None]] = {}
    for side in SIDES:
        places = [(at, ordinal) for at, calm in enumerate(course) for ordinal in range(1, _apart(calm, side) + 1)]
        for turn, kind in enumerate(KINDS):
            for number in range(turn * min(every, len(places)) // len(KINDS), len(places), every):
                at, ordinal = places[number]
                ordinals = range(ordinal, course[at].requests[side] + 1, _apart(course[at], side))
                last = len(course) if number % TO_THE_END == turn else at + 1
                cases[f"{side}: {kind}", number] = partial(_disturb, checkpoints, course[at:last], side, kind, ordinals)
    return cases


def _apart(calm: Calm, side: str) -> int:
    """How far apart requests are that are disturbed in one case; past the step's last where it is one a case."""
    requests = calm.requests[side]
    return -(-requests // REQUESTS_A_STEP) if calm.step is DISCOVER and requests > REQUESTS_A_STEP else requests


def _disturb(checkpoints: Checkpoints, course: Sequence[Calm], side: str, kind: str, ordinals: Sequence[int]) -> None:
    """Disturb requests of the first step; then go on."""
    twin = checkpoints.source if side == "source" else checkpoints.target
    more = 2 if kind == "expired_token" else 1  # requests that each fault adds: the same again, and signing in anew
    faults = [{"kind": kind, "ordinal": one + more * place, "seconds": SLOW} for place, one in enumerate(ordinals)]
    with checkpoints.world(course[0].before) as world, _impatient(world, kind == "slow"):
        twin.post("faults", json=faults).raise_for_status()
        for calm in course:
            _take(calm.step, world, ATTEMPTS + len(ordinals))
            missed = [one for one in twin.get("faults").json() if one["matched"] < one["ordinal"]]
            assert not missed, f"faults that met no request: {missed}"
            difference = calm.after.difference(Seen.of(world))
            assert difference is None, f"after {calm.step.name}, {difference}"


def _take(step: Step, world: World, attempts: int = ATTEMPTS) -> None:
    """A fault may end an attempt, as a spent allowance does, so there is one more for each."""
    for attempt in range(attempts):
        try:
            with world.partition() as partition:
                step.take(partition)
            return
        except MigrationError:
            if attempt == attempts - 1:
                raise


@contextmanager
def _impatient(world: World, is_slow: bool) -> Iterator[None]:
    """Short pauses. A late answer must come after our patience ends, and before we ask what became of the request."""
    pause, http.FIRST_PAUSE_SECONDS = http.FIRST_PAUSE_SECONDS, FIRST_PAUSE
    patience = http.TIMEOUT
    if is_slow:
        project = world.folder / "project.yaml"
        text = project.read_text("utf-8").replace("quiet_seconds: 0.05", f"quiet_seconds: {QUIET}")
        project.write_text(text, "utf-8")
        http.TIMEOUT = httpx.Timeout(CLIENT_TIMEOUT)
    try:
        yield
    finally:
        http.FIRST_PAUSE_SECONDS, http.TIMEOUT = pause, patience
