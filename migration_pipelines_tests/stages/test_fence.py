"""What keeps a load from reaching people: a person's word, webhooks, ceilings, and in production the pilot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines import stages
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.store import Ledger
from migration_pipelines_tests import world as worlds
from migration_pipelines_tests.world import World, end_state, write_project

BOTS = "a_person_vouches_for_the_target"


def decide(world: World, line: str, instead_of: str = "  phone_region: US") -> None:
    path = world.folder / "project.yaml"
    text = path.read_text("utf-8")
    assert instead_of in text
    path.write_text(text.replace(instead_of, f"{instead_of}\n{line}", 1), "utf-8")


def gate(world: World) -> dict[str, Any]:
    with world.partition() as partition:
        return dict(stages.judge_plan(partition))


def ready_to_vouch(world: World) -> None:
    """Everything but the word on what only a person can see to."""
    with world.partition() as partition:
        stages.discover(partition)
        for name in partition.source_objects:
            stages.extract(partition, name)
        stages.confirm_rows(partition, who="a test")
        stages.plan(partition)


# A person's word


def test_nothing_is_written_until_a_person_says_that_the_bots_are_off(world: World) -> None:
    ready_to_vouch(world)

    with pytest.raises(GateClosed, match=r"(?s)bots.*confirm .* --checklist"):
        world.apply()

    assert [one for one in world.requests() if one["method"] != "GET"] == []
    with world.partition() as partition:
        (said,) = stages.vouch(partition, who="Ada Admin")
        assert "bot" in said.lower()
        assert stages.vouch(partition, who="Ada Admin") == []  # given before
        (event,) = partition.ledger.events("vouched")
        assert event["who"] == "Ada Admin"
    world.apply()
    assert world.broken_claims() == {}


def test_the_word_holds_for_the_account_it_was_given_for(world: World) -> None:
    world.prepare()
    assert gate(world)[BOTS].holds
    with world.partition() as partition:
        other = partition.schema("target").model_copy(update={"identity": "kommo:another"})
        partition.ledger.keep_schema("target", other)

    assert not gate(world)[BOTS].holds


def test_the_word_has_to_be_given_anew_where_the_list_says_something_else(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        target = partition.schema("target")
        changed = dict.fromkeys(target.checklist, "something else is to be seen to")
        partition.ledger.keep_schema("target", target.model_copy(update={"checklist": changed}))

    assert gate(world)[BOTS].says.endswith("something else is to be seen to")


# Webhooks and ceilings


@pytest.fixture
def with_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account calls somebody for every new deal. Ask for it before the world."""
    plain = worlds.kommo.write_account

    def seeded(firm: Any, path: Path) -> None:
        plain(firm, path)
        content = json.loads(path.read_text("utf-8"))
        content["webhooks"] = [{"destination": "https://hook.example/in", "settings": ["add_lead"]}]
        path.write_text(json.dumps(content), "utf-8")

    monkeypatch.setattr(worlds.kommo, "write_account", seeded)


@pytest.mark.usefixtures("with_webhook")
def test_a_webhook_may_stay_on_by_decision(world: World) -> None:
    world.prepare()
    assert "https://hook.example/in" in gate(world)["the_plan_fits_the_target"].says

    decide(world, "  live_webhooks: accept")
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}


