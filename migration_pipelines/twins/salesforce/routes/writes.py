"""Writing single records: by id, and by the value of a key."""

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.bodies import Record, json_object, refuse_row, written
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.routes.records import key_of, live_matches, live_row, several
from migration_pipelines.twins.salesforce.writing import Outcome, table_of


def write_routes(org: Org) -> list[Route]:
    def create(call: Call) -> Response:
        return _create(org, call, object_of(org, call))

    def update(call: Call) -> Response:
        obj, record = _writable(org, call, "updateable"), json_object(call)
        row = live_row(org, obj, call.request.path_params["id"])
        _leave_out(record, "Id")
        _one(written(call, lambda: org.writer.update(table_of(obj, [{**record, "Id": row["Id"]}]))))
        return Response(status_code=204)

    def delete(call: Call) -> Response:
        obj = _writable(org, call, "deletable")
        _one(org.writer.delete(obj, [live_row(org, obj, call.request.path_params["id"])["Id"]]))
        return Response(status_code=204)

    def post(call: Call) -> Response:
        """Clients without PATCH say POST and `?_HttpMethod=PATCH`; `sobjects/X/Id` creates."""
        method = call.request.query_params.get("_HttpMethod", "").upper()
        if method in ("PATCH", "DELETE"):
            return update(call) if method == "PATCH" else delete(call)
        if call.request.path_params["id"].lower() == "id":
            return create(call)
        raise _not_allowed("POST")

    def upsert(call: Call) -> Response:
        obj, field, value = _key(org, call)
        record = json_object(call)
        _leave_out(record, "Id")
        if field.type == "id":
            call.request.path_params["id"] = value
            return update(call)
        _leave_out(record, field.name)
        found = live_matches(org, obj, field, value)
        if len(found) > 1:
            return several(call, obj, found)
        if not found and call.request.query_params.get("updateOnly", "").lower() == "true":
            raise not_found()
        table = table_of(obj, [{**record, field.name: value}])
        outcome = _one(written(call, lambda: org.writer.upsert(table, field.name)))
        body: Record = {"id": outcome.id, "success": True, "errors": [], "created": outcome.created}
        return answer(body, 201 if outcome.created else 200)

    def delete_by_key(call: Call) -> Response:
        obj, field, value = _key(org, call)
        found = live_matches(org, obj, field, value)
        if not found:
            raise not_found()
        if len(found) > 1:
            return several(call, obj, found)
        _one(org.writer.delete(_writable(org, call, "deletable"), [found[0]["Id"]]))
        return Response(status_code=204)

    def post_by_key(call: Call) -> Response:
        method = call.request.query_params.get("_HttpMethod", "PATCH").upper()
        if method in ("PATCH", "DELETE"):
            return upsert(call) if method == "PATCH" else delete_by_key(call)
        raise _not_allowed("POST")

    base = f"{DATA}/sobjects/{{object}}"
    key = f"{base}/{{field}}/{{value:path}}"
    return [
        *both(org, base, create, ("POST",)),
        *both(org, f"{base}/{{id}}", update, ("PATCH",)),
        *both(org, f"{base}/{{id}}", delete, ("DELETE",)),
        *both(org, f"{base}/{{id}}", post, ("POST",)),
        *both(org, key, upsert, ("PATCH",)),
        *both(org, key, delete_by_key, ("DELETE",)),
        *both(org, key, post_by_key, ("POST",)),
    ]


def _create(org: Org, call: Call, obj: SObject) -> Response:
    obj, record = _writable(org, call, "createable"), json_object(call)
    outcome = _one(written(call, lambda: org.writer.insert(table_of(obj, [record]))))
    place = f"{DATA.format(version=version_of(call.request))}/sobjects/{obj.name}/{outcome.id}"
    return answer({"id": outcome.id, "success": True, "errors": []}, 201, {"Location": place})


def _one(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    refuse_row(outcome)
    return outcome


def _key(org: Org, call: Call) -> tuple[SObject, Field, str]:
    obj, value = object_of(org, call), call.request.path_params["value"].removesuffix("/")
    field = key_of(obj, call.request.path_params["field"])
    if field.type == "id" and canonical(value) is None:
        raise not_found()
    return obj, field, value


def _leave_out(record: Record, key: str) -> None:
    """What the path says is not to be said again in the body."""
    if any(name.lower() == key.lower() for name in record):
        raise Refusal(400, "INVALID_FIELD", f"The {key} field should not be specified in the sobject data.")


def _writable(org: Org, call: Call, flag: str) -> SObject:
    obj = object_of(org, call)
    if not obj.answer[flag]:
        raise _not_allowed(call.request.method)
    return obj


def _not_allowed(method: str) -> Refusal:
    return Refusal(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed.")
