"""The case study at the size of a small office: some hundred records on every route, and its project with everything decided."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from migration_pipelines.demo import already, kommo, salesforce_case, stage
from migration_pipelines.demo import case as study
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.world import decide


@cache
def office() -> study.Case:
    return study.build(study.SMALL)


@contextmanager
def office_source(folder: Path) -> Iterator[str]:
    """URL of a Salesforce twin that holds the office."""
    salesforce_case.write(office(), folder / "seed")
    app = build_salesforce_twin(
        seed=folder / "seed", client_id="demo", client_secret="planted-client-secret", switches=salesforce_case.SWITCHES
    )
    with serve_in_thread(app) as twin:
        yield twin.url


def write_office_account(path: Path) -> Path:
    """The seed of a Kommo account that holds the office's users, and the few customers that people typed."""
    kommo.write_account(office().firm, path, already.records(office().typed))
    return path


def write_office_project(projects: Path) -> Path:
    """The demo's project, with what its walk-through decides on the way, at full pace. Returns the folder of all projects."""
    shutil.copytree(stage.PROJECT, projects / "demo")
    decide(projects / "demo" / "project.yaml")
    owners = projects / "demo" / "owners.yaml"
    owners.write_text(
        owners.read_text("utf-8") + "  maria.silva@harbor.example: olivia.stone@harbor.example\n", "utf-8"
    )
    return projects
