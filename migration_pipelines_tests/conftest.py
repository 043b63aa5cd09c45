"""What all tests share: one PostgreSQL server a run, one database a worker, and a small world of two twins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_pipelines.errors import PermanentFailure
from migration_pipelines.ledger import schema
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.world import World, small_firm, write_project

TEMPLATE = "ledger_template"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that starts the workers owns the server's folder
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="migration-tests-"))
        folder.chmod(0o755)
        config._server_home = folder  # type: ignore[attr-defined]
        os.environ["MIGRATION_TEST_SERVER"] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := getattr(config, "_server_home", None):
        import shutil

        EmbeddedServer(folder).erase()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> EmbeddedServer:
    """The run's PostgreSQL server, with a template that holds an empty ledger."""
    import fcntl

    home = Path(os.environ["MIGRATION_TEST_SERVER"])
    server = EmbeddedServer(home)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.start()
        try:
            url = server.create_database(TEMPLATE)
        except PermanentFailure:
            return server
        ledger = Ledger(url)
        schema.upgrade(ledger.engine)
        ledger.close()
    return server


@pytest.fixture(scope="session")
def database_url(server: EmbeddedServer, worker_id: str) -> str:
    """This worker's own database, with an empty ledger."""
    return server.create_database(f"tests_{worker_id}", template=TEMPLATE)


@pytest.fixture(scope="session")
def ledger(database_url: str) -> Iterator[Ledger]:
    ledger = Ledger(database_url)
    yield ledger
    ledger.close()


@pytest.fixture(scope="session")
def small_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Salesforce twin that holds the small firm. Nobody writes to it."""
    folder = small_firm(tmp_path_factory.mktemp("salesforce"))
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


@pytest.fixture
def world(ledger: Ledger, small_source: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """The small firm in Salesforce, an empty Kommo, and a project that is decided, but neither confirmed nor planned.

    An indirect parameter turns switches of the Kommo twin.
    """
    turned = getattr(request, "param", None)
    with World.open(ledger, small_source, write_project(tmp_path / "projects"), tmp_path, switches=turned) as world:
        yield world
