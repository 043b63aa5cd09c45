"""Leads that are converted after they were loaded: what they made in the target is what they were converted into."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_leads import ADA, CALL_BACK, LEADS, LONE, TASK, counts, project
from migration_pipelines_tests.stages.test_whole_pair import by_key, linked, outcomes, value_of
from migration_pipelines_tests.world import World, small_firm

OLIVIA = make_id("005", 2)
OWNED = {"OwnerId": OLIVIA, "CreatedById": OLIVIA, "CreatedDate": "2026-04-01T09:00:00.000+0000"}
ENGINES, NEW_ADA, ENGINES_DEAL = make_id("001", 301), make_id("003", 301), make_id("006", 301)
ROUTES = ("leads/Lead>companies", "leads/Lead>contacts", "leads/Lead>company_contacts", "leads/Lead>leads")


class Seller:
    """What a person does in Salesforce: rows of the twin, changed and added."""

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, name: str, *rows: Mapping[str, Any]) -> None:
        answer = httpx.post(f"{self.url}/__twin__/rows", json={"object": name, "rows": list(rows)})
        assert answer.is_success, answer.text

    def convert(self, lead: str, *, account: str, contact: str, deal: str | None) -> None:
        said = {"ConvertedAccountId": account, "ConvertedContactId": contact, "ConvertedOpportunityId": deal}
        said = {name: value for name, value in said.items() if value}
        self.write(
            "Lead",
            {"Id": lead, "IsConverted": True, "Status": "Closed - Converted", "ConvertedDate": "2026-04-01", **said},
        )

    def convert_ada(self) -> None:
        """As Salesforce does it: an account, a contact and a deal of their own; the task goes along."""
        self.write("Account", {"Id": ENGINES, "Name": "Engines Ltd", **OWNED})
        self.write(
            "Contact",
            {
                "Id": NEW_ADA,
                "FirstName": "Ada",
                "LastName": "Lovelace",
                "AccountId": ENGINES,
                "Title": "Countess",
                **OWNED,
            },
        )
        self.write(
            "Opportunity",
            {"Id": ENGINES_DEAL, "Name": "Engines Ltd-", "AccountId": ENGINES, "StageName": "Proposal", "Amount": 900,
             "CloseDate": "2026-12-01", **OWNED},
        )  # fmt: skip
        self.convert(ADA, account=ENGINES, contact=NEW_ADA, deal=ENGINES_DEAL)
        self.write("Task", {"Id": CALL_BACK, "WhoId": NEW_ADA, "WhatId": ENGINES_DEAL})


@pytest.fixture
def seller(tmp_path: Path) -> Iterator[Seller]:
    folder = small_firm(tmp_path)
    tasks = folder / "rows" / "Task.json"
    tasks.write_text(json.dumps([*json.loads(tasks.read_text("utf-8")), TASK]), "utf-8")
    (folder / "rows" / "Lead.json").write_text(json.dumps(LEADS), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield Seller(twin.url)


@pytest.fixture
def world(ledger: Ledger, seller: Seller, tmp_path: Path) -> Iterator[World]:
    """A project whose two unconverted leads are loaded."""
    with World.open(ledger, seller.url, project(tmp_path / "projects", "New Leads"), tmp_path) as opened:
        opened.prepare()
        opened.apply()
        assert counts(opened.snapshot()) == LOADED
        yield opened


LOADED = {"companies": 7, "contacts": 12, "leads": 5, "tasks": 8}
"""The small firm with two leads and the task of one."""


def ids(snapshot: Mapping[str, Any], kind: str, key: str) -> int:
    return int(by_key(snapshot, kind)[key]["id"])


def roll_back(world: World) -> Mapping[str, int]:
    with world.partition() as partition:
        return stages.roll_back(partition).undone


def test_a_lead_that_is_converted_after_its_load_is_updated_into_what_it_became(world: World, seller: Seller) -> None:
    """SF-KOMMO-07, SF-KOMMO-63: not one new record, and the key of each is the new one's."""
    before = world.snapshot()
    made = {kind: ids(before, kind, ADA) for kind in ("companies", "contacts", "leads")}
    seller.convert_ada()
    world.prepare()
    with world.partition() as partition:
        plan = partition.ledger.plans.current()
    assert plan
    planned = {(row["route"], row["planned"]): row for row in plan["summary"]["routes"]}
    for route in ("accounts/Account>companies", "contacts/Contact>contacts", "opportunities/Opportunity>leads"):
        assert (planned[route, "planned"]["to_create"], planned[route, "planned"]["to_update"]) == (0, 1), route

    world.apply()

    assert world.broken_claims() == {}
    after = world.snapshot()
    assert counts(after) == LOADED
    assert {"companies": ids(after, "companies", ENGINES), "contacts": ids(after, "contacts", NEW_ADA),
            "leads": ids(after, "leads", ENGINES_DEAL)} == made  # fmt: skip
    assert not any(ADA in by_key(after, kind) for kind in made)
    deal, person = by_key(after, "leads")[ENGINES_DEAL], by_key(after, "contacts")[NEW_ADA]
    pipelines = {one["id"]: one["name"] for one in after["pipelines"]}
    assert (pipelines[deal["pipeline_id"]], deal["price"], deal["name"]) == ("Salesforce", 900, "Engines Ltd-")
    assert value_of(person, "POSITION") == "Countess"
    assert linked(after, "leads", ENGINES_DEAL) == {("companies", made["companies"])}
    assert linked(after, "contacts", NEW_ADA) == {("companies", made["companies"])}
    (task,) = [one for one in after["tasks"] if one["text"].startswith("Call back")]
    assert (task["entity_type"], task["entity_id"]) == ("leads", made["leads"])
    found = outcomes(world)
    assert found["leads/Lead>companies"] == {"loaded": 1, "excluded": 2}
    assert found["leads/Lead>leads"] == {"loaded": 1}

    world.prepare()
    world.forget_requests()
    world.apply()
    assert [one for one in world.requests() if one["method"] in ("POST", "PATCH")] == []

    undone = roll_back(world)
    assert undone["opportunities/Opportunity>leads"] == 4
    assert undone["leads/Lead>leads"] == 1
    last = world.snapshot()
    assert by_key(last, "companies")[ENGINES]["name"] == "[rolled back] Engines Ltd"
    assert len([one for one in last["companies"] if one["name"].startswith("[rolled back]")]) == 7


