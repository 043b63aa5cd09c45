"""Bulk API 2.0 query: making a job, waiting for it, reading its results in pages of CSV."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import csv
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    ADMIN,
    CELIK,
    GONE,
    GRACE,
    INCI,
    LOST,
    NEW_TASK,
    OLD_OPEN,
    OPEN,
    WON,
    ZETA,
    Org,
)

Start = Callable[..., Org]
DAY = 24 * 60 * 60
JOBS = "jobs/query"


def make(org: Org, soql: str, operation: str = "query", **more: str) -> httpx.Response:
    return org.post(JOBS, json={"operation": operation, "query": soql, **more})


def made(org: Org, soql: str, operation: str = "query", **more: str) -> str:
    answer = make(org, soql, operation, **more)
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def completed(org: Org, soql: str, operation: str = "query", **more: str) -> str:
    job_id = made(org, soql, operation, **more)
    assert org.get(f"{JOBS}/{job_id}").json()["state"] == "JobComplete"
    return job_id


def text(org: Org, soql: str, operation: str = "query", **more: str) -> str:
    answer = org.get(f"{JOBS}/{completed(org, soql, operation, **more)}/results")
    assert answer.status_code == 200, answer.text
    return answer.text


def rows(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def error(answer: httpx.Response) -> tuple[int, str, str]:
    (refusal,) = answer.json()
    return answer.status_code, refusal["errorCode"], refusal["message"]


# --- a job


def test_a_new_job_is_queued_and_says_what_it_is(org: Org) -> None:
    answer = make(org, "SELECT Id FROM Account ORDER BY Id")

    job = answer.json()
    assert answer.status_code == 200
    assert (job["id"][:3], canonical(job["id"])) == ("750", job["id"])
    assert {key: value for key, value in job.items() if key != "id"} == {
        "operation": "query",
        "object": "Account",
        "createdById": ADMIN,
        "createdDate": "2026-06-15T22:30:00.000+0000",
        "systemModstamp": "2026-06-15T22:30:00.000+0000",
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 60.0,
        "jobType": "V2Query",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }


def test_a_job_is_complete_at_the_next_look_and_says_how_many_records(org: Org) -> None:
    job = org.get(f"{JOBS}/{made(org, 'SELECT Id FROM Account')}").json()

    assert (job["state"], job["numberRecordsProcessed"], job["retries"]) == ("JobComplete", 3, 0)
    assert job["isPkChunkingSupported"] is True


@pytest.mark.parametrize(
    ("soql", "chunked"),
    [
        ("SELECT Id FROM Contact", True),
        ("SELECT Id FROM Project__c", True),
        ("SELECT Id FROM Contact ORDER BY Id", False),
        ("SELECT Id FROM Contact LIMIT 1", False),
        ("SELECT Id FROM RecordType", False),
    ],
)
def test_a_job_says_whether_its_query_is_split_by_ids(org: Org, soql: str, chunked: bool) -> None:
    assert org.get(f"{JOBS}/{made(org, soql)}").json()["isPkChunkingSupported"] is chunked


def test_with_a_delay_a_job_is_queued_then_in_progress_then_complete(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 60})
    url = f"{JOBS}/{made(org, 'SELECT Id FROM User')}"
    states = []
    for seconds in (0, 29, 1, 29, 1):
        org.clock(advance=seconds)
        states.append(org.get(url).json()["state"])

    assert states == ["UploadComplete", "UploadComplete", "InProgress", "InProgress", "JobComplete"]
    job = org.get(url).json()
    assert job["systemModstamp"] == "2026-06-15T22:31:00.000+0000"
    assert job["totalProcessingTime"] == 60_000


def test_results_show_the_rows_as_they_were_when_the_job_was_made(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 10})
    org.put_rows("Account", {"Name": "Before"})
    job_id = made(org, "SELECT Name FROM Account")
    org.put_rows("Account", {"Name": "After"})
    org.clock(advance=10)

    assert org.get(f"{JOBS}/{job_id}/results").text == '"Name"\n"Before"\n'


def test_an_id_may_have_15_characters_and_a_path_a_slash_at_its_end(org: Org) -> None:
    job_id = completed(org, "SELECT Id FROM Account")

    assert org.get(f"{JOBS}/{job_id[:15]}/").json()["id"] == job_id
    assert org.get(f"{JOBS}/{job_id[:15]}/results/").headers["Sforce-NumberOfRecords"] == "3"


# --- CSV


def test_a_file_has_its_header_and_every_value_in_quotes(org: Org) -> None:
    content = text(org, "SELECT id, account.name, Birthdate, HasOptedOutOfEmail FROM Contact ORDER BY Id")

    assert content == (
        '"Id","Account.Name","Birthdate","HasOptedOutOfEmail"\n'
        f'"{ADA}","Acme","1980-12-10","true"\n'
        f'"{GRACE}","Acme","","false"\n'
        f'"{INCI}","","","false"\n'
    )


def test_times_end_with_z_and_numbers_keep_their_digits(org: Org) -> None:
    assert text(org, "SELECT CreatedDate, AnnualRevenue, NumberOfEmployees FROM Account ORDER BY Id") == (
        '"CreatedDate","AnnualRevenue","NumberOfEmployees"\n'
        '"2026-06-15T20:59:59.000Z","1000000.0","50"\n'
        '"2026-06-15T21:00:00.000Z","2500000.0",""\n'
        '"2025-12-31T12:00:00.000Z","",""\n'
    )


def test_polymorphic_parents_are_columns_too(org: Org) -> None:
    assert text(org, "SELECT Id, What.Type, Who.Name FROM Task ORDER BY Id") == (
        f'"Id","What.Type","Who.Name"\n"{NEW_TASK}","Opportunity","Ada Lovelace"\n"{OLD_OPEN}","Account","İnci"\n'
    )


@pytest.mark.parametrize("value", ['say "no", ""', "one\r\ntwo\nthree", "a\x00b", "; | ^ ` \t", "ğ\u2028\U0001f600"])
def test_text_reads_back_as_it_was(start: Start, value: str) -> None:
    org = start()
    org.put_rows("Account", {"Name": "A", "Description": value})

    content = text(org, "SELECT Description, Name FROM Account")

    quoted = value.replace('"', '""')
    assert content == f'"Description","Name"\n"{quoted}","A"\n'


@pytest.mark.parametrize(
    ("named", "delimiter"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
def test_the_job_names_the_delimiter(org: Org, named: str, delimiter: str) -> None:
    content = text(org, "SELECT Id, Name FROM Account WHERE Name = 'Acme'", columnDelimiter=named)

    assert content == f'"Id"{delimiter}"Name"\n"{ACME}"{delimiter}"Acme"\n'


def test_the_job_names_the_line_ending(org: Org) -> None:
    content = text(org, "SELECT Name FROM Account WHERE Name = 'Acme'", lineEnding="CRLF", contentType="CSV")

    assert content == '"Name"\r\n"Acme"\r\n'


def test_query_all_shows_deleted_rows(org: Org) -> None:
    assert [row["Id"] for row in rows(text(org, "SELECT Id FROM Account ORDER BY Id", "queryAll"))] == [
        ACME,
        CELIK,
        ZETA,
        GONE,
    ]


def test_no_rows_are_a_header_and_nothing_more(org: Org) -> None:
    job_id = completed(org, "SELECT Id, Name FROM Account WHERE Name = 'Nobody'")

    answer = org.get(f"{JOBS}/{job_id}/results")

    assert answer.text == '"Id","Name"\n'
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("0", "null")


# --- pages


def pages(org: Org, job_id: str, size: int) -> list[httpx.Response]:
    found: list[httpx.Response] = []
    asked: dict[str, Any] = {"maxRecords": size}
    while not found or found[-1].headers["Sforce-Locator"] != "null":
        found.append(org.get(f"{JOBS}/{job_id}/results", params=asked))
        asked["locator"] = found[-1].headers["Sforce-Locator"]
    return found


def test_results_come_in_pages_of_max_records_each_with_a_header(start: Start) -> None:
    org = start()
    org.put_rows("Account", *({"Name": f"Account {n:04d}"} for n in range(5_100)))
    job_id = completed(org, "SELECT Name FROM Account ORDER BY Name")

    found = pages(org, job_id, 2_500)

    assert [page.headers["Sforce-NumberOfRecords"] for page in found] == ["2500", "2500", "100"]
    assert all(page.text.startswith('"Name"\n') for page in found)
    assert [row["Name"] for page in found for row in rows(page.text)] == [f"Account {n:04d}" for n in range(5_100)]
    assert found[0].headers["Content-Type"].startswith("text/csv")


def test_a_locator_gives_the_same_page_again_whatever_is_written_meanwhile(start: Start) -> None:
    org = start()
    ids = org.put_rows("Account", *({"Name": f"Account {n}"} for n in range(5)))
    job_id = completed(org, "SELECT Name FROM Account ORDER BY Name")
    found = pages(org, job_id, 2)

    org.put_rows("Account", {"Id": ids[3], "Name": "Renamed"})
    org.clock(advance=6 * DAY)

    again = org.get(f"{JOBS}/{job_id}/results", params={"locator": found[0].headers["Sforce-Locator"], "maxRecords": 2})
    assert again.text == found[1].text == '"Name"\n"Account 2"\n"Account 3"\n'


def test_without_max_records_the_server_chooses_and_the_header_may_stand_on_the_first_page_only(start: Start) -> None:
    org = start(switches={"bulk_page_rows": 2, "bulk_header_on_every_page": False})
    org.put_rows("Account", *({"Name": name} for name in "ABC"))
    job_id = completed(org, "SELECT Name FROM Account ORDER BY Name")

    first = org.get(f"{JOBS}/{job_id}/results")
    second = org.get(f"{JOBS}/{job_id}/results", params={"locator": first.headers["Sforce-Locator"]})

    assert (first.text, second.text) == ('"Name"\n"A"\n"B"\n', '"C"\n')


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_results_are_compressed_when_that_is_accepted(org: Org, encoding: str) -> None:
    job_id = completed(org, "SELECT Name FROM Account WHERE Name = 'Acme'")

    answer = org.get(f"{JOBS}/{job_id}/results", headers={"Accept-Encoding": encoding, "Accept": "text/csv"})

    assert answer.headers.get("Content-Encoding", "identity") == encoding
    assert answer.text == '"Name"\n"Acme"\n'
    assert answer.headers["Sforce-Limit-Info"].endswith("/100000")


@pytest.mark.parametrize("locator", ["nonsense", "MA", "OTk5OQ", "é"])  # MA is 0, OTk5OQ is 9999
def test_an_unknown_locator_is_refused(org: Org, locator: str) -> None:
    job_id = completed(org, "SELECT Id FROM Account")

    assert error(org.get(f"{JOBS}/{job_id}/results", params={"locator": locator}))[:2] == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize("most", ["0", "-1", "many", "1.5"])
def test_max_records_is_a_number(org: Org, most: str) -> None:
    job_id = completed(org, "SELECT Id FROM Account")

    assert org.get(f"{JOBS}/{job_id}/results", params={"maxRecords": most}).status_code == 400


def test_results_before_the_job_is_complete_are_refused(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 60})
    job_id = made(org, "SELECT Id FROM User")

    assert error(org.get(f"{JOBS}/{job_id}/results"))[:2] == (400, "INVALIDJOBSTATE")


def test_results_before_the_job_is_complete_may_be_an_empty_204(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 60, "bulk_early_results": "empty"})
    answer = org.get(f"{JOBS}/{made(org, 'SELECT Id FROM User')}/results")

    assert (answer.status_code, answer.content) == (204, b"")


# --- abort, delete, list


def test_a_waiting_job_can_be_aborted_and_then_has_no_results(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 60})
    job_id = made(org, "SELECT Id FROM User")

    answer = org.patch(f"{JOBS}/{job_id}", json={"state": "Aborted"})

    assert (answer.status_code, answer.json()["state"]) == (200, "Aborted")
    org.clock(advance=60)
    assert org.get(f"{JOBS}/{job_id}").json()["state"] == "Aborted"
    assert org.get(f"{JOBS}/{job_id}/results").status_code == 400
    assert error(org.patch(f"{JOBS}/{job_id}", json={"state": "Aborted"}))[:2] == (400, "INVALIDJOBSTATE")


def test_a_complete_job_cannot_be_aborted(org: Org) -> None:
    job_id = completed(org, "SELECT Id FROM Account")

    assert error(org.patch(f"{JOBS}/{job_id}", json={"state": "Aborted"})) == (
        400,
        "INVALIDJOBSTATE",
        "Aborting already Completed Job not allowed",
    )


@pytest.mark.parametrize("body", ['{"state": "JobComplete"}', "{}", "[]", '{"state": "Aborted", "priority": 1}', "x"])
def test_a_job_is_changed_to_aborted_only(org: Org, body: str) -> None:
    job_id = made(org, "SELECT Id FROM Account")

    assert org.patch(f"{JOBS}/{job_id}", content=body).status_code == 400


def test_a_deleted_job_is_gone(org: Org) -> None:
    job_id = completed(org, "SELECT Id FROM Account")

    assert org.delete(f"{JOBS}/{job_id}").status_code == 204

    for path in (job_id, f"{job_id}/results"):
        assert error(org.get(f"{JOBS}/{path}"))[:2] == (404, "NOT_FOUND")
    assert org.delete(f"{JOBS}/{job_id}").status_code == 404


def test_a_job_in_progress_cannot_be_deleted_and_a_queued_one_can(start: Start) -> None:
    org = start(switches={"bulk_query_delay_seconds": 60})
    queued, running = made(org, "SELECT Id FROM User"), made(org, "SELECT Id FROM User")

    assert org.delete(f"{JOBS}/{queued}").status_code == 204
    org.clock(advance=30)
    assert error(org.delete(f"{JOBS}/{running}"))[:2] == (400, "INVALIDJOBSTATE")


def test_a_job_lives_for_seven_days(start: Start) -> None:
    org = start()
    job_id = completed(org, "SELECT Id FROM User")
    org.clock(advance=7 * DAY - 1)
    assert org.get(f"{JOBS}/{job_id}/results").status_code == 200

    org.clock(advance=1)

    assert org.get(f"{JOBS}/{job_id}").status_code == 404
    assert org.get(JOBS).json()["records"] == []


def test_the_list_has_1000_jobs_a_page(start: Start) -> None:
    org = start()
    ids = [made(org, "SELECT Id FROM UserRole") for _ in range(1_002)]

    first = org.get(JOBS, params={"jobType": "V2Query"}).json()
    second = org.get(first["nextRecordsUrl"]).json()

    assert [job["id"] for page in (first, second) for job in page["records"]] == ids
    assert (first["done"], len(first["records"])) == (False, 1_000)
    assert (second["done"], second["nextRecordsUrl"]) == (True, None)
    assert second["records"][0]["state"] == "JobComplete"
    assert org.get(JOBS, params={"jobType": "V2Ingest"}).json()["records"] == []
    assert org.get(JOBS, params={"queryLocator": "x"}).status_code == 400


@pytest.mark.parametrize("job_id", ["750Tw0000000099AAA", "nonsense", ACME])
def test_an_unknown_job_is_not_found(org: Org, job_id: str) -> None:
    assert error(org.get(f"{JOBS}/{job_id}"))[:2] == (404, "NOT_FOUND")


def test_a_reset_forgets_jobs(start: Start) -> None:
    org = start()
    job_id = completed(org, "SELECT Id FROM User")

    org.post("/__twin__/reset")

    assert org.get(f"{JOBS}/{job_id}").status_code == 404


# --- limits


def test_query_jobs_of_a_day_are_counted_and_limited(start: Start) -> None:
    org = start(switches={"daily_query_jobs": 2})
    for _ in range(2):
        made(org, "SELECT Id FROM User")
    assert org.get("limits").json()["DailyBulkV2QueryJobs"] == {"Max": 2, "Remaining": 0}

    assert error(make(org, "SELECT Id FROM User")) == (
        400,
        "LIMIT_EXCEEDED",
        "Max bulk v2 query jobs (2) per 24 hrs has been reached",
    )

    org.clock(advance=DAY)
    made(org, "SELECT Id FROM User")


# --- refusals


@pytest.mark.parametrize(
    ("soql", "text"),
    [
        ("SELECT BillingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Account.BillingAddress FROM Contact", "Selecting compound data not supported in Bulk Query"),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        ("SELECT COUNT() FROM Account", "aggregate"),
        ("SELECT COUNT(Id) FROM Account", "aggregate"),
        ("SELECT MAX(CreatedDate) m FROM Account", "aggregate"),
        ("SELECT Industry FROM Account GROUP BY Industry", "GROUP BY"),
        ("SELECT Id FROM Account OFFSET 5", "OFFSET"),
        ("SELECT TYPEOF What WHEN Account THEN Phone END FROM Task", "TYPEOF"),
    ],
)
def test_statements_that_bulk_query_does_not_take_are_refused(org: Org, soql: str, text: str) -> None:
    status, code, message = error(make(org, soql))

    assert (status, code) == (400, "API_ERROR")
    assert text in message


@pytest.mark.parametrize("name", ["Attachment", "EntityDefinition", "FieldDefinition"])
def test_objects_that_the_bulk_api_does_not_support_are_refused(org: Org, name: str) -> None:
    assert error(make(org, f"SELECT Id FROM {name}")) == (
        400,
        "INVALIDENTITY",
        f"Entity '{name}' is not supported by the Bulk API.",
    )


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR"),
    ],
)
def test_a_wrong_statement_is_refused_when_the_job_is_made(org: Org, soql: str, code: str) -> None:
    assert error(make(org, soql))[:2] == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"query": "SELECT Id FROM User"}, id="no operation"),
        pytest.param({"operation": "query"}, id="no query"),
        pytest.param({"operation": "query", "query": ""}, id="empty query"),
        pytest.param({"operation": "query", "query": 5}, id="query is no text"),
        pytest.param({"operation": "Query", "query": "SELECT Id FROM User"}, id="operation in another case"),
        pytest.param({"operation": "insert", "query": "SELECT Id FROM User"}, id="operation of ingest"),
        pytest.param({"operation": "query", "query": "SELECT Id FROM User", "object": "User"}, id="unknown key"),
        pytest.param({"operation": "query", "query": "SELECT Id FROM User", "contentType": "JSON"}, id="not CSV"),
        pytest.param({"operation": "query", "query": "SELECT Id FROM User", "lineEnding": "CR"}, id="line ending"),
        pytest.param({"operation": "query", "query": "SELECT Id FROM User", "columnDelimiter": ","}, id="delimiter"),
        pytest.param(["query"], id="a list"),
    ],
)
def test_a_body_that_says_too_little_too_much_or_something_else_is_refused(org: Org, body: object) -> None:
    answer = org.post(JOBS, json=body)

    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] in ("JSON_PARSER_ERROR", "INVALIDJOB")


def test_a_body_that_is_not_json_is_refused(org: Org) -> None:
    assert error(org.post(JOBS, content=b"\xff{"))[:2] == (400, "JSON_PARSER_ERROR")


def test_bulk_query_needs_a_session(org: Org) -> None:
    answer = org.post(JOBS, json={"operation": "query", "query": "SELECT Id FROM User"}, headers={"Authorization": "x"})

    assert answer.status_code == 401


def test_ids_of_won_deals_come_by_a_semi_join(org: Org) -> None:
    soql = "SELECT Id FROM Opportunity WHERE AccountId IN (SELECT AccountId FROM Contact) ORDER BY Id"

    assert [row["Id"] for row in rows(text(org, soql))] == [WON, OPEN]
    assert LOST not in text(org, soql)
