"""SOQL: what a query answers, and what is refused."""

# ruff: noqa: S608 - this is SOQL, and the test's own

from typing import Any

import pytest

from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.parser import parse
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    ADMIN,
    CELIK,
    GRACE,
    INCI,
    LEAD_OF_QUEUE,
    LEAD_OF_REP,
    LOST,
    NEW_TASK,
    OLD_OPEN,
    OPEN,
    OTHER_PROJECT,
    PROJECT,
    QUEUE,
    REP,
    WON,
    ZETA,
    Org,
)

# --- SELECT


def test_a_record_says_its_type_and_url_and_nothing_that_was_not_asked_for(org: Org) -> None:
    assert org.ask("SELECT Id, Name FROM Account WHERE Name = 'Acme'") == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": "Account", "url": f"/services/data/v60.0/sobjects/Account/{ACME}"},
                "Id": ACME,
                "Name": "Acme",
            }
        ],
    }


def test_names_match_in_any_case_and_answers_use_the_canonical_case(org: Org) -> None:
    found = org.ask("sElEcT iD, account.NAME fRoM contact wHeRe lastname = 'Lovelace'")["records"]

    assert found[0]["attributes"]["type"] == "Contact"
    assert [list(record) for record in found] == [["attributes", "Id", "Account"]]
    assert found[0]["Account"]["Name"] == "Acme"


def test_a_query_may_run_over_lines_and_its_spaces_may_be_plus_signs(org: Org) -> None:
    assert org.ids("SELECT Id\n\tFROM Account\r\n WHERE Name\n=\n'Acme'") == [ACME]
    assert org.get("query?q=SELECT+Id+FROM+Account+WHERE+Name='Acme'").json()["totalSize"] == 1
    assert org.get("query/?q=SELECT%20Id%20FROM%20Account%20WHERE%20Name='Acme'").json()["totalSize"] == 1


def test_values_have_the_json_types_of_their_fields(org: Org) -> None:
    (record,) = org.records(
        "SELECT AnnualRevenue, NumberOfEmployees, IsDeleted, CreatedDate, Description FROM Account WHERE Name = 'Acme'"
    )

    assert record == {
        "AnnualRevenue": 1000000.0,
        "NumberOfEmployees": 50,
        "IsDeleted": False,
        "CreatedDate": "2026-06-15T20:59:59.000+0000",
        "Description": None,
    }
    assert org.records("SELECT Birthdate FROM Contact WHERE LastName = 'Lovelace'") == [{"Birthdate": "1980-12-10"}]


def test_a_compound_address_is_an_object_of_its_parts_or_null(org: Org) -> None:
    assert org.records("SELECT BillingAddress FROM Account WHERE Name IN ('Acme', 'Zeta_50%') ORDER BY Name") == [
        {
            "BillingAddress": {
                "city": "Lyon",
                "country": None,
                "geocodeAccuracy": None,
                "latitude": None,
                "longitude": None,
                "postalCode": None,
                "state": None,
                "street": "1 Main St\nFloor 2",
            }
        },
        {"BillingAddress": None},
    ]


def test_a_base64_field_is_a_path_to_its_content(org: Org) -> None:
    (record,) = org.records("SELECT Id, Body FROM Attachment")

    assert record["Body"] == f"/services/data/v60.0/sobjects/Attachment/{record['Id']}/Body"
    assert org.get(record["Body"]).content == b"hello"


def test_parent_paths_nest_and_are_null_where_there_is_no_parent(org: Org) -> None:
    soql = "SELECT Id, Account.Name, Account.Owner.Email, Account.Owner.Manager.Name FROM Contact ORDER BY Id"

    acme = {"Name": "Acme", "Owner": {"Email": "rep@acme.example", "Manager": {"Name": "Ayşe Admin"}}}
    assert org.records(soql) == [
        {"Id": ADA, "Account": acme},
        {"Id": GRACE, "Account": acme},
        {"Id": INCI, "Account": None},
    ]


