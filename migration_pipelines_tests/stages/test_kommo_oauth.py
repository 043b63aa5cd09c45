"""A partition that signs in to Kommo by OAuth: the first consent, and tokens that end while a load is under way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from migration_pipelines import cli, stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo import kommo
from migration_pipelines.errors import PermanentFailure
from migration_pipelines_tests.world import World, firm

BY_OAUTH = "client_id: DEMO_KOMMO_CLIENT, client_secret: DEMO_KOMMO_SECRET, redirect_uri: DEMO_KOMMO_BACK"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def oauth_world(world: World) -> World:
    project = world.projects / "demo" / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("token: DEMO_KOMMO_TOKEN", BY_OAUTH), "utf-8")
    del world.environ["DEMO_KOMMO_TOKEN"]
    world.environ |= {
        "DEMO_KOMMO_CLIENT": "twin-client",
        "DEMO_KOMMO_SECRET": "twin-secret",
        "DEMO_KOMMO_BACK": "https://example.com/back",
    }
    return world


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`crm-migrate` in this process: exit code, what it printed, and what it printed of errors."""

    def one(*arguments: str) -> tuple[int, str, str]:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MIGRATION_HOME", str(world.settings.home))
        monkeypatch.setenv("MIGRATION_PROJECTS", str(world.projects))
        monkeypatch.setattr(sys, "argv", ["crm-migrate", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return one


def sign_in(world: World) -> None:
    """An administrator consents once."""
    code = world.kommo.post("code").json()["code"]
    stages.sign_in(world.settings, world.key, code, world.environ)


def stands_once(world: World) -> bool:
    """Whether every record that the demo's own model expects is in the account, and none of them twice."""
    snapshot, expected = world.snapshot(), kommo.expected(firm())
    return all(
        sorted(one["custom_fields"]["SF_ID"][0]["value"] for one in snapshot[kind]) == sorted(expected[kind])
        for kind in ("companies", "contacts", "leads")
    )


def test_a_person_signs_in_with_two_commands_and_discovers(oauth_world: World, run: Run) -> None:
    world = oauth_world
    code, out, _ = run("sign-in", world.key)
    address = next(line.strip() for line in out.splitlines() if "/oauth?" in line)
    assert code == 0
    ends_on = httpx.get(address).headers["location"]

    code, out, _ = run("sign-in", world.key, "--code", ends_on)

    kept = world.settings.home / "tokens" / f"{world.key}.json"
    assert code == 0
    assert str(kept) in out
    assert kept.stat().st_mode & 0o777 == 0o600
    with world.partition() as partition:
        assert stages.discover(partition).target.crm == "kommo"

    code, _, err = run("sign-in", world.key, "--code", ends_on)
    assert code == 1
    assert "A code works once" in err
    assert ends_on not in err


def test_before_the_consent_every_stage_says_the_command(oauth_world: World) -> None:
    with oauth_world.partition() as partition, pytest.raises(PermanentFailure, match=f"sign-in {oauth_world.key}"):
        stages.discover(partition)


def test_a_partition_with_a_token_needs_no_sign_in(world: World, run: Run) -> None:
    code, _, err = run("sign-in", world.key)

    assert code == 2
    assert f"{world.key} signs in by token:" in err


def test_tokens_that_end_in_the_middle_of_a_load_are_renewed_and_nothing_is_written_twice(
    oauth_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access token ends before every single write, with its answer due under a new one."""
    world = oauth_world
    sign_in(world)
    world.prepare()
    world.forget_requests()
    writes = 0
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        write = partition.target.write

        def a_day_later(*given: Any, **told: Any) -> Any:
            nonlocal writes
            writes += 1
            world.kommo.post("clock", json={"advance": 86_400})
            return write(*given, **told)

        monkeypatch.setattr(partition.target, "write", a_day_later)
        for name in NAMES:
            stages.load(partition, name)

    refreshes = [one["status"] for one in world.requests() if one["path"] == "/oauth2/access_token"]
    assert refreshes == [200] * writes
    assert writes > 3
    assert stands_once(world)
    assert world.broken_claims() == {}


def test_access_that_is_revoked_in_the_middle_of_a_load_stops_it_and_a_new_consent_continues_it(
    oauth_world: World,
) -> None:
    world = oauth_world
    sign_in(world)
    world.prepare()
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in ("users", "accounts"):
            stages.load(partition, name)
        world.kommo.post("revoke")
        with pytest.raises(PermanentFailure, match=f"consent anew: crm-migrate sign-in {world.key}"):
            stages.load(partition, "contacts")

    sign_in(world)
    world.apply()

    assert stands_once(world)
    assert world.broken_claims() == {}
