"""The pair's shipped mappings, through both twins: what an org holds beyond companies, contacts and deals."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.records import HoldReason
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.pairs import load_pair
from migration_pipelines.stages import gates
from migration_pipelines.stages.report_money import money_of
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.world import World, small_firm, write_project

OLIVIA = make_id("005", 2)
BY = {
    "CreatedById": OLIVIA,
    "LastModifiedById": OLIVIA,
    "CreatedDate": "2026-03-05T15:20:30.000+0000",
}
OWNED = {"OwnerId": OLIVIA, **BY}
HOLDING, EAST, PERSON = (make_id("001", n) for n in (101, 102, 103))
PIA, EDA = (make_id("003", n) for n in (103, 104))
EAST_DEAL, PIA_DEAL = (make_id("006", n) for n in (101, 102))
CASE = make_id("500", 1)
SENT_TASK, LONE_TASK = (make_id("00T", n) for n in (901, 902))
SENT, HTML, ADRIFT, ON_CASE = (make_id("02s", n) for n in (1, 2, 3, 4))
DEAL = {"StageName": "Proposal", "CloseDate": "2026-12-10", **OWNED}
TASK = {"TaskSubtype": "Email", "Status": "Completed", "CompletedDateTime": BY["CreatedDate"], **OWNED}
EMAIL = {
    "Status": "3",
    "Incoming": False,
    "MessageDate": BY["CreatedDate"],
    "FromAddress": "olivia@harbor.example",
    **BY,
}
OFFER, OFFER_BODY = make_id("069", 901), make_id("068", 901)
OF_HTML, OF_ADRIFT, OF_ON_CASE = (make_id("00P", n) for n in (901, 902, 903))
OFFER_LINK, CASE_LINK, DEAL_LINK = (make_id("06A", n) for n in (901, 902, 903))
BODY = {"BodyLength": 4, "Body": base64.b64encode(b"scan").decode(), "ContentType": "image/png", **OWNED}
PRODUCT, ENTRY, BOOK = make_id("01t", 1), make_id("01u", 1), make_id("01s", 1)
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "Account": [
        {"Id": HOLDING, "Name": "Harbor Holding", **OWNED},
        {"Id": EAST, "Name": "Harbor East", "ParentId": HOLDING, "CurrencyIsoCode": "EUR", **OWNED},
        {"Id": PERSON, "FirstName": "Pia", "LastName": "Person", "Name": "Pia Person", "IsPersonAccount": True,
         "PersonContactId": PIA, "PersonEmail": "pia@person.example", **OWNED},
    ],
    "Contact": [
        {"Id": PIA, "FirstName": "Pia", "LastName": "Person", "AccountId": PERSON, "IsPersonAccount": True,
         "Email": "pia@person.example", **OWNED},
        {"Id": EDA, "FirstName": "Eda", "LastName": "East", "AccountId": EAST, **OWNED},
    ],
    "Opportunity": [
        {"Id": EAST_DEAL, "Name": "Pumps", "AccountId": EAST, "Amount": 1000.4, "CurrencyIsoCode": "EUR", **DEAL},
        {"Id": PIA_DEAL, "Name": "Advice", "AccountId": PERSON, "Amount": 50, "CurrencyIsoCode": "USD", **DEAL},
    ],
    "Product2": [{"Id": PRODUCT, "Name": "Pump", "IsActive": True, **BY}],
    "PricebookEntry": [
        {"Id": ENTRY, "Pricebook2Id": BOOK, "Product2Id": PRODUCT, "UnitPrice": 500.2, "IsActive": True,
         "CurrencyIsoCode": "EUR"},
    ],
    "OpportunityLineItem": [
        {"Id": make_id("00k", 1), "OpportunityId": EAST_DEAL, "PricebookEntryId": ENTRY, "Product2Id": PRODUCT,
         "Name": "Pumps Pump", "Quantity": 2, "UnitPrice": 500.2, "CurrencyIsoCode": "EUR", **BY},
    ],
    "Case": [{"Id": CASE, "Subject": "Broken", "Status": "New", "Origin": "Phone", **OWNED}],
    "Task": [
        {"Id": SENT_TASK, "Subject": "Email: Our offer", "WhatId": EAST_DEAL, "Description": "Dear Eda", **TASK},
        {"Id": LONE_TASK, "Subject": "Email: Hello", "WhatId": PERSON, **TASK},
    ],
    "EmailMessage": [
        {"Id": SENT, "Subject": "Our offer", "ToAddress": "eda@east.example", "TextBody": "Dear Eda, as promised.",
         "RelatedToId": EAST_DEAL, "ActivityId": SENT_TASK, **EMAIL},
        {"Id": HTML, "Subject": "Thanks", "HtmlBody": "<p>Many&nbsp;thanks</p><script>no</script>", "RelatedToId": EAST,
         **EMAIL, "Incoming": True},
        {"Id": ADRIFT, "Subject": "Adrift", "TextBody": "Whose am I?", **EMAIL},
        {"Id": ON_CASE, "Subject": "Broken", "TextBody": "It leaks.", "ParentId": CASE, "RelatedToId": CASE, **EMAIL},
    ],
    "EmailMessageRelation": [
        {"Id": make_id("0E0", 1), "EmailMessageId": SENT, "RelationId": EDA, "RelationType": "ToAddress",
         "RelationObjectType": "Contact"},
        {"Id": make_id("0E0", 2), "EmailMessageId": HTML, "RelationId": EDA, "RelationType": "FromAddress",
         "RelationObjectType": "Contact"},
    ],
    "ContentDocument": [{"Id": OFFER, "Title": "Offer", "FileExtension": "pdf", "LatestPublishedVersionId": OFFER_BODY, **OWNED}],
    "ContentVersion": [
        {"Id": OFFER_BODY, "ContentDocumentId": OFFER, "Title": "Offer", "FileExtension": "pdf", "PathOnClient": "Offer.pdf",
         "ContentSize": 5, "VersionData": base64.b64encode(b"offer").decode(), "IsLatest": True, **OWNED},
    ],
    "ContentDocumentLink": [
        {"Id": OFFER_LINK, "ContentDocumentId": OFFER, "LinkedEntityId": SENT},
        {"Id": DEAL_LINK, "ContentDocumentId": OFFER, "LinkedEntityId": EAST_DEAL},
        {"Id": CASE_LINK, "ContentDocumentId": OFFER, "LinkedEntityId": ON_CASE},
    ],
    "Attachment": [
        {"Id": OF_HTML, "Name": "thanks.png", "ParentId": HTML, **BODY},
        {"Id": OF_ADRIFT, "Name": "adrift.png", "ParentId": ADRIFT, **BODY},
        {"Id": OF_ON_CASE, "Name": "leak.png", "ParentId": ON_CASE, **BODY},
    ],
    "Note": [{"Id": make_id("002", 901), "ParentId": PERSON, "Title": "Pia", "Body": "Calls on Mondays.", **OWNED}],
}  # fmt: skip
STAGES = (
    "stages: {Prospecting: Prospecting, Qualification: Qualification, Proposal: Proposal, Negotiation: Negotiation, \
Closed Won: won, Closed Lost: lost}"
)
DECIDED = {"emails": "note", "account_hierarchy": "parent name", "line_items": "note", "contact_roles": "lost"}


@pytest.fixture(scope="module")
def rich_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm, two currencies, a person account, e-mails and products."""
    folder = small_firm(tmp_path_factory.mktemp("rich"))
    for name, rows in ROWS.items():
        path = folder / "rows" / f"{name}.json"
        there = json.loads(path.read_text("utf-8")) if path.exists() else []
        if name == "Opportunity":  # an org with several currencies names one on each
            there = [one | {"CurrencyIsoCode": "USD"} for one in there]
        path.write_text(json.dumps(there + rows, ensure_ascii=False), "utf-8")
    app = build_salesforce_twin(
        seed=folder, client_id="demo", client_secret="planted-client-secret",
        switches={"multi_currency": True, "person_accounts": True},
    )  # fmt: skip
    with serve_in_thread(app) as twin:
        yield twin.url


