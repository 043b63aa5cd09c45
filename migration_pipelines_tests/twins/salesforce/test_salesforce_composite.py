"""Requests inside a request: composite, graphs and batches."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines_tests.twins.salesforce.small_org import ACME, PROJECT, Org

Start = Callable[..., Org]
V = "/services/data/v60.0"


@pytest.fixture
def twin(start: Start, seed: Path) -> Org:
    return start(seed=seed)


def part(name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    told = {"referenceId": name, "method": method, "url": f"{V}/{path}"}
    return told if body is None else told | {"body": body}


FAMILY = [
    part("parent", "POST", "sobjects/Account", {"Name": "Parent"}),
    part("child", "POST", "sobjects/Contact", {"LastName": "Child", "AccountId": "@{parent.id}"}),
]
REFUSED = part("refused", "POST", "sobjects/Contact", {"FirstName": "No surname"})


def composite(twin: Org, *parts: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = twin.post("composite", json={"compositeRequest": list(parts), **options})
    assert answer.status_code == 200, answer.text
    responses: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return responses


def statuses(responses: list[dict[str, Any]]) -> list[int]:
    return [response["httpStatusCode"] for response in responses]


def accounts(twin: Org, name: str) -> int:
    count: int = twin.ask(f"SELECT COUNT() FROM Account WHERE Name = '{name}'")["totalSize"]
    return count


def test_a_later_subrequest_names_the_answer_of_an_earlier_one(twin: Org) -> None:
    read = part("read", "GET", "sobjects/Contact/@{child.id}?fields=AccountId,Name")
    asked = part("asked", "GET", "query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{parent.id}'")
    again = part("again", "PATCH", "sobjects/Contact/@{asked.records[0].Id}", {"Title": "By query"})

    parent, child, got, found, changed = composite(twin, *FAMILY, read, asked, again)

    assert parent["referenceId"] == "parent"
    assert parent["httpHeaders"] == {"Location": f"{V}/sobjects/Account/{parent['body']['id']}"}
    assert parent["body"] == {"id": parent["body"]["id"], "success": True, "errors": []}
    assert (got["body"]["AccountId"], got["body"]["Name"]) == (parent["body"]["id"], "Child")
    assert found["body"]["records"][0]["Id"] == child["body"]["id"]
    assert (changed["httpStatusCode"], changed["body"]) == (204, None)
    assert twin.records("SELECT Title FROM Contact WHERE LastName = 'Child'") == [{"Title": "By query"}]


def test_a_subrequest_names_a_row_of_a_collection(twin: Org) -> None:
    records = [{"attributes": {"type": "Account"}, "Name": f"C{n}"} for n in range(2)]
    rows = part("rows", "POST", "composite/sobjects", {"records": records})
    child = part("child", "POST", "sobjects/Contact", {"LastName": "Second", "AccountId": "@{rows[1].id}"})

    assert statuses(composite(twin, rows, child)) == [200, 201]

    assert twin.records("SELECT Account.Name FROM Contact WHERE LastName = 'Second'") == [{"Account": {"Name": "C1"}}]


def test_a_refused_subrequest_stops_no_other_unless_all_or_none(twin: Org) -> None:
    responses = composite(twin, REFUSED, *FAMILY)

    assert statuses(responses) == [400, 201, 201]
    assert responses[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_all_or_none_undoes_everything_and_halts_the_rest(twin: Org) -> None:
    last = part("last", "POST", "sobjects/Account", {"Name": "Last"})

    responses = composite(twin, *FAMILY, REFUSED, last, allOrNone=True)

    assert statuses(responses) == [400, 400, 400, 400]
    codes = [response["body"][0]["errorCode"] for response in responses]
    assert codes == ["PROCESSING_HALTED", "PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert (accounts(twin, "Parent"), accounts(twin, "Last")) == (0, 0)


@pytest.mark.parametrize("reference", ["@{nobody.id}", "@{parent.nope}", "@{parent.errors[0].x}", "@{refused.id}"])
def test_a_reference_to_nothing_halts_its_subrequest(twin: Org, reference: str) -> None:
    lost = part("lost", "POST", "sobjects/Contact", {"LastName": "Lost", "AccountId": reference})

    *_, response = composite(twin, FAMILY[0], REFUSED, lost)

    assert (response["httpStatusCode"], response["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert response["body"][0]["message"].startswith("Invalid reference specified. No value for")


def test_subrequests_answer_as_the_routes_do(twin: Org) -> None:
    responses = composite(
        twin,
        part("missing", "GET", f"sobjects/Account/{PROJECT}"),
        part("unrouted", "GET", "nope"),
        part("method", "PUT", f"sobjects/Account/{ACME}", {}),
        part("nested", "POST", "composite", {}),
        part("shape", "POST", "sobjects/Account", [1]),
        part("upsert", "PATCH", "sobjects/Project__c/Ext__c/a%2Fb%20c", {"Name": "Slash"}),
        part("delete", "DELETE", f"sobjects/Project__c/{PROJECT}"),
    )

    assert statuses(responses) == [404, 404, 405, 400, 400, 201, 204]
    assert responses[1]["body"] == [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    assert twin.records("SELECT Ext__c FROM Project__c WHERE Name = 'Slash'") == [{"Ext__c": "a/b c"}]


@pytest.mark.parametrize(
    "told",
    [
        {"compositeRequest": [part(f"r{n}", "GET", "limits") for n in range(26)]},
        {"compositeRequest": [part(f"r{n}", "GET", "query?q=SELECT+Id+FROM+User") for n in range(6)]},
        {"compositeRequest": [part("same", "GET", "limits"), part("same", "GET", "limits")]},
        {"compositeRequest": [part("not a name", "GET", "limits")]},
        {"compositeRequest": [{"method": "GET"}]},
        {"compositeRequest": ["x"]},
        {"compositeRequest": {}},
        {},
    ],
)
def test_a_malformed_composite_is_400(twin: Org, told: Any) -> None:
    assert twin.post("composite", json=told).status_code == 400


def test_25_subrequests_with_5_queries_are_taken(twin: Org) -> None:
    queries = [part(f"q{n}", "GET", "query?q=SELECT+Id+FROM+User") for n in range(5)]
    rest = [part(f"r{n}", "GET", f"sobjects/Account/{ACME}") for n in range(20)]

    assert statuses(composite(twin, *queries, *rest)) == [200] * 25


# --- graphs


def test_each_graph_is_a_transaction_of_its_own(twin: Org) -> None:
    graphs = [
        {"graphId": "good", "compositeRequest": FAMILY},
        {"graphId": "bad", "compositeRequest": [part("other", "POST", "sobjects/Account", {"Name": "Other"}), REFUSED]},
    ]

    good, bad = twin.post("composite/graph", json={"graphs": graphs}).json()["graphs"]

    assert (good["graphId"], good["isSuccessful"]) == ("good", True)
    assert statuses(good["graphResponse"]["compositeResponse"]) == [201, 201]
    assert (bad["graphId"], bad["isSuccessful"]) == ("bad", False)
    codes = [one["body"][0]["errorCode"] for one in bad["graphResponse"]["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert (accounts(twin, "Parent"), accounts(twin, "Other")) == (1, 0)


@pytest.mark.parametrize("path", ["query?q=SELECT+Id+FROM+User", "composite/sobjects", "limits"])
def test_a_graph_takes_single_records_only(twin: Org, path: str) -> None:
    graphs = [{"graphId": "g", "compositeRequest": [part("r", "GET", path)]}]

    assert twin.post("composite/graph", json={"graphs": graphs}).status_code == 400


# --- batches


def test_a_batch_answers_each_and_may_halt(twin: Org) -> None:
    requests = [
        {"method": "POST", "url": "v60.0/sobjects/Contact", "richInput": {"FirstName": "x"}},
        {"method": "GET", "url": "v60.0/query?q=SELECT+COUNT()+FROM+Account"},
    ]

    answer = twin.post("composite/batch", json={"batchRequests": requests}).json()
    halted = twin.post("composite/batch", json={"batchRequests": requests, "haltOnError": True}).json()

    assert (answer["hasErrors"], [result["statusCode"] for result in answer["results"]]) == (True, [400, 200])
    assert answer["results"][1]["result"]["totalSize"] == 3
    assert [result["statusCode"] for result in halted["results"]] == [400, 412]


def test_the_resource_map_leads_to_all_of_them(twin: Org) -> None:
    assert twin.get("").json()["composite"] == f"{V}/composite"
    assert set(twin.get("composite").json()) == {"batch", "graph", "sobjects", "tree"}
