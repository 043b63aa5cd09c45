"""Paging by nextRecordsUrl, and what query and queryAll show."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    GONE,
    NEW_EVENT,
    NEW_TASK,
    OLD_DONE,
    OLD_EVENT,
    OLD_OPEN,
    TOKEN,
    Org,
    frozen_clock,
)

Start = Callable[..., Org]
DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seed of 4,500 Accounts."""
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "rows").mkdir()
    (folder / "rows" / "Account.json").write_text(json.dumps([{"Name": f"Account {n:04d}"} for n in range(4_500)]))
    return folder


@pytest.fixture(scope="module")
def standing(accounts: Path) -> Iterator[Org]:
    app = build_salesforce_twin(seed=accounts, tokens=[TOKEN], clock=frozen_clock())
    with serve_in_thread(app) as twin, Org(twin.url) as client:
        yield client


@pytest.fixture
def many(start: Start, accounts: Path) -> Org:
    """A twin whose Accounts a test may change."""
    return start(seed=accounts)


def pages(org: Org, soql: str, **headers: str) -> list[dict[str, Any]]:
    found = [org.ask(soql, **headers)]
    while "nextRecordsUrl" in found[-1]:
        found.append(org.get(found[-1]["nextRecordsUrl"], headers=headers).json())
    return found


def test_a_page_has_2000_records_and_names_the_next(standing: Org) -> None:
    found = pages(standing, "SELECT Id, Name FROM Account ORDER BY Name")

    assert [(page["totalSize"], page["done"], len(page["records"])) for page in found] == [
        (4_500, False, 2_000),
        (4_500, False, 2_000),
        (4_500, True, 500),
    ]
    locator, _, offset = found[0]["nextRecordsUrl"].removeprefix("/services/data/v60.0/query/").partition("-")
    assert (locator[:3], canonical(locator), offset) == ("01g", locator, "2000")
    assert [record["Name"] for page in found for record in page["records"]] == [
        f"Account {n:04d}" for n in range(4_500)
    ]


@pytest.mark.parametrize(("asked", "size"), [("200", 200), ("1000", 1_000), ("7", 200), ("9000", 2_000)])
def test_a_batch_size_from_200_to_2000_makes_smaller_pages(standing: Org, asked: str, size: int) -> None:
    headers = {"Sforce-Query-Options": f"batchSize={asked}"}

    first = standing.ask("SELECT Id FROM Account", **headers)

    assert len(first["records"]) == size
    assert len(standing.get(first["nextRecordsUrl"]).json()["records"]) == size


def test_the_pages_of_one_query_fit_together_whatever_is_written_meanwhile(many: Org) -> None:
    first = many.ask("SELECT Id, Name FROM Account ORDER BY Name")
    last_id = many.ids("SELECT Id FROM Account WHERE Name = 'Account 4499'")[0]
    many.put_rows("Account", {"Name": "Account 2000a"}, {"Id": last_id, "Name": "Renamed"})
    many.post(
        "/__twin__/remove", json={"object": "Account", "id": many.ids("SELECT Id FROM Account LIMIT 1 OFFSET 9")[0]}
    )

    second = many.get(first["nextRecordsUrl"]).json()
    third = many.get(second["nextRecordsUrl"]).json()

    names = [record["Name"] for page in (first, second, third) for record in page["records"]]
    assert names == [f"Account {n:04d}" for n in range(4_500)]
    assert many.get(first["nextRecordsUrl"]).json() == second


def test_children_come_with_their_parents_on_every_page(many: Org) -> None:
    last = many.ids("SELECT Id FROM Account ORDER BY Name DESC LIMIT 1")[0]
    many.put_rows("Contact", {"LastName": "Of the last", "AccountId": last})

    found = pages(many, "SELECT Id, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name")

    records = [record for page in found for record in page["records"]]
    assert [record["Id"] for record in records if record["Contacts"]] == [last]
    assert records[-1]["Contacts"]["records"][0]["LastName"] == "Of the last"