def write_shipped_project(projects: Path, decided: Mapping[str, str]) -> Path:
    """The demo's project, with the pair's own mappings in place of its own."""
    write_project(projects)
    mapping = projects / "demo" / "mapping"
    for shipped in load_pair("salesforce", "kommo").folder.glob("*.yaml"):
        if shipped.stem in NAMES:
            shutil.copy(shipped, mapping / shipped.name)
    change(mapping / "opportunities.yaml", "stages: {}", STAGES)
    change(mapping / "accounts.yaml", "    lost:\n", "    lost:\n      Segment__c: not used in Kommo\n")
    project = projects / "demo" / "project.yaml"
    for name, value in decided.items():
        decide(project, name, value)
    return projects


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def decide(project: Path, name: str, value: str) -> None:
    lines = [line for line in project.read_text("utf-8").splitlines() if not line.startswith(f"  {name}:")]
    lines.insert(lines.index("decisions:") + 1, f"  {name}: {value}")
    project.write_text("\n".join(lines) + "\n", "utf-8")


def outcomes(world: World) -> dict[str, dict[str, int]]:
    with world.partition() as partition:
        return {one.key: partition.ledger.proof.outcomes(one.key) for _, one in partition.routes}


def by_key(snapshot: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {one["custom_fields"]["SF_ID"][0]["value"]: one for one in snapshot[kind]}


def texts_on(snapshot: Mapping[str, Any], kind: str, card: str) -> list[str]:
    number = by_key(snapshot, kind)[card]["id"]
    return [
        one["params"]["text"] for one in snapshot["notes"] if (one["entity_type"], one["entity_id"]) == (kind, number)
    ]


def linked(snapshot: Mapping[str, Any], kind: str, card: str) -> set[tuple[str, int]]:
    number = by_key(snapshot, kind)[card]["id"]
    return {
        (one["to_entity"], one["to_id"]) for one in snapshot["links"] if (one["entity"], one["id"]) == (kind, number)
    }


def files_on(snapshot: Mapping[str, Any], kind: str, card: str) -> list[str]:
    """The names of the files on a card, but those in the trash."""
    number = by_key(snapshot, kind)[card]["id"]
    there = {one["file_uuid"] for one in snapshot["attached"] if (one["entity"], one["record_id"]) == (kind, number)}
    return [one["name"] for one in snapshot["files"] if one["id"] in there and not one["deleted_at"]]


def taking_files_of(size_bytes: int, target: OrgSchema) -> OrgSchema:
    """The target as it would be with another ceiling of a file."""
    files = target.objects["files"]
    size = files.fields["size_bytes"].model_copy(update={"max_value": size_bytes})
    files = files.model_copy(update={"fields": {**files.fields, "size_bytes": size}})
    return target.model_copy(update={"objects": {**target.objects, "files": files}})


def left_out(world: World, route: str) -> dict[str, str]:
    """The records that a route leaves out with their parents -> why."""
    with world.partition() as partition:
        rows = partition.ledger.plans.select(
            "SELECT e.source_id, e.problems FROM ledger.ledger_entry e JOIN ledger.route r ON r.id = e.route_id "
            "WHERE e.partition_id = :partition AND r.key = :route AND e.planned = 'excluded'",
            route=route,
        )
    return {row["source_id"]: row["problems"][0]["message"] for row in rows}


def value_of(record: Mapping[str, Any], code: str) -> Any:
    return record["custom_fields"][code][0]["value"]


def test_all_that_an_org_holds_arrives_and_can_be_rolled_back(ledger: Ledger, rich_source: str, tmp_path: Path) -> None:
    """SF-KOMMO-01, SF-KOMMO-13, SF-KOMMO-18, SF-KOMMO-32, SF-KOMMO-33, SF-KOMMO-41, SF-KOMMO-45, SF-KOMMO-67,
    SF-KOMMO-81, SF-KOMMO-82."""
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"multi_currency": "keep"})
    with World.open(ledger, rich_source, projects, tmp_path) as world:
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        snapshot = world.snapshot()
        found = outcomes(world)
        # The small firm alone comes to 5 companies, 10 contacts, 3 deals, 7 tasks and 6 notes.
        counts = {name: len(snapshot[name]) for name in ("companies", "contacts", "leads", "tasks", "notes")}
        assert counts == {"companies": 7, "contacts": 12, "leads": 5, "tasks": 8, "notes": 10}

        companies, contacts, leads = (by_key(snapshot, kind) for kind in ("companies", "contacts", "leads"))
        assert value_of(companies[EAST], "PARENT_COMPANY") == "Harbor Holding"
        assert "PARENT_COMPANY" not in companies[HOLDING]["custom_fields"]
        labels = {one["code"]: one["name"] for kind in snapshot["custom_fields"].values() for one in kind}
        assert (labels["PARENT_COMPANY"], labels["DEAL_CURRENCY"]) == ("Parent Company", "Deal Currency")
        assert (leads[EAST_DEAL]["price"], value_of(leads[EAST_DEAL], "SF_AMOUNT")) == (1000, "1000.4")
        assert [value_of(leads[one], "DEAL_CURRENCY") for one in (EAST_DEAL, PIA_DEAL)] == ["EUR", "USD"]

        with world.partition() as partition, partition.ledger.report.one_view():
            money = money_of(partition)
        assert money
        parts = {one["currency"]: one["all"] for one in money["currencies"]}
        assert set(parts) == {"EUR", "USD"}
        assert (parts["EUR"]["source"], parts["EUR"]["target"]) == ("1000.4", "1000.4")
        assert {Decimal(one["unexplained"]) for one in parts.values()} == {0}

        # A person account is its contact, and what hangs on it hangs there.
        assert PERSON not in companies
        assert linked(snapshot, "leads", PIA_DEAL) == {("contacts", contacts[PIA]["id"])}
        assert not any(
            one["to_id"] == contacts[PIA]["id"] and one["entity"] == "companies" for one in snapshot["links"]
        )
        assert found["contacts/Account>contacts"] == {"carried": 1}
        assert len(texts_on(snapshot, "contacts", PIA)) == 1
        assert [one["text"][:12] for one in snapshot["tasks"] if one["entity_id"] == contacts[PIA]["id"]] == [
            "Email: Hello"
        ]

        # What only the account of a person loses counts once, although companies have it too.
        with world.partition() as partition:
            extraction = partition.ledger.records.last_extraction("Account")
            assert extraction
            assert extraction["profile"]["filled"]["BillingCity"] > 1
            stages.write_report(partition)
            report = stages.read_report(partition)
        lost, behind = report["losses"]["fields"], report["left_out"]
        assert [one["filled"] for one in lost if one["field"] == "BillingCity"] == [1]

        # One e-mail is on the deal, with the line of its product, and one on the contact who wrote it.
        on_deal = sorted(text.split("\n\n")[0] for text in texts_on(snapshot, "leads", EAST_DEAL))
        assert on_deal == [
            "[E-mail] sent 2026-03-05 10:20\nFrom: <olivia@harbor.example>\nTo: eda@east.example\nSubject: Our offer",
            f"[Product] Pump, 2 x 500.2 = 1000.4 EUR\n[SF:{make_id('00k', 1)}]",
        ]
        (thanks,) = texts_on(snapshot, "contacts", EDA)
        assert "Subject: Thanks\n\nMany thanks" in thanks
        assert "no</script>" not in thanks
        assert {one["note_type"] for one in snapshot["notes"]} <= {"common", "call_in", "call_out"}
        assert found["activities/EmailMessage>notes"] == {"loaded": 2, "held": 1, "excluded": 1}
        assert found["activities/EmailMessageRelation>notes"] == {"carried": 2}
        assert found["activities/Task>tasks"]["made by the platform"] == 1
        assert found["opportunities/OpportunityLineItem>notes"] == {"loaded": 1}

        # The file of an e-mail is on the card of its note, once, also where it is on that card itself; that of one that is
        # held waits, that of one on a case stays behind.
        assert files_on(snapshot, "leads", EAST_DEAL) == [f"Offer [SF:{OFFER_BODY}].pdf"]
        assert files_on(snapshot, "contacts", EDA) == [f"thanks [SF:{OF_HTML}].png"]
        names = {one["name"] for one in snapshot["files"]}
        assert not [name for name in names if OF_ADRIFT in name or OF_ON_CASE in name]
        stays = f"belongs to {ON_CASE}, which is not brought over"
        for route in ("attachments/Attachment>files", "attachments/Attachment>card_files"):
            assert found[route] == {"loaded": 1, "held": 1, "excluded": 1}
            assert left_out(world, route) == {OF_ON_CASE: stays}
        assert left_out(world, "attachments/ContentDocumentLink>card_files")[CASE_LINK] == stays
        told = [(one["source_object"], one["rows"]) for one in behind if one["words"].startswith("belongs to")]
        assert sorted(told) == [("Attachment", 1), ("Attachment", 1), ("ContentDocumentLink", 1)]

        with world.partition() as partition:
            rolled_back = stages.roll_back(partition)
        after = world.snapshot()
        assert not [route for route in rolled_back.left if route.startswith("attachments/")]
        assert files_on(after, "leads", EAST_DEAL) == files_on(after, "contacts", EDA) == []
        assert not [one for one in after["notes"] if "Dear Eda" in json.dumps(one) or "[Product]" in json.dumps(one)]


