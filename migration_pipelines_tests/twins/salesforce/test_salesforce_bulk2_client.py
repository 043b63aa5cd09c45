"""Unmodified simple-salesforce loads and exports through Bulk API 2.0 against the twin."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, CELIK, GRACE, INCI, TOKEN, ZETA, Org
from migration_pipelines_tests.twins.salesforce.test_salesforce_client import ToTwin


@pytest.fixture
def twin(start: Callable[..., Org], seed: Path) -> Org:
    return start(seed=seed)


@pytest.fixture
def client(twin: Org) -> Iterator[Salesforce]:
    with ToTwin(str(twin.base_url)) as session:
        yield Salesforce(instance_url="https://127.0.0.1", session_id=TOKEN, session=session)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_insert_says_how_many_rows_were_done_and_which_failed_and_why(twin: Org, client: Salesforce) -> None:
    records: Any = [
        {"LastName": "Borg", "AccountId": ACME, "HasOptedOutOfEmail": True},
        {"LastName": "Çelik, Jr.", "AccountId": CELIK, "HasOptedOutOfEmail": False},
        {"LastName": "x" * 81, "AccountId": ACME, "HasOptedOutOfEmail": True},
    ]

    (job,) = client.bulk2.Contact.insert(records=records, wait=0)

    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"], job["numberRecordsTotal"]) == (3, 1, 3)
    done = rows_of(client.bulk2.Contact.get_successful_records(job["job_id"]))
    assert sorted((row["LastName"], row["sf__Created"]) for row in done) == [("Borg", "true"), ("Çelik, Jr.", "true")]
    (failed,) = rows_of(client.bulk2.Contact.get_failed_records(job["job_id"]))
    assert (
        failed["sf__Error"]
        == f"STRING_TOO_LONG:Last Name: data value too large: {'x' * 81} (max length=80):LastName --"
    )
    assert rows_of(client.bulk2.Contact.get_unprocessed_records(job["job_id"])) == []
    found = twin.records(
        "SELECT LastName, HasOptedOutOfEmail FROM Contact WHERE AccountId != null AND CreatedDate = TODAY"
    )
    assert {"LastName": "Borg", "HasOptedOutOfEmail": True} in found


def test_all_results_at_once(client: Salesforce) -> None:
    (job,) = client.bulk2.Contact.insert(records=[{"LastName": "One"}, {"LastName": ""}], wait=0)  # type: ignore[list-item]

    results = client.bulk2.Contact.get_all_ingest_records(job["job_id"])

    assert [len(results[kind]) for kind in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [1, 1, 0]


def test_several_jobs_at_once(twin: Org, client: Salesforce) -> None:
    records: Any = [{"LastName": f"N{n}"} for n in range(95)]

    jobs = client.bulk2.Contact.insert(records=records, batch_size=10, concurrency=4, wait=0)

    assert sorted(job["numberRecordsProcessed"] for job in jobs) == [5, *[10] * 9]
    assert twin.ask("SELECT COUNT() FROM Contact WHERE LastName LIKE 'N%'")["totalSize"] == 95


def test_update_blanks_with_na_and_leaves_what_is_empty(twin: Org, client: Salesforce) -> None:
    records: Any = [{"Id": ADA, "Email": "#N/A", "FirstName": ""}]

    client.bulk2.Contact.update(records=records, wait=0)

    assert twin.records("SELECT Email, FirstName FROM Contact WHERE LastName = 'Lovelace'") == [
        {"Email": None, "FirstName": "Ada"}
    ]


def test_upsert_by_key_with_a_parent_by_key_and_delete(twin: Org, client: Salesforce) -> None:
    records: Any = [{"Ext__c": f"k{n}", "Name": f"P{n}", "Tags__c": "A;B"} for n in range(3)]

    for created in ("true", "false"):
        (job,) = client.bulk2.Project__c.upsert(records=records, external_id_field="Ext__c", wait=0)
        done = rows_of(client.bulk2.Project__c.get_successful_records(job["job_id"]))
        assert {row["sf__Created"] for row in done} == {created}
    (job,) = client.bulk2.Contact.delete(records=[{"Id": GRACE}, {"Id": INCI}], wait=0)

    assert job["numberRecordsFailed"] == 0
    assert twin.ids("SELECT Id FROM Contact") == [ADA]
    assert len(twin.ids("SELECT Id FROM Contact WHERE IsDeleted = true", everything=True)) == 2


def test_a_column_that_is_no_field_fails_the_job(client: Salesforce) -> None:
    with pytest.raises(SalesforceOperationError, match="InvalidBatch : Field name not found : Nope"):
        client.bulk2.Contact.insert(records=[{"LastName": "A", "Nope": "b"}], wait=0)  # type: ignore[list-item]


def test_a_query_in_pages_and_into_files(client: Salesforce, tmp_path: Path) -> None:
    soql = "SELECT Id, Name, BillingStreet FROM Account ORDER BY Id"

    pages = [rows_of(str(page)) for page in client.bulk2.Account.query(soql, max_records=2, wait=0)]
    files = client.bulk2.Account.download(soql, path=str(tmp_path), max_records=2, wait=0)

    assert [[row["Id"] for row in page] for page in pages] == [[ACME, CELIK], [ZETA]]
    assert pages[0][0]["BillingStreet"] == "1 Main St\nFloor 2"
    assert [one["number_of_records"] for one in files] == [2, 1]


def test_query_all_brings_deleted_rows(client: Salesforce) -> None:
    pages = client.bulk2.Account.query_all("SELECT Name FROM Account WHERE IsDeleted = true", wait=0)

    assert [row["Name"] for page in pages for row in rows_of(str(page))] == ["Gone"]
