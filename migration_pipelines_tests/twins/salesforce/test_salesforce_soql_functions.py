"""SOQL's functions, TYPEOF, scopes and fiscal dates. What the small org holds stands in `small_org`."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.salesforce.soql.ranges import days_of
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    CELIK,
    GRACE,
    LOST,
    NEW_TASK,
    OLD_OPEN,
    OPEN,
    REP,
    WON,
    ZETA,
    Org,
)

Start = Callable[..., Org]

# --- TYPEOF


def test_typeof_shows_the_fields_of_the_object_that_the_parent_is(org: Org) -> None:
    soql = (
        "SELECT Id, TYPEOF What WHEN Account THEN Name, Parent.Name WHEN Opportunity THEN Amount, StageName END "
        "FROM Task ORDER BY Id"
    )
    first, second = org.ask(soql)["records"]

    url = "/services/data/v60.0/sobjects"
    assert first["What"] == {
        "attributes": {"type": "Opportunity", "url": f"{url}/Opportunity/{WON}"},
        "Amount": 1000.5,
        "StageName": "Closed Won",
    }
    assert second["What"] == {
        "attributes": {"type": "Account", "url": f"{url}/Account/{CELIK}"},
        "Name": "Çelik A.Ş.",
        "Parent": {"attributes": {"type": "Account", "url": f"{url}/Account/{ACME}"}, "Name": "Acme"},
    }


def test_typeof_falls_back_to_else_and_to_null_without(org: Org) -> None:
    soql = "SELECT TYPEOF What WHEN Account THEN NumberOfEmployees {rest} END FROM Task ORDER BY Id"

    assert org.records(soql.format(rest="ELSE Name, Type")) == [
        {"What": {"Name": "Big", "Type": "Opportunity"}},
        {"What": {"NumberOfEmployees": None}},
    ]
    assert org.records(soql.format(rest=""))[0] == {"What": None}


def test_typeof_is_null_where_there_is_no_parent(start: Start) -> None:
    org = start()
    org.put_rows("Task", {"Subject": "Alone"})

    assert org.records("SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Task") == [{"What": None}]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param("TYPEOF What WHEN Contact THEN Name END", id="not a target"),
        pytest.param("TYPEOF What WHEN Nope THEN Name END", id="no object"),
    ],
)
def test_typeof_names_what_the_parent_can_be(org: Org, item: str) -> None:
    assert org.refused(f"SELECT {item} FROM Task")[0] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT TYPEOF What WHEN Account THEN Nope END FROM Task",
        "SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact",  # always an Account
    ],
)
def test_typeof_is_for_fields_that_exist_of_parents_that_differ(org: Org, soql: str) -> None:
    assert org.refused(soql)[0] == "INVALID_FIELD"


# --- parts of dates. Accounts were created at 20:59:59 and 21:00 (UTC) on 15 June 2026 and at noon on 31 December 2025.


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("CALENDAR_YEAR(CreatedDate) = 2026", [ACME, CELIK]),
        ("CALENDAR_QUARTER(CreatedDate) = 4", [ZETA]),
        ("CALENDAR_MONTH(CreatedDate) IN (6, 7)", [ACME, CELIK]),
        ("DAY_IN_MONTH(CreatedDate) > 15", [ZETA]),
        ("DAY_IN_WEEK(CreatedDate) = 2", [ACME, CELIK]),  # a Monday; 1 is Sunday
        ("DAY_IN_YEAR(CreatedDate) = 365", [ZETA]),
        ("DAY_IN_YEAR(CreatedDate) = 166", [ACME, CELIK]),
        ("WEEK_IN_MONTH(CreatedDate) = 3", [ACME, CELIK]),  # the 15th to the 21st
        ("WEEK_IN_YEAR(CreatedDate) = 53", [ZETA]),
        ("DAY_ONLY(CreatedDate) = 2026-06-15", [ACME, CELIK]),
        ("DAY_ONLY(CreatedDate) < 2026-01-01", [ZETA]),
        ("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-06-16", [CELIK]),  # midnight in Istanbul
        ("HOUR_IN_DAY(CreatedDate) = 20", [ACME]),
        ("HOUR_IN_DAY(convertTimezone(CreatedDate)) = 0", [CELIK]),
        ("FISCAL_YEAR(CreatedDate) = 2025 AND FISCAL_QUARTER(CreatedDate) = 4", [ZETA]),
        ("CALENDAR_YEAR(Parent.CreatedDate) = 2026", [CELIK]),
    ],
)
def test_where_compares_parts_of_dates(org: Org, condition: str, ids: list[str]) -> None:
    assert org.ids(f"SELECT Id FROM Account WHERE {condition} ORDER BY Id") == ids


def test_groups_by_parts_of_dates(org: Org) -> None:
    soql = (
        "SELECT CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate) m, COUNT(Id) n FROM Opportunity "
        "GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate) ORDER BY CALENDAR_MONTH(CloseDate) DESC"
    )
    assert org.records(soql) == [{"expr0": 2026, "m": 6, "n": 1}, {"expr0": 2026, "m": 5, "n": 2}]

    soql = "SELECT DAY_ONLY(CreatedDate) d FROM Account GROUP BY DAY_ONLY(CreatedDate) HAVING COUNT(Id) > 1"
    assert org.records(soql) == [{"d": "2026-06-15"}]


@pytest.mark.parametrize(
    "soql",
    [
        pytest.param("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", id="not grouped"),
        pytest.param("SELECT Id FROM Account WHERE CALENDAR_YEAR(Name) = 1", id="of text"),
        pytest.param("SELECT Id FROM Opportunity WHERE HOUR_IN_DAY(CloseDate) = 1", id="the hour of a date"),
        pytest.param("SELECT Id FROM Opportunity WHERE DAY_ONLY(CloseDate) = TODAY", id="the day of a date"),
        pytest.param("SELECT Id FROM Account ORDER BY CALENDAR_YEAR(CreatedDate)", id="sorted without a group"),
        pytest.param("SELECT Id FROM Account WHERE FORMAT(AnnualRevenue) = '1'", id="FORMAT in WHERE"),
        pytest.param("SELECT COUNT(CALENDAR_YEAR(CreatedDate)) FROM Account", id="an aggregate of a function"),
        pytest.param("SELECT Id FROM Account GROUP BY COUNT(Id)", id="grouped by an aggregate"),
    ],
)
def test_functions_stand_only_where_they_may(org: Org, soql: str) -> None:
    assert org.refused(soql)[0] == "MALFORMED_QUERY"


# --- the fiscal year


@pytest.mark.parametrize(
    ("name", "n", "first", "after"),
    [
        # The year begins in April; today is 15 June 2026.
        ("THIS_FISCAL_QUARTER", None, date(2026, 4, 1), date(2026, 7, 1)),
        ("LAST_FISCAL_QUARTER", None, date(2026, 1, 1), date(2026, 4, 1)),
        ("NEXT_FISCAL_YEAR", None, date(2027, 4, 1), date(2028, 4, 1)),
        ("THIS_FISCAL_YEAR", None, date(2026, 4, 1), date(2027, 4, 1)),
        ("LAST_N_FISCAL_YEARS", 2, date(2024, 4, 1), date(2026, 4, 1)),
        ("NEXT_N_FISCAL_QUARTERS", 2, date(2026, 7, 1), date(2027, 1, 1)),
        ("N_FISCAL_QUARTERS_AGO", 1, date(2026, 1, 1), date(2026, 4, 1)),
    ],
)
def test_a_fiscal_literal_stands_for_its_days(name: str, n: int | None, first: date, after: date) -> None:
    assert days_of(name, n, date(2026, 6, 15), fiscal_month=4) == (first, after)


@pytest.mark.parametrize("name", ["THIS_FISCAL_MONTH", "LAST_FISCAL_WEEK"])
def test_there_are_no_fiscal_months_and_weeks_among_the_literals(name: str) -> None:
    assert days_of(name, None, date(2026, 6, 15), fiscal_month=4) is None


def test_the_fiscal_year_begins_in_the_month_that_the_organization_says(start: Start, tmp_path: Path) -> None:
    (tmp_path / "org.json").write_text(json.dumps({"FiscalYearStartMonth": 7}))
    org = start(seed=tmp_path)
    org.put_rows(
        "Opportunity",
        {"Name": "June", "StageName": "Prospecting", "CloseDate": "2026-06-30"},
        {"Name": "July", "StageName": "Prospecting", "CloseDate": "2026-07-01"},
    )

    soql = (
        "SELECT FISCAL_YEAR(CloseDate) y, FISCAL_QUARTER(CloseDate) q FROM Opportunity "
        "GROUP BY FISCAL_YEAR(CloseDate), FISCAL_QUARTER(CloseDate) ORDER BY FISCAL_YEAR(CloseDate)"
    )
    # Named for the calendar year in which it ends.
    assert org.records(soql) == [{"y": 2026, "q": 4}, {"y": 2027, "q": 1}]
    assert org.records("SELECT Name FROM Opportunity WHERE CloseDate = THIS_FISCAL_QUARTER") == [{"Name": "June"}]
    assert org.records("SELECT Name FROM Opportunity WHERE CloseDate = NEXT_FISCAL_YEAR") == [{"Name": "July"}]


# --- labels and formats


@pytest.fixture
def labelled(start: Start, tmp_path: Path) -> Org:
    """An org with an object whose choices' labels differ from their values."""
    (tmp_path / "describe").mkdir()
    choices = [{"value": "new", "label": "Neu"}, {"value": "old", "label": "Alt"}]
    describe: dict[str, Any] = {
        "name": "Ware__c",
        "keyPrefix": "a01",
        "custom": True,
        "fields": [
            {"name": "Id", "type": "id"},
            {"name": "Name", "type": "string", "length": 80, "nameField": True},
            {"name": "State__c", "type": "picklist", "length": 40, "picklistValues": choices, "custom": True},
        ],
    }
    (tmp_path / "describe" / "Ware__c.json").write_text(json.dumps(describe))
    org = start(seed=tmp_path)
    org.put_rows("Ware__c", {"Name": "A", "State__c": "new"}, {"Name": "B", "State__c": "odd"}, {"Name": "C"})
    return org


