"""The Tooling API, for reading: what automates the org, and how its metadata is made."""

import json
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.cursors import LARGEST_PAGE
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import JSON_TYPE, Refusal, answer, not_found
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.discovery import full_describe, global_describe_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.parser import parse
from migration_pipelines.twins.salesforce.soql.tree import Item, Path, Select

TOOLING = f"{DATA}/tooling"
ONE_ROW_FIELDS = frozenset({"fullname", "metadata"})
"""Fields that may be asked for only where one row answers."""


def tooling_routes(org: Org) -> list[Route]:
    def query(call: Call) -> Response:
        soql = call.request.query_params.get("q")
        if not soql:
            raise Refusal(400, "MALFORMED_QUERY", "SOQL statement should not be empty")
        asking = replace(
            org.asking(call.request, everything=False), catalogue=org.tooling, base=f"{_base(call)}/sobjects"
        )
        try:
            select = parse(soql)
            statement = compile_select(select, asking)
        except SoqlError as error:
            raise error.refusal(soql) from error
        body = org.cursors.answer(statement, LARGEST_PAGE, version_of(call.request), org.clock.now())
        if _names_metadata(select) and json.loads(body)["totalSize"] > 1:
            raise Refusal(
                400,
                "MALFORMED_QUERY",
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify no "
                "more than one row for retrieval.",
            )
        return Response(body, media_type=JSON_TYPE)

    def global_describe(call: Call) -> Response:
        return answer(global_describe_of(org.tooling, _base(call)))

    def describe(call: Call) -> Response:
        return answer(full_describe(org, _object(org, call), _base(call)))

    return [
        *both(org, f"{TOOLING}/query", query),
        *both(org, f"{TOOLING}/sobjects", global_describe),
        *both(org, f"{TOOLING}/sobjects/{{object}}/describe", describe),
    ]


def _base(call: Call) -> str:
    return TOOLING.format(version=version_of(call.request))


def _object(org: Org, call: Call) -> SObject:
    obj = org.tooling.get(call.request.path_params["object"])
    if obj is None:
        raise not_found()
    return obj


def _names_metadata(select: Select) -> bool:
    paths = [item.value for item in select.items if isinstance(item, Item) and isinstance(item.value, Path)]
    return any(path.parts[-1].lower() in ONE_ROW_FIELDS for path in paths)
