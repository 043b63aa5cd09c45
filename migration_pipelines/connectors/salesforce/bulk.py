"""Reading an object by a Bulk API 2.0 query job: made, waited for, downloaded page by page, and deleted again.

A page is parsed only after it has arrived whole and its rows have been counted. While it is parsed, a thread fetches
the next one; threads do nothing but HTTP. A job that a killed run leaves behind holds up nobody and ends by itself
after seven days.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, BinaryIO

from migration_pipelines.connectors.http import Download
from migration_pipelines.connectors.salesforce.api import SalesforceApi, reading
from migration_pipelines.connectors.salesforce.refusals import refusal, words_of
from migration_pipelines.connectors.salesforce.soql import Selection
from migration_pipelines.connectors.salesforce.values import from_csv
from migration_pipelines.errors import MigrationError, TransientFailure

log = logging.getLogger(__name__)

ROWS = 2_000
CELLS_A_DOWNLOAD = 2_000_000
MOST_ROWS_A_DOWNLOAD = 50_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, PATIENCE_SECONDS = 0.5, 20.0, 2 * 60 * 60
_RUNNING = ("UploadComplete", "InProgress")

csv.field_size_limit(64 << 20)  # characters; Python's own limit of 131,072 is below what rich text may hold


class NotByBulk(Exception):
    """Salesforce does not take this query as a Bulk job, or the job failed; the text says why. Nothing was read."""


def bulk_pages(
    api: SalesforceApi, selection: Selection, rows_a_download: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """All rows of a selection, at most 2,000 at a time, in no particular order.

    Raises:
        NotByBulk: before the first row.
        TransientFailure: a page is lost, cut short, repeated or missing.
    """
    most = rows_a_download or max(ROWS, min(MOST_ROWS_A_DOWNLOAD, CELLS_A_DOWNLOAD // len(selection.fields)))
    job_id = _create(api, selection)
    try:
        announced = _wait(api, job_id, selection.source_object)
        yield from _rows(api, job_id, selection, announced, most)
    finally:
        _discard(api, job_id)


def _create(api: SalesforceApi, selection: Selection) -> str:
    """Make the job. An answer that is lost is asked for again; the job that was made unseen is taken away."""
    body = {
        "operation": "queryAll" if selection.everything else "query", "query": selection.unsorted(),
        "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
    }  # fmt: skip
    sent = api.allowance.sent
    response = api.http.repeatable("POST", f"{api.base}/jobs/query", body=json.dumps(body).encode())
    if response.status_code != 200:
        raise NotByBulk(words_of(response))
    job = response.json()
    if api.allowance.sent > sent + 1:
        _discard_unseen(api, job)
    return str(job["id"])


def _discard_unseen(api: SalesforceApi, ours: dict[str, Any]) -> None:
    """Take away jobs of the same user and object that are a little older than ours: the answers that were lost."""
    try:
        listed = api.get("jobs/query", {"jobType": "V2Query"}, what="the query jobs")["records"]
    except MigrationError as error:
        log.info("A Bulk job whose answer was lost stays in Salesforce until it ends by itself: %s", error)
        return
    for job in listed:
        is_twin = all(job.get(name) == ours.get(name) for name in ("object", "createdById", "operation"))
        is_recent = str(job["createdDate"])[:15] >= str(ours["createdDate"])[:15]  # to ten minutes
        if is_twin and is_recent and job["id"] != ours["id"] and job["createdDate"] <= ours["createdDate"]:
            _discard(api, job["id"])


def _wait(api: SalesforceApi, job_id: str, name: str) -> int:
    """Wait for the end of a job. Returns how many records it found."""
    pause, waited = FIRST_PAUSE_SECONDS, 0.0
    while True:
        job = api.get(f"jobs/query/{job_id}", what=f"the Bulk job {job_id} of {name}")
        state = job["state"]
        if state == "JobComplete":
            return int(job["numberRecordsProcessed"])
        if state == "Failed":
            raise NotByBulk(str(job.get("errorMessage") or "the job failed without a word"))
        if state not in _RUNNING:
            raise TransientFailure(
                f"The Bulk job {job_id} that reads {name} was ended by somebody in Salesforce (state {state}). "
                "Run the same command again."
            )
        if waited >= PATIENCE_SECONDS:
            raise TransientFailure(
                f"The Bulk job {job_id} that reads {name} was not done after {waited / 3600:.0f} hours. Look at Setup, "
                "Bulk Data Load Jobs, and run the same command again when Salesforce is less busy."
            )
        api.http.sleep(pause)
        waited += pause
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def _discard(api: SalesforceApi, job_id: str) -> None:
    """Delete a job, aborting it first where it still runs. Failing is no harm: it ends by itself."""
    path = f"{api.base}/jobs/query/{job_id}"
    try:
        if api.http.repeatable("DELETE", path).status_code not in (204, 404):
            api.http.repeatable("PATCH", path, body=b'{"state": "Aborted"}')
            api.http.repeatable("DELETE", path)
    except MigrationError as error:
        log.info("The Bulk job %s stays in Salesforce until it ends by itself: %s", job_id, error)


def _rows(
    api: SalesforceApi, job_id: str, selection: Selection, announced: int, most: int
) -> Iterator[list[dict[str, Any]]]:
    name = selection.source_object
    kinds = {field.casefold(): (field, from_csv(api.type_of(name, field))) for field in selection.fields}
    header: list[str] = []
    read, first_ids = 0, set[str]()
    for number, page in enumerate(_downloads(api, job_id, most, name), start=1):
        header, rows = _checked(page, header, name, number)
        if rows and {one.casefold() for one in header} != set(kinds):
            raise TransientFailure(
                f"Salesforce was asked for {len(kinds)} fields of {name} and gave others (page {number}). "
                "Run the same command again."
            )
        read += rows
        readers = [kinds[one.casefold()] for one in header] if rows else []
        names, lines, is_first = [field for field, _ in readers], _lines(page.file, header), True
        while cells := list(islice(lines, ROWS)):
            columns = [read(column) for (_, read), column in zip(readers, zip(*cells, strict=True), strict=True)]
            chunk = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            if is_first and chunk[0]["Id"] in first_ids:
                raise TransientFailure(f"Salesforce repeated a page of {name} (page {number}). {_AGAIN}")
            first_ids.add(chunk[0]["Id"])
            is_first = False
            yield chunk
    if read != announced:
        raise TransientFailure(f"Salesforce announced {announced} records of {name} and gave {read}. {_AGAIN}")


_AGAIN = "Run the same command again."


def _downloads(api: SalesforceApi, job_id: str, most: int, name: str) -> Iterator[Download]:
    """The pages of a finished job; the next one is fetched while the caller works on this one."""
    path, stop = f"{api.base}/jobs/query/{job_id}/results", threading.Event()

    def fetch(locator: str | None) -> Download:
        asked = {"maxRecords": str(most)} | ({"locator": locator} if locator else {})
        answer = api.http.download(path, asked, stop=stop)
        if not isinstance(answer, Download):
            raise refusal(answer, f"the records of {name}")
        return answer

    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="salesforce-bulk")
    pending: Future[Download] | None = pool.submit(fetch, None)
    seen, number = set[str](), 0
    try:
        while pending is not None:
            number += 1
            with reading(name, number):
                page = pending.result()
            pending = None
            with page:
                locator = page.headers.get("sforce-locator", "null")
                if locator != "null":
                    if locator in seen:
                        raise TransientFailure(f"Salesforce repeated a page of {name} (page {number}). {_AGAIN}")
                    seen.add(locator)
                    pending = pool.submit(fetch, locator)
                yield page
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        if pending is not None and not pending.cancelled() and pending.exception() is None:
            pending.result().file.close()


def _checked(page: Download, header: list[str], name: str, number: int) -> tuple[list[str], int]:
    """The header, and how many rows a page holds, once all of it has been gone through."""
    try:
        header = header or next(_csv(page.file), [])
        rows = 0
        for cells in _lines(page.file, header):
            if len(cells) != len(header):
                raise csv.Error("a row of another length")
            rows += 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise TransientFailure(f"Page {number} of {name} is no complete CSV ({error}). {_AGAIN}") from None
    promised = page.headers.get("sforce-numberofrecords")
    if promised is None or int(promised) != rows:
        raise TransientFailure(f"Page {number} of {name} holds {rows} of {promised} records. {_AGAIN}")
    return header, rows


def _lines(file: BinaryIO, header: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a page. Whether a page after the first has the header again is left open by the documentation."""
    for position, cells in enumerate(_csv(file)):
        if position or cells != header:
            yield cells


def _csv(file: BinaryIO) -> Iterator[list[str]]:
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8", newline="")  # newlines inside cells stay as they are
    try:
        yield from csv.reader(text, strict=True)
    finally:
        text.detach()
