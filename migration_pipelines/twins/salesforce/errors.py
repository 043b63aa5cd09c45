"""Refusals in Salesforce's own shapes, and the few that more than one module makes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass
class Refusal(Exception):
    """An answer that is not 2xx. REST says it as a list of one object; OAuth has its own shape (`OAuthRefusal`).

    Attributes:
        fields: names of the fields at fault; only errors of writes carry the key.
    """

    status: int
    code: str
    message: str
    fields: tuple[str, ...] | None = None

    def body(self) -> object:
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = list(self.fields)
        return [entry]


@dataclass
class OAuthRefusal(Refusal):
    """An answer of the token endpoint: an object, not the REST list."""

    def body(self) -> object:
        return {"error": self.code, "error_description": self.message}


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), status, headers, media_type=JSON_TYPE)


def refuse(refusal: Refusal) -> Response:
    return answer(refusal.body(), refusal.status)


def not_found(message: str = "The requested resource does not exist") -> Refusal:
    return Refusal(404, "NOT_FOUND", message)


def session_invalid() -> Refusal:
    return Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def api_disabled() -> Refusal:
    return Refusal(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")


def limit_exceeded() -> Refusal:
    return Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