def test_a_plan_that_makes_more_than_the_account_may_hold_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kommo plans: base holds 2,500 deals and 12,500 contacts and companies a seat. The world makes 15 of the latter."""
    from migration_pipelines.connectors.kommo import ceilings

    small = {("leads",): 1_000, ("contacts", "companies"): 7}
    monkeypatch.setattr(ceilings, "PER_SEAT", {"base": small, "pro": {("contacts", "companies"): 8}, "enterprise": {}})
    decide(world, "  kommo_seats: 2")
    world.prepare()
    says = gate(world)["the_plan_fits_the_target"].says
    assert "the plan makes 15 contacts and companies, and what is paid for holds 14" in says

    path = world.folder / "project.yaml"
    path.write_text(path.read_text("utf-8").replace("kommo_plan: base", "kommo_plan: pro"), "utf-8")
    world.prepare()
    assert gate(world)["the_plan_fits_the_target"].holds


# The pilot


@pytest.fixture
def production(ledger: Ledger, small_source: str, tmp_path: Path) -> Iterator[World]:
    projects = write_project(tmp_path / "projects")
    with World.open(ledger, small_source, projects, tmp_path, environment="production") as world:
        yield world


def counts(world: World) -> dict[str, int]:
    snapshot = world.snapshot()
    return {kind: len(snapshot[kind]) for kind in ("companies", "contacts", "leads")}


def test_in_production_a_pilot_goes_first_and_a_person_looks_at_it(production: World) -> None:
    production.prepare()
    with pytest.raises(GateClosed, match=r"(?s)the pilot is in the target.*confirm .* --pilot") as gate:
        production.apply()

    pilot = production.snapshot()
    assert len(pilot["leads"]) == 3, "the other two of five are held"
    deals = ", ".join(f"{one['name']} ({one['id']})" for one in pilot["leads"])
    assert f"\n  3 x leads (the plan has no more): {deals}\n" in str(gate.value)
    assert re.search(r"\n  \d x contacts: .*\bLinus Yılmaz \(\d+\)", str(gate.value))
    assert pilot["attached"], "files of what is in the pilot come with it"
    assert len(pilot["contacts"]) < 10
    linked = {(one["to_entity"], one["to_id"]) for one in pilot["links"] if one["entity"] == "leads"}
    there = {(kind, one["id"]) for kind in ("companies", "contacts") for one in pilot[kind]}
    assert linked <= there, "a deal of the pilot hangs on what is in the pilot"

    production.forget_requests()
    with pytest.raises(GateClosed, match="the pilot is in the target"):
        production.apply()  # nobody has looked yet
    assert [one for one in production.requests() if one["method"] != "GET"] == []

    with production.partition() as partition:
        stages.see_pilot(partition, who="Rita RevOps")
    production.apply()
    assert production.broken_claims() == {}
    assert counts(production) == {"companies": 5, "contacts": 10, "leads": 3}


def test_a_pilot_that_was_cut_off_is_the_same_when_it_goes_on(production: World) -> None:
    production.prepare()
    production.set_fault("cut_after", endpoint="POST /api/v4/leads", times=1)
    with pytest.raises(GateClosed, match="the pilot is in the target"):
        production.apply()
    first = end_state(production.snapshot())

    with pytest.raises(GateClosed, match="the pilot is in the target"):
        production.apply()

    assert end_state(production.snapshot()) == first


def test_a_pilot_can_be_taken_back_and_comes_again(production: World) -> None:
    production.prepare()
    with pytest.raises(GateClosed, match="the pilot is in the target"):
        production.apply()
    with production.partition() as partition:
        stages.see_pilot(partition, who="Rita RevOps")
        stages.roll_back(partition)

    with pytest.raises(GateClosed, match="the pilot is in the target"):
        production.apply()  # what was seen was taken back

    mapping = production.folder / "mapping" / "opportunities.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("{value: Salesforce}", "{value: Salesforce again}"), "utf-8")
    production.prepare()
    with pytest.raises(GateClosed, match="3 x leads") as gate:
        production.apply()  # what was found wrong is mended, and looked at again

    assert "not there" not in str(gate.value)
    snapshot = production.snapshot()
    (again,) = [one["id"] for one in snapshot["pipelines"] if one["name"] == "Salesforce again"]
    assert [one["pipeline_id"] for one in snapshot["leads"]] == [again] * 3
    assert production.broken_claims() == {}


def test_there_is_nothing_to_look_at_before_a_pilot(world: World) -> None:
    world.prepare()
    with world.partition() as partition, pytest.raises(GateClosed, match="no pilot has been loaded"):
        stages.see_pilot(partition, who="Rita RevOps")


def test_outside_production_nothing_stops_after_five(world: World) -> None:
    world.prepare()
    world.apply()
    assert counts(world) == {"companies": 5, "contacts": 10, "leads": 3}