def test_five_levels_of_parents_are_allowed_and_six_are_not(org: Org) -> None:
    path = "ReportsTo.Account.Owner.Manager.Profile.Name"
    (record,) = org.records(f"SELECT {path} FROM Contact WHERE LastName LIKE 'O%'")
    assert record["ReportsTo"]["Account"]["Owner"]["Manager"]["Profile"]["Name"] == "System Administrator"

    code, _ = org.refused(f"SELECT ReportsTo.{path} FROM Contact")
    assert code == "MALFORMED_QUERY"


def test_a_parent_carries_its_own_attributes(org: Org) -> None:
    (record,) = org.ask("SELECT Account.Name FROM Contact WHERE LastName = 'Lovelace'")["records"]

    url = f"/services/data/v60.0/sobjects/Account/{ACME}"
    assert record["Account"] == {"attributes": {"type": "Account", "url": url}, "Name": "Acme"}


def test_polymorphic_parents_give_name_and_type(org: Org) -> None:
    tasks = org.records("SELECT Who.Name, Who.Type, What.Type, What.Name, Owner.Name FROM Task ORDER BY Id")

    assert tasks == [
        {
            "Who": {"Name": "Ada Lovelace", "Type": "Contact"},
            "What": {"Type": "Opportunity", "Name": "Big"},
            "Owner": {"Name": "Ayşe Admin"},
        },
        {
            "Who": {"Name": "İnci", "Type": "Contact"},
            "What": {"Type": "Account", "Name": "Çelik A.Ş."},
            "Owner": {"Name": "Ayşe Admin"},
        },
    ]


def test_polymorphic_paths_filter_without_regard_to_case(org: Org) -> None:
    assert org.ids("SELECT Id FROM Task WHERE What.Type = 'opportunity' AND Who.Name LIKE 'ada%'") == [NEW_TASK]
    assert org.records("SELECT Id, Owner.Type FROM Lead ORDER BY Owner.Type") == [
        {"Id": LEAD_OF_QUEUE, "Owner": {"Type": "Group"}},
        {"Id": LEAD_OF_REP, "Owner": {"Type": "User"}},
    ]
    assert org.ids(f"SELECT Id FROM Lead WHERE Owner.Id = '{QUEUE[:15]}'") == [LEAD_OF_QUEUE]


def test_the_object_may_have_an_alias(org: Org) -> None:
    assert org.ids("SELECT c.Id FROM Contact c WHERE c.Account.Name = 'Acme' ORDER BY c.Id") == [ADA, GRACE]
    assert org.ids("SELECT Contact.Id FROM Contact AS c WHERE Contact.Email = 'ada@acme.example'") == [ADA]


def test_the_object_group_is_no_keyword_where_an_object_stands(org: Org) -> None:
    assert org.records("SELECT Name FROM Group WHERE Type = 'Queue'") == [{"Name": "Inbound"}]


def test_child_subqueries_nest_an_answer_per_parent_and_null_where_there_is_none(org: Org) -> None:
    soql = "SELECT Id, (SELECT ContactId, Role, IsPrimary FROM OpportunityContactRoles) FROM Opportunity ORDER BY Id"
    roles = [
        {"ContactId": GRACE, "Role": "Evaluator", "IsPrimary": False},
        {"ContactId": ADA, "Role": "Decision Maker", "IsPrimary": True},
    ]

    assert org.records(soql) == [
        {"Id": WON, "OpportunityContactRoles": {"totalSize": 2, "done": True, "records": roles}},
        {"Id": OPEN, "OpportunityContactRoles": None},
        {"Id": LOST, "OpportunityContactRoles": None},
    ]


def test_a_child_subquery_filters_sorts_and_limits_for_each_parent(org: Org) -> None:
    soql = (
        "SELECT Name, (SELECT Name, Account.Name FROM Opportunities WHERE Amount > 100 ORDER BY Amount LIMIT 1), "
        "(SELECT Id FROM Contacts), (SELECT Name FROM Projects__r) FROM Account WHERE Industry = 'Energy'"
    )
    (acme,) = org.records(soql)

    assert acme["Opportunities"]["records"] == [{"Name": "Small", "Account": {"Name": "Acme"}}]
    assert acme["Contacts"]["totalSize"] == 2
    assert acme["Projects__r"]["records"] == [{"Name": "One"}]


