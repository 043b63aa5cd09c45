"""Planned faults and unrouted requests in Salesforce's own words."""

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.salesforce import errors
from migration_pipelines.twins.salesforce.errors import Refusal

_FAULTS = {
    # Salesforce has no 429: too many requests are 403 REQUEST_LIMIT_EXCEEDED.
    "429": errors.limit_exceeded(),
    "500": Refusal(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId: twin"),
    "503": Refusal(503, "SERVER_UNAVAILABLE", "Server unavailable"),
    "expired_token": errors.session_invalid(),
    "locked_row": Refusal(
        400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records", ()
    ),
    "not_found": errors.not_found(),
}


def render_fault(kind: str, request: Request) -> Response | None:
    if kind == "504":
        # Not Salesforce but the proxy before it gives this one up.
        return Response("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504, media_type="text/html")
    if kind == "method_not_allowed":
        message = f"HTTP Method '{request.method}' not allowed."
        return errors.refuse(Refusal(405, "METHOD_NOT_ALLOWED", message))
    return errors.refuse(_FAULTS[kind])
