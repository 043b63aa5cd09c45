"""Brings a database to the ledger's newest schema, by Alembic migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from migration_pipelines.ledger.tables import SCHEMA

_UPGRADE_LOCK = 0x6C6564676572  # "ledger": two processes that start together upgrade one after the other


def upgrade(engine: Engine) -> None:
    """Create or upgrade the schema `ledger`; does nothing where it is the newest already."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
