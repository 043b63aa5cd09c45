"""One HTTP client for all connectors: timeouts, pace, bounded retries of reads, and what a failure of a write means.

A read is repeated a few times, and so is a request that leaves nothing of consequence behind, such as a query job. A
write is repeated only where it certainly was not applied: no connection, or a refusal for pace. Whatever else loses
its answer raises OutcomeUnknown, and nobody here repeats it.
"""

from __future__ import annotations

import json
import random
import ssl
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import urlsplit

import httpx

from migration_pipelines.errors import (
    InvalidInput,
    OutcomeUnknown,
    PermanentFailure,
    TransientFailure,
    refused_by_machine,
)

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 20.0
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_IN_MEMORY_BYTES = 1 << 20
_GZIP = 31


class Manners(Protocol):
    """What one vendor's API says about itself beyond HTTP. Asked from any thread."""

    def before(self) -> None:
        """Wait for the turn of another request. Raises PermanentFailure where it would take what belongs to others."""

    def after(self, response: httpx.Response) -> bool:
        """Take note of an answer. Returns whether it is a refusal for now only, that another attempt may turn.

        A body that is streamed is read by then only where the status is an error. Raises PermanentFailure as `before`.
        """


class _PlainManners:
    def before(self) -> None:
        pass

    def after(self, response: httpx.Response) -> bool:
        del response
        return False


