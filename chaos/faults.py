"""Faults: every HTTP request of a whole migration goes wrong in every way, one at a time, the stages in this process.

Whatever goes wrong, running on or running again ends as the undisturbed run did.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from chaos.arena import source_twin
from chaos.case import Cases, Name
from migration_pipelines.connectors import http
from migration_pipelines.errors import MigrationError
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines_tests.world import World, end_state, write_project

KINDS = ("cut_before", "cut_after", "500", "503", "504_after_apply", "429", "slow", "truncated", "expired_token")
CLIENT_TIMEOUT, SLOW, QUIET = 0.4, 0.8, 1.5
"""Seconds: what we wait for an answer, how late one comes, and the pause before we ask what became of the request."""
ATTEMPTS = 3
"""How often a person may run the same command again: only faults that outlast our own attempts end a run."""


@dataclass
class Places:
    """Where each case's world gets its folder.

    Args:
        source_url: of a Salesforce twin that holds the small firm, and that nobody else disturbs.
    """

    ledger: Ledger
    source_url: str
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def world(self) -> Iterator[World]:
        folder = self.folder / f"fault{next(self._numbers)}"
        folder.mkdir(parents=True)
        with World.open(self.ledger, self.source_url, write_project(folder / "projects"), folder) as world:
            yield world

    @contextmanager
    def source(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=f"{self.source_url}/__twin__/") as client:
            yield client
            client.delete("faults")


@dataclass(frozen=True)
class Undisturbed:
    """How the account ends that nobody disturbs, and how many requests go to the source, and to the target until the plan
    stands and afterwards."""

    state: dict[str, Any]
    to_source: int
    to_plan: int
    to_apply: int


def undisturbed(places: Places) -> Undisturbed:
    with places.source() as source, places.world() as world:
        source.post("statistics/reset")
        world.prepare()
        to_plan = len(world.requests())
        world.apply()
        asked = int(source.get("statistics").json()["requests"])
        return Undisturbed(end_state(world.snapshot()), asked, to_plan, len(world.requests()) - to_plan)


@contextmanager
def open_cases(seed: int, every: int = 1) -> Iterator[Cases]:
    """The faults, in a place of their own."""
    del seed  # nothing here is random
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, source_twin(Path(name)) as url:
        server = EmbeddedServer(Path(name) / "home")
        try:
            ledger = Ledger(server.start())
            places = Places(ledger, url, Path(name))
            yield cases_of(places, undisturbed(places), every)
            ledger.close()
        finally:
            server.erase()


def cases_of(places: Places, calm: Undisturbed, every: int) -> Cases:
    """Of each kind, on each side, one request in `every`, and at least one; the kinds take turns."""
    cases: dict[Name, Callable[[], None]] = {}
    for side, requests in (("source", calm.to_source), ("target", calm.to_plan + calm.to_apply)):
        for place, kind in enumerate(KINDS):
            for ordinal in range(1 + place * min(every, requests) // len(KINDS), requests + 1, every):
                cases[f"{side}: {kind}", ordinal] = partial(_disturb, places, calm, side, kind, ordinal)
    return cases


def _disturb(places: Places, calm: Undisturbed, side: str, kind: str, ordinal: int) -> None:
    fault = {"kind": kind, "ordinal": ordinal, "seconds": SLOW}
    with places.source() as source, places.world() as world, _impatient(world, kind):
        (source if side == "source" else world.kommo).post("faults", json=fault)
        for attempt in range(ATTEMPTS):
            try:
                world.prepare()
                world.apply()
                break
            except MigrationError:
                if attempt == ATTEMPTS - 1:
                    raise
        assert end_state(world.snapshot()) == calm.state, "the account is not as it must be"
        assert world.broken_claims() == {}


@contextmanager
def _impatient(world: World, kind: str) -> Iterator[None]:
    """A late answer must come after our patience ends, and before we ask what became of the request."""
    if kind != "slow":
        yield
        return
    project = world.folder / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("quiet_seconds: 0.05", f"quiet_seconds: {QUIET}"), "utf-8")
    before, http.TIMEOUT = http.TIMEOUT, httpx.Timeout(CLIENT_TIMEOUT)
    try:
        yield
    finally:
        http.TIMEOUT = before