def test_tolabel_shows_and_compares_labels(labelled: Org) -> None:
    assert labelled.records("SELECT toLabel(State__c) FROM Ware__c ORDER BY Name") == [
        {"State__c": "Neu"},
        {"State__c": "odd"},
        {"State__c": None},
    ]
    assert labelled.records(
        "SELECT State__c, toLabel(State__c) shown FROM Ware__c WHERE toLabel(State__c) = 'neu'"
    ) == [{"State__c": "new", "shown": "Neu"}]


def test_tolabel_of_a_parents_field_stays_with_the_parent(org: Org) -> None:
    soql = "SELECT toLabel(Account.Industry) FROM Contact WHERE LastName = 'Lovelace'"
    assert org.records(soql) == [{"Account": {"Industry": "Energy"}}]


def test_format_writes_numbers_and_dates_as_the_user_reads_them(org: Org) -> None:
    soql = "SELECT FORMAT(AnnualRevenue) r, FORMAT(CreatedDate) c FROM Account WHERE Name = 'Acme'"
    assert org.records(soql) == [{"r": "1,000,000", "c": "6/15/2026, 11:59 PM"}]
    soql = "SELECT FORMAT(Amount), FORMAT(CloseDate) FROM Opportunity WHERE Name = 'Big'"
    assert org.records(soql) == [{"Amount": "1,000.50", "CloseDate": "6/16/2026"}]
    assert org.records("SELECT FORMAT(MAX(CloseDate)) last FROM Opportunity") == [{"last": "6/16/2026"}]


