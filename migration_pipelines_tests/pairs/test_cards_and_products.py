"""Salesforce -> Kommo: hierarchy, person accounts, products on a deal, and the currency of a deal."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.mapping import Route
from migration_pipelines.core.order import routes_in_order
from migration_pipelines.core.records import KnownParent, Outcome, SourceRecord, Transformed
from migration_pipelines.core.transform import compile_route, transform
from migration_pipelines_tests.pairs.test_activities import EVENT, NOTE, TASK
from migration_pipelines_tests.pairs.test_salesforce_to_kommo import (
    ACCOUNT,
    CARRIED,
    CONTACT,
    DEAL,
    DECISIONS,
    HOMES,
    KNOWN,
    MAPPINGS,
    PAIR,
    ROUTES,
    STAGES,
)

PERSON = KnownParent("contacts/Account>contacts", Outcome.CARRIED, ("contacts/Contact>contacts", "003A"))
WITH_PERSON = KNOWN | {("contacts", "001P"): PERSON}
LINE: dict[str, Any] = {
    "Product2.Name": "Pump", "Name": "Big deal Pump", "Quantity": 2.0, "UnitPrice": 750.25, "TotalPrice": 1350.45,
    "Discount": 10.0, "CurrencyIsoCode": "EUR", "ServiceDate": "2026-05-04", "Description": "With seals.",
    "CreatedDate": "2026-03-05T15:20:30.000+0000", "OpportunityId": "006A", "CreatedById": None,
}  # fmt: skip


def run(key: str, values: dict[str, Any], known: Any, roles: Any = ()) -> Transformed:
    name, route = ROUTES[key]
    compiled = compile_route(
        name, route, tables={**MAPPINGS[name].tables, "stages": STAGES}, rules=PAIR.rules, decisions=DECISIONS, homes=HOMES
    )  # fmt: skip
    record = SourceRecord(key.split(">")[0], "00X", values, children={"OpportunityContactRole": list(roles)})
    return transform([record], compiled, known)


def references(done: Transformed) -> list[tuple[str, str, str]]:
    (one,) = done.planned
    users = ("responsible_user_id", "created_by")
    return [(each.field, each.route, each.source_id) for each in one.references if each.field not in users]


def route_of(crm_object: str, key: str, **decisions: str) -> Route:
    found = routes_in_order(MAPPINGS, NAMES, CARRIED | {"meetings": "note"} | decisions)
    return next(route for name, route in found if (name, f"{route.source}>{route.target}") == (crm_object, key))


def test_a_child_company_names_its_parent_where_that_was_decided() -> None:
    """SF-KOMMO-41, SF-KOMMO-45: there is no default; otherwise nothing reads the parent, nor is there a field for it."""
    kept, lost = (
        route_of("accounts", "Account>companies", account_hierarchy=decided) for decided in ("parent name", "lost")
    )

    assert kept.fields["PARENT_COMPANY"].label == "Parent Company"
    assert "Parent.Name" in kept.reads
    assert "PARENT_COMPANY" not in lost.fields
    assert "Parent.Name" not in lost.reads
    assert PAIR.decisions["account_hierarchy"].default is None


def test_a_company_without_a_parent_has_an_empty_field() -> None:
    """SF-KOMMO-45."""
    (one,) = run("Account>companies", ACCOUNT | {"Parent.Name": None}, KNOWN).planned

    assert one.values["PARENT_COMPANY"] is None


def test_a_person_account_is_no_company_and_its_contact_has_none() -> None:
    """SF-KOMMO-10, SF-KOMMO-12."""
    assert list(run("Account>companies", ACCOUNT | {"IsPersonAccount": True}, KNOWN).excluded) == ["00X"]
    assert len(run("Contact>contacts", CONTACT | {"IsPersonAccount": True}, KNOWN).planned) == 1
    assert list(run("Contact>company_contacts", CONTACT | {"IsPersonAccount": True}, KNOWN).excluded) == ["00X"]


def test_a_person_account_is_carried_by_its_contact() -> None:
    """SF-KOMMO-01: every row has an outcome; a company's row has none here."""
    person = {"IsPersonAccount": True, "PersonContactId": "003A"}
    company = {"IsPersonAccount": False, "PersonContactId": None}

    assert run("Account>contacts", person, KNOWN).carried == {"00X": ("contacts/Contact>contacts", "003A")}
    assert list(run("Account>contacts", company, KNOWN).excluded) == ["00X"]


