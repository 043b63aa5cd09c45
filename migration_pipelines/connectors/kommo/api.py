"""Requests to one Kommo account: reads that are answered in full, lists to their end, and the pauses around a lost answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import httpx

from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo.array_size import ArraySize
from migration_pipelines.connectors.kommo.refusals import in_its_words, refused_access
from migration_pipelines.errors import OutcomeUnknown, PermanentFailure

PAGE = 250
IDS_IN_ONE_URL = 200

Params = Sequence[tuple[str, Any]]


class KommoApi:
    """Requests to one host.

    Args:
        quiet_seconds: how long a request whose answer was lost may still be under way.

    Attributes:
        array_size: how many items the next array may carry.
    """

    def __init__(self, http: HttpClient, *, quiet_seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._quiet_seconds = quiet_seconds
        self._sleep = sleep
        self.array_size = ArraySize()

    def close(self) -> None:
        self._http.close()

    def write(self, method: str, path: str, body: bytes) -> httpx.Response:
        """As HttpClient.write. Raises PermanentFailure also where we lack access."""
        response = self._http.write(method, path, body)
        if refused := refused_access(response):
            raise refused
        return response

    def write_array(self, method: str, path: str, body: bytes, length: int) -> httpx.Response:
        """As `write`, for an array of so many items: what becomes of it says how long the next one may be."""
        try:
            response = self.write(method, path, body)
        except OutcomeUnknown:
            self.array_size.was_lost(length)
            raise
        if response.is_success:
            self.array_size.went_well(length)
        return response

    def keep_quiet(self) -> None:
        """Give a request whose answer was lost the time to end."""
        self._sleep(self._quiet_seconds)

    def read(self, path: str, params: Any = None) -> Any:
        """An answer's content; None where Kommo answers 204 for nothing. Raises PermanentFailure for any refusal."""
        return self._content(self._http.get(path, params))

    def _content(self, response: httpx.Response) -> Any:
        if response.status_code == 204:
            return None
        if refused := refused_access(response):
            raise refused
        if response.status_code != 200:
            raise PermanentFailure(f"Kommo refused to be read: {in_its_words(response)}")
        return response.json()

    def read_if_there(self, path: str, params: Any = None) -> Any:
        """As `read`; None also where Kommo says that what the path names does not exist."""
        response = self._http.get(path, params)
        return None if response.status_code == 404 else self._content(response)

    @cached_property
    def links_of_many(self) -> bool:
        """Whether one call links many records. The vendor's own client and amoCRM's reference, which is of the same API,
        have that form; Kommo's reference leaves it out, so the account is asked, once."""
        return self.has("/api/v4/companies/links?filter[entity_id][]=1")

    def has(self, path: str) -> bool:
        """Whether the account knows a part of the API that not every account has."""
        return self._http.get(path).status_code not in (402, 403, 404, 405)

    def pages(self, path: str, kind: str, params: Params = ()) -> Iterator[Mapping[str, Any]]:
        number = 1
        while page := self.read(path, [*params, ("page", number), ("limit", PAGE)]):
            yield from page["_embedded"][kind]
            if "next" not in page["_links"]:
                return
            number += 1

    def by_ids(self, path: str, kind: str, ids: Sequence[int], params: Params = ()) -> Iterator[Mapping[str, Any]]:
        """Records by id, once, whichever of them are there."""
        for start in range(0, len(ids), IDS_IN_ONE_URL):
            asked = [("filter[id][]", one) for one in ids[start : start + IDS_IN_ONE_URL]]
            yield from self.pages(path, kind, [*asked, *params])

    def newest_id(self, path: str, kind: str) -> int | None:
        page = self.read(path, [("order[id]", "desc"), ("limit", 1)])
        return int(page["_embedded"][kind][0]["id"]) if page else None

    def settled_pages(self, path: str, kind: str) -> list[Mapping[str, Any]]:
        """A list after a lost answer: read when whatever was under way has had time to end."""
        self.keep_quiet()
        return list(self.pages(path, kind))