# --- scopes and what follows a statement


def test_the_scope_mine_is_what_the_user_owns(org: Org) -> None:
    assert org.ids("SELECT Id FROM Account USING SCOPE mine ORDER BY Id") == [CELIK, ZETA]  # Acme is the rep's
    assert org.ids("SELECT Id FROM Account USING SCOPE Everything ORDER BY Id") == [ACME, CELIK, ZETA]
    assert org.ids(f"SELECT Id FROM Account USING SCOPE mine WHERE OwnerId = '{REP}'") == []


@pytest.mark.parametrize("tail", ["USING SCOPE team", "USING SCOPE nope"])
def test_another_scope_is_refused(org: Org, tail: str) -> None:
    assert org.refused(f"SELECT Id FROM Account {tail}")[0] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    "tail",
    [
        "WITH SECURITY_ENFORCED",
        "FOR VIEW",
        "FOR REFERENCE",
        "FOR UPDATE",
        "FOR VIEW, REFERENCE",
        "WHERE Name != null WITH SECURITY_ENFORCED ORDER BY Name LIMIT 3 FOR VIEW",
    ],
)
def test_clauses_that_change_no_rows_are_accepted(org: Org, tail: str) -> None:
    assert sorted(org.ids(f"SELECT Id FROM Account {tail}")) == [ACME, CELIK, ZETA]


