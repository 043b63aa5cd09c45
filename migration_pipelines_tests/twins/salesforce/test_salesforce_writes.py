"""Writing single records over REST: by id, by key, and what is refused about a request."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, GONE, PROJECT, Org

Start = Callable[..., Org]


@pytest.fixture
def twin(start: Start, seed: Path) -> Org:
    return start(seed=seed)


def refusal(answer: httpx.Response) -> tuple[int, str, str, list[str] | None]:
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"], error.get("fields")


# --- by id


def test_a_created_record_is_201_with_its_id_and_what_the_platform_fills_in(twin: Org) -> None:
    answer = twin.post("sobjects/Contact/", json={"LastName": "Hopper", "FirstName": "Grace", "AccountId": ACME[:15]})

    assert answer.status_code == 201
    record_id = answer.json()["id"]
    assert answer.json() == {"id": record_id, "success": True, "errors": []}
    assert twin.records(
        f"SELECT Name, AccountId, Owner.Username, CreatedDate, SystemModstamp FROM Contact WHERE Id = '{record_id}'"
    ) == [
        {
            "Name": "Grace Hopper",
            "AccountId": ACME,
            "Owner": {"Username": "admin@acme.example"},
            "CreatedDate": "2026-06-15T22:30:00.000+0000",
            "SystemModstamp": "2026-06-15T22:30:00.000+0000",
        }
    ]


def test_an_update_is_204_and_changes_only_what_it_names(twin: Org) -> None:
    twin.clock(advance=60)

    answer = twin.patch(f"sobjects/Contact/{ADA}", json={"FirstName": "Augusta", "Email": None})

    assert (answer.status_code, answer.content) == (204, b"")
    assert twin.records(f"SELECT Name, Email, AccountId, SystemModstamp FROM Contact WHERE Id = '{ADA}'") == [
        {
            "Name": "Augusta Lovelace",
            "Email": None,
            "AccountId": ACME,
            "SystemModstamp": "2026-06-15T22:31:00.000+0000",
        }
    ]


def test_a_client_without_patch_names_the_method_in_the_query(twin: Org) -> None:
    assert twin.post(f"sobjects/Contact/{ADA}?_HttpMethod=PATCH", json={"Title": "Countess"}).status_code == 204

    assert twin.records(f"SELECT Title FROM Contact WHERE Id = '{ADA}'") == [{"Title": "Countess"}]


def test_a_deleted_record_is_204_then_404(twin: Org) -> None:
    assert twin.delete(f"sobjects/Project__c/{PROJECT}").status_code == 204

    assert refusal(twin.delete(f"sobjects/Project__c/{PROJECT}"))[:2] == (404, "ENTITY_IS_DELETED")
    assert twin.ids(f"SELECT Id FROM Project__c WHERE Id = '{PROJECT}'") == []
    assert twin.ids("SELECT Id FROM Project__c WHERE IsDeleted = true", everything=True) == [PROJECT]


@pytest.mark.parametrize(
    ("record_id", "code"), [(make_id("003", 99), "NOT_FOUND"), ("nonsense", "NOT_FOUND"), (GONE, "NOT_FOUND")]
)
def test_an_update_of_what_is_not_there_is_404(twin: Org, record_id: str, code: str) -> None:
    answer = twin.patch(f"sobjects/Contact/{record_id}", json={"Title": "x"})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, code)


def test_an_update_of_a_deleted_record_is_404(twin: Org) -> None:
    assert refusal(twin.patch(f"sobjects/Account/{GONE}", json={"Name": "x"}))[:2] == (404, "ENTITY_IS_DELETED")


def test_an_object_that_is_not_there_is_404(twin: Org) -> None:
    assert refusal(twin.post("sobjects/Nope", json={}))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "sobjects/Account"),
        ("PUT", f"sobjects/Account/{ACME}"),
        ("DELETE", "sobjects/Profile/x"),
        ("GET", "composite/graph"),
    ],
)
def test_a_method_that_is_not_there_is_405(twin: Org, method: str, path: str) -> None:
    answer = twin.request(method, path, json={})

    assert refusal(answer)[:3] == (405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed.")


# --- by key


def test_an_upsert_creates_once_and_then_updates(twin: Org) -> None:
    first = twin.patch("sobjects/Project__c/Ext__c/P-9", json={"Name": "Nine", "Account__c": ACME})
    second = twin.patch("sobjects/Project__c/ext__c/P-9", json={"Name": "IX"})

    record_id = first.json()["id"]
    assert (first.status_code, first.json()) == (
        201,
        {"id": record_id, "success": True, "errors": [], "created": True},
    )
    assert (second.status_code, second.json()) == (
        200,
        {"id": record_id, "success": True, "errors": [], "created": False},
    )
    assert twin.records("SELECT Name, Ext__c, Account__c FROM Project__c WHERE Ext__c = 'P-9'") == [
        {"Name": "IX", "Ext__c": "P-9", "Account__c": ACME}
    ]


def test_a_case_sensitive_key_tells_case(twin: Org) -> None:
    assert twin.patch("sobjects/Project__c/Ext__c/KEY-1", json={"Name": "Third"}).json()["created"] is True
    assert twin.patch("sobjects/Project__c/Ext__c/Key-1", json={"Name": "First"}).json()["id"] == PROJECT


def test_an_upsert_of_a_key_in_the_recycle_bin_creates(twin: Org) -> None:
    twin.delete(f"sobjects/Project__c/{PROJECT}")

    answer = twin.patch("sobjects/Project__c/Ext__c/Key-1", json={"Name": "Again"})

    assert answer.json()["created"] is True
    assert answer.json()["id"] != PROJECT


def test_update_only_creates_nothing(twin: Org) -> None:
    answer = twin.patch("sobjects/Project__c/Ext__c/P-9?updateOnly=true", json={"Name": "Nine"})

    assert refusal(answer)[:2] == (404, "NOT_FOUND")
    assert twin.ids("SELECT Id FROM Project__c WHERE Ext__c = 'P-9'") == []


def test_an_upsert_that_matches_several_is_300_with_their_urls(twin: Org) -> None:
    ids = twin.put_rows("Lead", *({"LastName": "T", "Company": "T", "Email": "twin@x.example"} for _ in range(2)))

    answer = twin.patch("sobjects/Lead/Email/twin@x.example", json={"LastName": "T"})

    assert (answer.status_code, answer.json()) == (
        300,
        [f"/services/data/v60.0/sobjects/Lead/{record_id}" for record_id in ids],
    )


@pytest.mark.parametrize("name", ["Ext__c", "ext__c", "Id", "id"])
def test_an_upsert_does_not_say_key_or_id_again(twin: Org, name: str) -> None:
    answer = twin.patch("sobjects/Project__c/Ext__c/P-9", json={name: "P-9"})

    said = "Id" if name.lower() == "id" else "Ext__c"
    message = f"The {said} field should not be specified in the sobject data."
    assert refusal(answer) == (400, "INVALID_FIELD", message, None)


def test_a_field_that_is_no_key_is_404(twin: Org) -> None:
    answer = twin.patch("sobjects/Project__c/Tags__c/Blue", json={})

    message = "Provided external ID field does not exist or is not accessible: Tags__c"
    assert refusal(answer)[:3] == (404, "NOT_FOUND", message)


def test_a_record_is_deleted_by_key(twin: Org) -> None:
    assert twin.delete("sobjects/Project__c/Ext__c/Key-1").status_code == 204
    assert twin.delete("sobjects/Project__c/Ext__c/Key-1").status_code == 404


# --- bodies


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[1]", b"3", b'"x"', b"null", b'{"Name": NaN}', b"\xff", b'{"Name": "\\ud800"}']
)
def test_a_body_that_is_no_json_object_is_400_on_every_writing_route(twin: Org, body: bytes) -> None:
    for method, path in (
        ("POST", "sobjects/Account"),
        ("PATCH", f"sobjects/Account/{ACME}"),
        ("PATCH", "sobjects/Project__c/Ext__c/P-9"),
        ("POST", "composite/sobjects"),
        ("PATCH", "composite/sobjects"),
        ("PATCH", "composite/sobjects/Project__c/Ext__c"),
        ("POST", "composite"),
        ("POST", "composite/graph"),
        ("POST", "composite/batch"),
        ("POST", "composite/tree/Account"),
    ):
        answer = twin.request(method, path, content=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR"), (method, path)


@pytest.mark.parametrize(
    ("record", "instance", "token", "shown"),
    [
        ({"Name": 5}, "string", "VALUE_NUMBER_INT", "5"),
        ({"Name": ["a"]}, "string", "START_ARRAY", "["),
        ({"AnnualRevenue": "much"}, "double", "VALUE_STRING", "much"),
        ({"AnnualRevenue": True}, "double", "VALUE_TRUE", "true"),
        ({"NumberOfEmployees": 1.5}, "int", "VALUE_NUMBER_FLOAT", "1.5"),
    ],
)
def test_a_wrong_json_type_fails_the_request(
    twin: Org, record: dict[str, Any], instance: str, token: str, shown: str
) -> None:
    status, code, message, _ = refusal(twin.post("sobjects/Account", json=record))

    assert (status, code) == (400, "JSON_PARSER_ERROR")
    assert message.startswith(f"Cannot deserialize instance of {instance} from {token} value {shown} or request may")
    assert message.endswith("at [line:1, column:2]")


def test_an_unknown_field_fails_the_request(twin: Org) -> None:
    answer = twin.post("sobjects/Account", json={"Name": "A", "Nope__c": 1})

    assert refusal(answer) == (400, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Account", None)


def test_headers_of_rules_and_conditions_do_no_harm(twin: Org) -> None:
    headers = {
        "Sforce-Auto-Assign": "FALSE",
        "Sforce-Duplicate-Rule-Header": "allowSave=true",
        "If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT",
        "If-Match": '"x"',
    }
    assert twin.post("sobjects/Lead", json={"LastName": "L", "Company": "C"}, headers=headers).status_code == 201
    assert twin.patch(f"sobjects/Contact/{ADA}", json={"Title": "x"}, headers=headers).status_code == 204


# --- parents by a key


def test_a_parent_is_found_by_its_key(twin: Org) -> None:
    twin.put_rows("Contact", {"LastName": "Named", "Email": "boss@acme.example"})

    answer = twin.post("sobjects/Contact", json={"LastName": "Report", "ReportsTo": {"Email": "BOSS@acme.example"}})

    assert answer.status_code == 201
    assert twin.records("SELECT ReportsTo.Name FROM Contact WHERE LastName = 'Report'") == [
        {"ReportsTo": {"Name": "Named"}}
    ]


def test_a_parent_of_several_objects_says_its_type(twin: Org) -> None:
    who = {"attributes": {"type": "Contact"}, "Email": "ada@acme.example"}
    assert twin.post("sobjects/Task", json={"Subject": "By key", "Who": who}).status_code == 201
    assert twin.records("SELECT WhoId FROM Task WHERE Subject = 'By key'") == [{"WhoId": ADA}]

    untyped = twin.post("sobjects/Task", json={"Who": {"Email": "ada@acme.example"}})
    assert refusal(untyped)[:2] == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("record", "code", "message"),
    [
        (
            {"ReportsTo": {"Email": "nobody@x.example"}},
            "INVALID_FIELD",
            "Foreign key external ID: nobody@x.example not found for field Email in entity Contact",
        ),
        (
            {"ReportsTo": {"Email": "ada@acme.example"}, "ReportsToId": ADA},
            "INVALID_FIELD",
            "Cannot specify both an external ID reference ReportsTo and a salesforce id, ReportsToId",
        ),
        (
            {"ReportsTo": {"LastName": "Lovelace"}},
            "INVALID_FIELD",
            "No such column 'ReportsTo.LastName' on sobject of type Contact",
        ),
    ],
)
def test_a_parent_that_cannot_be_found_by_its_key_is_refused(
    twin: Org, record: dict[str, Any], code: str, message: str
) -> None:
    answer = twin.post("sobjects/Contact", json={"LastName": "X", **record})

    assert refusal(answer)[:3] == (400, code, message)