def test_what_stays_behind_by_decision_is_archived_and_so_is_the_content_of_its_tasks(
    ledger: Ledger, rich_source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-01, SF-KOMMO-41, SF-KOMMO-67, SF-KOMMO-81: an org with several currencies is asked about them."""
    archive = DECIDED | {"emails": "archive", "line_items": "archive", "account_hierarchy": "lost"}
    projects = write_shipped_project(tmp_path / "projects", archive)
    with World.open(ledger, rich_source, projects, tmp_path) as world:
        with world.partition() as partition:
            stages.discover(partition)
            judged = gates.judge_plan(partition)
            assert "1 decision open: multi_currency" in judged["every_decision_is_taken"].says
        decide(world.folder / "project.yaml", "multi_currency", "keep")
        world.prepare()

        with world.partition() as partition:
            plan = partition.ledger.plans.current()
        assert plan
        rows = {(row["route"], row["planned"]): row["rows"] for row in plan["summary"]["routes"]}
        assert rows["archive/EmailMessage>csv", "archived"] == 4
        assert rows["archive/OpportunityLineItem>csv", "archived"] == 1
        # A file follows its e-mail.
        assert set(left_out(world, "attachments/Attachment>files")) == {OF_HTML, OF_ADRIFT, OF_ON_CASE}
        assert {OFFER_LINK, CASE_LINK} <= set(left_out(world, "attachments/ContentDocumentLink>card_files"))

        # Were Kommo to take files of four bytes, all that are longer would be held before anything is sent.
        with world.partition() as partition:
            partition.keep_schema("target", taking_files_of(4, partition.schema("target")))
            problems = stages.plan(partition)["problems"]
        (held,) = [one for one in problems if one["reason"] == HoldReason.TOO_LARGE.name]
        assert (held["route"], held["planned"]) == ("attachments/ContentVersion>files", "held")
        assert held["rows"] == rows["attachments/ContentVersion>files", "planned"]
        assert held["message"].startswith("size_bytes takes 4 at most, the value is ")
        assert rows["activities/Task>tasks", "made by the platform"] == 1
        # The small firm's five, and the one that no e-mail is known of.
        assert rows["activities/Task>tasks", "planned"] == 6
        assert "PARENT_COMPANY" not in {one["name"] for one in plan["summary"]["wanted"]["fields"]}


def test_the_shipped_mappings_serve_an_org_that_has_none_of_it(
    ledger: Ledger, small_source: str, tmp_path: Path
) -> None:
    """One currency and no person accounts: nothing is asked of them, and Kommo gets no field for them."""
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"account_hierarchy": "lost"})
    with World.open(ledger, small_source, projects, tmp_path) as world:
        world.prepare()

        with world.partition() as partition:
            assert gates.judge_plan(partition)["every_decision_is_taken"].holds
            plan = partition.ledger.plans.current()
            assert plan
            wanted = {one["name"] for one in plan["summary"]["wanted"]["fields"]}
            planned = {row["route"]: row["rows"] for row in plan["summary"]["routes"] if row["planned"] == "planned"}
        assert {"SF_AMOUNT", "SF_STAGE"} <= wanted
        assert not wanted & {"DEAL_CURRENCY", "PARENT_COMPANY"}
        assert (planned["accounts/Account>companies"], planned["contacts/Contact>contacts"]) == (5, 10)
