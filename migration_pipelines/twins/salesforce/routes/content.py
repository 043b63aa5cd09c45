"""Files over REST: uploads as JSON or as a multipart form, and downloads straight from disk."""

import os

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.content.bodies import Body
from migration_pipelines.twins.salesforce.content.uploads import JSON_LIMIT, is_multipart, uploaded_record
from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.bodies import json_object, refuse_row, written
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.store import Row
from migration_pipelines.twins.salesforce.writing import table_of

UPLOADED = ("ContentVersion", "ContentNote", "Attachment", "Document")


def content_routes(org: Org) -> list[Route]:
    def upload(name: str, call: Call) -> Response:
        obj = org.catalogue.get(name)
        if obj is None:
            raise not_found()
        if is_multipart(call):
            record = uploaded_record(call, obj, org.store.bodies)
        elif call.file.seek(0, os.SEEK_END) > JSON_LIMIT:
            raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", "a body this large must come as a multipart form")
        else:
            record = json_object(call)
        (outcome,) = written(call, lambda: org.writer.insert(table_of(obj, [record])))
        refuse_row(outcome)
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
