"""Unmodified aio-sf works against the twin. It speaks plain http, so a base URL is all that it needs to be told."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aio_sf import ClientCredentialsAuth, SalesforceClient, StaticTokenAuth, bulk_query

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, CELIK, GRACE, INCI, TOKEN, ZETA, Org

T = TypeVar("T")


def with_client(twin: Org, work: Callable[[SalesforceClient], Awaitable[T]]) -> T:
    async def run() -> T:
        auth = StaticTokenAuth(instance_url=str(twin.base_url).rstrip("/"), access_token=TOKEN)
        async with SalesforceClient(auth) as client:
            return await work(client)

    return asyncio.run(run())


@pytest.fixture
def twin(start: Callable[..., Org], seed: Path) -> Org:
    return start(seed=seed, client_id="app", client_secret="s3cret")


def test_it_signs_in_by_client_credentials_and_learns_when_its_token_ends(
    start: Callable[..., Org], seed: Path
) -> None:
    twin = start(seed=seed, client_id="app", client_secret="s3cret", clock=Clock())

    async def run() -> Mapping[str, Any]:
        auth = ClientCredentialsAuth(str(twin.base_url).rstrip("/"), "app", "s3cret")
        async with SalesforceClient(auth) as client:
            assert not auth.is_token_expired()
            return await client.describe.get_organization_info()

    assert asyncio.run(run())["Name"] == "Acme Holding"


def test_it_lists_describes_and_reads_limits(org: Org) -> None:
    async def look(client: SalesforceClient) -> tuple[Any, Any, Any]:
        return (
            await client.describe.list_sobjects(),
            await client.describe.sobject("Project__c"),
            await client.describe.get_limits(),
        )

    objects, project, limits = with_client(org, look)

    assert {"Account", "Project__c"} <= {one["name"] for one in objects}
    assert {field["name"] for field in project["fields"] if field["externalId"]} == {"Ext__c"}
    assert limits["DailyApiRequests"]["Max"] == 100_000


def test_it_iterates_over_a_query(org: Org) -> None:
    async def read(client: SalesforceClient) -> Sequence[Mapping[str, Any]]:
        result = await client.query.soql("SELECT Id, Account.Name FROM Contact ORDER BY Id")
        assert len(result) == 3
        return await result.collect_all()

    records = with_client(org, read)

    assert [(one["Id"], one["Account"] and one["Account"]["Name"]) for one in records] == [
        (ADA, "Acme"),
        (GRACE, "Acme"),
        (INCI, None),
    ]


def test_it_exports_by_bulk_query_in_pages(twin: Org) -> None:
    names = [f'Line one of {n}\nand "two", as well' for n in range(25)]
    twin.put_rows("Account", *({"Name": f"Many {n}", "BillingStreet": name} for n, name in enumerate(names)))

    async def export(client: SalesforceClient) -> list[Mapping[str, Any]]:
        soql = "SELECT Name, BillingStreet, IsDeleted, AnnualRevenue FROM Account WHERE Name LIKE 'Many %'"
        result = await bulk_query(client, soql_query=soql, batch_size=10, poll_interval=1)
        assert len(result) == 25
        return [row async for row in result]

    rows = with_client(twin, export)

    assert sorted(row["BillingStreet"] for row in rows) == sorted(names)
    assert {(row["IsDeleted"], row["AnnualRevenue"]) for row in rows} == {("false", "")}


def test_it_reads_the_pages_of_a_bulk_job_by_itself(org: Org) -> None:
    async def read(client: SalesforceClient) -> tuple[list[list[str]], int]:
        job = await client.bulk_v2.execute_query("SELECT Id FROM Account ORDER BY Id", all_rows=False, poll_interval=1)
        pages, locator = [], None
        while True:
            text, locator = await client.bulk_v2.get_job_results(job["id"], locator, max_records=2)
            pages.append([row["Id"] for row in csv.DictReader(io.StringIO(text, newline=""))])
            if locator is None:
                return pages, job["numberRecordsProcessed"]

    assert with_client(org, read) == ([[ACME, CELIK], [ZETA]], 3)


def test_its_collections_write_and_answer_row_by_row(twin: Org) -> None:
    async def write(client: SalesforceClient) -> tuple[Any, ...]:
        collections = client.collections
        made = await collections.insert([{"Name": "New"}, {"Industry": "Energy"}], "Account", all_or_none=False)
        changed = await collections.update([{"Id": made[0]["id"], "Industry": "Retail"}], "Account")
        keyed = [{"Ext__c": "k1", "Name": "First"}, {"Ext__c": "k2", "Name": "Second"}]
        first = await collections.upsert(keyed, "Ext__c", "Project__c")
        second = await collections.upsert(keyed, "Ext__c", "Project__c")
        gone = await collections.delete([made[0]["id"]])
        return made, changed, first, second, gone

    made, changed, first, second, gone = with_client(twin, write)

    assert [one["success"] for one in made] == [True, False]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert made[1]["errors"][0]["fields"] == ["Name"]
    assert changed[0]["success"]
    assert [one["created"] for one in first] == [True, True]
    assert [(one["id"], one["created"]) for one in second] == [(one["id"], False) for one in first]
    assert gone[0]["success"]
    assert twin.records("SELECT Name FROM Account WHERE Name = 'New'") == []
