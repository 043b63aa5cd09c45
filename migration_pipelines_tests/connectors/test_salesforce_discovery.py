"""Discovery: what an org is, what acts in it, what it allows, and what it hides, which no error tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.connectors.salesforce.describe import is_business
from migration_pipelines.core.schema import Automation, OrgSchema
from migration_pipelines.reports.text import discovery_text
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id

GIVEN = Credentials(token="planted-session")
ROWS: dict[str, list[dict[str, Any]]] = {
    "Account": [{"Name": "Acme", "Phone": "1"}, {"Name": "Çelik", "Phone": "2", "Website": "https://c.example"}],
    "Case": [{"Subject": "Broken"}],
    "Task": [
        {"Subject": "Old", "Status": "Completed", "ActivityDate": "2020-01-01"},
        {"Subject": "New", "Status": "Completed", "ActivityDate": "2026-11-01"},
    ],
    "Group": [{"Id": make_id("00G", 1), "Name": "Inbound", "Type": "Queue"}],
    "RecordType": [
        {
            "Id": make_id("012", 1),
            "Name": "Partner",
            "DeveloperName": "Partner",
            "SobjectType": "Account",
            "IsActive": True,
        }
    ],
    "ApexTrigger": [{"Name": "AccountTrigger", "TableEnumOrId": "Account", "Status": "Inactive"}],
    "AssignmentRule": [{"Name": "Round robin", "SobjectType": "Lead", "Active": True}],
}

Start = Callable[..., tuple[SalesforceSource, httpx.Client]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(
            rows: dict[str, list[dict[str, Any]]] = ROWS, **switches: object
        ) -> tuple[SalesforceSource, httpx.Client]:
            (tmp_path / "rows").mkdir()
            for name, given in rows.items():
                (tmp_path / "rows" / f"{name}.json").write_text(json.dumps(given), "utf-8")
            app = build_salesforce_twin(seed=tmp_path, tokens=["planted-session"], switches=switches)
            twin = stack.enter_context(serve_in_thread(app))
            source = SalesforceSource(twin.url, GIVEN, sleep=lambda _: None)
            stack.callback(source.close)
            return source, stack.enter_context(httpx.Client(base_url=f"{twin.url}/__twin__/"))

        yield begin


def state(org: OrgSchema, name: str) -> str:
    return next(one.state for one in org.capabilities if one.name == name)


def test_objects_are_counted_and_fields_are_profiled(start: Start) -> None:
    """SF-KOMMO-36. Archived tasks are counted too."""
    source, _ = start()

    org = source.describe(["Account", "Task"])

    account = org.objects["Account"].fields
    assert {name: account[name].filled for name in ("Name", "Phone", "Website", "Fax")} == {
        "Name": 2, "Phone": 2, "Website": 1, "Fax": 0,
    }  # fmt: skip
    assert account["Description"].filled is None, "a long text cannot be counted; the extraction does it"
    assert (org.objects["Task"].records, org.objects["Task"].fields["Subject"].filled) == (2, 2)
    case = org.objects["Case"]
    assert (case.records, case.is_counted, case.is_business, dict(case.fields)) == (1, True, True, {})
    assert "Lead" not in org.objects, "an object without rows needs no disposition"
    assert not org.objects["Group"].is_business


def test_what_is_set_up_is_listed(start: Start) -> None:
    source, _ = start()

    org = source.describe(["Account"])

    assert Automation(kind="trigger", name="AccountTrigger", object="Account", is_active=False) in org.automations
    assert Automation(kind="assignment rule", name="Round robin", object="Lead", is_active=True) in org.automations
    assert org.facts["record_types"] == [{"object": "Account", "code": "Partner", "name": "Partner", "is_active": True}]
    assert [one["name"] for one in org.facts["queues"]] == ["Inbound"]
    assert org.facts["limits"]["DailyApiRequests"]["most"] == 100_000
    assert org.facts["edition"] == "Developer Edition"
    assert [(user.email, user.is_active, user.is_standard) for user in org.users] == [
        ("admin@twin.example", True, True)
    ]


def test_discovery_costs_a_modest_number_of_requests(start: Start) -> None:
    """One for each of the org's lists, three for a mapped object, two for a field list, and one for each object with rows."""
    source, control = start()
    control.post("statistics/reset")

    org = source.describe(["Account", "Task"])

    assert org.facts["requests"] <= 40
    assert control.get("statistics").json()["requests"] == org.facts["requests"]