def test_an_org_without_person_accounts_has_companies_only() -> None:
    """A field that the org does not have counts as empty."""
    assert len(run("Account>companies", ACCOUNT | {"IsPersonAccount": None}, KNOWN).planned) == 1
    assert list(run("Account>contacts", {"IsPersonAccount": None, "PersonContactId": None}, KNOWN).excluded) == ["00X"]


THE_CONTACT = ("contacts/Contact>contacts", "003A")


@pytest.mark.parametrize(
    ("key", "values"),
    [
        pytest.param("Task>tasks", TASK | {"WhatId": "001P", "WhoId": None}, id="a task"),
        pytest.param("Task>tasks", TASK | {"WhatId": "001P", "WhoId": "003A"}, id="a task that names both halves"),
        pytest.param("Event>notes", EVENT | {"WhatId": "001P"}, id="a meeting"),
        pytest.param("Note>notes", NOTE | {"ParentId": "001P"}, id="a note"),
    ],
)
def test_what_hangs_on_a_person_account_hangs_on_the_contact(key: str, values: dict[str, Any]) -> None:
    """SF-KOMMO-09."""
    assert references(run(key, values, WITH_PERSON)) == [("contact", *THE_CONTACT)]


def test_a_file_of_a_person_account_is_on_the_contact() -> None:
    """SF-KOMMO-32."""
    known = WITH_PERSON | {("attachments", "068A"): KnownParent("attachments/ContentVersion>files", Outcome.PLANNED)}
    link = {
        "LinkedEntityId": "001P",
        "LinkedEntity.Type": "Account",
        "ContentDocument.LatestPublishedVersionId": "068A",
    }

    assert references(run("ContentDocumentLink>card_files", link, known))[1:] == [("contact", *THE_CONTACT)]


def test_a_deal_of_a_person_account_is_attached_to_the_contact_once_and_to_no_company() -> None:
    """SF-KOMMO-10, SF-KOMMO-19."""
    role = {"ContactId": "003A", "IsPrimary": True}

    for roles in ([], [role]):
        assert references(run("Opportunity>leads", DEAL | {"AccountId": "001P"}, WITH_PERSON, roles)) == [
            ("contacts", *THE_CONTACT)
        ]


def test_a_line_of_a_deal_becomes_a_note_on_it() -> None:
    known = {("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED)}
    done = run("OpportunityLineItem>notes", LINE, known)

    assert done.planned[0].values == {
        "type": "common",
        "text": "[Product] Pump, 2 x 750.25 = 1350.45 EUR, discount 10 %\nDate: 2026-05-04\n\nWith seals.",
        "created_at": "2026-03-05T15:20:30Z",
    }
    assert references(done) == [("lead", "opportunities/Opportunity>leads", "006A")]


def test_a_bare_line_says_what_there_is() -> None:
    bare = LINE | dict.fromkeys(("Product2.Name", "Discount", "CurrencyIsoCode", "ServiceDate", "Description"))
    known = {("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED)}

    text = run("OpportunityLineItem>notes", bare, known).planned[0].values["text"]

    assert text == "[Product] Big deal Pump, 2 x 750.25 = 1350.45"


def test_a_deal_keeps_its_figure_and_names_its_currency() -> None:
    """SF-KOMMO-67: nothing is converted; the price is the same figure, rounded to whole units."""
    (one,) = run("Opportunity>leads", DEAL | {"Amount": 99.5, "CurrencyIsoCode": "GBP"}, KNOWN).planned

    assert (one.values["price"], one.values["SF_AMOUNT"], one.values["DEAL_CURRENCY"]) == (100, "99.5", "GBP")
    assert route_of("opportunities", "Opportunity>leads").fields["DEAL_CURRENCY"].label == "Deal Currency"


def test_an_org_with_one_currency_has_no_field_for_it() -> None:
    """SF-KOMMO-67."""
    route = route_of("opportunities", "Opportunity>leads")

    assert "DEAL_CURRENCY" not in route.without(["CurrencyIsoCode"]).fields
    assert set(route.fields) - set(route.without(["CurrencyIsoCode"]).fields) == {"DEAL_CURRENCY"}
