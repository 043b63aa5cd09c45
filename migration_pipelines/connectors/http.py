"""One HTTP client for all connectors: timeouts, pace, bounded retries of reads, and what a failure of a write means.

A read is repeated a few times. A write is repeated only where it certainly was not applied: no connection, or a
refusal for pace. Whatever else loses its answer raises OutcomeUnknown, and nobody here repeats it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from migration_pipelines.errors import InvalidInput, OutcomeUnknown, PermanentFailure, TransientFailure

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 20.0
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class HttpClient:
    """Requests to one host.

    Args:
        name: how messages call the org: "Kommo".
        url: origin, such as https://acme.kommo.com; plain http only on this machine.
        authorise: headers that identify us; called with True to sign in anew after a 401, and may raise.
        requests_per_second: ceiling on our own pace; None leaves it to the server.
        transport, sleep, clock: for tests.
    """

    def __init__(
        self,
        name: str,
        url: str,
        authorise: Callable[[bool], Mapping[str, str]],
        *,
        requests_per_second: float | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.origin = checked_origin(name, url)
        self._authorise = authorise
        self._headers: dict[str, str] | None = None
        self._interval = 1 / requests_per_second if requests_per_second else 0.0
        self._next_at = 0.0
        self._sleep = sleep
        self._clock = clock
        self._client = httpx.Client(base_url=self.origin, timeout=TIMEOUT, transport=transport, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | list[tuple[str, Any]] | None = None) -> httpx.Response:
        """A read that was answered in full: 2xx, or a 4xx that the caller interprets.

        Raises:
            TransientFailure: every attempt failed.
            PermanentFailure: credentials are refused, or the org blocks us.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            self._pause_before(attempt)
            try:
                response = self._send("GET", path, params=params)
                if not _is_lost(response) and response.status_code != 429:
                    if response.content and "json" in response.headers.get("content-type", ""):
                        response.json()  # a body that was cut short must not pass for a short one
                    return response
                problem = f"status {response.status_code}"
            except (httpx.RequestError, json.JSONDecodeError, UnicodeDecodeError) as error:
                problem = type(error).__name__
        raise TransientFailure(
            f"{self.name} at {self.origin} did not answer GET {path} in {ATTEMPTS} attempts ({problem}). "
            "Check that it can be reached, then run the same command again."
        )

    def write(self, method: str, path: str, body: bytes) -> httpx.Response:
        """A write that was answered: any status that says for certain what happened.

        Raises:
            TransientFailure: certainly not applied, after several attempts.
            OutcomeUnknown: it may have been applied.
            PermanentFailure: credentials are refused, or the org blocks us.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            self._pause_before(attempt)
            try:
                response = self._send(method, path, content=body, headers={"Content-Type": "application/json"})
            except httpx.ConnectError as error:
                problem = type(error).__name__
                continue
            except httpx.RequestError as error:
                raise OutcomeUnknown(
                    f"{self.name}: the answer to {method} {path} was lost ({type(error).__name__})"
                ) from None
            if _is_lost(response):
                raise OutcomeUnknown(f"{self.name}: {method} {path} was answered with {response.status_code}")
            if response.status_code != 429:
                return response
            problem = "status 429"
        raise TransientFailure(
            f"{self.name} at {self.origin} did not take {method} {path} in {ATTEMPTS} attempts ({problem}). "
            "Nothing was written by it. Run the same command again later."
        )

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        for renew in (False, True):
            if self._headers is None or renew:
                self._headers = dict(self._authorise(renew))
            self._keep_pace()
            response = self._client.request(method, path, headers={**self._headers, **(headers or {})}, **content)
            if response.status_code != 401:
                break
        if response.status_code == 401:
            raise PermanentFailure(
                f"{self.name} at {self.origin} refuses our credentials. Make a new token or secret there and put it in "
                "the environment variables that project.yaml names."
            )
        if response.status_code == 403 and "json" not in response.headers.get("content-type", ""):
            raise PermanentFailure(
                f"{self.name} at {self.origin} blocks every request (403). Too fast a client gets an account blocked: "
                "lower requests_per_second, and ask the vendor's support to lift the block."
            )
        return response

    def _keep_pace(self) -> None:
        now = self._clock()
        if now < self._next_at:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._interval

    def _pause_before(self, attempt: int) -> None:
        if attempt:
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
            self._sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  spreads clients, guards nothing


def _is_lost(response: httpx.Response) -> bool:
    """An answer that does not say what became of the request: any gateway's or server's fault, known by number or not."""
    return response.status_code >= 500 or response.status_code == 408


def checked_origin(name: str, url: str) -> str:
    """The origin of a URL. Plain http is taken on this machine only, since a token goes with every request.

    Raises:
        InvalidInput: it is no such URL.
    """
    try:
        parts = urlsplit("" if " " in url.strip() else url.strip())
        _ = parts.port  # raises where it is none
    except ValueError:
        parts = urlsplit("")
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InvalidInput(f"The URL of {name} must look like https://acme.example.com, without user or password.")
    if parts.scheme == "http" and not is_local:
        raise InvalidInput(
            f"The URL of {name} must begin with https://, since our credentials travel with every request."
        )
    return f"{parts.scheme}://{parts.netloc}"


def exact_number(text: str) -> float | str:
    """A JSON number that is no integer: a float where that is the same number, its text where it is not."""
    number = float(text)
    digits = text.lower().split("e")[0].replace(".", "").replace("-", "").strip("0")
    return number if len(digits) <= 15 else text
