"""Unconverted leads through both twins: a deal in a pipeline of its own, a contact and a company each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines import stages
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_whole_pair import by_key, change, outcomes, value_of, write_shipped_project
from migration_pipelines_tests.world import World, small_firm

OLIVIA = make_id("005", 2)
BY = {"OwnerId": OLIVIA, "CreatedById": OLIVIA, "CreatedDate": "2026-03-05T15:20:30.000+0000"}
ADA, LONE, CONVERTED, ALONE = (make_id("00Q", n) for n in (1, 2, 3, 4))
INBOUND = make_id("00G", 901)
CALL_BACK = make_id("00T", 901)
LEADS: list[dict[str, Any]] = [
    {"Id": ADA, "FirstName": "Ada", "LastName": "Lovelace", "Company": "Engines Ltd", "Status": "Working - Contacted",
     "Email": "ada@engines.example", "Phone": "(212) 555-0100", "HasOptedOutOfEmail": True, "DoNotCall": True,
     "LeadSource": "Web", "Rating": "Hot", "Street": "1 Main St", "City": "Albany", "NumberOfEmployees": 12, **BY},
    {"Id": LONE, "LastName": "Lone", "Company": "Lone Star", "Status": "Open - Not Contacted", **BY},
    {"Id": CONVERTED, "LastName": "Gone", "Company": "Gone Inc", "Status": "Closed - Converted", "IsConverted": True,
     "ConvertedDate": "2026-03-06", **BY},
]  # fmt: skip
TASK = {
    "Id": CALL_BACK,
    "Subject": "Call back",
    "WhoId": ADA,
    "Status": "Not Started",
    "ActivityDate": "2026-12-20",
    **BY,
}
TABLE = "lead_stages: {Open - Not Contacted: New, Working - Contacted: Working}"
DECIDED = {"emails": "archive", "account_hierarchy": "lost", "line_items": "archive", "contact_roles": "lost"}
SMALL = {"companies": 5, "contacts": 10, "leads": 3, "tasks": 7}
"""What the small firm alone comes to."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm, three leads and a task on one of them."""
    folder = small_firm(tmp_path_factory.mktemp("leads"))
    tasks = folder / "rows" / "Task.json"
    there = json.loads(tasks.read_text("utf-8"))
    tasks.write_text(json.dumps([*there, TASK]), "utf-8")
    (folder / "rows" / "Lead.json").write_text(json.dumps(LEADS), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


def project(folder: Path, decided: str) -> Path:
    projects = write_shipped_project(folder, DECIDED | {"unconverted_leads": decided})
    change(projects / "demo" / "mapping" / "leads.yaml", "lead_stages: {}", TABLE)
    return projects


def counts(snapshot: Mapping[str, Any]) -> dict[str, int]:
    return {name: len(snapshot[name]) for name in SMALL}


@pytest.mark.parametrize("pipeline", ["New Leads", "Unqualified"])
def test_an_unconverted_lead_becomes_a_deal_a_contact_and_a_company(
    ledger: Ledger, source: str, tmp_path: Path, pipeline: str
) -> None:
    """SF-KOMMO-07, SF-KOMMO-11, SF-KOMMO-25, SF-KOMMO-37, SF-KOMMO-42, SF-KOMMO-43, SF-KOMMO-79."""
    with World.open(ledger, source, project(tmp_path / "projects", pipeline), tmp_path) as world:
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        snapshot, found = world.snapshot(), outcomes(world)
        assert counts(snapshot) == {"companies": 7, "contacts": 12, "leads": 5, "tasks": 8}
        assert found["leads/Lead>leads"] == {"loaded": 2}
        assert found["leads/Lead>companies"] == {"loaded": 2, "excluded": 1}, "the converted one is not brought over"

        deals, people, companies = (by_key(snapshot, kind) for kind in ("leads", "contacts", "companies"))
        made = next(one for one in snapshot["pipelines"] if one["name"] == pipeline)
        stages_of = {one["id"]: one["name"] for one in made["statuses"]}
        assert deals[ADA]["pipeline_id"] == deals[LONE]["pipeline_id"] == made["id"]
        assert [stages_of[deals[one]["status_id"]] for one in (ADA, LONE)] == ["Working", "New"]
        assert deals[ADA]["name"] == "Engines Ltd: Ada Lovelace"
        assert [value_of(deals[ADA], code) for code in ("LEAD_SOURCE", "RATING")] == ["Web", "Hot"]
        assert [value_of(people[ADA], code) for code in ("OPTED_OUT", "DO_NOT_CALL")] == [True, True]
        assert value_of(people[ADA], "PHONE") == "+12125550100"
        assert (companies[ADA]["name"], value_of(companies[ADA], "ADDRESS")) == ("Engines Ltd", "1 Main St\nAlbany")

        joined = {(one["entity"], one["id"], one["to_entity"], one["to_id"]) for one in snapshot["links"]}
        assert ("leads", deals[ADA]["id"], "contacts", people[ADA]["id"]) in joined
        assert ("leads", deals[ADA]["id"], "companies", companies[ADA]["id"]) in joined
        (task,) = [one for one in snapshot["tasks"] if one["text"].startswith("Call back")]
        assert (task["entity_type"], task["entity_id"]) == ("leads", deals[ADA]["id"])

        with world.partition() as partition:
            stages.roll_back(partition)
        after = world.snapshot()
        assert not [one for one in after["leads"] if one["pipeline_id"] == made["id"]]
        assert all(by_key(after, kind)[ADA]["name"].startswith("[rolled back]") for kind in ("contacts", "companies"))


def test_leads_that_are_not_brought_over_stay_in_an_archive(ledger: Ledger, source: str, tmp_path: Path) -> None:
    """SF-KOMMO-42: converted or not, every one is counted. Their tasks have no card to stand on, and say whose they are."""
    with World.open(ledger, source, project(tmp_path / "projects", "not at all"), tmp_path) as world:
        world.prepare()

        with world.partition() as partition, partition.ledger.report.one_view():
            plan = partition.ledger.plans.current()
            pages = list(partition.ledger.report.itemised("activities/Task>tasks", ("excluded",)))
        assert plan
        rows = {(row["route"], row["planned"]): row["rows"] for row in plan["summary"]["routes"]}
        assert rows["archive/Lead>csv", "archived"] == 3
        left_out = {row["source_id"]: str(row["problems"]) for page in pages for row in page}
        assert f"belongs to {ADA}, which is not brought over" in left_out[CALL_BACK]
        assert "New Leads" not in {one["name"] for one in plan["summary"]["wanted"]["pipelines"]}


def test_the_table_of_lead_stages_is_proposed_from_the_org(ledger: Ledger, source: str, tmp_path: Path) -> None:
    """SF-KOMMO-43."""
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"unconverted_leads": "New Leads"})
    with World.open(ledger, source, projects, tmp_path) as world, world.partition() as partition:
        stages.discover(partition)
        assert "leads: table lead_stages" in stages.propose(partition)
        text = (world.folder / "mapping" / "leads.yaml").read_text("utf-8")
    assert "    Working - Contacted: Working - Contacted\n" in text


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with a lead that belongs to a queue and has no company, and one that is converted."""
    folder = small_firm(tmp_path_factory.mktemp("queued"))
    lead = {"Id": ALONE, "LastName": "Alone", "Status": "Open - Not Contacted", "Street": "2 Side St", "Website": "alone.example",
            "Industry": "Energy", "NumberOfEmployees": 3, "AnnualRevenue": 1000, "Phone": "(212) 555-0101",
            **BY, "OwnerId": INBOUND}  # fmt: skip
    (folder / "rows" / "Lead.json").write_text(json.dumps([lead, LEADS[2]]), "utf-8")
    (folder / "rows" / "Group.json").write_text(
        json.dumps([{"Id": INBOUND, "Name": "Inbound", "Type": "Queue"}]), "utf-8"
    )
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


def test_a_lead_of_a_queue_goes_to_whom_owners_yaml_names_and_to_the_main_pipeline_if_decided(
    ledger: Ledger, queued: str, tmp_path: Path
) -> None:
    """COMMON-28, SF-KOMMO-43, SF-KOMMO-62, SF-KOMMO-79, SF-KOMMO-80: what a company would have stands on the deal."""
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"unconverted_leads": "Salesforce"})
    with World.open(ledger, queued, projects, tmp_path) as world:
        with world.partition() as partition:
            stages.discover(partition)
            stages.extract(partition, "Lead")
            assert "leads: table lead_stages" in stages.propose(partition)
        text = (world.folder / "mapping" / "leads.yaml").read_text("utf-8")
        assert "    Open - Not Contacted: Prospecting\n" in text
        assert "Closed - Converted" not in text
        world.prepare()
        with world.partition() as partition:
            plan = partition.ledger.plans.current()
        assert plan
        assert [(one["source_id"], one["name"]) for one in plan["summary"]["owners_open"]] == [(INBOUND, "Inbound")]
        assert "name in owners.yaml who does" in plan["summary"]["owners_open"][0]["problem"]
        (said,) = [one for one in plan["summary"]["decisions"] if one["decision"] == "unmatched_owner"]
        assert said["says"] == ["1 record of 1 owner without a counterpart in the target: Inbound, 1 record"]

        owners = world.folder / "owners.yaml"
        change(owners, "owners: {", "owners: {inbound: olivia.stone@harbor.example, ")
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        snapshot = world.snapshot()
        deal = by_key(snapshot, "leads")[ALONE]
        olivia = next(one["id"] for one in snapshot["users"] if one["email"] == "olivia.stone@harbor.example")
        assert deal["responsible_user_id"] == by_key(snapshot, "contacts")[ALONE]["responsible_user_id"] == olivia
        main = next(one for one in snapshot["pipelines"] if one["name"] == "Salesforce")
        assert deal["pipeline_id"] == main["id"]
        assert next(one["name"] for one in main["statuses"] if one["id"] == deal["status_id"]) == "Prospecting"
        fields = ("ADDRESS", "WEB", "INDUSTRY", "EMPLOYEES", "ANNUAL_REVENUE")
        assert [value_of(deal, code) for code in fields] == ["2 Side St", "alone.example", "Energy", "3", "1000"]
        assert ALONE not in by_key(snapshot, "companies")

        with world.partition() as partition:
            stages.write_report(partition)
            lines = (partition.review / "leads to work through.csv").read_text("utf-8-sig").splitlines()
        assert lines == [
            "source id,name,company,status,owner,deal id in the target",
            f"{ALONE},Alone,,Open - Not Contacted,Inbound,{deal['id']}",
        ]