def test_fields_all_stands_for_every_field_with_a_limit_of_200(org: Org) -> None:
    (record,) = org.records("SELECT FIELDS(ALL) FROM Project__c LIMIT 1")
    assert set(record) == {"Id", "IsDeleted", "Name", "SystemModstamp", "Tags__c", "Ext__c", "Account__c"}
    assert set(org.records("SELECT FIELDS(CUSTOM) FROM Project__c LIMIT 200")[0]) == {"Tags__c", "Account__c"}

    code, text = org.refused("SELECT FIELDS(ALL) FROM Project__c")
    assert (code, text) == ("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")


def test_long_conditions_and_absurd_limits_are_answered(org: Org) -> None:
    many = " OR ".join(["Id=null"] * 1_150)

    assert org.ids(f"SELECT Id FROM Account WHERE {many}") == []
    assert len(org.ids("SELECT Id FROM Account LIMIT 99999999999999999999999")) == 3


def test_there_is_no_select_star(org: Org) -> None:
    assert org.refused("SELECT * FROM Account") == ("MALFORMED_QUERY", "unexpected token: '*'")


# --- aggregates


def test_count_gives_a_total_and_no_rows(org: Org) -> None:
    assert org.ask("SELECT COUNT() FROM Contact") == {"totalSize": 3, "done": True, "records": []}
    assert org.ask("SELECT COUNT() FROM Account WHERE Industry = null") == {
        "totalSize": 1,
        "done": True,
        "records": [],
    }


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("COUNT(Id)", {"expr0": 3}),
        ("COUNT(Id) c", {"c": 3}),
        ("COUNT(Email)", {"expr0": 2}),  # empty fields are not counted
        ("COUNT_DISTINCT(AccountId)", {"expr0": 1}),
        ("COUNT(Id), MIN(LastName) first, COUNT(Email)", {"expr0": 3, "first": "İnci", "expr1": 2}),
    ],
)
def test_aggregates_answer_one_aggregate_result(org: Org, selected: str, expected: dict[str, Any]) -> None:
    assert org.ask(f"SELECT {selected} FROM Contact") == {
        "totalSize": 1,
        "done": True,
        "records": [{"attributes": {"type": "AggregateResult"}, **expected}],
    }


def test_sum_average_least_and_greatest_leave_empty_fields_out(org: Org) -> None:
    assert org.records("SELECT SUM(Amount) s, AVG(Amount) a, MIN(CloseDate) f, MAX(CloseDate) l FROM Opportunity") == [
        {"s": 1200.5, "a": 600.25, "f": "2026-05-16", "l": "2026-06-16"}
    ]


def test_group_by_counts_each_group_and_sorts_by_an_aggregate(org: Org) -> None:
    soql = "SELECT Account.Name, COUNT(Id) n FROM Opportunity GROUP BY Account.Name ORDER BY COUNT(Id) DESC"
    assert org.records(soql) == [{"Name": "Acme", "n": 2}, {"Name": "Çelik A.Ş.", "n": 1}]

    soql = "SELECT AccountId FROM Opportunity GROUP BY AccountId HAVING COUNT(Id) > 1"
    assert org.records(soql) == [{"AccountId": ACME}]

    soql = "SELECT IsClosed, COUNT(Id) FROM Opportunity GROUP BY IsClosed ORDER BY IsClosed"
    assert org.records(soql) == [{"IsClosed": False, "expr0": 1}, {"IsClosed": True, "expr0": 2}]


def test_group_by_a_polymorphic_type(org: Org) -> None:
    assert org.records("SELECT Owner.Type, COUNT(Id) FROM Lead GROUP BY Owner.Type ORDER BY Owner.Type") == [
        {"Type": "Group", "expr0": 1},
        {"Type": "User", "expr0": 1},
    ]


# --- WHERE

