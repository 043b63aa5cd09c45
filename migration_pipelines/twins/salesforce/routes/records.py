"""Single records: by id, by the value of an external id, and the content of base64 fields. Reading only so far."""

import base64

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.derived import Row
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.tree import Comparison, Item, Literal, Path, Select
from migration_pipelines.twins.salesforce.values import stored


def record_routes(org: Org) -> list[Route]:
    def by_id(call: Call) -> Response:
        obj = object_of(org, call)
        return answer(_record(org, call, obj, str(_live_row(org, obj, call.request.path_params["id"])["Id"])))

    def by_key(call: Call) -> Response:
        obj, name, value = object_of(org, call), call.request.path_params["field"], call.request.path_params["value"]
        field = obj.field(name)
        if field is None or not (field.answer["externalId"] or field.answer["idLookup"]):
            raise _no_such_key(name)
        try:
            found = _live_matches(org, obj, field.name, stored(field, value))
        except ValueError as error:
            raise not_found() from error
        if not found:
            raise not_found()
        if len(found) > 1:
            base = f"{DATA.format(version=version_of(call.request))}/sobjects/{obj.name}"
            return answer([f"{base}/{row['Id']}" for row in found], 300)
        return answer(_record(org, call, obj, str(found[0]["Id"])))

    def blob(call: Call) -> Response:
        """`sobjects/Attachment/{id}/Body`: the bytes."""
        obj, field = object_of(org, call), object_of(org, call).field(call.request.path_params["field"])
        if field is None or field.type != "base64":
            return by_key(call)
        content = _live_row(org, obj, call.request.path_params["value"])[field.name]
        return Response(base64.b64decode(str(content or "")), media_type="application/octet-stream")

    def second_part(call: Call) -> Response:
        """`{id}/{blob field}` and `{key field}/{value}` look alike: an id settles it."""
        params = call.request.path_params
        if canonical(params["field"]) and object_of(org, call).field(params["field"]) is None:
            params["field"], params["value"] = params["value"], params["field"]
            return blob(call)
        return by_key(call)

    base = f"{DATA}/sobjects/{{object}}"
    return [
        *both(org, f"{base}/{{id}}", by_id),
        *both(org, f"{base}/{{field}}/{{value:path}}", second_part),
    ]


def _live_row(org: Org, obj: SObject, given: str) -> Row:
    record_id = canonical(given)
    row = org.store.row(obj, record_id) if record_id else None
    if row is None:
        raise _no_such_key(given)
    if row.get("IsDeleted"):
        raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted", ())
    return row


def _live_matches(org: Org, obj: SObject, name: str, value: object) -> list[Row]:
    live = ' AND "IsDeleted" = 0' if obj.field("IsDeleted") else ""
    return list(org.store.rows(obj, f'WHERE "{name}" = ?{live}', (value,)))


def _no_such_key(name: str) -> Refusal:
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def _record(org: Org, call: Call, obj: SObject, record_id: str) -> object:
    """The record with the fields that `fields=` names, or all of them."""
    told = call.request.query_params.get("fields")
    names = [name.strip() for name in told.split(",")] if told else [field.name for field in obj]
    wanted = Comparison(Path(("Id",), 0), "=", Literal("string", record_id, 0), 0)
    items = tuple(Item(Path(tuple(name.split(".")), 0), None) for name in dict.fromkeys(names))
    try:
        statement = compile_select(Select(items, obj.name, 0, where=wanted), org.catalogue, org.now(), everything=True)
    except SoqlError as error:
        missing = next((name for name in names if obj.field(name) is None), names[0])
        raise Refusal(400, "INVALID_FIELD", f"No such column '{missing}' on sobject of type {obj.name}") from error
    row = org.store.run(statement.sql, statement.binds).fetchone()
    return statement.shape.record(row, org.style(call.request))
