"""Access that an administrator takes away in mid-run: a sentence that says which, and a run that goes on once it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.errors import PermanentFailure
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.bad_input.test_target_changed import stands_once
from migration_pipelines_tests.test_cli_bad_input import FAILED, Run, run
from migration_pipelines_tests.world import World, small_firm, write_project

__all__ = ["run"]  # a fixture


@pytest.mark.filterwarnings("ignore")  # Dagster's own
def test_scopes_that_are_taken_from_the_token_in_mid_apply_stop_it_until_they_are_back(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.prepare()
    write, calls = KommoTarget.write, 0

    def narrowing(self: KommoTarget, *given: Any, **told: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            allow("files")
        return write(self, *given, **told)

    def allow(*scopes: str) -> None:
        assert world.kommo.post("scopes", json={"scopes": scopes}).is_success

    monkeypatch.setattr(KommoTarget, "write", narrowing)
    said = run("apply", world.key)
    assert said.code == FAILED, said
    assert "Traceback" not in said.err + said.out
    for words in ("Kommo refused POST /api/v4/companies: Client doesn't have the required scope (status 403)",
                  "the scope for the account's data", "run the same command again"):  # fmt: skip
        assert words in said.err, said
    with world.partition() as partition:
        assert partition.ledger.batches.unsettled() == []
        assert "failed" not in partition.ledger.proof.outcomes("accounts/Account>companies")

    allow("crm")
    with pytest.raises(PermanentFailure, match=r'Kommo\'s drive takes no files from us: .*the scope "Access to files"'):
        world.apply()

    allow("crm", "files", "files_delete")
    world.apply()
    assert world.broken_claims() == {}
    assert stands_once(world)


@pytest.fixture
def watched(ledger: Ledger, tmp_path: Path) -> Iterator[tuple[World, httpx.Client]]:
    """A world with a Salesforce of its own, and that Salesforce's administrator."""
    app = build_salesforce_twin(seed=small_firm(tmp_path), client_id="demo", client_secret="planted-client-secret")
    with (
        serve_in_thread(app) as source,
        httpx.Client(base_url=f"{source.url}/__twin__/") as admin,
        World.open(ledger, source.url, write_project(tmp_path / "projects"), tmp_path) as world,
    ):
        yield world, admin


def test_a_permission_that_is_taken_away_before_an_extraction_leaves_the_one_before_it(
    watched: tuple[World, httpx.Client],
) -> None:
    """A failed read is never an empty read: what was extracted and planned before stays as it was."""
    world, admin = watched
    world.prepare()
    plan = world.plan()

    for hidden in ({"objects": ["Contact"]}, {"fields": {"Contact": ["Title"]}}):
        assert admin.post("hidden", json=hidden).is_success
        with world.partition() as partition:
            before = partition.ledger.records.count("Contact")
            with pytest.raises(
                PermanentFailure, match=r"Salesforce refused a read of .*Contact.* Give the integration user"
            ):
                stages.extract(partition, "Contact")
            assert partition.ledger.records.count("Contact") == before > 0
        assert world.plan() == plan

    assert admin.post("hidden", json={}).is_success
    with world.partition() as partition:
        stages.extract(partition, "Contact")
        stages.plan(partition)
    assert world.plan() == plan
