"""Partitions: one migration project in one environment. Static, read from the project files when the code is loaded."""

import os

import dagster as dg

from migration_pipelines.project import MigrationProject, load_projects
from migration_pipelines.settings import load_settings


def known_projects() -> list[MigrationProject]:
    """Every valid project as the files say now; an invalid one loses only itself, with a log line."""
    return list(load_projects(load_settings(os.environ).projects))


def partitions_of(projects: list[MigrationProject]) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(sorted(key for project in projects for key in project.partition_keys))
