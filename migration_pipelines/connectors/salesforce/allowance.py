"""How many API requests of the org are used, what of them we leave to others, and which refusals pass by themselves.

Every answer of the REST API says the org's use of the last 24 hours in `Sforce-Limit-Info: api-usage=1234/100000`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from migration_pipelines.connectors.salesforce.refusals import code_of, words_of
from migration_pipelines.errors import PermanentFailure

DEFAULT_RESERVE_PERCENT = 20
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
_PASSING = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT"})


class Allowance:
    """The daily API requests of one org. Implements `connectors.http.Manners`.

    Args:
        origin: for messages.
        reserve_percent: how much of the daily requests stays untouched, for the org's other integrations.
    """

    def __init__(self, origin: str, reserve_percent: float = DEFAULT_RESERVE_PERCENT) -> None:
        self.used: int | None = None
        self.most: int | None = None
        self.sent = 0
        self._origin = origin
        self._reserve_percent = reserve_percent
        self._as_of = datetime.now(UTC)

    def before(self) -> None:
        if self.used is not None and self.most is not None:
            ours = int(self.most * (100 - self._reserve_percent) / 100)
            if self.used >= ours:
                raise PermanentFailure(
                    f"Salesforce at {self._origin}: {self.used} of {self.most} API requests of the last 24 hours are used, "
                    f"and {self._reserve_percent:g} % are kept for the org's other integrations (reserve_percent). "
                    + self._when()
                )
        self.sent += 1

    def after(self, response: httpx.Response) -> bool:
        if found := _USAGE.search(response.headers.get("sforce-limit-info", "")):
            self.used, self.most = int(found[1]), int(found[2])
        if "date" in response.headers:
            self._as_of = parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
        if response.status_code < 400:
            return False
        code = code_of(response)
        if code == "REQUEST_LIMIT_EXCEEDED":
            if "concurrent" in words_of(response).lower():  # too many long requests at this moment
                return True
            raise PermanentFailure(
                f"Salesforce at {self._origin} takes no more API requests ({words_of(response)}). " + self._when()
            )
        return code in _PASSING

    def _when(self) -> str:
        latest = self._as_of + timedelta(hours=24)
        return (
            "The count covers the last 24 hours and falls by itself: run the same command again in a few hours, at the "
            f"latest on {latest:%Y-%m-%d at %H:%M} UTC. What was read is kept."
        )