ACCOUNTS = {"Acme": ACME, "Çelik A.Ş.": CELIK, "Zeta_50%": ZETA}
OPPORTUNITIES = {"Big": WON, "Small": OPEN, "None": LOST}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Name = 'ACME'", ["Acme"]),
        ("Name = 'çELİK a.ş.'", []),  # a dotted capital I is another letter than i
        ("Name = 'ÇELIK A.Ş.'", ["Çelik A.Ş."]),
        ("Name != 'Acme'", ["Çelik A.Ş.", "Zeta_50%"]),
        ("Name <> 'Acme'", ["Çelik A.Ş.", "Zeta_50%"]),
        ("Name < 'B'", ["Acme"]),
        ("Name >= 'zeta_50%'", ["Çelik A.Ş.", "Zeta_50%"]),
        ("Name LIKE 'ac%'", ["Acme"]),
        ("Name LIKE 'A__e'", ["Acme"]),
        ("Name LIKE 'ç%ş.'", ["Çelik A.Ş."]),
        ("Name LIKE '%\\\\_50\\\\%'", ["Zeta_50%"]),
        ("Name LIKE 'Zeta\\\\%'", []),
        ("(NOT Name LIKE '%e%')", []),
        ("Industry = null", ["Çelik A.Ş."]),
        ("Industry != null", ["Acme", "Zeta_50%"]),
        ("Industry = ''", ["Çelik A.Ş."]),
        ("Industry != 'Energy'", ["Çelik A.Ş.", "Zeta_50%"]),  # an empty field differs from every value
        ("Industry IN ('energy', 'RETAIL')", ["Acme", "Zeta_50%"]),
        ("Industry IN ('Energy', null)", ["Acme", "Çelik A.Ş."]),
        ("Industry NOT IN ('Energy')", ["Çelik A.Ş.", "Zeta_50%"]),
        ("NOT Industry = 'Energy'", ["Çelik A.Ş.", "Zeta_50%"]),
        ("AnnualRevenue > 1000000", ["Çelik A.Ş."]),
        ("AnnualRevenue >= 1e6", ["Acme", "Çelik A.Ş."]),
        ("AnnualRevenue IN (1000000, 7.5)", ["Acme"]),
        ("NumberOfEmployees = 50", ["Acme"]),
        ("NumberOfEmployees > -1", ["Acme"]),
        ("IsDeleted = FALSE", ["Acme", "Çelik A.Ş.", "Zeta_50%"]),
        ("IsDeleted = true", []),
        ("BillingStreet LIKE '%\\nFloor%'", ["Acme"]),
        ("Parent.Name = 'Acme'", ["Çelik A.Ş."]),
        ("Name = 'Acme' AND Industry = 'Energy' AND IsDeleted = false", ["Acme"]),
        ("Name = 'Acme' OR Industry = 'Retail'", ["Acme", "Zeta_50%"]),
        ("Industry != null AND (Name = 'Acme' OR Name LIKE 'Z%')", ["Acme", "Zeta_50%"]),
        ("Industry != null AND (NOT Name = 'Acme')", ["Zeta_50%"]),
        ("NOT (Name = 'Acme' OR Name LIKE 'Z%')", ["Çelik A.Ş."]),
        ("((Name = 'Acme'))", ["Acme"]),
        (f"Id = '{ACME[:15]}'", ["Acme"]),
        (f"Id IN ('{ACME}', '{ZETA[:15]}')", ["Acme", "Zeta_50%"]),
        (f"ParentId = '{ACME[:15]}'", ["Çelik A.Ş."]),
        ("Id IN (SELECT AccountId FROM Contact WHERE Email LIKE '%@acme.example')", ["Acme"]),
        ("Id NOT IN (SELECT AccountId FROM Contact)", ["Çelik A.Ş.", "Zeta_50%"]),
        ("CreatedDate = 2026-06-15T21:00:00Z", ["Çelik A.Ş."]),
        ("CreatedDate >= 2026-06-16T00:00:00+03:00", ["Çelik A.Ş."]),
        ("CreatedDate < 2026-06-15T20:59:59.500Z", ["Acme", "Zeta_50%"]),
        # It is 16 June where the user is, since 21:00 UTC.
        ("CreatedDate = TODAY", ["Çelik A.Ş."]),
        ("CreatedDate = YESTERDAY", ["Acme"]),
        ("CreatedDate < TODAY", ["Acme", "Zeta_50%"]),
        ("CreatedDate <= YESTERDAY", ["Acme", "Zeta_50%"]),
        ("CreatedDate > YESTERDAY", ["Çelik A.Ş."]),
        ("CreatedDate = LAST_YEAR", ["Zeta_50%"]),
        ("CreatedDate = THIS_MONTH", ["Acme", "Çelik A.Ş."]),
        ("CreatedDate != THIS_MONTH", ["Zeta_50%"]),
    ],
)
def test_a_condition_finds(org: Org, condition: str, names: list[str]) -> None:
    condition = condition.replace("\\\\", "\\")
    assert org.ids(f"SELECT Id FROM Account WHERE {condition} ORDER BY Id") == [ACCOUNTS[name] for name in names]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("CloseDate = 2026-06-16", ["Big"]),
        ("CloseDate > 2026-05-16", ["Big", "Small"]),
        ("CloseDate = TODAY", ["Big"]),
        ("CloseDate = LAST_N_DAYS:30", ["Big", "Small"]),  # from 17 May up to today
        ("CloseDate = LAST_MONTH", ["None", "Small"]),
        ("CloseDate = N_DAYS_AGO:31", ["None"]),
        ("CloseDate >= NEXT_N_DAYS:1", []),
        ("CloseDate = THIS_QUARTER", ["Big", "None", "Small"]),
        ("Amount = NULL", ["None"]),
        ("Account.Industry = 'Energy' AND Amount < 1000.5", ["Small"]),
        ("IsWon = true", ["Big"]),
        ("IsClosed = false", ["Small"]),
    ],
)
def test_a_condition_on_dates_and_numbers_finds(org: Org, condition: str, names: list[str]) -> None:
    assert org.ids(f"SELECT Id FROM Opportunity WHERE {condition} ORDER BY Name") == [OPPORTUNITIES[n] for n in names]


