"""Bulk API 2.0 query: `jobs/query`."""

from collections.abc import Iterator

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import Refusal, answer
from migration_pipelines.twins.salesforce.jobs.lifecycle import State
from migration_pipelines.twins.salesforce.jobs.query import (
    CHUNK,
    Page,
    QueryJob,
    is_chunked,
    takes,
    takes_statement,
)
from migration_pipelines.twins.salesforce.jobs.telling import DELIMITERS, LINE_ENDINGS, choice, required, told
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.results import Results
from migration_pipelines.twins.salesforce.routes.jobs import abort, csv_answer, found, job_routes
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.parser import parse

_KEYS = frozenset({"operation", "query", "contentType", "columnDelimiter", "lineEnding"})


def bulk_query_routes(org: Org) -> list[Route]:
    base = f"{DATA}/jobs/query"

    def create(call: Call) -> Response:
        given = told(call.body, _KEYS)
        operation = choice(given, "operation", {"query", "queryAll"})
        choice(given, "contentType", {"CSV"}, "CSV")
        delimiter = choice(given, "columnDelimiter", DELIMITERS.keys(), "COMMA")
        line_ending = choice(given, "lineEnding", LINE_ENDINGS.keys(), "LF")
        soql = given.get("query")
        if not isinstance(soql, str) or not soql:
            raise required("query")
        job = _job(org, call, soql, operation, delimiter, line_ending)
        org.jobs.add(job)
        return answer(job.summary())

    def results(call: Call) -> Response:
        job = found(org, call, QueryJob)
        if job.state is not State.JOB_COMPLETE:
            if org.switches.bulk_early_results == "empty":
                return Response(status_code=204)
            text = f"The job is {job.state.value}; results are there when it is {State.JOB_COMPLETE.value}"
            raise Refusal(400, "INVALIDJOBSTATE", text)
        return _results(org, call, job)

    return [
        *both(org, base, create, ["POST"]),
        *both(org, f"{base}/{{id}}/results", results),
        *job_routes(org, QueryJob, base, lambda call, job: abort(org, call, job)),
    ]


def _job(org: Org, call: Call, soql: str, operation: str, delimiter: str, line_ending: str) -> QueryJob:
    """Run the query and put its rows aside.

    Raises:
        Refusal: the statement is wrong or not for Bulk API 2.0, or the day's jobs are used up.
    """
    now = org.clock.now()
    try:
        select = parse(soql)
        takes(select)
        statement = compile_select(select, org.asking(call.request, everything=operation == "queryAll"))
    except SoqlError as error:
        raise error.refusal(soql) from error
    takes_statement(statement)
    if not org.query_jobs.count(now):
        most = org.query_jobs.most
        raise Refusal(400, "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached")
    return QueryJob(
        id=org.jobs.new_id(),
        operation=operation,
        object_name=statement.object_name,
        created_by_id=org.store.user_id,
        created_at=now,
        version=version_of(call.request),
        column_delimiter=delimiter,
        line_ending=line_ending,
        state=State.UPLOAD_COMPLETE,
        results=Results.of(org.store, statement),
        cells=statement.cells,
        delay_seconds=org.switches.bulk_query_delay_seconds,
        is_chunked=is_chunked(select, statement.object_name),
    )


def _results(org: Org, call: Call, job: QueryJob) -> Response:
    """One page."""
    page = Page.of(job, call.request.query_params, org.switches.bulk_page_rows)
    has_header = page.first == 0 or org.switches.bulk_header_on_every_page
    headers = {"Sforce-NumberOfRecords": str(page.end - page.first), "Sforce-Locator": page.locator}

    def blocks() -> Iterator[bytes]:
        if has_header:
            yield job.header
        for first in range(page.first, page.end, CHUNK):
            yield job.lines(first, min(CHUNK, page.end - first))

    return csv_answer(org, call, blocks(), headers)
