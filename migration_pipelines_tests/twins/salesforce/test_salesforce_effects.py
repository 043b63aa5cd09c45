"""What the platform does beside the write: activities, roles, relations, products, and the Recycle Bin."""

# ruff: noqa: S608 - SOQL of the tests' own

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    CELIK,
    GRACE,
    LEAD_OF_REP,
    OPEN,
    PROJECT,
    WON,
    Org,
)

Start = Callable[..., Org]
STANDARD_BOOK = make_id("01s", 1)


@pytest.fixture
def twin(start: Start, seed: Path) -> Org:
    return start(seed=seed)


def create(twin: Org, name: str, **record: Any) -> str:
    answer = twin.post(f"sobjects/{name}", json=record)
    assert answer.status_code == 201, answer.text
    record_id: str = answer.json()["id"]
    return record_id


def refused(twin: Org, name: str, **record: Any) -> tuple[str, list[str]]:
    answer = twin.post(f"sobjects/{name}", json=record)
    assert answer.status_code == 400, answer.text
    return answer.json()[0]["errorCode"], answer.json()[0]["fields"]


# --- tasks and events


def test_a_task_is_completed_when_it_is_closed_and_no_more_when_it_is_reopened(twin: Org) -> None:
    task = create(twin, "Task", Subject="Call", Priority="High")
    soql = f"SELECT Status, IsClosed, IsHighPriority, CompletedDateTime FROM Task WHERE Id = '{task}'"
    assert twin.records(soql) == [
        {"Status": "Not Started", "IsClosed": False, "IsHighPriority": True, "CompletedDateTime": None}
    ]
    twin.clock(advance=60)
    twin.patch(f"sobjects/Task/{task}", json={"Status": "Completed"})
    twin.clock(advance=60)
    twin.patch(f"sobjects/Task/{task}", json={"Subject": "Called"})
    assert twin.records(soql)[0]["CompletedDateTime"] == "2026-06-15T22:31:00.000+0000"

    twin.patch(f"sobjects/Task/{task}", json={"Status": "In Progress"})

    assert (twin.records(soql)[0]["IsClosed"], twin.records(soql)[0]["CompletedDateTime"]) == (False, None)


def test_a_lead_excludes_a_related_record(twin: Org) -> None:
    assert refused(twin, "Task", WhoId=LEAD_OF_REP, WhatId=ACME) == ("FIELD_INTEGRITY_EXCEPTION", ["WhatId"])
    task = create(twin, "Task", WhoId=LEAD_OF_REP)
    assert twin.patch(f"sobjects/Task/{task}", json={"WhatId": ACME}).status_code == 400