def test_a_load_that_ends_halfway_after_the_conversion_makes_no_double(world: World, seller: Seller) -> None:
    """SF-KOMMO-63: the re-keying and what was sent of it survive; the next run ends it."""
    seller.convert_ada()
    world.prepare()
    world.set_fault("cut_after", endpoint="PATCH /api/v4/contacts")
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in ("users", "accounts", "contacts"):
            stages.load(partition, name)
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}
    assert counts(world.snapshot()) == LOADED
    assert ENGINES_DEAL in by_key(world.snapshot(), "leads")


def test_what_was_taken_over_and_not_yet_updated_is_rolled_back_once(world: World, seller: Seller) -> None:
    seller.convert_ada()
    world.prepare()

    assert roll_back(world)["opportunities/Opportunity>leads"] == 4

    after = world.snapshot()
    assert counts(after) == LOADED
    assert by_key(after, "companies")[ADA]["name"] == "[rolled back] Engines Ltd"


def test_a_lead_converted_into_records_that_are_loaded_already_is_named_until_it_is_merged(
    world: World, seller: Seller
) -> None:
    """SF-KOMMO-63: the deal becomes the new one; company and contact stand there twice."""
    account, contact = make_id("001", 1), make_id("003", 1)
    deal = {"Id": ENGINES_DEAL, "Name": "More engines", "AccountId": account, "StageName": "Proposal",
            "CloseDate": "2026-12-01", **OWNED}  # fmt: skip
    seller.write("Opportunity", deal)
    seller.convert(ADA, account=account, contact=contact, deal=ENGINES_DEAL)
    seller.write("Task", {"Id": CALL_BACK, "WhoId": contact, "WhatId": ENGINES_DEAL})
    world.prepare()
    with pytest.raises(GateClosed, match="opportunities comes after leads, which has open checks"):
        world.apply()

    there = world.snapshot()
    broken = world.broken_claims()
    said = broken.pop("leads no_converted_lead_stands_twice")
    assert set(broken) == {"opportunities the_outcomes_add_up", "activities the_outcomes_add_up"}, "they wait"
    assert said == (
        f"2 records of converted leads stand in the target twice: companies {ids(there, 'companies', ADA)} of lead {ADA}, "
        f"converted into {account}, which is {ids(there, 'companies', account)}; contacts {ids(there, 'contacts', ADA)} of "
        f"lead {ADA}, converted into {contact}, which is {ids(there, 'contacts', contact)}"
    )

    for kind in ("companies", "contacts"):
        world.kommo.post("remove", json={"entity": kind, "id": ids(there, kind, ADA)})
    world.apply()

    assert world.broken_claims() == {}
    after = world.snapshot()
    assert ids(after, "leads", ENGINES_DEAL) == ids(there, "leads", ADA)
    assert ("companies", ids(after, "companies", account)) in linked(after, "leads", ENGINES_DEAL)


def test_of_two_leads_converted_into_one_new_company_the_second_is_named(world: World, seller: Seller) -> None:
    """SF-KOMMO-63."""
    seller.convert_ada()
    lone = {"FirstName": "Lone", "LastName": "Lone", "AccountId": ENGINES, **OWNED}
    seller.write("Contact", {"Id": make_id("003", 302), **lone})
    seller.convert(LONE, account=ENGINES, contact=make_id("003", 302), deal=None)
    world.prepare()
    with pytest.raises(GateClosed, match="opportunities comes after leads"):
        world.apply()

    there = world.snapshot()
    assert counts(there) == LOADED
    assert ids(there, "companies", ENGINES) < ids(there, "companies", LONE)
    said = world.broken_claims()["leads no_converted_lead_stands_twice"]
    assert said.startswith(
        f"1 records of converted leads stand in the target twice: companies {ids(there, 'companies', LONE)}"
    )
    assert make_id("003", 302) in by_key(there, "contacts")