def test_strings_escape_quotes_and_backslashes(org: Org) -> None:
    assert org.ids(r"SELECT Id FROM Contact WHERE LastName = 'O\'Brien\\Hopper'") == [GRACE]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Tags__c INCLUDES ('Blue;Green')", [PROJECT]),
        ("Tags__c INCLUDES ('Green', 'Blue')", [PROJECT, OTHER_PROJECT]),
        ("Tags__c INCLUDES ('green;RED', 'Black')", [PROJECT]),
        ("Tags__c EXCLUDES ('Red')", [OTHER_PROJECT]),
        ("Tags__c = 'blue'", [OTHER_PROJECT]),
    ],
)
def test_a_multi_select_field_includes_choices(org: Org, condition: str, found: list[str]) -> None:
    assert org.ids(f"SELECT Id FROM Project__c WHERE {condition} ORDER BY Id") == found


def test_a_case_sensitive_field_tells_case_apart(org: Org) -> None:
    assert org.ids("SELECT Id FROM Project__c WHERE Ext__c = 'key-1'") == [OTHER_PROJECT]


def test_custom_relationships_are_named_with_r(org: Org) -> None:
    assert org.records("SELECT Account__r.Name FROM Project__c WHERE Account__r.Industry = 'energy'") == [
        {"Account__r": {"Name": "Acme"}}
    ]


# --- the tail


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("Industry", ["Çelik A.Ş.", "Acme", "Zeta_50%"]),  # nulls first
        ("Industry NULLS LAST", ["Acme", "Zeta_50%", "Çelik A.Ş."]),
        ("Industry DESC", ["Çelik A.Ş.", "Zeta_50%", "Acme"]),
        ("Industry DESC NULLS LAST", ["Zeta_50%", "Acme", "Çelik A.Ş."]),
        ("Parent.Name NULLS LAST, Name DESC", ["Çelik A.Ş.", "Zeta_50%", "Acme"]),
        ("CreatedDate ASC LIMIT 2", ["Zeta_50%", "Acme"]),
        ("CreatedDate LIMIT 1 OFFSET 1", ["Acme"]),
        ("CreatedDate OFFSET 2", ["Çelik A.Ş."]),
    ],
)
def test_order_limit_and_offset(org: Org, order: str, names: list[str]) -> None:
    assert org.ids(f"SELECT Id FROM Account ORDER BY {order}") == [ACCOUNTS[name] for name in names]


