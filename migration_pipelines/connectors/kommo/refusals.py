"""What Kommo says when it refuses: the words for a person, and which items of an array it means.

A validation error names items by `request_id`; a broken rule names records by their id, or by `request_id` where they
are new; a third form says only `detail` (Kommo REST v4, errors).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from migration_pipelines.connectors.base import Record
from migration_pipelines.errors import PermanentFailure


def in_its_words(response: httpx.Response) -> str:
    """Kommo's own words, without what we sent."""
    try:
        body = response.json()
        detail = "; ".join(map(str, body["errors"].values())) if body.get("errors") else body.get("detail")
        named = [error["detail"] for one in body.get("validation-errors") or () for error in one["errors"]]
        return f"{'; '.join(named) or detail or body.get('title')} (status {response.status_code})"
    except (ValueError, AttributeError, LookupError, TypeError):
        return f"status {response.status_code}"


def refused_access(response: httpx.Response) -> PermanentFailure | None:
    """The error for an answer that refuses whatever is asked, and not the records; None for any other answer."""
    if response.status_code == 403:
        mend = (
            "Have an administrator of the account see that our integration has the scope for the account's data, and that its "
            "token is an administrator's"
        )
    elif response.status_code == 402:
        mend = "Have an administrator see to what is paid for: the account's plan, its seats, its ceilings"
    else:
        return None
    asked = response.request
    return PermanentFailure(
        f"Kommo refused {asked.method} {asked.url.path}: {in_its_words(response)}. Nothing was done by it. {mend}; then run the "
        "same command again."
    )


def refused_items(response: httpx.Response, records: Sequence[Record]) -> dict[str, str]:
    """Key of each record that a 400 names -> Kommo's words. One that stands alone is meant, named or not."""
    body = response.json()
    words: dict[str, str] = {}
    for one in body.get("validation-errors") or ():
        words[one["request_id"]] = "; ".join(
            f"{error['path']}: {error['detail']} ({error['code']})" for error in one["errors"]
        )
    by_number = {(one.target_id or "").rpartition(":")[2]: one.key for one in records if one.target_id}
    for name, text in _broken_rules(body).items():
        words[by_number.get(name, name)] = str(text)
    words = {one.key: words[one.key] for one in records if one.key in words}
    return words or ({records[0].key: in_its_words(response)} if len(records) == 1 else {})


def refused_paths(response: httpx.Response) -> dict[str, set[str]]:
    """Key of each item that a validation error names -> the paths it complains of."""
    try:
        told = response.json().get("validation-errors") or ()
        return {one["request_id"]: {error["path"] for error in one["errors"]} for one in told}
    except (ValueError, AttributeError, LookupError, TypeError):
        return {}


def _broken_rules(body: Any) -> dict[str, Any]:
    rules = body.get("errors")
    return rules if isinstance(rules, dict) else {}
