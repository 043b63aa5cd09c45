"""A new record out of a request's body: JSON, or a multipart form of JSON and the bytes of one field."""

import json
from collections.abc import Mapping

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.content.bodies import Bodies
from migration_pipelines.twins.salesforce.content.multipart import MultipartError, Part, parts_of
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import Refusal

MULTIPART = "multipart/form-data"
JSON_LIMIT = 50 * 1_024 * 1_024
MULTIPART_LIMITS: Mapping[str, int] = {"ContentVersion": 2 * 1_024**3}
OTHER_LIMIT = 500 * 1_024 * 1_024
"""The most that a body may have, in bytes."""


def is_multipart(call: Call) -> bool:
    return call.request.headers.get("Content-Type", "").lower().startswith(MULTIPART)


def uploaded_record(call: Call, obj: SObject, bodies: Bodies) -> dict[str, object]:
    """The record of a multipart request; the field that came as bytes names a kept body.

    Raises:
        Refusal: 400 where the form is not one of JSON and bytes, 413 where it is too large.
    """
    size = call.file.seek(0, 2)
    if size > MULTIPART_LIMITS.get(obj.name, OTHER_LIMIT):
        raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", f"the request has {size} bytes, too many for {obj.name}")
    try:
        parts = parts_of(call.file, call.request.headers["Content-Type"])
    except MultipartError as error:
        raise Refusal(400, "INVALID_MULTIPART_REQUEST", str(error)) from error
    told = next((part for part in parts if _is_json(part)), None)
    if told is None:
        raise Refusal(400, "INVALID_MULTIPART_REQUEST", "the first part must be the record, as application/json")
    record = _record(call, told)
    for part in parts:
        field = obj.field(part.name)
        if part is not told and field is not None and field.type == "base64":
            call.file.seek(part.start)
            record[field.name] = str(bodies.keep(call.file, part.size))
    return record


def _is_json(part: Part) -> bool:
    return part.content_type == "application/json" or part.name.lower().startswith("entity_")


def _record(call: Call, part: Part) -> dict[str, object]:
    call.file.seek(part.start)
    try:
        record = json.loads(call.file.read(part.size))
    except ValueError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", f"the record is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise Refusal(400, "JSON_PARSER_ERROR", "the record is not a JSON object")
    return record
