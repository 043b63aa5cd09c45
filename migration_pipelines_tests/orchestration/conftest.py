"""A world that Dagster knows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migration_pipelines.launcher import prepare_environment
from migration_pipelines_tests.world import World


@pytest.fixture
def dagster_world(world: World, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose partition Dagster knows, with its own DAGSTER_HOME on this worker's database."""
    environ = world.environ | {
        "MIGRATION_HOME": str(tmp_path / "home"),
        "MIGRATION_PROJECTS": str(world.projects),
        "MIGRATION_FILES": world.settings.files_url,
        "MIGRATION_DATABASE_URL": database_url,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    prepared = dict(os.environ)
    prepare_environment(prepared)
    monkeypatch.setenv("DAGSTER_HOME", prepared["DAGSTER_HOME"])
    return world
