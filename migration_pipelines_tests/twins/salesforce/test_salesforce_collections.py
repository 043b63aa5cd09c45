"""Several records in one request: Collections and trees."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, CELIK, GRACE, OTHER_PROJECT, PROJECT, Org

Start = Callable[..., Org]


@pytest.fixture
def twin(start: Start, seed: Path) -> Org:
    return start(seed=seed)


def a(kind: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind}, **fields}


BAD = a("Contact")
MISSING = {
    "success": False,
    "errors": [
        {
            "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [LastName]",
            "fields": ["LastName"],
        }
    ],
}
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"


def test_each_record_of_a_collection_is_answered_in_its_place(twin: Org) -> None:
    records = [a("Account", Name="One"), BAD, a("Contact", LastName="Two", FirstName="T"), a("Account", Name="Three")]

    answer = twin.post("composite/sobjects", json={"records": records})

    assert answer.status_code == 200
    first, second, third, fourth = answer.json()
    assert second == MISSING
    for row, prefix in ((first, "001"), (third, "003"), (fourth, "001")):
        assert row == {"id": row["id"], "success": True, "errors": []}
        assert row["id"].startswith(prefix)
    assert twin.records(f"SELECT Name FROM Contact WHERE Id = '{third['id']}'") == [{"Name": "T Two"}]


def test_all_or_none_writes_nothing_and_tells_the_innocent(twin: Org) -> None:
    answer = twin.post("composite/sobjects", json={"allOrNone": True, "records": [a("Account", Name="One"), BAD]})

    assert answer.status_code == 200
    rolled_back = {"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": ROLLED_BACK, "fields": []}
    assert answer.json() == [{"success": False, "errors": [rolled_back]}, MISSING]
    assert twin.ids("SELECT Id FROM Account WHERE Name = 'One'") == []


@pytest.mark.parametrize("key", ["id", "Id"])
def test_a_collection_is_updated_by_id_in_either_case(twin: Org, key: str) -> None:
    records = [a("Contact", **{key: ADA}, Title="A"), a("Contact", **{key: make_id("003", 99)}, Title="B")]

    first, second = twin.patch("composite/sobjects", json={"records": records}).json()

    assert first == {"id": ADA, "success": True, "errors": []}
    assert (second["id"], second["errors"][0]["statusCode"]) == (make_id("003", 99), "INVALID_CROSS_REFERENCE_KEY")
    assert twin.records(f"SELECT Title FROM Contact WHERE Id = '{ADA}'") == [{"Title": "A"}]


def test_a_record_leaves_alone_what_only_its_neighbours_say(twin: Org) -> None:
    records = [a("Contact", id=ADA, Title="A"), a("Contact", id=GRACE, Department="B")]

    twin.patch("composite/sobjects", json={"records": records})
    twin.patch(
        "composite/sobjects",
        json={"records": [a("Contact", id=ADA, Department="C"), a("Contact", id=GRACE, Title=None)]},
    )

    assert twin.records(f"SELECT Title, Department FROM Contact WHERE Id IN ('{ADA}', '{GRACE}') ORDER BY Id") == [
        {"Title": "A", "Department": "C"},
        {"Title": None, "Department": "B"},
    ]


def test_a_collection_is_upserted_by_key(twin: Org) -> None:
    records = [a("Project__c", Ext__c="Key-1", Name="Known"), a("Project__c", Ext__c="P-9", Name="New")]

    known, new = twin.patch("composite/sobjects/Project__c/Ext__c", json={"records": records}).json()

    assert known == {"id": PROJECT, "success": True, "errors": [], "created": False}
    assert new == {"id": new["id"], "success": True, "errors": [], "created": True}


def test_a_collection_is_upserted_by_id(twin: Org) -> None:
    records = [a("Project__c", Id=PROJECT, Name="Known"), a("Project__c", Name="New")]

    known, new = twin.patch("composite/sobjects/Project__c/Id", json={"records": records}).json()

    assert (known["id"], known["created"], new["created"]) == (PROJECT, False, True)


def test_a_collection_is_deleted_by_ids_of_several_objects(twin: Org) -> None:
    told = f"{PROJECT},{make_id('003', 99)},{GRACE}"

    rows = twin.delete(f"composite/sobjects?ids={told}&allOrNone=false").json()

    assert [row["success"] for row in rows] == [True, False, True]
    assert twin.ids(f"SELECT Id FROM Contact WHERE Id = '{GRACE}'") == []


def test_a_collection_is_deleted_all_or_none(twin: Org) -> None:
    rows = twin.delete(f"composite/sobjects?ids={PROJECT},nonsense&allOrNone=true").json()

    assert [row["errors"][0]["statusCode"] for row in rows] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    assert twin.ids(f"SELECT Id FROM Project__c WHERE Id = '{PROJECT}'") == [PROJECT]


def test_a_collection_is_read_in_the_order_of_its_ids(twin: Org) -> None:
    ids = [CELIK, make_id("001", 99), ACME]
    expected = ["Çelik A.Ş.", None, "Acme"]

    got = twin.get(f"composite/sobjects/Account?ids={','.join(ids)}&fields=Name")
    posted = twin.post("composite/sobjects/Account", json={"ids": ids, "fields": ["Name"]})

    for answer in (got, posted):
        assert answer.status_code == 200
        assert [record and record["Name"] for record in answer.json()] == expected
    assert twin.get(f"composite/sobjects/Account?ids={ACME}&fields=Nope").json()[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("records", "code"),
    [
        pytest.param([a("Account", Name="x")] * 201, "EXCEEDED_ID_LIMIT", id="201 records"),
        pytest.param([a("Account", Name="x"), a("Contact", LastName="x")] * 6, "LIMIT_EXCEEDED", id="12 chunks"),
        pytest.param([{"Name": "x"}], "INVALID_TYPE", id="no type"),
        pytest.param([a("Nope")], "INVALID_TYPE", id="unknown type"),
        pytest.param([3], "JSON_PARSER_ERROR", id="no object"),
        pytest.param({"Name": "x"}, "JSON_PARSER_ERROR", id="no list"),
        pytest.param([a("Account", Name=3)], "JSON_PARSER_ERROR", id="wrong JSON type"),
        pytest.param([a("Account", Nope=3)], "INVALID_FIELD", id="unknown field"),
    ],
)
def test_a_malformed_collection_is_400_and_writes_nothing(twin: Org, records: Any, code: str) -> None:
    before = twin.ask("SELECT COUNT() FROM Account")["totalSize"]

    answer = twin.post("composite/sobjects", json={"records": records})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert twin.ask("SELECT COUNT() FROM Account")["totalSize"] == before


def test_ten_chunks_and_200_records_are_taken(twin: Org) -> None:
    records = [a("Account", Name="x")] * 20 + [a("Lead", LastName="x", Company="y")] * 20

    answer = twin.post("composite/sobjects", json={"records": records * 5})

    assert (len(answer.json()), all(row["success"] for row in answer.json())) == (200, True)


# --- trees


def test_a_tree_is_created_with_its_children(twin: Org) -> None:
    contact = {"attributes": {"type": "Contact", "referenceId": "c1"}, "LastName": "Leaf"}
    project = {"attributes": {"type": "Project__c", "referenceId": "p1"}, "Name": "Branch"}
    account = {
        "attributes": {"type": "Account", "referenceId": "a1"},
        "Name": "Root",
        "Contacts": {"records": [contact]},
        "Projects__r": {"records": [project]},
    }

    answer = twin.post("composite/tree/Account", json={"records": [account]})

    assert answer.status_code == 201
    assert answer.json()["hasErrors"] is False
    assert [row["referenceId"] for row in answer.json()["results"]] == ["a1", "c1", "p1"]
    assert twin.records("SELECT LastName FROM Contact WHERE Account.Name = 'Root'") == [{"LastName": "Leaf"}]
    assert twin.records("SELECT Name FROM Project__c WHERE Account__r.Name = 'Root'") == [{"Name": "Branch"}]


def test_a_tree_with_one_bad_leaf_creates_nothing_and_names_the_leaf(twin: Org) -> None:
    leaf = {"attributes": {"type": "Contact", "referenceId": "c1"}, "FirstName": "Leaf"}
    root = {"attributes": {"type": "Account", "referenceId": "a1"}, "Name": "Root", "Contacts": {"records": [leaf]}}

    answer = twin.post("composite/tree/Account", json={"records": [root]})

    assert (answer.status_code, answer.json()) == (
        400,
        {"hasErrors": True, "results": [{"referenceId": "c1", "errors": MISSING["errors"]}]},
    )
    assert twin.ids("SELECT Id FROM Account WHERE Name = 'Root'") == []


@pytest.mark.parametrize(
    "records",
    [
        [{"attributes": {"type": "Account"}, "Name": "x"}],
        [{"attributes": {"type": "Account", "referenceId": "r"}, "Name": "x"}] * 2,
        [{"attributes": {"type": "Account", "referenceId": f"r{n}"}, "Name": "x"} for n in range(201)],
        [{"attributes": {"type": "Contact", "referenceId": "r"}, "LastName": "x"}],
        [3],
    ],
)
def test_a_malformed_tree_is_400(twin: Org, records: Any) -> None:
    assert twin.post("composite/tree/Account", json={"records": records}).status_code == 400
    assert twin.ids("SELECT Id FROM Account WHERE Name = 'x'") == []


def test_the_other_project_is_untouched_by_all_this(twin: Org) -> None:
    twin.patch("composite/sobjects/Project__c/Ext__c", json={"records": [a("Project__c", Ext__c="KEY-1", Name="x")]})

    assert twin.records(f"SELECT Name FROM Project__c WHERE Id = '{OTHER_PROJECT}'") == [{"Name": "Two"}]
