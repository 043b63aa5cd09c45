"""Reading single records: by id, by the value of a key, and the content of base64 fields."""

import json

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.results import beginning
from migration_pipelines.twins.salesforce.routes.content import download
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.tree import Comparison, Item, Literal, Path, Select
from migration_pipelines.twins.salesforce.store import Row
from migration_pipelines.twins.salesforce.values import stored


def record_routes(org: Org) -> list[Route]:
    def by_id(call: Call) -> Response:
        obj = object_of(org, call)
        return answer(_record(org, call, obj, str(live_row(org, obj, call.request.path_params["id"])["Id"])))

    def by_key(call: Call) -> Response:
        obj = object_of(org, call)
        found = live_matches(
            org, obj, key_of(obj, call.request.path_params["field"]), call.request.path_params["value"]
        )
        if not found:
            raise not_found()
        if len(found) > 1:
            return several(call, obj, found)
        return answer(_record(org, call, obj, str(found[0]["Id"])))

    def blob(call: Call) -> Response:
        """`sobjects/Attachment/{id}/Body`: the bytes."""
        obj, field = object_of(org, call), object_of(org, call).field(call.request.path_params["field"])
        if field is None or field.type != "base64":
            return by_key(call)
        return download(org, obj, field, live_row(org, obj, call.request.path_params["value"]))

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


def live_row(org: Org, obj: SObject, given: str) -> Row:
    """The record of an id.

    Raises:
        Refusal: 404 where there is none, or it is in the Recycle Bin.
    """
    record_id = canonical(given)
    row = org.store.row(obj, record_id) if record_id else None
    if row is None or not org.sees(obj, str(row["Id"])):
        raise _no_such_key(given)
    if row.get("IsDeleted"):
        raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted", ())
    return row


def key_of(obj: SObject, name: str) -> Field:
    """The field by whose value records of the object are addressed.

    Raises:
        Refusal: 404 where it is no key.
    """
    field = obj.field(name)
    if field is None or not (field.answer["externalId"] or field.answer["idLookup"]):
        raise _no_such_key(name)
    return field


def live_matches(org: Org, obj: SObject, field: Field, value: str) -> list[Row]:
    """The records with this value.

    Raises:
        Refusal: 404 where the value does not fit the field.
    """
    live = ' AND "IsDeleted" = 0' if "isdeleted" in obj.all_fields else ""
    try:
        return list(org.store.rows(obj, f'WHERE "{field.name}" = ?{live}', (stored(field, value),)))
    except ValueError as error:
        raise not_found() from error


def several(call: Call, obj: SObject, found: list[Row]) -> Response:
    """300: the records among which the key does not tell."""
    base = f"{DATA.format(version=version_of(call.request))}/sobjects/{obj.name}"
    return answer([f"{base}/{row['Id']}" for row in found], 300)


def _no_such_key(name: str) -> Refusal:
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def _record(org: Org, call: Call, obj: SObject, record_id: str) -> object:
    """The record with the fields that `fields=` names, or all of them."""
    told = call.request.query_params.get("fields")
    names = [name.strip() for name in told.split(",")] if told else [field.name for field in obj]
    wanted = Comparison(Path(("Id",), 0), "=", Literal("string", record_id, 0), 0)
    items = tuple(Item(Path(tuple(name.split(".")), 0), None) for name in dict.fromkeys(names))
    try:
        statement = compile_select(Select(items, obj.name, 0, where=wanted), org.asking(call.request, everything=True))
    except SoqlError as error:
        missing = next((name for name in names if obj.field(name) is None), names[0])
        raise Refusal(400, "INVALID_FIELD", f"No such column '{missing}' on sobject of type {obj.name}") from error
    (record,) = beginning(org.store, statement, 1)
    return json.loads(record)
