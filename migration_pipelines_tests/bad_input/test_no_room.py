"""A disk that is full, of this machine or of the database: a sentence, nothing by halves, and the next attempt goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from migration_pipelines import stages
from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.errors import PermanentFailure, TransientFailure
from migration_pipelines.files import FileStore
from migration_pipelines.reports.whole_file import whole_file
from migration_pipelines_tests.bad_input.test_target_changed import stands_once
from migration_pipelines_tests.stages.test_gates import approve
from migration_pipelines_tests.test_cli_bad_input import DONE, FAILED, Run, run
from migration_pipelines_tests.world import World

__all__ = ["run"]  # a fixture
REFUSED = r"\(File too large\)"
"""The kernel's word for a file that may not grow, which is how a disk is made full here."""
BIG = os.urandom(3_000_000)


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can grow: the kernel refuses every byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full(world: World, table: str) -> Iterator[None]:
    """The database has no room for a row of a table, and says so as PostgreSQL does."""
    made = (
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not extend file \"base/5/16384\": No space left on device' USING ERRCODE = 'disk_full'; END $$",
        f"CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION no_room()",
    )
    with world.ledger.engine.begin() as connection:
        for statement in made:
            connection.execute(text(statement))
    try:
        yield
    finally:
        with world.ledger.engine.begin() as connection:
            connection.execute(text("DROP FUNCTION no_room CASCADE"))


DATABASE = r"The disk of the ledger's database is full \(could not extend file .*\)\. Make room .* nothing is lost"


# One file


def test_of_a_body_that_finds_no_room_nothing_is_kept(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")

    for body in (b"x", BIG):
        with no_room(), pytest.raises(PermanentFailure, match=f"cannot be written {REFUSED}. Make room"):
            store.put(body)
        assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
        assert store.get(store.put(body)) == body
        for one in tmp_path.rglob("*.gz"):
            one.unlink()


def test_a_file_that_finds_no_room_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("yesterday's", "utf-8")

    for content in ("today's", "today's" * 100_000):
        with (
            no_room(),
            pytest.raises(PermanentFailure, match=rf"report\.html {REFUSED}. Make room"),
            whole_file(path) as file,
        ):
            file.write(content)

    assert [(one.name, one.read_text("utf-8")) for one in tmp_path.iterdir()] == [("report.html", "yesterday's")]


def test_a_download_that_finds_no_room_can_be_asked_for_again() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=httpx.ByteStream(BIG)))
    client = HttpClient("Salesforce", "https://acme.example.com", lambda _renew: {}, transport=transport)
    try:
        with (
            no_room(),
            pytest.raises(PermanentFailure, match=f"a body from Salesforce, on its way .*{REFUSED}. Make room"),
        ):
            client.download("/file")
        with client.download("/file") as there:  # type: ignore[union-attr]
            assert there.file.read() == BIG
    finally:
        client.close()


def test_a_project_that_finds_no_room_leaves_no_folder_in_the_way(tmp_path: Path) -> None:
    def new(*, is_full: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "migration_pipelines.cli", "new", "acme"],
            env=os.environ | {"MIGRATION_PROJECTS": str(tmp_path), "MIGRATION_HOME": str(tmp_path / "home")},
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))) if is_full else None,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    refused = new(is_full=True)
    assert refused.returncode == FAILED
    assert "(File too large). Make room" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "acme").exists()

    assert new(is_full=False).returncode == DONE


# A migration


def test_a_migration_that_finds_no_room_on_this_machine_goes_on_where_it_stopped(world: World) -> None:
    """At the extraction, between two requests of the load, and at the report."""
    with world.partition() as partition:
        stages.discover(partition)
        with no_room(), pytest.raises(PermanentFailure, match=f"{REFUSED}. Make room"):
            stages.extract(partition, "ContentVersion")
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
        stages.load(partition, "users")
        write = partition.target.write
        written: list[Any] = []

        def one_more(*given: Any, **told: Any) -> Any:
            if not written:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            written.append(write(*given, **told))
            return written[-1]

        partition.target.write = one_more  # type: ignore[method-assign]
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            with pytest.raises(PermanentFailure, match=f"file store .* cannot be written {REFUSED}. Make room"):
                stages.load(partition, "accounts")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(written) == len(world.snapshot()["companies"]) == 1

    world.apply()
    with world.partition() as partition:
        page = stages.write_report(partition)
        before = page.read_text("utf-8")
        with no_room(), pytest.raises(PermanentFailure, match=f"{REFUSED}. Make room"):
            stages.write_report(partition)
    assert page.read_text("utf-8") == before
    assert world.broken_claims() == {}
    assert stands_once(world)


def test_a_migration_whose_database_finds_no_room_goes_on_where_it_stopped(world: World) -> None:
    """At the extraction, at the plan, before a request and after it: what was sent and not noted is asked for, not repeated."""
    with world.partition() as partition:
        stages.discover(partition)
        with full(world, "ledger.source_record"), pytest.raises(TransientFailure, match=DATABASE):
            stages.extract(partition, "Account")
    world.prepare()
    plan = world.plan()
    with world.partition() as partition:
        with full(world, "ledger.plan_row"), pytest.raises(TransientFailure, match=DATABASE):
            stages.plan(partition)
        assert world.plan() == plan
        approve(partition)
        stages.provision(partition)
        stages.load(partition, "users")
        world.forget_requests()
        with full(world, "ledger.batch"), pytest.raises(TransientFailure, match=DATABASE):
            stages.load(partition, "accounts")
        assert [one for one in world.requests() if one["method"] != "GET"] == []
        with full(world, "ledger.outcome"), pytest.raises(TransientFailure, match=DATABASE):
            stages.load(partition, "accounts")
    assert len(world.snapshot()["companies"]) == 1

    world.apply()

    assert world.broken_claims() == {}
    assert stands_once(world)


@pytest.mark.filterwarnings("ignore")  # Dagster's own
def test_the_command_says_so_where_the_database_has_no_room_for_dagster(world: World, run: Run) -> None:
    assert run("discover", world.key).code == DONE

    for table in ("runs", "event_logs"):
        with full(world, table):
            said = run("extract", world.key)
        assert said.code == FAILED
        assert "Make room" in said.err
        assert "Traceback" not in said.err + said.out

    assert run("extract", world.key).code == DONE
