"""Archives in a database of the project's own: written whole, read back, written once, and no table of others is touched."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from migration_pipelines import archive_database, stages
from migration_pipelines.errors import GateClosed, InvalidInput, TransientFailure
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines.project import load_project
from migration_pipelines.reports.text import status_text, story_text
from migration_pipelines.stages import archived
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.stages.test_archive import EMPTY, FORMULA, ODD, ROWS
from migration_pipelines_tests.world import World, small_firm, write_project

VARIABLE = "DEMO_ARCHIVE_URL"
PASSWORD = "planted-archive-password"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm and cases."""
    folder = small_firm(tmp_path_factory.mktemp("archive_database"))
    (folder / "rows" / "Case.json").write_text(json.dumps(ROWS["Case"], ensure_ascii=False), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


@pytest.fixture
def world(ledger: Ledger, server: EmbeddedServer, worker_id: str, source: str, tmp_path: Path) -> Iterator[World]:
    """The project says of cases that they are kept in a database, and names the variable with its URL."""
    projects = write_project(tmp_path / "projects")
    project = projects / "demo" / "project.yaml"
    text = project.read_text("utf-8").replace("    target: {", f"    archive_database: {VARIABLE}\n    target: {{")
    project.write_text(text + "  Case: {database: the insurer reads it there}\n", "utf-8")
    name = f"archive_{worker_id}_{next(_numbers)}"
    with World.open(ledger, source, projects, tmp_path) as world:
        world.environ[VARIABLE] = server.create_database(name)
        yield world
    server.drop_database(name)


@pytest.fixture
def database(world: World) -> Iterator[sa.Connection]:
    """The external database, as the people who use it see it."""
    engine = sa.create_engine(world.environ[VARIABLE], poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def ask(database: sa.Connection, question: str) -> list[dict[str, Any]]:
    return [dict(row) for row in database.execute(sa.text(question)).mappings()]


def cases(database: sa.Connection) -> dict[str, dict[str, Any]]:
    return {row["Id"]: row for row in ask(database, 'SELECT * FROM crm_archive."Case"')}


def approved(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")


def archive(world: World) -> dict[str, Any]:
    with world.partition() as partition:
        return dict(stages.archive(partition))


def claim(world: World) -> Any:
    with world.partition() as partition:
        return stages.judge_object("archive", archived.archive_figures(partition))["every_archive_is_as_it_was_written"]


def test_an_object_is_kept_in_a_table_with_the_values_of_the_source_and_proven(
    world: World, database: sa.Connection
) -> None:
    """SF-KOMMO-77: every live row, as text, nothing guarded as in a spreadsheet; the proof reads the table anew."""
    world.prepare()

    world.apply()

    assert world.broken_claims() == {}
    found = cases(database)
    assert set(found) == {FORMULA, ODD, EMPTY}
    assert (found[FORMULA]["Subject"], found[FORMULA]["SuppliedPhone"]) == ("=1+1", "+1 555")
    assert (found[ODD]["Subject"], found[ODD]["Description"]) == ("Ship 🚢, late", 'two\nlines, "quoted"')
    assert (found[EMPTY]["Subject"], found[EMPTY]["IsDeleted"]) == (None, "false")
    (ours,) = ask(database, "SELECT object, partition, rows, sha256 FROM crm_archive.migration_archive")
    assert (ours["object"], ours["partition"], ours["rows"]) == ("Case", world.key, 3)
    assert not (world.settings.home / "archive" / world.key / "Case.csv").exists()
    with world.partition() as partition:
        assert partition.ledger.proof.outcomes("archive/Case>database") == {"archived": 3}
        place = f'crm_archive."Case" of {partition.archive_database.name}'
        assert story_text(stages.explain(partition, ODD)).splitlines() == [
            "archive/Case>database: archived",
            "  note: the insurer reads it there",
            f"  in {place}, which is as it was written",
        ]
        page = stages.write_report(partition).read_text("utf-8")
        content = stages.read_report(partition)
        stages.roll_back(partition)
    assert content["verdict"]["state"] == "holds"
    assert place.replace('"', "&#34;") in page
    assert ours["sha256"] in page
    assert set(cases(database)) == {FORMULA, ODD, EMPTY}, "a rollback leaves it, as it leaves a file"


def test_a_second_run_writes_nothing_and_rows_that_changed_replace_the_table(
    world: World, database: sa.Connection
) -> None:
    """SF-KOMMO-77."""
    stamps = "SELECT plan, written_at, xmin::text AS version FROM crm_archive.migration_archive"
    approved(world)
    archive(world)
    first = ask(database, stamps)

    archive(world)
    approved(world)  # the same records under a new plan
    archive(world)
    assert ask(database, stamps) == first

    with world.partition() as partition:
        (page,) = partition.ledger.records.pages("Case")
        with partition.ledger.records.extraction("Case", None) as extraction:
            extraction.store([record for record in page if record.id != ODD])
            extraction.finish(2)
        with pytest.raises(GateClosed, match="Case was extracted anew after the plan was made"):
            _write_anew(partition)
    assert set(cases(database)) == {FORMULA, ODD, EMPTY}, "what was not approved leaves the table as it is"
    with world.partition() as partition:
        stages.plan(partition)
        stages.approve_plan(partition, who="a test")
    archive(world)
    assert set(cases(database)) == {FORMULA, EMPTY}
    assert claim(world).holds


def _write_anew(partition: stages.OpenPartition) -> None:
    """Archive as if the table had been lost."""
    with sa.create_engine(partition._environ[VARIABLE], poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text('ALTER TABLE crm_archive."Case" ADD COLUMN strange text'))
    stages.archive(partition)


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        pytest.param(archive_database, "execute_values", id="before the rows"),
        pytest.param(archive_database._Digest, "hexdigest", id="between the rows and the register"),
        pytest.param(PartitionLedger, "add_event", id="between the table and the ledger"),
    ],
)
def test_a_run_that_dies_is_made_up_for_from_the_start(
    world: World, database: sa.Connection, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str
) -> None:
    """SF-KOMMO-77: before the end there is no table, and a table that the ledger does not know is written anew."""
    approved(world)
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, lambda *_given, **_named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            archive(world)
    is_there = ask(database, "SELECT to_regclass('crm_archive.\"Case\"') IS NOT NULL AS yes")[0]["yes"]
    assert is_there == (method == "add_event")
    assert "Case" in claim(world).says
    assert "not written yet" in claim(world).says

    archive(world)

    assert set(cases(database)) == {FORMULA, ODD, EMPTY}
    assert claim(world).says == "1 archives with 3 records are as they were written"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        pytest.param(f'DELETE FROM crm_archive."Case" WHERE "Id" = \'{ODD}\'', "altered", id="a row removed"),  # noqa: S608
        pytest.param(
            f'UPDATE crm_archive."Case" SET "Subject" = \'\' WHERE "Id" = \'{EMPTY}\'',  # noqa: S608
            "altered",
            id="a value",
        ),
        pytest.param('ALTER TABLE crm_archive."Case" DROP COLUMN "Subject"', "altered", id="a column removed"),
        pytest.param('ALTER TABLE crm_archive."Case" DROP COLUMN archive_row', "altered", id="the place removed"),
        pytest.param('DROP TABLE crm_archive."Case"', "missing", id="the table removed"),
    ],
)
def test_what_is_altered_behind_our_back_is_said_and_written_again_by_the_next_run(
    world: World, database: sa.Connection, change: str, state: str
) -> None:
    """SF-KOMMO-77: the proof is what the database answers, not what was sent."""
    approved(world)
    archive(world)
    assert claim(world).holds

    database.execute(sa.text(change))

    judged = claim(world)
    assert not judged.holds
    assert judged.says.startswith("1 of 1 archives not as they were written: Case (crm_archive.")
    assert judged.says.endswith(f"is {state}")
    archive(world)
    assert claim(world).holds
    assert (cases(database)[EMPTY]["Subject"], len(cases(database))) == (None, 3)


