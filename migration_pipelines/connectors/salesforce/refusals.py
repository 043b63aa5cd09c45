"""What Salesforce says when it refuses: its code and its words, whatever the shape of the answer."""

from __future__ import annotations

from typing import Any

import httpx

from migration_pipelines.errors import PermanentFailure


class Refused(PermanentFailure):
    """A request that Salesforce refused, with its own code; the caller knows whether that is an answer."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def code_of(response: httpx.Response) -> str:
    """Salesforce's own error code, or "" where the answer carries none."""
    return str(_first(response).get("errorCode", ""))


def words_of(response: httpx.Response) -> str:
    """Code and message; never the request, which may carry more than a log should."""
    first = _first(response)
    if "errorCode" not in first:
        return f"status {response.status_code}"
    message = " ".join(
        str(first.get("message", "")).split()
    )  # a query comes back in lines, with a caret below the place
    return f"{first['errorCode']}: {message}"


def refusal(response: httpx.Response, what: str) -> Refused:
    """The error for an answer that is no success.

    Args:
        what: what was asked for: "the records of Account".
    """
    return Refused(
        code_of(response),
        f"Salesforce refused a read of {what} ({words_of(response)}). Give the integration user access to it, or take it "
        "out of the mapping, then run the same command again.",
    )


def _first(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    found = content[0] if isinstance(content, list) and content else content
    return found if isinstance(found, dict) else {}