# --- refusals

_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


def test_an_unknown_object_repeats_the_query_with_a_caret_under_the_place(org: Org) -> None:
    answer = org.get("query", params={"q": "SELECT Id FROM Contacts WHERE Id = null"})

    assert answer.status_code == 400
    assert answer.json() == [
        {
            "errorCode": "INVALID_TYPE",
            "message": (
                "\nSELECT Id FROM Contacts WHERE Id = null\n               ^\nERROR at Row:1:Column:16\n"
                "sObject type 'Contacts' is not supported. If you are attempting to use a custom object, "
                f"be sure to append the '__c' after the entity name. {_WSDL}"
            ),
        }
    ]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Nope FROM Contact",
        "SELECT Id FROM Contact WHERE Nope = 1",
        "SELECT Id FROM Contact ORDER BY Nope",
        "SELECT Nope, COUNT(Id) FROM Contact GROUP BY Nope",
        "SELECT (SELECT Nope FROM Contacts) FROM Account",
        "SELECT Id FROM Account WHERE Id IN (SELECT Nope FROM Contact)",
        "SELECT CurrencyIsoCode FROM Contact",  # only in an org with several currencies
    ],
)
def test_an_unknown_field_is_an_error_wherever_it_stands(org: Org, soql: str) -> None:
    name = "CurrencyIsoCode" if "Currency" in soql else "Nope"
    assert org.refused(soql) == (
        "INVALID_FIELD",
        f"No such column '{name}' on entity 'Contact'. If you are attempting to use a custom field, "
        f"be sure to append the '__c' after the custom field name. {_WSDL}",
    )


def test_an_unknown_relationship_is_an_error(org: Org) -> None:
    code, text = org.refused("SELECT Boss.Name FROM Contact")
    assert (code, text.split(".")[0]) == ("INVALID_FIELD", "Didn't understand relationship 'Boss' in field path")

    code, text = org.refused("SELECT Id, (SELECT Id FROM Contact) FROM Account")
    assert code == "INVALID_TYPE"
    assert text.startswith("Didn't understand relationship 'Contact' in FROM part of query call.")


@pytest.mark.parametrize(
    ("soql", "token"),
    [
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "OR"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'", "AND"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND NOT Name = 'b'", "NOT"),
        ("SELECT Id FROM Account WHERE", "<EOF>"),
        ("SELECT Id, FROM Account", "FROM"),
        ("SELECT Id Account", "<EOF>"),
        ("SELECT Id FROM Account WHERE Name == 'a'", "="),
        ('SELECT Id FROM Account WHERE Name = "a"', '"'),
        ("SELECT Id FROM Account; DROP TABLE Account", ";"),
        ("SELECT Id FROM Account -- comment", "-"),
        ("SELECT Id FROM Account WHERE Name = 'a'' OR 1=1", "' OR 1=1"),
        ("SELECT Id FROM Account WHERE Name = :name", ":"),
        ("SELECT Id FROM Account LIMIT -1", "-1"),
        ("SELECT Id FROM Account LIMIT 1.5", "1.5"),
        ("SELECT Id FROM Account LIMIT 1 ORDER BY Id", "ORDER"),
        ("SELECT Id FROM Account FOR SALE", "SALE"),
        ("SELECT Id FROM Account WITH NOTHING", "NOTHING"),
        ("SELECT Id FROM Account USING mine", "mine"),
        ("SELECT TYPEOF What ELSE Name END FROM Task", "ELSE"),
        ("SELECT TYPEOF What WHEN Account THEN Phone FROM Task", "FROM"),
        ("SELECT convertCurrency(Amount) FROM Opportunity", "("),
        ("SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Industry)", "("),
        ("SELECT Id FROM Account WHERE CreatedDate = SOMEDAY", "SOMEDAY"),
        ("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS", "LAST_N_DAYS"),
        ("UPDATE Account SET Name = 'x'", "UPDATE"),
    ],
)
def test_what_is_not_of_the_grammar_is_malformed(org: Org, soql: str, token: str) -> None:
    code, text = org.refused(soql)
    assert code == "MALFORMED_QUERY"
    if not token.startswith("'"):
        assert text == f"unexpected token: '{token}'"


