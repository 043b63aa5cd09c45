"""Salesforce -> Kommo: the shipped mapping files, decisions and rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.mapping import ObjectMapping, Route
from migration_pipelines.core.order import routes_in_order
from migration_pipelines.core.records import KnownParent, Outcome, SourceRecord, Transformed
from migration_pipelines.core.transform import CompiledRoute, compile_route, transform
from migration_pipelines.errors import InvalidInput, MappingError
from migration_pipelines.pairs import Decision, load_pair, shipped_source_objects

PAIR = load_pair("salesforce", "kommo")
DECISIONS = {
    "phone_region": "US", "time_zone": "America/New_York", "task_due_hour": 18, "switch_day": "2026-11-30",
    "overdue_tasks": "keep the date", "longest_note": 16000,
}  # fmt: skip
MAPPINGS = {
    path.stem: ObjectMapping.model_validate(YAML(typ="safe", pure=True).load(path.read_text("utf-8")))
    for path in PAIR.mapping_files
}
CARRIED = {
    "emails": "note", "account_hierarchy": "parent name", "line_items": "note", "multi_currency": "keep",
    "contact_roles": "note", "files": "upload",
}  # fmt: skip
ORDERED = [
    one for meetings in ("note", "task") for one in routes_in_order(MAPPINGS, NAMES, CARRIED | {"meetings": meetings})
]
HOMES = {route.source: name for name, route in ORDERED if not route.carried_by}
KNOWN = {
    ("users", "005A"): KnownParent("users/User>users", Outcome.PLANNED),
    ("accounts", "001A"): KnownParent("accounts/Account>companies", Outcome.PLANNED),
    **{
        ("contacts", one): KnownParent("contacts/Contact>contacts", Outcome.PLANNED) for one in ("003A", "003B", "003C")
    },
    ("contacts", "003H"): KnownParent("contacts/Contact>contacts", Outcome.HELD),
}
ROUTES = {f"{route.source}>{route.target}": (name, route) for name, route in ORDERED}

ACCOUNT: dict[str, Any] = {
    "Name": "Acme", "CreatedDate": "2021-05-01T10:00:00.000+0000", "Phone": "(415) 555-2671", "Fax": None,
    "Website": "acme.example", "Industry": "Steel", "Description": None, "OwnerId": "005A", "CreatedById": "005A",
    "BillingStreet": "1 Main St\nFloor 2", "BillingCity": "Springfield", "BillingState": None,
    "BillingPostalCode": " ", "BillingCountry": "USA", "Parent.Name": "Acme Holding", "IsPersonAccount": None,
}  # fmt: skip
CONTACT: dict[str, Any] = {
    "FirstName": "Ada", "LastName": "Lovelace", "CreatedDate": "2021-05-01T10:00:00.000+0300", "Phone": None,
    "MobilePhone": None, "HomePhone": None, "Email": "ada@acme.example", "Title": None, "HasOptedOutOfEmail": True,
    "DoNotCall": False, "OwnerId": "005A", "CreatedById": "005A", "AccountId": "001A", "IsPersonAccount": None,
}  # fmt: skip
DEAL: dict[str, Any] = {
    "Name": "Big deal", "Amount": 1500.5, "StageName": "Proposal", "CreatedDate": "2021-05-01T10:00:00.000+0000",
    "CloseDate": "2021-06-30", "IsClosed": False, "Probability": 40, "NextStep": None, "Description": None,
    "OwnerId": "005A", "CreatedById": "005A", "AccountId": "001A", "CurrencyIsoCode": "EUR",
}  # fmt: skip
STAGES = {"Proposal": "Offer made", "Closed Won": "won"}


def compiled(key: str) -> CompiledRoute:
    name, route = ROUTES[key]
    return compile_route(
        name, route, tables={**MAPPINGS[name].tables, "stages": STAGES}, rules=PAIR.rules, decisions=DECISIONS, homes=HOMES
    )  # fmt: skip


def run(key: str, values: dict[str, Any], roles: Any = (), record_id: str = "003A") -> Transformed:
    record = SourceRecord(key.split(">")[0], record_id, values, children={"OpportunityContactRole": list(roles)})
    return transform([record], compiled(key), KNOWN)


def values_of(key: str, values: dict[str, Any], roles: Any = ()) -> Any:
    return run(key, values, roles).planned[0].values


def parents(done: Transformed, field: str) -> list[str]:
    return [one.source_id for one in done.planned[0].references if one.field == field]


@pytest.mark.parametrize("key", ROUTES)
def test_every_shipped_route_can_be_run(key: str) -> None:
    assert compiled(key).key == f"{ROUTES[key][0]}/{key}"


@pytest.mark.parametrize("key", ROUTES)
def test_every_lost_field_has_a_reason_and_every_route_its_standing(key: str) -> None:
    """COMMON-11, COMMON-14: a default map ships for the pair, each row with cardinality and support."""
    route: Route = ROUTES[key][1]

    assert all(len(reason) > 5 for reason in route.lost.values())
    assert {"cardinality", "support"} <= route.model_fields_set


def reads(route: Route) -> set[str]:
    rows = [*route.fields.values(), *route.references.values()]
    found = {one for row in route.fields.values() for one in row.sources}
    found |= {row.from_ for row in route.references.values() if row.from_}
    return found | {one for row in rows if row.rule for one in PAIR.rules.find(row.rule).reads}


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        pytest.param("Contact>contacts", {"FirstName", "LastName", "Email", "Phone"}, id="SF-KOMMO-50"),
        pytest.param("Contact>company_contacts", {"Id", "AccountId"}, id="SF-KOMMO-50 link"),
        pytest.param("Account>companies", {"Name", "BillingCity", "Phone"}, id="SF-KOMMO-52"),
        pytest.param("Opportunity>leads", {"Name", "Amount", "StageName", "CloseDate", "AccountId", "OwnerId"},
                     id="SF-KOMMO-53"),
    ],
)  # fmt: skip
def test_the_shipped_mapping_reads_what_the_requirement_names(key: str, fields: set[str]) -> None:
    assert fields <= reads(ROUTES[key][1])


def test_users_come_before_all_that_they_own_and_companies_before_contacts_before_deals() -> None:
    """COMMON-21, COMMON-29."""
    order = ["users", "accounts", "contacts", "opportunities", "activities", "attachments"]
    assert list(dict.fromkeys(name for name, _ in ORDERED)) == order


@pytest.mark.parametrize("key", ["Account>companies", "Contact>contacts", "Opportunity>leads"])
def test_no_record_is_planned_without_an_active_owner(key: str) -> None:
    """COMMON-28, SF-KOMMO-62, SF-KOMMO-69."""
    values = {"Account": ACCOUNT, "Contact": CONTACT, "Opportunity": DEAL}[key.split(">")[0]]

    for owner in (None, "005X"):
        done = run(key, values | {"OwnerId": owner})
        assert done.planned == []
        assert [problem.field for problem in done.held["003A"]] == ["responsible_user_id"]


def test_an_account_becomes_a_company() -> None:
    """SF-KOMMO-13, SF-KOMMO-52."""
    assert values_of("Account>companies", ACCOUNT) == {
        "name": "Acme",
        "created_at": "2021-05-01T10:00:00Z",
        "PHONE": [{"value": "+14155552671", "enum_code": "WORK"}],
        "WEB": "acme.example",
        "ADDRESS": "1 Main St\nFloor 2\nSpringfield\nUSA",
        "INDUSTRY": "Steel",
        "ABOUT": None,
        "PARENT_COMPANY": "Acme Holding",
    }


def test_the_account_hierarchy_is_declared_lost() -> None:
    """SF-KOMMO-23, SF-KOMMO-30."""
    assert "hierarchy has no counterpart in Kommo" in ROUTES["Account>companies"][1].lost["ParentId"]


def test_a_contact_becomes_a_contact_with_its_consent() -> None:
    """SF-KOMMO-12, SF-KOMMO-50: no opted-out contact arrives without its flag."""
    assert values_of("Contact>contacts", CONTACT) == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "created_at": "2021-05-01T07:00:00Z",
        "PHONE": None,
        "EMAIL": [{"value": "ada@acme.example", "enum_code": "WORK"}],
        "POSITION": None,
        "OPTED_OUT": True,
        "DO_NOT_CALL": False,
    }


def test_a_contact_without_a_deal_or_a_company_still_migrates() -> None:
    """SF-KOMMO-08."""
    assert len(run("Contact>contacts", CONTACT | {"AccountId": None}).planned) == 1
    assert list(run("Contact>company_contacts", CONTACT | {"AccountId": None}).excluded) == ["003A"]


def test_a_contact_is_linked_to_the_company_of_its_account() -> None:
    """SF-KOMMO-10, COMMON-06."""
    done = run("Contact>company_contacts", CONTACT)

    assert (parents(done, "company_id"), parents(done, "contact_id")) == (["001A"], ["003A"])


def test_a_link_whose_contact_is_held_is_held_too() -> None:
    """COMMON-06: no orphan, and no link to nothing."""
    done = run("Contact>company_contacts", CONTACT, record_id="003H")

    assert [problem.field for problem in done.held["003H"]] == ["contact_id"]


def test_numbers_are_normalised_each_with_its_kind_and_none_twice() -> None:
    """SF-KOMMO-66."""
    numbers = {"Phone": "(415) 555-2671", "MobilePhone": "+1 415 555 2671", "HomePhone": "+44 20 7031 3000"}

    assert values_of("Contact>contacts", CONTACT | numbers)["PHONE"] == [
        {"value": "+14155552671", "enum_code": "WORK"},
        {"value": "+442070313000", "enum_code": "HOME"},
    ]


def test_a_number_that_cannot_be_normalised_is_carried_as_typed_and_listed() -> None:
    """SF-KOMMO-66."""
    (planned,) = run("Contact>contacts", CONTACT | {"MobilePhone": " ask Bob "}).planned

    assert planned.values["PHONE"] == [{"value": "ask Bob", "enum_code": "MOB"}]
    assert [(note.field, note.value) for note in planned.notes] == [("MobilePhone", "ask Bob")]


def test_an_opportunity_becomes_a_deal() -> None:
    """SF-KOMMO-14, SF-KOMMO-47, SF-KOMMO-53."""
    assert values_of("Opportunity>leads", DEAL) == {
        "name": "Big deal",
        "price": 1501,
        "SF_AMOUNT": "1500.5",
        "DEAL_CURRENCY": "EUR",
        "pipeline": "Salesforce",
        "status": "Offer made",
        "SF_STAGE": "Proposal",
        "created_at": "2021-05-01T10:00:00Z",
        "closed_at": None,
        "SF_CLOSE_DATE": "2021-06-30",
        "SF_PROBABILITY": "40",
        "NEXT_STEP": None,
        "ABOUT": None,
    }


def test_a_closed_deal_has_a_closing_date_and_keeps_the_name_of_its_stage() -> None:
    """SF-KOMMO-47: every pipeline's closed stages are the same two."""
    values = values_of("Opportunity>leads", DEAL | {"IsClosed": True, "StageName": "Closed Won"})

    assert (values["closed_at"], values["status"], values["SF_STAGE"]) == ("2021-06-30", "won", "Closed Won")