@pytest.mark.parametrize("by", ["people", "another partition"])
def test_a_table_of_others_is_refused_and_left_as_it_is(world: World, database: sa.Connection, by: str) -> None:
    """SF-KOMMO-77."""
    database.execute(sa.text("CREATE SCHEMA crm_archive"))
    database.execute(sa.text('CREATE TABLE crm_archive."Case" AS SELECT 7 AS theirs'))
    if by != "people":
        database.execute(
            sa.text("CREATE TABLE crm_archive.migration_archive (object text PRIMARY KEY, partition text, plan bigint)")
        )
        database.execute(sa.text("INSERT INTO crm_archive.migration_archive VALUES ('Case', 'other-production', 1)"))
    approved(world)

    said = "which no archive has made" if by == "people" else "is the archive of other-production"
    with pytest.raises(GateClosed, match=said):
        archive(world)

    assert ask(database, 'SELECT * FROM crm_archive."Case"') == [{"theirs": 7}]
    assert not claim(world).holds


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        pytest.param("", InvalidInput, f"{VARIABLE} is not set", id="missing"),
        pytest.param(f"mysql://u:{PASSWORD}@db/crm", InvalidInput, "no URL of a PostgreSQL database", id="another kind"),
        pytest.param(f"postgresql://u:{PASSWORD}:1@db:x/crm", InvalidInput, "no URL of a PostgreSQL", id="unreadable"),
        pytest.param(
            f"postgresql://u:{PASSWORD}@127.0.0.1:1/crm", TransientFailure,
            "The database crm on 127.0.0.1 does not answer .*correct DEMO_ARCHIVE_URL", id="unreachable",
        ),
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_reached_is_a_sentence_without_its_password(
    world: World, url: str, error: type[Exception], says: str
) -> None:
    """SF-KOMMO-77: nothing goes anywhere else instead, and status still answers."""
    approved(world)
    archive(world)
    world.environ[VARIABLE] = url

    with pytest.raises(error, match=says) as raised:
        archive(world)

    with world.partition() as partition:
        shown = status_text(stages.status(partition))
    assert PASSWORD not in str(raised.value) + shown + claim(world).says
    assert "Case (crm_archive." in claim(world).says
    assert "out of sight" in claim(world).says


