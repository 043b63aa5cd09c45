"""A migration step by step, and checkpoints: everything that it has come to before a step, to begin there again.

A checkpoint is the ledger as a template database, the account as the Kommo twin's state, and the files on disk. A world
that is opened from one is as if the steps before it had just been taken.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines_tests.office import write_office_account, write_office_project
from migration_pipelines_tests.world import TOKEN, World, end_state

KEY = "demo-twin"
NOON = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
"""What Kommo's clock says in every case: what it stamps itself is then always the same."""


@dataclass(frozen=True)
class Step:
    """One command of a migration: it may fail, and is then given again."""

    name: str
    take: Callable[[stages.OpenPartition], object]


DISCOVER = Step("discover", stages.discover)


def steps_after_discovery(world: World) -> list[Step]:
    with world.partition() as partition:
        objects = list(partition.extracted_objects)
    return [
        *(Step(f"extract {name}", partial(_extract, name)) for name in objects),
        Step("plan", _plan),
        Step("archive", stages.archive),
        Step("provision", stages.provision),
        *(Step(f"load {name}", partial(_load, name)) for name in NAMES),
    ]


def _extract(name: str, partition: stages.OpenPartition) -> None:
    stages.extract(partition, name)


def _load(name: str, partition: stages.OpenPartition) -> None:
    stages.load(partition, name)


def _plan(partition: stages.OpenPartition) -> None:
    stages.confirm_rows(partition, who="chaos")
    stages.vouch(partition, who="chaos")
    stages.plan(partition)
    stages.approve_plan(partition, who="chaos")


@dataclass(frozen=True)
class Checkpoint:
    """What stands before a step.

    Attributes:
        database: the ledger's name on the server.
        account: what the Kommo twin gave of its state.
    """

    database: str
    folder: Path
    account: bytes


class Checkpoints:
    """Makes checkpoints, and worlds from them, one at a time.

    Args:
        source_url: of a Salesforce twin that holds the office.
        target_url: of a Kommo twin, whatever it holds. Nobody else disturbs either.
        folder: an empty one.
    """

    def __init__(self, server: EmbeddedServer, source_url: str, target_url: str, folder: Path) -> None:
        self._server = server
        self._source_url, self._target_url = source_url, target_url
        self._folder = folder
        self._names = (f"{folder.name}_{number}" for number in itertools.count(1))
        self.source = httpx.Client(base_url=f"{source_url}/__twin__/")
        self.target = httpx.Client(base_url=f"{target_url}/__twin__/")

    @classmethod
    @contextmanager
    def open(cls, server: EmbeddedServer, source_url: str, folder: Path) -> Iterator[Checkpoints]:
        """With a Kommo twin of its own."""
        folder.mkdir(parents=True)
        seed = json.loads(write_office_account(folder / "kommo.json").read_text("utf-8"))
        app = build_kommo_twin(seed=seed, switches={"requests_per_second": 0}, tokens=(TOKEN,))
        with serve_in_thread(app) as twin:
            checkpoints = cls(server, source_url, twin.url, folder)
            checkpoints.target.post("clock", json={"set": NOON})
            yield checkpoints
            checkpoints.source.close()
            checkpoints.target.close()

    def first(self) -> Checkpoint:
        """Before anything is done: both orgs, a project that is decided, an empty ledger."""
        name = next(self._names)
        write_office_project(self._folder / name / "projects")
        Ledger(self._server.create_database(name)).close()
        return Checkpoint(name, self._folder / name, self.target.get("state").content)

    def after(self, world: World) -> Checkpoint:
        """What a world has come to. Nobody may be at work in it."""
        name = next(self._names)
        world.ledger.engine.dispose()
        self._server.create_database(name, template=str(world.ledger.engine.url.database))
        shutil.copytree(world.projects.parent, self._folder / name)
        return Checkpoint(name, self._folder / name, self.target.get("state").content)

    @contextmanager
    def world(self, checkpoint: Checkpoint) -> Iterator[World]:
        """A world that stands where a checkpoint does. It is gone afterwards, with every fault."""
        name = next(self._names)
        folder = self._folder / name
        shutil.copytree(checkpoint.folder, folder)
        ledger = Ledger(self._server.create_database(name, template=checkpoint.database))
        self.target.put("state", content=checkpoint.account).raise_for_status()
        try:
            yield World.between(
                ledger, self._source_url, self._target_url, self.target, folder / "projects", folder, KEY
            )
        finally:
            for twin in (self.source, self.target):
                twin.delete("faults")
            ledger.close()
            self._server.drop_database(name)
            shutil.rmtree(folder)


