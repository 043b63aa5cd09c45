"""Unmodified aiosalesforce works against the twin. It takes only real My Domain URLs: its transport leads back here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from aiosalesforce import Salesforce
from aiosalesforce.auth import ClientCredentialsFlow
from aiosalesforce.bulk.v2.ingest import JobResult

from migration_pipelines_tests.twins.salesforce.small_org import ACME, GRACE, INCI, Org

T = TypeVar("T")


class ToTwin(httpx.AsyncHTTPTransport):
    """Sends every request to the twin, whatever Salesforce host it was meant for."""

    def __init__(self, url: httpx.URL) -> None:
        super().__init__()
        self._twin = url

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self._twin.host, port=self._twin.port)
        return await super().handle_async_request(request)


def with_client(twin: Org, work: Callable[[Salesforce], Awaitable[T]]) -> T:
    async def run() -> T:
        async with httpx.AsyncClient(transport=ToTwin(twin.base_url)) as http:
            auth = ClientCredentialsFlow("app", "s3cret")
            return await work(Salesforce(http, "https://twin.my.salesforce.com", auth))

    return asyncio.run(run())


@pytest.fixture
def twin(start: Callable[..., Org], seed: Path) -> Org:
    return start(seed=seed, client_id="app", client_secret="s3cret")


def test_it_works_on_single_records(twin: Org) -> None:
    async def work(client: Salesforce) -> None:
        record_id = await client.sobject.create("Contact", {"LastName": "Hamilton", "AccountId": ACME})
        await client.sobject.update("Contact", record_id, {"FirstName": "Margaret"})
        found = await client.sobject.get("Contact", record_id, fields=["Name", "AccountId"])
        assert (found["Name"], found["AccountId"]) == ("Margaret Hamilton", ACME)
        first = await client.sobject.upsert("Project__c", "k/1 ü", "Ext__c", {"Name": "One"})
        second = await client.sobject.upsert("Project__c", "k/1 ü", "Ext__c", {"Name": "Two"})
        assert (first.created, second.created, first.id) == (True, False, second.id)
        await client.sobject.delete("Contact", record_id)

    with_client(twin, work)

    assert twin.records("SELECT Ext__c, Name FROM Project__c WHERE Ext__c = 'k/1 ü'") == [
        {"Ext__c": "k/1 ü", "Name": "Two"}
    ]
    assert twin.records("SELECT Id FROM Contact WHERE LastName = 'Hamilton'") == []


def test_it_follows_the_pages_of_a_query(twin: Org) -> None:
    twin.put_rows("Contact", *({"LastName": f"N{n}"} for n in range(2_100)))

    async def read(client: Salesforce) -> list[str]:
        return [one["LastName"] async for one in client.query("SELECT LastName FROM Contact WHERE LastName LIKE 'N%'")]

    assert sorted(with_client(twin, read)) == sorted(f"N{n}" for n in range(2_100))


def test_its_composite_and_batch_requests(twin: Org) -> None:
    async def work(client: Salesforce) -> tuple[Any, Any, Any]:
        async with client.composite(all_or_none=True) as composite:
            account = composite.sobject.create("Account", {"Name": "Parent"})
            # str(), or the client itself sends the reference without its @{}.
            contact = composite.sobject.create("Contact", {"LastName": "Child", "AccountId": str(account.reference.id)})
        async with client.composite.batch() as batch:
            query = batch.query("SELECT Account.Name FROM Contact WHERE LastName = 'Child'")
            refused = batch.sobject.create("Contact", {"FirstName": "No surname"})
        return (account.id, contact.id), query.records, refused.status_code

    ids, records, status = with_client(twin, work)

    assert [one[:3] for one in ids] == ["001", "003"]
    assert [one["Account"]["Name"] for one in records] == ["Parent"]
    assert status == 400


def ingest(twin: Org, operation: Any, sobject: str, rows: list[dict[str, Any]], key: str | None = None) -> JobResult:
    async def work(client: Salesforce) -> JobResult:
        results = client.bulk_v2.ingest.perform_operation(
            operation, sobject, rows, external_id_field=key, polling_interval=0.05
        )
        (result,) = [one async for one in results]
        return result

    return with_client(twin, work)


def test_its_bulk_ingest_and_the_three_result_files(twin: Org) -> None:
    rows = [
        {"LastName": "Good", "Description": 'two\nlines, and "quotes"', "AccountId": ACME},
        {"LastName": "", "Description": "no surname", "AccountId": ACME},
        {"LastName": "Dangling", "Description": "", "AccountId": "001000000000000AAA"},
    ]

    result = ingest(twin, "insert", "Contact", rows)

    assert (result.job_info.state, result.unprocessed_records) == ("JobComplete", [])
    assert [(one["LastName"], one["sf__Created"]) for one in result.successful_results] == [("Good", "true")]
    # The client itself joins what stood on two lines; the org has both.
    assert result.successful_results[0]["Description"] == 'twolines, and "quotes"'
    assert {one["Description"]: one["sf__Error"].split(":")[0] for one in result.failed_results} == {
        "no surname": "REQUIRED_FIELD_MISSING",
        "": "INVALID_CROSS_REFERENCE_KEY",
    }
    assert twin.records("SELECT Description FROM Contact WHERE LastName = 'Good'") == [
        {"Description": 'two\nlines, and "quotes"'}
    ]


def test_its_bulk_upsert_update_and_delete(twin: Org) -> None:
    keyed = [{"Ext__c": f"k{n}", "Name": f"P{n}"} for n in range(3)]

    first = ingest(twin, "upsert", "Project__c", keyed, "Ext__c")
    second = ingest(twin, "upsert", "Project__c", keyed, "Ext__c")
    changed = ingest(twin, "update", "Contact", [{"Id": GRACE, "Title": "Admiral"}])
    gone = ingest(twin, "delete", "Contact", [{"Id": INCI}])

    ids = {one["Ext__c"]: one["sf__Id"] for one in first.successful_results}
    assert {one["Ext__c"]: one["sf__Id"] for one in second.successful_results} == ids
    assert {one["sf__Created"] for one in first.successful_results} == {"true"}
    assert {one["sf__Created"] for one in second.successful_results} == {"false"}
    assert len(changed.successful_results) == len(gone.successful_results) == 1
    assert twin.records("SELECT Id, Title FROM Contact WHERE Title = 'Admiral'") == [{"Id": GRACE, "Title": "Admiral"}]
    assert twin.records("SELECT Id FROM Contact WHERE LastName = 'İnci'") == []