@pytest.mark.parametrize(
    "soql",
    [
        pytest.param("SELECT Id FROM Account WHERE Name = 'open", id="unclosed string"),
        pytest.param(r"SELECT Id FROM Account WHERE Name = 'a\d'", id="unknown escape"),
        pytest.param("SELECT COUNT(), Id FROM Account", id="COUNT() with a field"),
        pytest.param("SELECT COUNT() FROM Account GROUP BY Name", id="COUNT() grouped"),
        pytest.param("SELECT Name, COUNT(Id) FROM Account", id="not grouped"),
        pytest.param("SELECT Name n FROM Account", id="alias without aggregate"),
        pytest.param("SELECT MAX(Description) FROM Account", id="long text has no maximum"),
        pytest.param("SELECT SUM(Name) FROM Account", id="text has no sum"),
        pytest.param("SELECT COUNT(Id) FROM Account LIMIT 5", id="limit without group"),
        pytest.param("SELECT Id FROM Account WHERE COUNT(Id) > 1", id="aggregate outside HAVING"),
        pytest.param("SELECT Id FROM Account WHERE Name IN (SELECT Name FROM Contact)", id="semi-join on text"),
        pytest.param("SELECT Id FROM Account WHERE Id IN (SELECT Id, Name FROM Contact)", id="semi-join of two"),
        pytest.param("SELECT (SELECT (SELECT Id FROM Tasks) FROM Contacts) FROM Account", id="child of child"),
        pytest.param("SELECT Id FROM Account WHERE CreatedDate > 2024-13-01T00:00:00Z", id="no such month"),
        pytest.param("SELECT Id FROM Account WHERE CreatedDate > LAST_N_DAYS:99999999", id="too many days"),
        pytest.param(f"SELECT Id FROM Account WHERE {'(' * 500}Name = 'a'{')' * 500}", id="too deep"),
    ],
)
def test_what_does_not_fit_together_is_malformed(org: Org, soql: str) -> None:
    code, _ = org.refused(soql)
    assert code == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            "AnnualRevenue = '5'",
            "value of filter criterion for field 'AnnualRevenue' must be of type double and should not be enclosed in "
            "quotes",
        ),
        (
            "CreatedDate > '2024-01-01'",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in "
            "quotes",
        ),
        (
            "CreatedDate > 2024-01-01",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in "
            "quotes",
        ),
        (
            "Name = 5",
            "value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes",
        ),
        ("Description = 'x'", "field 'Description' can not be filtered in a query call"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_an_invalid_field(org: Org, condition: str, text: str) -> None:
    assert org.refused(f"SELECT Id FROM Account WHERE {condition}") == ("INVALID_FIELD", text)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("Id = 'acme'", "invalid ID field: acme"),
        ("Id LIKE '001%'", "invalid operator on id field"),
        ("Name INCLUDES ('a')", "invalid operator on string field"),
        ("IsDeleted > false", "invalid operator on boolean field"),
    ],
)
def test_an_operator_that_does_not_fit_its_field_is_refused(org: Org, condition: str, text: str) -> None:
    assert org.refused(f"SELECT Id FROM Account WHERE {condition}") == ("INVALID_QUERY_FILTER_OPERATOR", text)