def test_a_list_that_is_refused_is_not_visible_which_is_not_none(start: Start) -> None:
    source, control = start()
    control.post("hidden", json={"objects": ["FlowDefinitionView", "DuplicateRule"]})

    org = source.describe(["Account"])

    assert {"flows", "duplicate rules"} <= set(org.not_visible)
    assert "triggers" not in org.not_visible
    assert "Not visible, which is not none: currencies, flows, duplicate rules" in discovery_text(org, org)


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("multi_currency", "multi-currency"), ("person_accounts", "person accounts"), ("enhanced_email", "enhanced e-mail"),
        ("contacts_to_multiple_accounts", "contacts to multiple accounts"),
        ("state_country_picklists", "state and country picklists"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_on", [True, False])
def test_a_feature_is_found_where_it_is_on_and_only_there(start: Start, switch: str, name: str, is_on: bool) -> None:
    source, _ = start({}, **{switch: is_on})

    assert state(source.describe(["Account"]), name) == ("available" if is_on else "missing")


def test_currencies_come_with_their_rates(start: Start) -> None:
    source, _ = start({}, multi_currency=True)

    org = source.describe([])

    assert org.facts["currency"] == "USD"
    assert org.facts["currencies"] == [{"code": "USD", "rate": 1, "is_active": True, "is_own": True, "decimals": 2}]


def test_the_report_says_it_all_in_plain_text(start: Start) -> None:
    source, control = start()
    control.post("hidden", json={"fields": {"Account": ["Fax"]}})

    lines = discovery_text(source.describe(["Account", "Task"]), OrgSchema(crm="kommo", identity="kommo:1", objects={}))

    shown = [" ".join(line.split()) for line in lines.splitlines()]
    assert shown[0].endswith("(Developer Edition, production)")
    for line in (
        "Case 1", "1 users, 1 of them active, 1 of these with a standard account", "Queues: Inbound",
        "assignment rule Lead Round robin active", "trigger Account AccountTrigger inactive",
        "Not visible, which is not none: currencies", "person accounts missing Account has no field IsPersonAccount",
        "Account has fields that the integration user may not read: Fax", "kommo:1: 0 users, currency None",
    ):  # fmt: skip
        assert line in shown
    assert any(line.startswith("Task 2 ") for line in shown)


# What is hidden


def test_an_org_that_shows_everything_has_no_gap(start: Start) -> None:
    source, _ = start()

    assert source.describe(["Account", "Task"]).gaps == ()


def test_fields_and_objects_that_are_hidden_from_us_are_named(start: Start) -> None:
    source, control = start()
    control.post("hidden", json={"fields": {"Account": ["Fax", "Website"]}, "objects": ["Quote", "Campaign"]})

    gaps = source.describe(["Account"]).gaps

    assert gaps == (
        "Account has fields that the integration user may not read: Fax, Website",
        "there are objects that the integration user may not read: Campaign, Quote",
    )


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ({"PermissionsViewAllData": True, "PermissionsQueryAllFiles": True}, []),
        ({"PermissionsViewAllData": True}, ["Query All Files"]),
        ({}, ["View All Data", "Query All Files"]),
    ],
)
def test_a_user_who_may_not_see_everything_is_a_gap(
    start: Start, granted: dict[str, bool], expected: list[str]
) -> None:
    profile = make_id("00e", 7)
    rights = {
        "PermissionsApiEnabled": True,
        "PermissionsViewAllData": False,
        "PermissionsQueryAllFiles": False,
    } | granted
    user = {
        "Id": make_id("005", 1), "Username": "a@b.example", "LastName": "A", "Email": "a@b.example", "IsActive": True,
        "ProfileId": profile, "UserType": "Standard", "Alias": "a", "TimeZoneSidKey": "Europe/Istanbul",
        "LocaleSidKey": "tr_TR", "LanguageLocaleKey": "tr", "EmailEncodingKey": "UTF-8",
    }  # fmt: skip
    source, _ = start({"Profile": [{"Id": profile, "Name": "Integration", **rights}], "User": [user]})

    gaps = source.describe(["Account"]).gaps

    assert [
        name for name in ("View All Data", "Query All Files") if any(f"lacks {name}:" in gap for gap in gaps)
    ] == expected


# What a person would recognise


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"name": "Account"}, True),
        ({"name": "Project__c", "custom": True, "layoutable": False}, True),
        ({"name": "OpportunityContactRole", "layoutable": False}, True),
        ({"name": "OpportunityFieldHistory", "layoutable": False, "associateEntityType": "History"}, True),
        ({"name": "Project__History", "layoutable": False, "associateEntityType": "History"}, True),
        ({"name": "AccountShare", "layoutable": False, "associateEntityType": "Share"}, False),
        ({"name": "Project__Share", "layoutable": False, "custom": True}, False),
        ({"name": "AccountFeed", "layoutable": False, "associateEntityType": "Feed"}, False),
        ({"name": "AccountChangeEvent", "layoutable": False, "associateEntityType": "ChangeEvent"}, False),
        ({"name": "Setting__c", "custom": True, "customSetting": True}, False),
        ({"name": "Rate__mdt", "custom": True}, False),
        ({"name": "Shipped__e", "custom": True}, False),
        ({"name": "Old__c", "custom": True, "deprecatedAndHidden": True}, False),
        ({"name": "LoginHistory", "layoutable": False}, False),
        ({"name": "AuraDefinition", "layoutable": False}, False),
        ({"name": "PermissionSet"}, False),
    ],
    ids=lambda one: one["name"] if isinstance(one, dict) else "",
)
def test_only_what_a_person_would_recognise_needs_a_disposition(entry: dict[str, Any], expected: bool) -> None:
    plain = {
        "custom": False, "layoutable": True, "associateEntityType": None, "customSetting": False, "isSubtype": False,
        "deprecatedAndHidden": False,
    }  # fmt: skip

    assert is_business(plain | entry) is expected
