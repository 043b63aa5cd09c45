"""Files over REST: uploads as JSON or as a multipart form, and downloads straight from disk."""

import json

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.content.bodies import Body
from migration_pipelines.twins.salesforce.content.uploads import JSON_LIMIT, is_multipart, uploaded_record
from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.store import Row
from migration_pipelines.twins.salesforce.writing import ColumnError, table_of

UPLOADED = ("ContentVersion", "ContentNote", "Attachment", "Document")


def content_routes(org: Org) -> list[Route]:
    def upload(name: str, call: Call) -> Response:
        obj = org.catalogue.get(name)
        if obj is None:
            raise not_found()
        record = uploaded_record(call, obj, org.store.bodies) if is_multipart(call) else _json(call)
        try:
            (outcome,) = org.writer.insert(table_of(obj, [record]))
        except ColumnError as error:
            raise Refusal(400, "INVALID_FIELD", str(error)) from error
        if outcome.errors:
            first = outcome.errors[0]
            raise Refusal(400, first.code, first.message, first.fields)
        place = f"{DATA.format(version=version_of(call.request))}/sobjects/{obj.name}/{outcome.id}"
        return answer({"id": outcome.id, "success": True, "errors": []}, 201, {"Location": place})

    def route(name: str) -> list[Route]:
        return both(org, f"{DATA}/sobjects/{name}", lambda call: upload(name, call), ("POST",))

    return [one for name in UPLOADED for one in route(name)]


def download(org: Org, obj: SObject, field: Field, row: Row) -> Response:
    """The bytes of a base64 field.

    Raises:
        Refusal: 404 where the row has none.
    """
    body = Body.read(row[field.name])
    if body is None:
        raise not_found()
    kind = row.get("ContentType") if "contenttype" in obj.all_fields else None
    return FileResponse(org.store.bodies.path(body), media_type=str(kind or "application/octet-stream"))


def _json(call: Call) -> dict[str, object]:
    if call.file.seek(0, 2) > JSON_LIMIT:
        raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", "a body this large must come as a multipart form")
    try:
        record = json.loads(call.body)
    except ValueError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", f"the body is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise Refusal(400, "JSON_PARSER_ERROR", "the body is not a JSON object")
    return record