@pytest.mark.parametrize("locator", ["01gTw0000000099AAA-2000", "nonsense", "{first}-99999", "{first}-x", "{first}"])
def test_an_unknown_locator_is_refused(standing: Org, locator: str) -> None:
    first = standing.ask("SELECT Id FROM Account")["nextRecordsUrl"].split("/")[-1].split("-")[0]

    answer = standing.get(f"query/{locator.format(first=first)}")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_a_locator_is_forgotten_after_two_days(many: Org) -> None:
    url = many.ask("SELECT Id FROM Account")["nextRecordsUrl"]
    many.clock(advance=2 * DAY - 1)
    assert many.get(url).status_code == 200

    many.clock(advance=1)

    assert many.get(url).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_aggregates_do_not_come_in_pages(standing: Org) -> None:
    answer = standing.get("query", params={"q": "SELECT Name, COUNT(Id) FROM Account GROUP BY Name"})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_columns_true_answers_what_the_columns_are(org: Org) -> None:
    answer = org.get("query", params={"q": "SELECT Id, Account.Name, Birthdate FROM Contact", "columns": "true"}).json()

    assert (answer["entityName"], answer["keyPrefix"], answer["idSelected"], answer["groupBy"]) == (
        "Contact",
        "003",
        True,
        False,
    )
    assert [(column["columnName"], column["apexType"]) for column in answer["columnMetadata"]] == [
        ("Id", "Id"),
        ("Account.Name", "String"),
        ("Birthdate", "Date"),
    ]


def test_query_hides_deleted_rows_and_queryall_shows_them(org: Org) -> None:
    soql = "SELECT Id FROM Account WHERE Industry = 'Energy' ORDER BY Id"

    assert org.ids(soql) == [ACME]
    assert org.ids(soql, everything=True) == [ACME, GONE]
    assert org.ids("SELECT Id FROM Account WHERE IsDeleted = true", everything=True) == [GONE]


def test_query_hides_activities_archived_after_365_days_and_queryall_shows_them(org: Org) -> None:
    """Closed Tasks and all Events that ended more than 365 days ago; an open Task stays. It is 15 June 2026 (UTC)."""
    assert org.ids("SELECT Id FROM Task ORDER BY Id") == [NEW_TASK, OLD_OPEN]
    assert org.ids("SELECT Id FROM Task ORDER BY Id", everything=True) == [NEW_TASK, OLD_DONE, OLD_OPEN]
    assert org.ids("SELECT Id FROM Event") == [NEW_EVENT]
    assert org.ids("SELECT Id FROM Event WHERE IsArchived = true", everything=True) == [OLD_EVENT]
    assert org.ids("SELECT Id FROM Event WHERE IsArchived = true") == []


def test_a_row_with_an_old_date_is_archived_by_the_next_background_run(start: Start) -> None:
    org = start()
    org.put_rows("Task", {"Subject": "Imported", "Status": "Completed", "ActivityDate": "2020-01-01"})
    assert len(org.ids("SELECT Id FROM Task")) == 1

    org.clock(advance=DAY)

    assert org.ids("SELECT Id FROM Task") == []
    assert len(org.ids("SELECT Id FROM Task WHERE IsDeleted = false", everything=True)) == 1


def test_content_document_links_need_a_filter_on_their_ids(start: Start, tmp_path: Path) -> None:
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "ContentDocumentLink.json").write_text(
        '{"name": "ContentDocumentLink", "keyPrefix": "06A", "fields": [{"name": "Id", "type": "id"}, '
        '{"name": "LinkedEntityId", "type": "reference", "referenceTo": ["Account"]}]}'
    )
    org = start(seed=tmp_path)

    code, text = org.refused("SELECT Id FROM ContentDocumentLink")
    assert code == "MALFORMED_QUERY"
    assert text.startswith("Implementation restriction: ContentDocumentLink requires a filter")
    assert org.ids(f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId IN ('{ACME}')") == []