def test_a_deal_without_an_amount_has_the_price_nought_and_no_exact_amount() -> None:
    values = values_of("Opportunity>leads", DEAL | {"Amount": None})

    assert (values["price"], values["SF_AMOUNT"]) == (0, None)


def test_a_deal_in_a_stage_that_no_table_names_is_held() -> None:
    """SF-KOMMO-02, SF-KOMMO-47: nothing lands in a stage by default."""
    assert [one.field for one in run("Opportunity>leads", DEAL | {"StageName": "Other"}).held["003A"]] == ["StageName"]


def role(contact: str, *, primary: bool = False) -> dict[str, Any]:
    return {"ContactId": contact, "IsPrimary": primary}


@pytest.mark.parametrize(
    ("roles", "attached"),
    [
        pytest.param([role("003A"), role("003B", primary=True), role("003C")], ["003B", "003A", "003C"],
                     id="SF-KOMMO-19 the primary contact first"),
        pytest.param([role("003A"), role("003B")], ["003A", "003B"], id="SF-KOMMO-19 no primary: in their order"),
        pytest.param([role("003A"), role("003A", primary=True)], ["003A"], id="SF-KOMMO-19 two roles, attached once"),
        pytest.param([role("003H", primary=True), role("003A")], ["003A"], id="a held one does not hold the deal"),
        pytest.param([], [], id="SF-KOMMO-54 a deal without contacts"),
    ],
)  # fmt: skip
def test_the_holders_of_a_role_are_attached_to_the_deal(roles: Any, attached: list[str]) -> None:
    assert parents(run("Opportunity>leads", DEAL, roles), "contacts") == attached