@pytest.mark.parametrize("tail", ["ALL ROWS", "WHERE IsDeleted = true ALL ROWS", "LIMIT 1 ALL ROWS"])
def test_all_rows_is_not_for_rest(org: Org, tail: str) -> None:
    assert org.refused(f"SELECT Id FROM Account {tail}") == (
        "MALFORMED_QUERY",
        "ALL ROWS not allowed in this context",
    )


# --- joins


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("Id IN (SELECT ContactId FROM OpportunityContactRole WHERE Role = 'Evaluator')", [GRACE]),
        ("AccountId IN (SELECT AccountId FROM Opportunity WHERE IsWon = true)", [ADA, GRACE]),
        ("AccountId NOT IN (SELECT AccountId FROM Opportunity WHERE Account.Name = 'Acme') AND Email = null", []),
        (f"AccountId = '{ACME[:15]}' AND ReportsToId = '{ADA}'", [GRACE]),
        (f"AccountId IN ('{ACME[:15]}', '{ZETA}')", [ADA, GRACE]),
    ],
)
def test_semi_joins_and_ids_in_both_forms(org: Org, condition: str, ids: list[str]) -> None:
    assert org.ids(f"SELECT Id FROM Contact WHERE {condition} ORDER BY Id") == ids


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Account.Owner.Email, Account__r.Ext__c FROM Project__c",
        "SELECT Account__r.Owner.Email, Ext__c FROM Project__c",
        "SELECT Who.Name, Who.Type, What.Type, Owner.Name FROM Task",
        "SELECT COUNT() FROM Task",
        "SELECT COUNT(Id), COUNT_DISTINCT(AccountId), MIN(CreatedDate), MAX(CreatedDate) FROM Contact",
        "SELECT SUM(Amount) total, StageName FROM Opportunity GROUP BY StageName",
        "SELECT Id, (SELECT ContactId, Role, IsPrimary FROM OpportunityContactRoles) FROM Opportunity",
        "SELECT Id, (SELECT Id FROM OpportunityLineItems) FROM Opportunity",
        "SELECT Id FROM Account WHERE Name LIKE '_c%' AND (Industry IN ('Energy') OR Industry = null)",
        "SELECT Id FROM Account WHERE CreatedDate > 2024-01-31T10:00:00Z AND CreatedDate = LAST_N_DAYS:30",
        "SELECT Id FROM Account WHERE CreatedDate >= 2024-01-31T10:00:00+01:00",
        "SELECT Id FROM Opportunity WHERE CloseDate > 2024-01-31 ORDER BY CloseDate DESC NULLS LAST LIMIT 5 OFFSET 1",
    ],
)
def test_statements_of_everyday_clients_are_answered_or_refused_by_name(org: Org, soql: str) -> None:
    answer = org.get("query", params={"q": soql})

    if soql.startswith("SELECT Account.Owner"):  # a custom relationship is named with __r only
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    else:
        assert answer.status_code == 200
        assert answer.json()["done"] is True


def test_a_childs_order_limit_and_offset_count_for_each_parent(org: Org) -> None:
    soql = "SELECT Id, (SELECT Name FROM Opportunities ORDER BY Amount DESC LIMIT 1 OFFSET 1) FROM Account ORDER BY Id"
    found = org.records(soql)

    assert [record["Opportunities"] for record in found] == [
        {"totalSize": 1, "done": True, "records": [{"Name": "Small"}]},
        None,
        None,
    ]


def test_a_child_subquery_of_activities_follows_the_polymorphic_parent(org: Org) -> None:
    soql = "SELECT Id, (SELECT Id, What.Name FROM Tasks) FROM Account WHERE Name = 'Çelik A.Ş.'"
    assert org.records(soql)[0]["Tasks"]["records"] == [{"Id": OLD_OPEN, "What": {"Name": "Çelik A.Ş."}}]
    soql = "SELECT Id, (SELECT Id FROM Tasks) FROM Opportunity ORDER BY Id"
    tasks = [record["Tasks"] for record in org.records(soql)]
    assert tasks == [{"totalSize": 1, "done": True, "records": [{"Id": NEW_TASK}]}, None, None]


def test_a_request_may_accept_anything(org: Org) -> None:
    for accept in ("text/csv", "application/xml", "*/*"):
        answer = org.get("query", params={"q": "SELECT Id FROM Account"}, headers={"Accept": accept})
        assert answer.json()["totalSize"] == 3
    assert {OPEN, LOST}.isdisjoint(org.ids("SELECT Id FROM Opportunity WHERE IsWon = true"))
