"""Migrations make what tables.py says, once, however many come at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from migration_pipelines.errors import TransientFailure
from migration_pipelines.ledger import schema
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.ledger.tables import SCHEMA, metadata


@pytest.fixture
def empty_database(server: EmbeddedServer, worker_id: str, request: pytest.FixtureRequest) -> str:
    return server.create_database(f"empty_{worker_id}_{request.node.name.split('_')[2]}")


def objects_of(engine: Engine) -> list[tuple[str, str]]:
    """Every table, view and index with the transaction that last wrote its definition."""
    with engine.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                text(
                    "SELECT c.relname, c.xmin::text FROM pg_class c WHERE relnamespace = 'ledger'::regnamespace ORDER BY 1"
                )
            )
        ]


def test_the_migrations_make_the_tables_that_the_code_names(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": SCHEMA,
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_the_comparison_sees_a_table_that_is_not_in_the_code(ledger: Ledger) -> None:
    """Otherwise a comparison that looks at nothing would pass as well."""
    with ledger.engine.connect() as connection:
        connection.execute(text("CREATE TABLE ledger.stray (id int)"))
        context = MigrationContext.configure(
            connection, opts={"version_table_schema": SCHEMA, "include_schemas": True,
                              "include_name": lambda name, kind, _parents: kind != "schema" or name == SCHEMA},
        )  # fmt: skip
        assert [difference[0] for difference in compare_metadata(context, metadata)] == ["remove_table"]
        connection.rollback()


def test_upgrading_again_changes_nothing(ledger: Ledger) -> None:
    before = objects_of(ledger.engine)

    schema.upgrade(ledger.engine)

    assert objects_of(ledger.engine) == before
    assert "entry_status" in dict(before)


def test_two_threads_that_upgrade_at_once_both_find_the_newest_schema(empty_database: str) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def upgrade() -> None:
        engine = create_engine(empty_database)
        try:
            start.wait(10)
            schema.upgrade(engine)
        except BaseException as error:  # noqa: BLE001  a thread's error would be lost
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert errors == []
    assert works(empty_database)


def test_two_processes_that_upgrade_at_once_both_find_the_newest_schema(empty_database: str) -> None:
    program = "import sys; from migration_pipelines.ledger.store import Ledger; Ledger(sys.argv[1]).close()"
    runs = [
        subprocess.Popen([sys.executable, "-c", program, empty_database], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    assert [(run.communicate(timeout=60)[1], run.returncode) for run in runs] == [("", 0), ("", 0)]
    assert works(empty_database)


def works(url: str) -> bool:
    ledger = Ledger(url)
    try:
        return ledger.partition("first").id == ledger.partition("first").id
    finally:
        ledger.close()


def test_a_database_that_does_not_answer_is_a_passing_trouble_in_one_sentence() -> None:
    with pytest.raises(
        TransientFailure, match=r"^The ledger's database does not answer \(.*\)\. Start it, or correct "
    ):
        Ledger("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