def test_a_project_that_keeps_objects_in_a_database_names_its_variable(world: World) -> None:
    """SF-KOMMO-77: the name alone; a URL in its place is refused."""
    project = world.folder / "project.yaml"
    text = project.read_text("utf-8")
    project.write_text(text.replace(f"    archive_database: {VARIABLE}\n", ""), "utf-8")
    with pytest.raises(InvalidInput, match=r"Case is to be kept in a database, and environment twin.* names none"):
        load_project(world.folder)

    project.write_text(text.replace(VARIABLE, f"postgresql://u:{PASSWORD}@db/crm"), "utf-8")
    with pytest.raises(InvalidInput, match="must be the name of an environment variable") as raised:
        load_project(world.folder)
    assert PASSWORD not in str(raised.value)


def test_a_database_that_has_no_room_is_a_sentence_and_the_next_run_writes_the_table(
    world: World, database: sa.Connection
) -> None:
    approved(world)
    archive(world)
    database.execute(sa.text('DROP TABLE crm_archive."Case"'))
    full = (
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE 'No space left' USING ERRCODE = '53100'; END $$"
    )
    on_a_row = (
        "CREATE TRIGGER no_room BEFORE INSERT ON crm_archive.migration_archive FOR EACH STATEMENT "
        "EXECUTE FUNCTION no_room()"
    )
    for statement in (full, on_a_row):
        database.execute(sa.text(statement))

    with pytest.raises(
        TransientFailure, match=r"The disk of the database \w+ on .* is full \(No space left\)\. Make room on it"
    ):
        archive(world)
    assert not claim(world).holds

    database.execute(sa.text("DROP FUNCTION no_room() CASCADE"))
    archive(world)
    assert claim(world).holds
    assert cases(database)
