"""Bulk API 2.0 ingest: the job's way through its states, what makes a whole upload unusable, and the result files."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, ADMIN, GRACE, INCI, NOW, REP, TOKEN, Org

WAIT_SECONDS = 20
WEEK, DAY = 7 * 24 * 60 * 60, 24 * 60 * 60


@pytest.fixture
def twin(start: Callable[..., Org], seed: Path) -> Org:
    return start(seed=seed)


def create(twin: Org, operation: str = "insert", name: str = "Contact", **more: Any) -> str:
    answer = twin.post("jobs/ingest", json={"object": name, "operation": operation, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def put(twin: Org, job: str, data: str | bytes) -> httpx.Response:
    content = data.encode() if isinstance(data, str) else data
    return twin.put(f"jobs/ingest/{job}/batches", content=content, headers={"Content-Type": "text/csv"})


def close(twin: Org, job: str, state: str = "UploadComplete") -> httpx.Response:
    return twin.patch(f"jobs/ingest/{job}", json={"state": state})


def look(twin: Org, job: str) -> dict[str, Any]:
    answer = twin.get(f"jobs/ingest/{job}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def wait(twin: Org, job: str, *states: str) -> dict[str, Any]:
    """Until the job is in one of these states, by default in a terminal one."""
    until = time.monotonic() + WAIT_SECONDS
    while (info := look(twin, job))["state"] not in (states or ("JobComplete", "Failed", "Aborted")):
        assert time.monotonic() < until, info
        time.sleep(0.01)
    return info


def run(twin: Org, data: str | bytes, operation: str = "insert", name: str = "Contact", **more: Any) -> dict[str, Any]:
    job = create(twin, operation, name, **more)
    assert put(twin, job, data).status_code == 201
    assert close(twin, job).status_code == 200
    return wait(twin, job)


def results(twin: Org, job: str, kind: str) -> list[dict[str, str]]:
    answer = twin.get(f"jobs/ingest/{job}/{kind}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def names(rows: Iterable[dict[str, str]]) -> list[str]:
    return sorted(row["LastName"] for row in rows)


def refused(answer: httpx.Response, status: int = 400) -> tuple[str, str]:
    assert answer.status_code == status, answer.text
    (error,) = answer.json()
    return error["errorCode"], error["message"]


# --- a job's life


def test_a_new_job_is_open_and_says_where_its_data_goes(twin: Org) -> None:
    answer = twin.post("jobs/ingest", json={"object": "contact", "operation": "insert"})

    job = answer.json()
    assert job["id"].startswith("750")
    assert len(job["id"]) == 18
    assert job | {"id": "", "contentUrl": ""} == {
        "id": "",
        "operation": "insert",
        "object": "Contact",
        "createdById": ADMIN,
        "createdDate": "2026-06-15T22:30:00.000+0000",
        "systemModstamp": "2026-06-15T22:30:00.000+0000",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 60.0,
        "jobType": "V2Ingest",
        "contentUrl": "",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert job["contentUrl"] == f"services/data/v60.0/jobs/ingest/{job['id']}/batches"


def test_a_job_goes_through_its_states_by_the_clock(start: Callable[..., Org]) -> None:
    """Queued until its time has come, then worked off by itself, whether anybody looks or not."""
    twin = start(switches={"bulk_ingest_delay_seconds": 60, "bulk_rows_per_second": 100})
    job = create(twin, name="Account")
    put(twin, job, "Name\n" + "".join(f"A{n}\n" for n in range(200)))

    assert close(twin, job).json()["state"] == "UploadComplete"
    assert look(twin, job)["state"] == "UploadComplete"
    assert refused(twin.get(f"jobs/ingest/{job}/successfulResults"))[0] == "INVALIDJOBSTATE"
    twin.clock(advance=60)
    info = wait(twin, job, "InProgress", "JobComplete")
    assert info["state"] == "InProgress"
    twin.clock(advance=2)
    info = wait(twin, job)

    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 200, 0)
    assert info["totalProcessingTime"] == 62_000
    assert twin.ask("SELECT COUNT() FROM Account WHERE Name LIKE 'A%'")["totalSize"] == 200


def test_rows_that_are_refused_leave_their_neighbours_alone(twin: Org) -> None:
    data = f"LastName,AccountId,Email\nGood,{ACME},g@x.example\n,{ACME},\nOdd,{ACME},no address\nLast,,\n"

    info = run(twin, data)

    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 4, 2)
    done, failed = (results(twin, info["id"], kind) for kind in ("successfulResults", "failedResults"))
    assert names(done) == ["Good", "Last"]
    assert {row["sf__Created"] for row in done} == {"true"}
    assert {row["sf__Error"] for row in failed} == {
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: no address:Email --",
    }
    assert {row["sf__Id"] for row in failed} == {""}
    assert results(twin, info["id"], "unprocessedrecords") == []
    written = {row["sf__Id"]: row["LastName"] for row in done}
    for record_id, name in written.items():
        assert twin.get(f"sobjects/Contact/{record_id}").json()["LastName"] == name


def test_result_files_have_the_columns_of_the_upload_and_come_under_every_spelling(twin: Org) -> None:
    job = run(twin, "FirstName,LastName\nAda,Byron\n")["id"]

    head = twin.get(f"jobs/ingest/{job}/successfulResults/").text.splitlines()[0]
    assert head == '"sf__Id","sf__Created",FirstName,LastName'
    assert twin.get(f"jobs/ingest/{job}/failedResults").text == '"sf__Id","sf__Error",FirstName,LastName\n'
    for spelling in ("unprocessedrecords", "unprocessedRecords", "unprocessedrecords/"):
        assert twin.get(f"jobs/ingest/{job}/{spelling}").text == "FirstName,LastName\n"
    assert twin.get(f"jobs/ingest/{job}/otherResults").status_code == 404


@pytest.mark.parametrize("is_shuffled", [True, False])
def test_result_rows_come_in_an_order_of_their_own(start: Callable[..., Org], is_shuffled: bool) -> None:
    twin = start(switches={"bulk_shuffled_results": is_shuffled})
    sent = [f"N{n:03d}" for n in range(200)]

    job = run(twin, "LastName\n" + "\n".join(sent) + "\n")["id"]

    answered = [row["LastName"] for row in results(twin, job, "successfulResults")]
    assert sorted(answered) == sent
    assert (answered != sent) is is_shuffled


def test_cells_come_back_as_they_were_sent(twin: Org) -> None:
    cells = ['quoted "twice"', "comma, and ; and |", "line\nbreak", " blanks ", "İıŞğ 🙂", "''"]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([["LastName", "Description"], *(["N", cell] for cell in cells)])

    job = run(twin, buffer.getvalue())["id"]

    assert sorted(row["Description"] for row in results(twin, job, "successfulResults")) == sorted(cells)
    stored = twin.records("SELECT Description FROM Contact WHERE LastName = 'N'")
    assert sorted(row["Description"] for row in stored) == sorted(cells)


# --- the data


def test_data_comes_once_and_before_the_job_is_closed(twin: Org) -> None:
    job = create(twin)
    assert put(twin, job, "LastName\nA\n").content == b""

    code, message = refused(put(twin, job, "LastName\nB\n"))
    assert code == "INVALIDJOBSTATE"
    assert message.startswith(f"Found multiple contents for job: <{job}>")
    close(twin, job)
    wait(twin, job)
    assert refused(put(twin, job, "LastName\nC\n"))[0] == "INVALIDJOBSTATE"
    assert refused(close(twin, job))[0] == "INVALIDJOBSTATE"
    assert twin.ask("SELECT COUNT() FROM Contact WHERE LastName IN ('A', 'B', 'C')")["totalSize"] == 1


def test_data_may_come_in_pieces(twin: Org) -> None:
    job = create(twin)

    def pieces() -> Iterable[bytes]:
        yield b"LastName\nPie"
        yield b"ces\n"

    answer = twin.put(f"jobs/ingest/{job}/batches", content=pieces(), headers={"Content-Type": "text/csv"})
    close(twin, job)

    assert answer.status_code == 201
    assert wait(twin, job)["numberRecordsProcessed"] == 1


def test_a_job_that_is_a_day_old_takes_no_data(start: Callable[..., Org]) -> None:
    twin = start(tokens=[TOKEN])
    job = create(twin)
    twin.clock(advance=DAY)

    assert refused(put(twin, job, "LastName\nA\n"))[0] == "INVALIDJOBSTATE"


def test_one_request_may_carry_job_and_data(twin: Org) -> None:
    files = {
        "job": (None, '{"object": "Contact", "operation": "insert", "lineEnding": "LF"}', "application/json"),
        "content": ("content", "LastName\nTogether\n", "text/csv"),
    }

    job = twin.post("jobs/ingest", files=files).json()

    assert job["state"] == "UploadComplete"
    assert wait(twin, job["id"])["numberRecordsProcessed"] == 1
    files["content"] = ("content", "LastName\n" + "x" * 100_000, "text/csv")
    assert refused(twin.post("jobs/ingest", files=files))[0] == "INVALIDJOB"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param("LastName,Nope\nA,b\n", "InvalidBatch : Field name not found : Nope", id="no such field"),
        pytest.param(
            "LastName;FirstName\nA;B\n", "InvalidBatch : Field name not found : LastName;FirstName", id="delimiter"
        ),
        pytest.param(
            "\ufeffLastName\nA\n", "InvalidBatch : Field name not found : \ufeffLastName", id="byte order mark"
        ),
        pytest.param(
            "LastName\r\nA\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
            id="line ending",
        ),
        pytest.param(
            'LastName,Description\nA,"one\r\ntwo"\n',
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
            id="line ending inside a cell",
        ),
        pytest.param("", "ClientInputError : Unable to find any data to create batch", id="nothing"),
        pytest.param(
            "LastName,FirstName\nA,B\nC\n",
            "InvalidBatch : Failed to parse CSV. A row has 1 columns, the header has 2",
            id="a short row",
        ),
        pytest.param(b"LastName\n\xff\n", "InvalidBatch : Failed to parse CSV. The data is not UTF-8", id="not UTF-8"),
    ],
)
def test_an_unusable_upload_fails_the_job_and_writes_nothing(twin: Org, data: str | bytes, error: str) -> None:
    info = run(twin, data)

    assert (info["state"], info["errorMessage"], info["numberRecordsProcessed"]) == ("Failed", error, 0)
    assert results(twin, info["id"], "successfulResults") == []
    assert twin.ask("SELECT COUNT() FROM Contact")["totalSize"] == 3


def test_a_bad_column_leaves_every_row_unprocessed(twin: Org) -> None:
    job = run(twin, "LastName,Nope\nA,1\nB,2\n")["id"]

    assert names(results(twin, job, "unprocessedRecords")) == ["A", "B"]


@pytest.mark.parametrize(
    ("switch", "data"),
    [
        pytest.param("bulk_accepts_bom=true", "\ufeffLastName,Description\nA,\n", id="byte order mark"),
        pytest.param("bulk_inner_line_endings=false", 'LastName,Description\nA,"one\r\ntwo"\n', id="inner line ending"),
    ],
)
def test_where_the_documentation_is_silent_a_switch_says_it(start: Callable[..., Org], switch: str, data: str) -> None:
    name, _, value = switch.partition("=")

    assert run(start(switches={name: value}), data)["state"] == "JobComplete"


@pytest.mark.parametrize(
    ("delimiter", "character"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
def test_other_delimiters_and_line_endings(twin: Org, delimiter: str, character: str) -> None:
    data = f"LastName{character}FirstName\r\nByron{character}Ada\r\n"

    info = run(twin, data, columnDelimiter=delimiter, lineEnding="CRLF")

    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0)
    (record,) = twin.records("SELECT FirstName FROM Contact WHERE LastName = 'Byron'")
    assert record == {"FirstName": "Ada"}
    text = twin.get(f"jobs/ingest/{info['id']}/successfulResults").text
    assert text.splitlines()[0] == character.join(['"sf__Id"', '"sf__Created"', "LastName", "FirstName"])
    assert text.endswith("\r\n")


# --- the other operations


def test_update_says_the_id_of_what_it_cannot_do(twin: Org) -> None:
    data = f"Id,Title,OwnerId\n{ADA},Countess,\n{GRACE},,{REP}\n003000000000009AAA,x,\n"

    info = run(twin, data, "update")

    assert info["numberRecordsFailed"] == 2
    assert [row["sf__Created"] for row in results(twin, info["id"], "successfulResults")] == ["false"]
    failed = {row["sf__Id"]: row["sf__Error"].split(":")[0] for row in results(twin, info["id"], "failedResults")}
    assert failed[GRACE] == "INACTIVE_OWNER_OR_USER"
    assert twin.records("SELECT Title FROM Contact WHERE LastName = 'Lovelace'") == [{"Title": "Countess"}]


def test_upsert_makes_and_changes_by_key_and_refuses_a_key_that_comes_twice(twin: Org) -> None:
    first = run(twin, "Ext__c,Name\nk1,One\nk2,Two\n", "upsert", "Project__c", externalIdFieldName="Ext__c")
    second = run(
        twin,
        "Ext__c,Name\nk2,Zwei\nk3,Drei\nk9,A\nk9,B\n,Keyless\n",
        "upsert",
        "Project__c",
        externalIdFieldName="ext__c",
    )

    assert first["numberRecordsFailed"] == 0
    done = {row["Ext__c"]: row["sf__Created"] for row in results(twin, second["id"], "successfulResults")}
    assert done == {"k2": "false", "k3": "true"}
    failed = [(row["Name"], row["sf__Error"]) for row in results(twin, second["id"], "failedResults")]
    assert {name for name, _ in failed} == {"A", "B", "Keyless"}
    assert sum("Duplicate external id specified: k9" in error for _, error in failed) == 2
    assert twin.records("SELECT Name FROM Project__c WHERE Ext__c LIKE 'k_' ORDER BY Ext__c") == [
        {"Name": "One"},
        {"Name": "Zwei"},
        {"Name": "Drei"},
    ]


def test_a_parent_by_its_key(twin: Org) -> None:
    run(twin, "Ext__c,Name\nk1,One\n", "upsert", "Project__c", externalIdFieldName="Ext__c")

    info = run(twin, "LastName,ReportsTo.Email\nAssistant,ada@acme.example\nLost,nobody@x.example\n")

    assert info["numberRecordsFailed"] == 1
    assert twin.records("SELECT ReportsToId FROM Contact WHERE LastName = 'Assistant'") == [{"ReportsToId": ADA}]
    (failed,) = results(twin, info["id"], "failedResults")
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: nobody@x.example not found")


def test_delete_takes_ids_and_nothing_else(twin: Org) -> None:
    assert run(twin, f"Id\n{GRACE}\n{INCI[:15]}\n", "delete")["numberRecordsFailed"] == 0
    assert twin.ids("SELECT Id FROM Contact") == [ADA]
    assert len(twin.ids("SELECT Id FROM Contact WHERE IsDeleted = true", everything=True)) == 2

    assert (
        run(twin, f"Id,LastName\n{ADA},x\n", "delete")["errorMessage"]
        == "InvalidBatch : Field name not found : LastName"
    )


def test_hard_delete_needs_the_permission(start: Callable[..., Org], seed: Path) -> None:
    job = {"object": "Contact", "operation": "hardDelete"}
    assert refused(start(seed=seed).post("jobs/ingest", json=job))[0] == "FEATURENOTENABLED"
    twin = start(seed=seed, switches={"hard_delete": True})

    assert run(twin, f"Id\n{INCI}\n", "hardDelete")["numberRecordsFailed"] == 0
    assert twin.ids(f"SELECT Id FROM Contact WHERE Id = '{INCI}'", everything=True) == []  # noqa: S608


# --- stopping, and what is left


def test_an_aborted_job_keeps_what_it_wrote_and_lists_the_rest(start: Callable[..., Org]) -> None:
    """Two chunks of 10,000 rows: the first is committed and stays, the second is never begun."""
    twin = start(switches={"bulk_rows_per_second": 1_000})
    job = create(twin)
    put(twin, job, "LastName\n" + "".join(f"N{n}\n" for n in range(10_500)))
    close(twin, job)
    until = time.monotonic() + WAIT_SECONDS
    while look(twin, job)["numberRecordsProcessed"] == 0:
        assert time.monotonic() < until

    assert close(twin, job, "Aborted").json()["state"] == "Aborted"
    until = time.monotonic() + WAIT_SECONDS
    while len(left := results(twin, job, "unprocessedRecords")) < 500:
        assert time.monotonic() < until

    assert (look(twin, job)["state"], len(left)) == ("Aborted", 500)
    assert len(results(twin, job, "successfulResults")) == 10_000
    assert twin.ask("SELECT COUNT() FROM Contact")["totalSize"] == 10_000
    assert refused(close(twin, job, "Aborted"))[0] == "INVALIDJOBSTATE"


def test_an_open_job_can_be_aborted_but_not_deleted(twin: Org) -> None:
    job = create(twin)
    put(twin, job, "LastName\nA\n")
    assert refused(twin.delete(f"jobs/ingest/{job}"))[0] == "INVALIDJOBSTATE"

    close(twin, job, "Aborted")
    until = time.monotonic() + WAIT_SECONDS
    while names(results(twin, job, "unprocessedRecords")) != ["A"]:
        assert time.monotonic() < until
    assert twin.delete(f"jobs/ingest/{job}").status_code == 204
    assert twin.get(f"jobs/ingest/{job}").status_code == 404
    assert twin.ask("SELECT COUNT() FROM Contact")["totalSize"] == 3


def test_a_job_is_gone_after_seven_days(twin: Org) -> None:
    job = run(twin, "LastName\nA\n")["id"]
    twin.clock(advance=WEEK - 1)
    assert look(twin, job)["state"] == "JobComplete"
    twin.clock(advance=1)

    assert twin.get(f"jobs/ingest/{job}").status_code == 404


def test_a_reset_in_mid_job_ends_it(start: Callable[..., Org]) -> None:
    twin = start(switches={"bulk_ingest_delay_seconds": 60})
    job = create(twin)
    put(twin, job, "LastName\nA\n")
    close(twin, job)

    twin.post("/__twin__/reset")

    assert twin.get(f"jobs/ingest/{job}").status_code == 404
    assert twin.get("jobs/ingest").json() == {"done": True, "records": [], "nextRecordsUrl": None}


def test_the_days_allowance_of_batches_ends_a_job_and_the_rest_is_unprocessed(start: Callable[..., Org]) -> None:
    twin = start(switches={"daily_bulk_batches": 1})

    info = run(twin, "LastName\n" + "".join(f"N{n}\n" for n in range(10_003)))

    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 10_000)
    assert info["errorMessage"].startswith("ExceededQuota : ")
    assert len(results(twin, info["id"], "unprocessedRecords")) == 3
    assert twin.get("limits").json()["DailyBulkApiBatches"] == {"Max": 1, "Remaining": 0}


# --- what a client may not say


@pytest.mark.parametrize(
    ("job", "code"),
    [
        pytest.param({"operation": "insert"}, "INVALIDJOB", id="no object"),
        pytest.param({"object": "Contact"}, "INVALIDJOB", id="no operation"),
        pytest.param({"object": "Contact", "operation": "Insert"}, "JSON_PARSER_ERROR", id="operation's case"),
        pytest.param({"object": "Nope", "operation": "insert"}, "INVALIDENTITY", id="no such object"),
        pytest.param({"object": "ContentNote", "operation": "insert"}, "INVALIDENTITY", id="no Bulk object"),
        pytest.param({"object": "Contact", "operation": "upsert"}, "INVALIDJOB", id="upsert without a key"),
        pytest.param(
            {"object": "Contact", "operation": "upsert", "externalIdFieldName": "Title"}, "INVALIDJOB", id="not a key"
        ),
        pytest.param(
            {"object": "Contact", "operation": "insert", "columnDelimiter": ","}, "JSON_PARSER_ERROR", id="delimiter"
        ),
        pytest.param(
            {"object": "Contact", "operation": "insert", "contentType": "JSON"}, "JSON_PARSER_ERROR", id="type"
        ),
        pytest.param(
            {"object": "Contact", "operation": "insert", "mode": "Serial"}, "JSON_PARSER_ERROR", id="unknown key"
        ),
        pytest.param([], "JSON_PARSER_ERROR", id="no object at all"),
    ],
)
def test_a_job_that_cannot_be(org: Org, job: Any, code: str) -> None:
    assert refused(org.post("jobs/ingest", json=job))[0] == code


@pytest.mark.parametrize("state", ["Open", "InProgress", "JobComplete", "Nope", None])
def test_a_state_that_a_client_cannot_give(twin: Org, state: str | None) -> None:
    job = create(twin)

    assert refused(twin.patch(f"jobs/ingest/{job}", json={"state": state}))[0] in ("JSON_PARSER_ERROR", "INVALIDJOB")


def test_jobs_are_listed_and_a_query_job_is_none_of_them(twin: Org) -> None:
    jobs: Sequence[str] = [create(twin), create(twin, "upsert", "Project__c", externalIdFieldName="Ext__c")]
    query = twin.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Contact"}).json()["id"]

    listed = twin.get("jobs/ingest", params={"jobType": "V2Ingest"}).json()

    assert [job["id"] for job in listed["records"]] == jobs
    assert listed["records"][1]["externalIdFieldName"] == "Ext__c"
    assert twin.get(f"jobs/ingest/{query}").status_code == 404


def test_the_rows_bear_the_stamp_of_the_clock_and_of_who_sent_them(twin: Org) -> None:
    run(twin, "LastName\nStamped\n")

    (row,) = twin.records(
        "SELECT CreatedDate, SystemModstamp, CreatedById, OwnerId FROM Contact WHERE LastName = 'Stamped'"
    )
    assert row["CreatedDate"] == row["SystemModstamp"] == NOW.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    assert row["CreatedById"] == row["OwnerId"] == ADMIN