def test_other_refusals_of_single_rules(org: Org) -> None:
    assert org.refused("SELECT Id, Name, id FROM Account") == ("INVALID_FIELD", "duplicate field selected: id")
    assert org.refused("SELECT Id FROM Account ORDER BY Description") == (
        "INVALID_FIELD",
        "field 'Description' can not be sorted in a query call",
    )
    assert org.refused("SELECT Id FROM Account OFFSET 2001") == (
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Maximum SOQL offset allowed is 2000",
    )
    assert org.refused("") == ("MALFORMED_QUERY", "SOQL statement should not be empty")


def test_the_place_of_an_error_counts_lines(org: Org) -> None:
    (error,) = org.get("query", params={"q": "SELECT Id\nFROM Account\nWHERE Nope = 1"}).json()

    assert error["message"].splitlines()[1:4] == ["WHERE Nope = 1", "      ^", "ERROR at Row:3:Column:7"]


def test_a_statement_over_100000_characters_is_refused() -> None:
    with pytest.raises(SoqlError, match="SOQL statements cannot be longer than 100000 characters") as refused:
        parse(f"SELECT Id{' ' * 100_000}FROM Account")

    assert refused.value.code == "MALFORMED_QUERY"


# --- metadata objects


def test_entity_definitions_list_the_objects(org: Org) -> None:
    soql = "SELECT QualifiedApiName, Label, KeyPrefix FROM EntityDefinition WHERE DurableId IN ('Lead', 'Project__c')"
    assert org.records(f"{soql} ORDER BY QualifiedApiName") == [
        {"QualifiedApiName": "Lead", "Label": "Lead", "KeyPrefix": "00Q"},
        {"QualifiedApiName": "Project__c", "Label": "Project", "KeyPrefix": "a00"},
    ]


def test_field_definitions_are_found_by_their_object(org: Org) -> None:
    soql = (
        "SELECT QualifiedApiName, DataType FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Project__c'"
    )
    assert {record["QualifiedApiName"]: record["DataType"] for record in org.records(soql)} == {
        "Id": "Lookup()",
        "IsDeleted": "Checkbox",
        "Name": "Text(80)",
        "SystemModstamp": "Date/Time",
        "Tags__c": "Picklist (Multi-Select)",
        "Ext__c": "Text(40)",
        "Account__c": "Lookup(Account)",
    }


def test_the_organization_and_its_stages(org: Org) -> None:
    assert org.records(
        "SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix FROM Organization"
    ) == [
        {
            "Name": "Acme Holding",
            "InstanceName": "TWIN1",
            "IsSandbox": True,
            "TrialExpirationDate": None,
            "NamespacePrefix": None,
        }
    ]
    stages = org.records(
        "SELECT MasterLabel, ApiName, SortOrder, IsActive, IsClosed, IsWon, DefaultProbability, ForecastCategoryName "
        "FROM OpportunityStage WHERE IsClosed = true ORDER BY SortOrder"
    )
    assert stages == [
        {
            "MasterLabel": "Closed Won",
            "ApiName": "Closed Won",
            "SortOrder": 9,
            "IsActive": True,
            "IsClosed": True,
            "IsWon": True,
            "DefaultProbability": 100.0,
            "ForecastCategoryName": "Closed",
        },
        {
            "MasterLabel": "Closed Lost",
            "ApiName": "Closed Lost",
            "SortOrder": 10,
            "IsActive": True,
            "IsClosed": True,
            "IsWon": False,
            "DefaultProbability": 0.0,
            "ForecastCategoryName": "Omitted",
        },
    ]


def test_users_are_read_by_query(org: Org) -> None:
    soql = "SELECT Id, Email, IsActive, Profile.Name FROM User ORDER BY Id"
    assert org.records(soql) == [
        {
            "Id": ADMIN,
            "Email": "admin@acme.example",
            "IsActive": True,
            "Profile": {"Name": "System Administrator"},
        },
        {"Id": REP, "Email": "rep@acme.example", "IsActive": False, "Profile": {"Name": "Standard User"}},
    ]


def test_open_tasks_stay_however_old(org: Org) -> None:
    assert org.ids("SELECT Id FROM Task ORDER BY Id") == [NEW_TASK, OLD_OPEN]