def test_a_deal_is_attached_to_the_company_of_its_account() -> None:
    """SF-KOMMO-10, SF-KOMMO-54."""
    assert parents(run("Opportunity>leads", DEAL), "company") == ["001A"]
    assert parents(run("Opportunity>leads", DEAL | {"AccountId": None}), "company") == []


def test_a_role_has_no_record_of_its_own_and_is_carried_by_its_deal() -> None:
    """SF-KOMMO-01, SF-KOMMO-18, SF-KOMMO-30: the role itself is declared lost."""
    key = "OpportunityContactRole>leads"
    known = {("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED)}
    record = SourceRecord("OpportunityContactRole", "00KA", {"OpportunityId": "006A", "Role": "Buyer"})

    assert transform([record], compiled(key), known).carried == {"00KA": ("opportunities/Opportunity>leads", "006A")}
    assert "Role" in ROUTES[key][1].lost


@pytest.mark.parametrize(
    ("key", "values", "missing"), [("Account>companies", ACCOUNT, "Fax"), ("Opportunity>leads", DEAL, "IsClosed")]
)
def test_a_field_that_a_rule_reads_and_the_extract_lacks_stops_the_run(key: str, values: Any, missing: str) -> None:
    """Field-level security hides a field without a word: the plan must not end in a bare KeyError."""
    with pytest.raises(MappingError, match=f"finds no '{missing}'"):
        run(key, {name: value for name, value in values.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [("unmatched_owner", "hold"), ("failed_allowed", 0), ("failed_allowed", 12), ("phone_region", "TR"),
     ("phone_region", None), ("task_due_hour", 0), ("task_due_hour", 23), ("time_zone", "Europe/Istanbul"),
     ("switch_day", "2026-12-01")],
)  # fmt: skip
def test_a_decision_takes_its_own_values(name: str, value: Any) -> None:
    PAIR.check_decision(name, value, Path("project.yaml"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("unmatched_owner", "drop", "cannot be 'drop'. It takes 'stop': nothing is loaded"),
        ("failed_allowed", -1, "cannot be -1. It takes a number"),
        ("failed_allowed", True, "cannot be True. It takes a number"),
        ("failed_allowed", "3", "cannot be '3'. It takes a number"),
        ("phone_region", "tr", "cannot be 'tr'. It takes a country in two capital letters, such as TR"),
        ("phone_region", "Turkey", "cannot be 'Turkey'. It takes a country"),
        ("task_due_hour", 24, "cannot be 24. It takes a number up to 23"),
        ("time_zone", "Istanbul", "cannot be 'Istanbul'. It takes a time zone by its name, such as Europe/Istanbul"),
        ("time_zone", 3, "cannot be 3. It takes a time zone"),
        ("switch_day", "1.12.2026", "cannot be '1.12.2026'. It takes a day, such as 2026-12-01"),
        ("switch_day", "20261201", "cannot be '20261201'. It takes a day"),
        (
            "phone_regoin",
            "TR",
            "there is no decision 'phone_regoin' in salesforce_to_kommo; there are: ",
        ),
    ],
)
def test_a_decision_that_is_none_is_refused_with_what_it_takes(name: str, value: Any, says: str) -> None:
    """SF-KOMMO-41."""
    with pytest.raises(InvalidInput, match=re.escape("project.yaml: ") + ".*" + re.escape(says)):
        PAIR.check_decision(name, value, Path("project.yaml"))


def test_every_default_is_a_value_that_its_decision_takes() -> None:
    for name, decision in PAIR.decisions.items():
        PAIR.check_decision(name, decision.default, Path("pair.yaml"))


@pytest.mark.parametrize("content", [{"meaning": "x"}, {"meaning": "x", "type": "text", "allowed": {"a": "b"}}])
def test_only_a_choice_lists_values_and_it_does(content: Any) -> None:
    with pytest.raises(ValueError, match="a choice lists allowed values"):
        Decision.model_validate(content)


def test_a_pair_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no migration pair kommo_to_salesforce\. There are: .*salesforce_to_kommo"):
        load_pair("kommo", "salesforce")


def test_the_source_objects_that_the_shipped_mappings_name() -> None:
    assert {"User", "Account", "Contact", "Opportunity", "OpportunityContactRole"} <= shipped_source_objects()
