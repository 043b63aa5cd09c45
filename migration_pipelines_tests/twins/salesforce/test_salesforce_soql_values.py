"""SOQL's answers carry every value unharmed: numbers to their last digit, text with whatever is in it."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from migration_pipelines_tests.twins.salesforce.small_org import Org

Start = Callable[..., Org]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Amount", 123456789012345.67),
        ("Amount", 9007199254740993.0),
        ("Amount", 0.1),
        ("Amount", -2.5),
        ("Amount", 0.0),
        ("Amount", 1000000.0),
        ("TotalOpportunityQuantity", 33333333333333.37),
    ],
)
def test_a_number_reads_back_as_the_same_number(start: Start, name: str, value: float) -> None:
    org = start()
    org.put_rows("Opportunity", {"Name": "A", "StageName": "Prospecting", "CloseDate": "2026-01-01", name: value})

    (record,) = org.records(f"SELECT {name} FROM Opportunity")

    assert record == {name: value}
    assert isinstance(record[name], float)
    assert org.records(f"SELECT SUM({name}) s, AVG({name}) a FROM Opportunity") == [{"s": value, "a": value}]


def test_whole_numbers_stay_whole_but_their_average_does_not(start: Start) -> None:
    org = start()
    org.put_rows("Account", {"Name": "A", "NumberOfEmployees": 7}, {"Name": "B", "NumberOfEmployees": 8})

    (record, _) = org.records("SELECT NumberOfEmployees FROM Account ORDER BY Name")

    assert json.dumps(record) == '{"NumberOfEmployees": 7}'
    soql = "SELECT SUM(NumberOfEmployees) s, AVG(NumberOfEmployees) a, MAX(NumberOfEmployees) m FROM Account"
    assert json.dumps(org.records(soql)) == '[{"s": 15, "a": 7.5, "m": 8}]'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('say "no" \\ never', id="quotes and backslash"),
        pytest.param("one\r\ntwo\tthree", id="lines and tab"),
        pytest.param("a\x00b\x01c\x1f", id="control characters, NUL too"),
        pytest.param("İstanbul \u2028 \U0001f600 %s %d", id="other alphabets, a line separator, percent signs"),
        pytest.param("it's '; DROP TABLE \"Account\"", id="apostrophes"),
    ],
)
def test_text_reads_back_as_it_was(start: Start, text: str) -> None:
    org = start()
    (account,) = org.put_rows("Account", {"Name": "A", "Description": text, "BillingStreet": text})
    org.put_rows("Contact", {"LastName": "C", "AccountId": account, "Description": text})

    soql = "SELECT Description, BillingAddress, (SELECT Description, Account.Description FROM Contacts) FROM Account"
    (record,) = org.records(soql)

    assert (record["Description"], record["BillingAddress"]["street"]) == (text, text)
    assert record["Contacts"]["records"] == [{"Description": text, "Account": {"Description": text}}]


def test_a_record_with_hundreds_of_fields_is_rendered(start: Start) -> None:
    org = start()
    org.put_rows("Account", {"Name": "Wide"})
    names = [field["name"] for field in org.get("sobjects/Account/describe").json()["fields"]]

    (record,) = org.records("SELECT FIELDS(ALL) FROM Account LIMIT 200")

    assert sorted(record) == sorted(names)
    assert record["Name"] == "Wide"


def test_fifty_parents_nest_in_one_record(start: Start) -> None:
    org = start()
    org.put_rows("Contact", {"LastName": "Alone"})
    fields = ("Name", "Phone", "Website", "Industry", "Owner.Name", "Owner.Manager.Name", "Parent.Name")
    paths = [f"{'ReportsTo.' * depth}Account.{field}" for depth in range(3) for field in fields]

    (record,) = org.records(f"SELECT Id, {', '.join(paths)} FROM Contact")

    assert (record["Account"], record["ReportsTo"]) == (None, None)


def test_the_answers_text_is_json_in_utf_8_whatever_its_length(start: Start) -> None:
    org = start()
    org.put_rows("Account", *({"Name": f"Ağ {n}", "Description": "ğ" * 3_000} for n in range(3)))

    answer = org.get("query", params={"q": "SELECT Name, Description FROM Account ORDER BY Name"})

    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert [record["Name"] for record in json.loads(answer.content)["records"]] == ["Ağ 0", "Ağ 1", "Ağ 2"]


def test_a_location_is_put_together_from_its_parts(start: Callable[..., Org], tmp_path: Path) -> None:
    """A custom compound's parts end in __s; a describe that leaves them out has a compound that is always empty."""
    part = {"type": "double", "compoundFieldName": "Place__c", "precision": 18, "scale": 15}
    fields = [
        {"name": "Id", "type": "id"},
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "Place__c", "type": "location"},
        {"name": "Place__Latitude__s", **part},
        {"name": "Place__Longitude__s", **part},
        {"name": "Nowhere__c", "type": "location"},
    ]
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "Shop__c.json").write_text(
        json.dumps({"name": "Shop__c", "keyPrefix": "a01", "fields": fields})
    )
    org = start(seed=tmp_path)
    org.put_rows("Shop__c", {"Name": "Here", "Place__Latitude__s": 41.25, "Place__Longitude__s": 28.5})

    assert org.records("SELECT Place__c, Nowhere__c FROM Shop__c") == [
        {"Place__c": {"latitude": 41.25, "longitude": 28.5}, "Nowhere__c": None}
    ]
