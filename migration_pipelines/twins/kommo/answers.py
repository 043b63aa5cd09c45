"""How Kommo words its answers: HAL for success, problem+json for refusals, an HTML page where its gateway answers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import RefusedError

Json = dict[str, Any]

DETAILS = {
    "NotSupportedChoice": "The value you selected is not a valid choice.",
    "FieldMissing": "This field is missing.",
    "InvalidType": "This value has the wrong type.",
    "TooLong": "This value is too long.",
    "NotUnique": "This value is already used.",
    "NotExpected": "This field was not expected.",
    "TooMany": "This collection has too many elements.",
}
"""Kommo REST v4, errors: NotSupportedChoice is documented; the others' spelling is by convention."""


@dataclass(frozen=True)
class Complaint:
    """One fault of one item; `path` is dotted, with array indexes inside the item."""

    code: str
    path: str

    def as_dict(self) -> Json:
        return {"code": self.code, "path": self.path, "detail": DETAILS[self.code]}


def hal(body: Json, status: int = 200) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, media_type="application/hal+json"
    )


def hal_array(body: list[Json]) -> Response:
    """One answer of Kommo's is a bare array."""
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/hal+json")


def nothing() -> Response:
    """Kommo REST v4: an empty list and an unknown record are 204 with an empty body."""
    return Response(status_code=204)


def problem(status: int, detail: str, first: Mapping[str, object] | None = None) -> Response:
    body = {
        **(first or {}),
        "title": HTTPStatus(status).phrase,
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/problem+json")


def validation_problem(items: Iterable[tuple[str, Iterable[Complaint]]]) -> Response:
    """The 400 that lists, for each bad item's request_id, what is wrong with it."""
    errors = [
        {"request_id": request_id, "errors": [complaint.as_dict() for complaint in complaints]}
        for request_id, complaints in items
    ]
    return problem(400, "Request validation failed", {"validation-errors": errors})


def rule_problem(errors: Mapping[str, str]) -> Response:
    """The 400 of a business rule, keyed by the record's id."""
    return problem(400, "Invalid request body", {"errors": dict(errors)})


def gateway_page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """What stands before the API answers in HTML."""
    title = f"{status} {HTTPStatus(status).phrase}"
    return Response(
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        status,
        headers,
        media_type="text/html",
    )


def refuse(status: int, detail: str) -> RefusedError:
    return RefusedError(problem(status, detail))


def invalid(*complaints: Complaint, request_id: str = "0") -> RefusedError:
    return RefusedError(validation_problem([(request_id, complaints)]))