@dataclass(frozen=True)
class Seen:
    """What a step has come to, without what differs from run to run: numbers, stamps, and how records went into batches.
    Two that are equal go on equally."""

    account: Mapping[str, Any]
    ledger: Mapping[str, Sequence[Any]]
    files: Mapping[str, str]

    @classmethod
    def of(cls, world: World) -> Seen:
        with world.ledger.engine.connect() as connection:
            ledger = {name: [tuple(row) for row in connection.execute(text(asked))] for name, asked in _ASKED.items()}
            sent = set(connection.scalars(text("SELECT body_digest FROM ledger.batch")))
        files = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in (Path(world.settings.files_url), world.settings.home / "archive")
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name.partition(".")[0] not in sent
        }
        return cls(end_state(world.snapshot()), ledger, files)

    def difference(self, other: Seen) -> str | None:
        """The first part in which another differs."""
        return _first(vars(self), vars(other))


def _first(mine: Any, theirs: Any) -> str | None:
    """The first part, by its path, in which two things differ."""
    if mine == theirs:
        return None
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        pairs = [(key, mine.get(key), theirs.get(key)) for key in {**mine, **theirs}]
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = [(number, *pair) for number, pair in enumerate(zip(mine, theirs, strict=True))]
    else:
        return f"not {str(mine)[:500]} but {str(theirs)[:500]}"
    key, mine, theirs = next(pair for pair in pairs if pair[1] != pair[2])
    return f"{key}: {_first(mine, theirs)}"


_ASKED = {
    "what the source gave": "SELECT o.name, source_id, parent_id, encode(content_hash, 'hex'), deleted "
    "FROM ledger.source_record JOIN ledger.source_object o ON o.id = object_id ORDER BY 1, 2",
    "what was extracted": "SELECT DISTINCT ON (o.name) o.name, source_count, extracted, finished_at IS NULL "
    "FROM ledger.extraction e JOIN ledger.source_object o ON o.id = object_id ORDER BY o.name, e.id DESC",
    "fields": "SELECT DISTINCT ON (side) side, payload ->> 'identity', payload ->> 'objects', payload ->> 'users' "
    "FROM ledger.schema_snapshot ORDER BY side, id DESC",
    "owners": "SELECT source_id, target_id, resolved_by, problem, is_needed FROM ledger.owner ORDER BY 1",
    "plan": "SELECT fingerprint FROM ledger.plan WHERE state = 'current'",
    "records": "SELECT r.key, source_id, outcome, planned, s.version, sent_version, created_by_us, matched_id, undone "
    "FROM ledger.entry_status s JOIN ledger.route r ON r.id = route_id ORDER BY 1, 2",
    "findings": "SELECT r.key, source_id, field, verdict FROM ledger.finding f JOIN ledger.entry_status s USING (entry_id) "
    "JOIN ledger.route r ON r.id = route_id ORDER BY 1, 2, 3",
    "verdicts": "SELECT DISTINCT ON (crm_object) crm_object, passed FROM ledger.reconciliation ORDER BY crm_object, id DESC",
    "batches without an outcome": "SELECT id FROM ledger.batch WHERE state = 'prepared'",
    "steps reached": "SELECT DISTINCT kind FROM ledger.event ORDER BY 1",
}
"""Whatever a later step asks the ledger."""
