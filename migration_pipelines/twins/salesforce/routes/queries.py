"""SOQL over REST: query, queryAll and their further pages."""

import re

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.cursors import LARGEST_PAGE, SMALLEST_PAGE
from migration_pipelines.twins.salesforce.errors import JSON_TYPE, Refusal, answer
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.asking import Asking
from migration_pipelines.twins.salesforce.soql.compiler import Statement, compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.parser import parse


def query_routes(org: Org) -> list[Route]:
    def ask(call: Call, *, everything: bool) -> Response:
        soql = call.request.query_params.get("q")
        if not soql:
            raise Refusal(400, "MALFORMED_QUERY", "SOQL statement should not be empty")
        statement = compile_soql(soql, org.asking(call.request, everything=everything))
        if call.request.query_params.get("columns") == "true":
            return answer(_columns(org, statement))
        size = _batch_size(call) or LARGEST_PAGE
        return _page(org.cursors.answer(statement, size, version_of(call.request), org.clock.now()))

    def query(call: Call) -> Response:
        return ask(call, everything=False)

    def query_all(call: Call) -> Response:
        return ask(call, everything=True)

    def more(call: Call) -> Response:
        locator = call.request.path_params["locator"]
        return _page(org.cursors.more(locator, _batch_size(call), version_of(call.request), org.clock.now()))

    return [
        *both(org, f"{DATA}/query", query),
        *both(org, f"{DATA}/queryAll", query_all),
        *both(org, f"{DATA}/query/{{locator}}", more),
        *both(org, f"{DATA}/queryAll/{{locator}}", more),
    ]


def compile_soql(soql: str, asking: Asking) -> Statement:
    """Parse and compile.

    Raises:
        Refusal: 400 with the statement's line, a caret and the reason.
    """
    try:
        return compile_select(parse(soql), asking)
    except SoqlError as error:
        raise error.refusal(soql) from error


def _page(content: bytes) -> Response:
    return Response(content, media_type=JSON_TYPE)


def _batch_size(call: Call) -> int | None:
    """`Sforce-Query-Options: batchSize=500`; from 200 to 2,000, and a hint that may be wrong without harm."""
    match = re.search(r"batchSize\s*=\s*(\d+)", call.request.headers.get("Sforce-Query-Options", ""))
    return min(max(int(match[1]), SMALLEST_PAGE), LARGEST_PAGE) if match else None


def _columns(org: Org, statement: Statement) -> object:
    columns = statement.columns
    return {
        "columnMetadata": list(columns),
        "entityName": statement.object_name,
        "groupBy": statement.is_aggregate,
        "idSelected": any(column["columnName"] == "Id" for column in columns),
        "keyPrefix": org.catalogue[statement.object_name].key_prefix,
    }
