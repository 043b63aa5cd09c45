"""The ledger's database going away: a sentence, whenever it happens."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from migration_pipelines.errors import TransientFailure
from migration_pipelines.ledger import store
from migration_pipelines.ledger.store import Ledger


def test_a_connection_that_is_lost_in_the_middle_is_said_in_a_sentence(database_url: str) -> None:
    ledger = Ledger(database_url)
    try:
        with (
            pytest.raises(
                TransientFailure, match=r"The ledger's database does not answer .*run the same command again"
            ),
            ledger.engine.connect() as connection,
        ):
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        assert ledger.partition("after-a-lost-connection").id  # the next connection is a new one
    finally:
        ledger.close()


def test_a_connection_that_was_lost_while_nobody_used_it_is_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "IDLE_SECONDS", 0)
    ledger, other = Ledger(database_url), Ledger(database_url)
    try:
        with ledger.engine.connect() as connection:
            process = connection.scalar(text("SELECT pg_backend_pid()"))
        with other.engine.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})

        assert ledger.partition("after-a-lost-connection").id
    finally:
        ledger.close()
        other.close()


def test_an_error_of_the_database_quotes_no_values(ledger: Ledger) -> None:
    """Values are people's data, and an error's text goes into logs."""
    with (
        ledger.engine.connect() as connection,
        pytest.raises(Exception, match="hidden due to hide_parameters") as raised,
    ):
        connection.execute(text("SELECT CAST(:name AS int) / 0, CAST(:name AS int)"), {"name": "7"})

    assert "'7'" not in str(raised.value)