@dataclass(frozen=True, slots=True)
class Download:
    """A body that arrived whole, at its start, and the headers that came with it. Gone once it is closed."""

    file: BinaryIO
    headers: Mapping[str, str]

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that we trust, read once: it takes longer than a request on this machine."""
    return httpx.create_ssl_context()


class _CutShort(Exception):
    """A body ended before its end."""


class HttpClient:
    """Requests to one host. Safe to use from several threads.

    Args:
        name: how messages call the org: "Kommo".
        url: origin, such as https://acme.kommo.com; plain http only on this machine.
        authorise: headers that identify us; called with True to sign in anew after a 401, and may raise.
        manners: the vendor's own allowances and refusals, and the pace that it wants.
        transport, sleep: for tests.
    """

    def __init__(
        self,
        name: str,
        url: str,
        authorise: Callable[[bool], Mapping[str, str]],
        *,
        manners: Manners | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.origin = checked_origin(name, url)
        self._authorise = authorise
        self._headers: dict[str, str] | None = None
        self._manners = manners or _PlainManners()
        self._turn = threading.Lock()
        self.sleep = sleep
        self._client = httpx.Client(
            base_url=self.origin, timeout=TIMEOUT, transport=transport, follow_redirects=False, verify=_trusted()
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | list[tuple[str, Any]] | None = None) -> httpx.Response:
        """A read that was answered in full: 2xx, or a 4xx that the caller interprets.

        Raises:
            TransientFailure: every attempt failed.
            PermanentFailure: credentials are refused, or the org blocks us.
        """
        return self.repeatable("GET", path, params=params)

    def repeatable(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | list[tuple[str, Any]] | None = None,
        body: bytes | None = None,
    ) -> httpx.Response:
        """A request of any method that may be sent twice without harm. Answers and raises as `get`."""
        sent: dict[str, Any] = {"params": params}
        if body is not None:
            sent |= {"content": body, "headers": {"Content-Type": "application/json"}}
        problem = ""
        for attempt in range(ATTEMPTS):
            self._pause_before(attempt)
            try:
                response = self._send(method, path, **sent)
                if not self._is_passing(response):
                    if response.content and "json" in response.headers.get("content-type", ""):
                        response.json()  # a body that was cut short must not pass for a short one
                    return response
                problem = f"status {response.status_code}"
            except (httpx.RequestError, json.JSONDecodeError, UnicodeDecodeError) as error:
                problem = type(error).__name__
        raise self._unanswered(method, path, problem)

    def download(
        self, path: str, params: Mapping[str, Any] | None = None, *, stop: threading.Event | None = None
    ) -> Download | httpx.Response:
        """A body of any size, in a temporary file. One that is cut short is asked for anew, from its start.

        Args:
            stop: once it is set, what is on its way is given up with TransientFailure.

        Returns:
            the body, which the caller closes; or the answer itself where it is a refusal that the caller interprets.

        Raises:
            As `get`; PermanentFailure also where this machine has no room for it.
        """
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))  # noqa: SIM115
        try:
            answer = self._download(path, params, file, stop or threading.Event())
            file.seek(0)
        except BaseException as error:
            with suppress(OSError):  # what a full disk did not take is asked of it once more
                file.close()
            if isinstance(error, OSError):
                raise refused_by_machine(
                    error, f"a body from {self.name}, on its way in {tempfile.gettempdir()}"
                ) from None
            raise
        if answer.status_code == 200:
            return Download(file, answer.headers)
        file.close()
        return answer

    def _download(
        self, path: str, params: Mapping[str, Any] | None, file: BinaryIO, stop: threading.Event
    ) -> httpx.Response:
        problem = ""
        for attempt in range(ATTEMPTS):
            self._pause_before(attempt)
            file.seek(0)
            file.truncate()
            response = None
            try:
                response = self._send("GET", path, params=params, headers={"Accept-Encoding": "gzip"}, stream=True)
                if not self._is_passing(response):
                    if response.status_code == 200:
                        for piece in _whole_body(response):
                            if stop.is_set():
                                raise TransientFailure(f"{self.name}: the reading of {path} was given up")
                            file.write(piece)
                    return response
                problem = f"status {response.status_code}"
            except (httpx.RequestError, _CutShort, zlib.error) as error:
                problem = type(error).__name__.lstrip("_")
            finally:
                if response is not None:
                    response.close()
            if stop.is_set():
                break
        raise self._unanswered("GET", path, problem)

    def _unanswered(self, method: str, path: str, problem: str) -> TransientFailure:
        return TransientFailure(
            f"{self.name} at {self.origin} did not answer {method} {path} in {ATTEMPTS} attempts ({problem}). "
            "Check that it can be reached, then run the same command again."
        )

    def _is_passing(self, response: httpx.Response) -> bool:
        refused_for_now = self._manners.after(response)
        return refused_for_now or _is_lost(response) or response.status_code == 429

    def write(self, method: str, path: str, body: bytes, *, content_type: str = "application/json") -> httpx.Response:
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
                response = self._send(method, path, content=body, headers={"Content-Type": content_type})
            except httpx.ConnectError as error:
                problem = type(error).__name__
                continue
            except httpx.RequestError as error:
                raise OutcomeUnknown(
                    f"{self.name}: the answer to {method} {path} was lost ({type(error).__name__})"
                ) from None
            refused_for_now = self._manners.after(response)
            if _is_lost(response):
                raise OutcomeUnknown(f"{self.name}: {method} {path} was answered with {response.status_code}")
            if response.status_code != 429 and not refused_for_now:
                return response
            problem = f"status {response.status_code}"
        raise TransientFailure(
            f"{self.name} at {self.origin} did not take {method} {path} in {ATTEMPTS} attempts ({problem}). "
            "Nothing was written by it. Run the same command again later."
        )

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        **content: Any,
    ) -> httpx.Response:
        for renew in (False, True):
            known = self._identified(renew)
            self._manners.before()
            request = self._client.build_request(method, path, headers={**known, **(headers or {})}, **content)
            response = self._client.send(request, stream=stream)
            if stream and response.status_code != 200:
                response.read()
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

    def _identified(self, renew: bool) -> Mapping[str, str]:
        with self._turn:
            if self._headers is None or renew:
                self._headers = dict(self._authorise(renew))
            return self._headers

    def _pause_before(self, attempt: int) -> None:
        if attempt:
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
            self.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  spreads clients, guards nothing


def _is_lost(response: httpx.Response) -> bool:
    """An answer that does not say what became of the request: any gateway's or server's fault, known by number or not."""
    return response.status_code >= 500 or response.status_code == 408


def _whole_body(response: httpx.Response) -> Iterator[bytes]:
    """The decoded pieces of a body. Raises where it ends early, which a length or the end of a gzip stream tells."""
    if response.headers.get("content-encoding", "").lower() != "gzip":
        yield from response.iter_raw()
        return
    unpacking = zlib.decompressobj(_GZIP)
    for piece in response.iter_raw():
        yield unpacking.decompress(piece)
        while unpacking.eof and unpacking.unused_data:
            rest, unpacking = unpacking.unused_data, zlib.decompressobj(_GZIP)
            yield unpacking.decompress(rest)
    if not unpacking.eof:
        raise _CutShort


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
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InvalidInput(f"The URL of {name} must look like https://acme.example.com, without user or password.")
    if parts.scheme == "http" and not is_on_this_machine(url):
        raise InvalidInput(
            f"The URL of {name} must begin with https://, since our credentials travel with every request."
        )
    return f"{parts.scheme}://{parts.netloc}"


def is_on_this_machine(url: str) -> bool:
    return urlsplit(url.strip()).hostname in ("127.0.0.1", "localhost", "::1")
