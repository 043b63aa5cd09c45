"""Salesforce twins over real HTTP: one with the small org for all reading tests, fresh ones where a test writes."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.twins.salesforce.small_org import PROJECT_DESCRIBE, ROWS, TOKEN, Org, frozen_clock


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seed")
    (folder / "rows").mkdir()
    (folder / "describe").mkdir()
    (folder / "org.json").write_text(json.dumps({"Name": "Acme Holding", "IsSandbox": True}))
    (folder / "describe" / "Project__c.json").write_text(json.dumps(PROJECT_DESCRIBE))
    for name, rows in ROWS.items():
        (folder / "rows" / f"{name}.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture(scope="session")
def org(seed: Path) -> Iterator[Org]:
    """The small org. Tests only read it."""
    app = build_salesforce_twin(seed=seed, tokens=[TOKEN], clock=frozen_clock())
    with serve_in_thread(app) as twin, Org(twin.url) as client:
        yield client


@pytest.fixture
def start() -> Iterator[Callable[..., Org]]:
    """Starts a twin of a test's own: bare, unless it names a seed."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Org:
            options = {"tokens": [TOKEN], "clock": frozen_clock()} | options
            twin = stack.enter_context(serve_in_thread(build_salesforce_twin(**options)))
            return stack.enter_context(Org(twin.url))

        yield begin