START, END = "2026-03-01T09:00:00Z", "2026-03-01T10:30:00Z"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param({"StartDateTime": START, "DurationInMinutes": 90}, (START, END, 90), id="start and duration"),
        pytest.param({"ActivityDateTime": START, "EndDateTime": END}, (START, END, 90), id="due date and end"),
        pytest.param({"StartDateTime": START, "EndDateTime": END, "DurationInMinutes": 90}, (START, END, 90), id="all"),
        pytest.param(
            {"IsAllDayEvent": True, "ActivityDate": "2026-03-01"},
            ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", 1440),
            id="a day",
        ),
    ],
)
def test_the_times_of_an_event_follow_from_each_other(
    twin: Org, record: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    event = create(twin, "Event", Subject="E", **record)

    soql = f"SELECT StartDateTime, EndDateTime, DurationInMinutes, ActivityDate FROM Event WHERE Id = '{event}'"
    (row,) = twin.records(soql)
    start, end, minutes = expected
    assert row == {
        "StartDateTime": start.replace("Z", ".000+0000"),
        "EndDateTime": end.replace("Z", ".000+0000"),
        "DurationInMinutes": minutes,
        "ActivityDate": "2026-03-01",
    }


def test_an_event_that_is_moved_keeps_its_length(twin: Org) -> None:
    event = create(twin, "Event", Subject="E", StartDateTime=START, DurationInMinutes=90)

    assert twin.patch(f"sobjects/Event/{event}", json={"StartDateTime": "2026-03-02T09:00:00Z"}).status_code == 204

    assert twin.records(f"SELECT EndDateTime, ActivityDateTime, DurationInMinutes FROM Event WHERE Id = '{event}'") == [
        {
            "EndDateTime": "2026-03-02T10:30:00.000+0000",
            "ActivityDateTime": "2026-03-02T09:00:00.000+0000",
            "DurationInMinutes": 90,
        }
    ]


@pytest.mark.parametrize(
    ("record", "code", "fields"),
    [
        ({}, "REQUIRED_FIELD_MISSING", ["ActivityDateTime", "EndDateTime"]),
        ({"StartDateTime": START}, "REQUIRED_FIELD_MISSING", ["EndDateTime"]),
        ({"ActivityDate": "2026-03-01", "DurationInMinutes": 5}, "REQUIRED_FIELD_MISSING", ["ActivityDateTime"]),
        ({"StartDateTime": END, "EndDateTime": START}, "FIELD_INTEGRITY_EXCEPTION", ["EndDateTime"]),
        (
            {"StartDateTime": START, "ActivityDateTime": END, "DurationInMinutes": 5},
            "FIELD_INTEGRITY_EXCEPTION",
            ["StartDateTime"],
        ),
        (
            {"StartDateTime": START, "EndDateTime": END, "DurationInMinutes": 5},
            "FIELD_INTEGRITY_EXCEPTION",
            ["EndDateTime"],
        ),
    ],
)
def test_an_event_without_consistent_times_is_refused(
    twin: Org, record: dict[str, Any], code: str, fields: list[str]
) -> None:
    assert refused(twin, "Event", Subject="E", **record) == (code, fields)


# --- contacts


def test_a_new_primary_role_takes_over_from_the_old_one(twin: Org) -> None:
    create(twin, "OpportunityContactRole", OpportunityId=WON, ContactId=GRACE, IsPrimary=True, Role="Other")

    roles = twin.records(
        f"SELECT ContactId, Role FROM OpportunityContactRole WHERE OpportunityId = '{WON}' AND IsPrimary = true"
    )
    assert roles == [{"ContactId": GRACE, "Role": "Other"}]


def test_a_contacts_direct_relation_is_made_by_the_platform(start: Start, seed: Path) -> None:
    twin = start(seed=seed, switches={"contacts_to_multiple_accounts": True})
    contact = create(twin, "Contact", LastName="Many", AccountId=ACME)
    soql = f"SELECT AccountId, IsDirect FROM AccountContactRelation WHERE ContactId = '{contact}' ORDER BY AccountId"
    assert twin.records(soql) == [{"AccountId": ACME, "IsDirect": True}]

    assert refused(twin, "AccountContactRelation", AccountId=ACME, ContactId=contact) == ("DUPLICATE_VALUE", [])
    twin.patch(f"sobjects/Contact/{contact}", json={"AccountId": CELIK})

    assert twin.records(soql) == [{"AccountId": ACME, "IsDirect": False}, {"AccountId": CELIK, "IsDirect": True}]


# --- products


def product(twin: Org, price: float = 10) -> tuple[str, str]:
    made = create(twin, "Product2", Name="Pump", ProductCode="P-1", IsActive=True)
    entry = create(twin, "PricebookEntry", Product2Id=made, Pricebook2Id=STANDARD_BOOK, UnitPrice=price, IsActive=True)
    return made, entry


def test_a_custom_price_needs_the_standard_price_and_each_stands_once(twin: Org) -> None:
    book = create(twin, "Pricebook2", Name="Partners", IsActive=True)
    bare = create(twin, "Product2", Name="Bare", IsActive=True)
    made, _ = product(twin)
    custom = {"Pricebook2Id": book, "UnitPrice": 8, "IsActive": True}

    assert refused(twin, "PricebookEntry", Product2Id=bare, **custom)[0] == "STANDARD_PRICE_NOT_DEFINED"
    entry = create(twin, "PricebookEntry", Product2Id=made, **custom)
    assert refused(twin, "PricebookEntry", Product2Id=made, **custom)[0] == "DUPLICATE_VALUE"
    assert twin.records(f"SELECT Name, ProductCode FROM PricebookEntry WHERE Id = '{entry}'") == [
        {"Name": "Pump", "ProductCode": "P-1"}
    ]


def test_lines_give_their_opportunity_price_book_and_amount(twin: Org) -> None:
    _, entry = product(twin)
    line = create(twin, "OpportunityLineItem", OpportunityId=OPEN, PricebookEntryId=entry, Quantity=3, UnitPrice=9.5)
    create(twin, "OpportunityLineItem", OpportunityId=OPEN, PricebookEntryId=entry, Quantity=2, TotalPrice=15)
    soql = f"SELECT Amount, HasOpportunityLineItem, Pricebook2Id, ExpectedRevenue FROM Opportunity WHERE Id = '{OPEN}'"

    # 3 x 9.5 + 15, of which the stage Prospecting expects 10 %.
    assert twin.records(soql) == [
        {"Amount": 43.5, "HasOpportunityLineItem": True, "Pricebook2Id": STANDARD_BOOK, "ExpectedRevenue": 4.35}
    ]
    assert twin.patch(f"sobjects/Opportunity/{OPEN}", json={"Amount": 1, "NextStep": "Call"}).status_code == 204
    assert twin.records(f"SELECT Amount, NextStep FROM Opportunity WHERE Id = '{OPEN}'") == [
        {"Amount": 43.5, "NextStep": "Call"}
    ]
    twin.patch(f"sobjects/OpportunityLineItem/{line}", json={"Quantity": 1})
    assert twin.records(soql)[0]["Amount"] == 24.5
    twin.delete(f"sobjects/OpportunityLineItem/{line}")
    assert twin.records(soql)[0]["Amount"] == 15


def test_a_line_says_one_price_of_an_active_entry_of_the_right_book(twin: Org) -> None:
    made, entry = product(twin)
    book = create(twin, "Pricebook2", Name="Partners", IsActive=True)
    other = create(twin, "PricebookEntry", Product2Id=made, Pricebook2Id=book, UnitPrice=8, IsActive=True)
    line = {"OpportunityId": OPEN, "Quantity": 1}
    create(twin, "OpportunityLineItem", **line, PricebookEntryId=entry, UnitPrice=1)

    assert refused(twin, "OpportunityLineItem", **line, PricebookEntryId=entry) == (
        "REQUIRED_FIELD_MISSING",
        ["UnitPrice"],
    )
    both = refused(twin, "OpportunityLineItem", **line, PricebookEntryId=entry, UnitPrice=1, TotalPrice=1)
    assert both == ("FIELD_INTEGRITY_EXCEPTION", ["UnitPrice", "TotalPrice"])
    wrong = refused(twin, "OpportunityLineItem", **line, PricebookEntryId=other, UnitPrice=1)
    assert wrong == ("FIELD_INTEGRITY_EXCEPTION", ["PricebookEntryId"])
    twin.patch(f"sobjects/PricebookEntry/{entry}", json={"IsActive": False})
    inactive = refused(twin, "OpportunityLineItem", **line, PricebookEntryId=entry, UnitPrice=1)
    assert inactive == ("FIELD_INTEGRITY_EXCEPTION", ["PricebookEntryId"])


def test_another_price_book_takes_the_lines_away(twin: Org) -> None:
    _, entry = product(twin)
    book = create(twin, "Pricebook2", Name="Partners", IsActive=True)
    create(twin, "OpportunityLineItem", OpportunityId=OPEN, PricebookEntryId=entry, Quantity=3, UnitPrice=9)

    twin.patch(f"sobjects/Opportunity/{OPEN}", json={"Pricebook2Id": book})

    assert twin.ids(f"SELECT Id FROM OpportunityLineItem WHERE OpportunityId = '{OPEN}'") == []
    assert twin.records(f"SELECT HasOpportunityLineItem FROM Opportunity WHERE Id = '{OPEN}'") == [
        {"HasOpportunityLineItem": False}
    ]


# --- deleting


def test_an_account_takes_what_hangs_on_it_along_and_is_cleared_from_lookups(twin: Org) -> None:
    twin.clock(advance=10)

    assert twin.delete(f"sobjects/Account/{ACME}").status_code == 204

    for name in ("Contact", "Opportunity"):
        assert twin.ids(f"SELECT Id FROM {name} WHERE AccountId = '{ACME}'") == []
    assert twin.ids(f"SELECT Id FROM Contact WHERE AccountId = '{ACME}' AND IsDeleted = true", everything=True) == [
        ADA,
        GRACE,
    ]
    assert twin.ids("SELECT Id FROM OpportunityContactRole") == []
    assert twin.ids(f"SELECT Id FROM Task WHERE WhatId = '{WON}'") == []
    assert twin.records(f"SELECT Account__c FROM Project__c WHERE Id = '{PROJECT}'") == [{"Account__c": None}]
    stamps = twin.get("queryAll", params={"q": f"SELECT SystemModstamp FROM Contact WHERE Id = '{ADA}'"}).json()
    assert stamps["records"][0]["SystemModstamp"] == "2026-06-15T22:30:10.000+0000"


def test_undeleting_brings_all_of_it_back(twin: Org) -> None:
    before = twin.get("/__twin__/snapshot").json()
    twin.delete(f"sobjects/Account/{ACME}")

    assert twin.post("/__twin__/undelete", json={"object": "Account", "id": ACME}).status_code == 204

    after = twin.get("/__twin__/snapshot").json()
    unstamped = ("SystemModstamp", "LastModifiedDate", "LastModifiedById")
    for name, rows in before.items():
        bare = [{key: value for key, value in row.items() if key not in unstamped} for row in rows]
        again = [{key: value for key, value in row.items() if key not in unstamped} for row in after[name]]
        assert json.dumps(again) == json.dumps(bare), name
    assert twin.post("/__twin__/undelete", json={"object": "Account", "id": ACME}).status_code == 400


def test_a_case_holds_its_account(twin: Org) -> None:
    case = create(twin, "Case", Subject="Broken", AccountId=CELIK)

    answer = twin.delete(f"sobjects/Account/{CELIK}")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert "associated with the following cases" in answer.json()[0]["message"]
    twin.delete(f"sobjects/Case/{case}")
    assert twin.delete(f"sobjects/Account/{CELIK}").status_code == 204
