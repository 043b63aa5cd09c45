"""Signing in to Kommo by OAuth: access tokens that last a day, and refresh tokens that work once.

A refresh token that was used is gone, so the pair that it brought is on disk before anything uses it. Processes that
share a store take turns; one that finds a newer pair there takes it in place of asking for another. A refresh whose
answer was lost is not simply repeated: Kommo is asked whether the token still stands.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from migration_pipelines.connectors.http import TIMEOUT, checked_origin
from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure

ATTEMPTS = 3
EARLY_SECONDS = 300  # a token is renewed this long before it ends


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Attributes: expires_at, Unix seconds at which the access token ends."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


class TokenStore(Protocol):
    """Where the pair is kept. What `save` returned from is there for good."""

    def load(self) -> TokenPair: ...

    def save(self, pair: TokenPair) -> None: ...

    def turn(self) -> AbstractContextManager[None]:
        """Only one of all who share the store is inside."""


class TokenFile:
    """A file that only its owner can read, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> TokenPair:
        """Raises InvalidInput where there is none yet, or it is no pair."""
        try:
            return TokenPair(**json.loads(self._path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            raise InvalidInput(
                f"{self._path} holds no Kommo tokens. Have an administrator consent anew, and keep the pair there."
            ) from None

    def save(self, pair: TokenPair) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=self._path.name)  # 0600 from the start
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(pair), file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _make_durable(folder)

    @contextmanager
    def turn(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class SignIn:
    """Access tokens of one integration. Safe to use from several threads and processes.

    Args:
        redirect_uri: exactly as the integration has it, which Kommo checks at every refresh.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        store: TokenStore,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._integration = {"client_id": client_id, "client_secret": client_secret, "redirect_uri": redirect_uri}
        self._store = store
        self._sleep = sleep
        self._clock = clock
        self._url = checked_origin("Kommo", url)
        self._transport = transport
        self._given = ""

    def access_token(self, *, renew: bool) -> str:
        """Args: renew, the token given last is refused.

        Raises:
            PermanentFailure: an administrator has to consent anew.
            TransientFailure: Kommo cannot be asked now; the pair that is kept still stands.
        """
        with self._store.turn():
            pair = self._store.load()
            is_refused = renew and pair.access_token == self._given
            if is_refused or pair.expires_at - EARLY_SECONDS <= self._clock():
                pair = self._refreshed(pair)
            self._given = pair.access_token
            return pair.access_token

    def _refreshed(self, pair: TokenPair) -> TokenPair:
        body = {**self._integration, "grant_type": "refresh_token", "refresh_token": pair.refresh_token}
        with httpx.Client(base_url=self._url, timeout=TIMEOUT, transport=self._transport) as client:
            for attempt in range(ATTEMPTS):
                if attempt:
                    self._sleep(2.0**attempt)
                try:
                    response = client.post("/oauth2/access_token", json=body)
                    if response.status_code == 200:
                        return self._kept(response)
                    if response.status_code in (400, 401):
                        return self._of_another(pair)
                    if response.status_code == 403:
                        raise PermanentFailure(
                            f"Kommo at {self._url} blocks us (403). Ask its support to lift the block."
                        )
                except httpx.ConnectError:
                    continue
                except (httpx.RequestError, ValueError, LookupError):
                    pass
                if not self._still_stands(client, pair):
                    return self._of_another(pair)
        raise TransientFailure(
            f"Kommo at {self._url} did not renew our token in {ATTEMPTS} attempts. Run the same command again later."
        )

    def _kept(self, response: httpx.Response) -> TokenPair:
        told = response.json()
        pair = TokenPair(told["access_token"], told["refresh_token"], self._clock() + told["expires_in"])
        self._store.save(pair)
        return pair

    def _still_stands(self, client: httpx.Client, pair: TokenPair) -> bool:
        """Whether Kommo still knows the refresh token, which asking does not spend."""
        try:
            answer = client.get("/oauth2/account/current/subdomain", headers={"X-Refresh-Token": pair.refresh_token})
        except httpx.RequestError:
            return True  # not known; the next attempt asks again
        return answer.status_code not in (400, 401, 404)

    def _of_another(self, spent: TokenPair) -> TokenPair:
        """The pair of somebody who shares the store without its turn, and refreshed before us."""
        pair = self._store.load()
        if pair.refresh_token != spent.refresh_token:
            return pair
        raise PermanentFailure(
            f"Kommo at {self._url} no longer takes our refresh token: it was used, or access was revoked. An "
            "administrator has to consent anew, and the new pair has to be kept where the old one is."
        )


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
