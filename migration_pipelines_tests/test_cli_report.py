"""`crm-migrate report`: short on the terminal, whole as JSON, and its page where the status says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration_pipelines_tests.test_cli_bad_input import DONE, Run, run
from migration_pipelines_tests.world import World

__all__ = ["run"]
pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own


def test_the_report_is_summarised_and_its_page_is_named(world: World, run: Run) -> None:
    world.prepare()
    assert json.loads(run("status", world.key, "--json").out)["report"] is None

    said = run("report", world.key)

    assert said.code == DONE
    first, *_, last = said.out.splitlines()
    assert first.startswith(f"{world.key}: Nothing has been loaded yet: ")
    page = Path(last.removeprefix("The report: "))
    assert page.name == "report.html"
    assert json.loads(run("report", world.key, "--json").out)["partition"] == world.key
    assert run("status", world.key).out.splitlines()[-1] == f"Report: {page}"
