"""Signing in to Kommo by OAuth: one consent, then access tokens that last a day and refresh tokens that work once.

A refresh token that was used is gone, so the pair that it brought is kept before anything uses it. Processes that
share a store take turns; one that finds a newer pair there takes it in place of asking for another. A refresh whose
answer was lost is not simply repeated: Kommo is asked whether the token still stands. Where it does not, and the new
pair was lost on its way to us, nothing but another consent helps.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from migration_pipelines.connectors.http import TIMEOUT, checked_origin
from migration_pipelines.connectors.kommo.refusals import in_its_words
from migration_pipelines.connectors.kommo.tokens import TokenPair, TokenStore
from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure

ATTEMPTS = 3
EARLY_SECONDS = 300  # a token is renewed this long before it ends
GONE = ""


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration as its keys in Kommo say; `redirect_uri` must be the same to the letter, also at a refresh."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


class SignIn:
    """Access tokens of one integration in one account. Safe to use from several threads and processes.

    Args:
        url: the account's own origin.
        command: what a person runs to sign in; messages name it.
    """

    def __init__(
        self,
        url: str,
        integration: Integration,
        store: TokenStore,
        *,
        command: str = "crm-migrate sign-in PARTITION",
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = checked_origin("Kommo", url)
        self._integration = integration
        self._store = store
        self._command = command
        self._transport = transport
        self._sleep = sleep
        self._clock = clock
        self._given = ""

    # The first time

    def consent_address(self, state: str) -> str:
        """Where an administrator consents. Kommo hands `state` back."""
        host = urlsplit(self._url)
        is_local = host.scheme == "http"
        page = self._url if is_local else f"https://www.{'.'.join((host.hostname or '').split('.')[-2:])}"
        return f"{page}/oauth?{urlencode({'client_id': self._integration.client_id, 'state': state, 'mode': 'popup'})}"

    def exchange(self, code: str) -> None:
        """Keep the pair that a consent gives.

        Args:
            code: the code, or the whole address that Kommo sent the administrator's browser to.

        Raises:
            InvalidInput: that is no code, or it is of another account.
            PermanentFailure: Kommo does not take it, or its answer was lost.
            TransientFailure: it was not sent, or refused for now; the same code may be tried again.
        """
        code = self._code_in(code.strip())
        with self._store.turn(), self._client(self._url) as client:
            try:
                response = self._asked(client, "authorization_code", code=code)
                if response.status_code in (400, 401, 404):
                    raise PermanentFailure(
                        f"Kommo at {self._url} does not take this code: {_words(response)}. A code works once, for 20 "
                        f"minutes, with the redirect address of its integration. Get another one: {self._command}"
                    )
                if response.status_code != 429:
                    self._kept(response)
                    return
            except httpx.ConnectError:
                pass
            except (httpx.RequestError, ValueError, LookupError, TypeError):
                raise PermanentFailure(
                    f"The answer of Kommo at {self._url} was lost, and the code may be spent. Get another one: "
                    f"{self._command}"
                ) from None
        raise TransientFailure(f"Kommo at {self._url} cannot be asked now. Run the same command again in a minute.")

    def _code_in(self, told: str) -> str:
        if "?" not in told:
            return told
        query = {name: values[0] for name, values in parse_qs(urlsplit(told).query).items()}
        if query.get("error"):
            raise InvalidInput(f"The administrator did not consent ({query['error']}). Ask again: {self._command}")
        if not query.get("code"):
            raise InvalidInput("This address carries no code. Copy the one that the browser ends on after the consent.")
        if query.get("referer", self._host) != self._host:
            raise InvalidInput(
                f"The consent is for the account {query['referer']}, and the URL of Kommo is {self._url}. Sign in to "
                f"that account in the browser, or change the URL; then: {self._command}"
            )
        return query["code"]

    # Every other time

    def access_token(self, *, renew: bool) -> str:
        """Args: renew, the token given last is refused.

        Raises:
            InvalidInput: nobody has signed in yet.
            PermanentFailure: an administrator has to consent anew, or the project's settings are wrong.
            TransientFailure: Kommo cannot be asked now; the pair that is kept still stands.
        """
        with self._store.turn():
            pair = self._store.load()
            if pair is None:
                raise InvalidInput(f"Nobody has signed in to Kommo at {self._url} yet. Sign in: {self._command}")
            is_refused = renew and pair.access_token == self._given
            if is_refused or pair.expires_at - EARLY_SECONDS <= self._clock():
                pair = self._refreshed(pair)
            self._given = pair.access_token
            return pair.access_token

    def _refreshed(self, pair: TokenPair) -> TokenPair:
        with self._client(self._url) as client:
            for attempt in range(ATTEMPTS):
                if attempt:
                    self._sleep(2.0**attempt)
                refusal = None
                try:
                    response = self._asked(client, "refresh_token", refresh_token=pair.refresh_token)
                    if response.status_code == 200:
                        return self._kept(response)
                    refusal = response if response.status_code in (400, 401, 404) else None
                except httpx.ConnectError:
                    continue
                except (httpx.RequestError, ValueError, LookupError, TypeError):
                    pass  # the answer was lost
                newer = self._store.load()  # of somebody who shares the store and did not wait for a turn
                if newer and newer.refresh_token != pair.refresh_token:
                    return newer
                self._require_standing(pair, refusal)
        raise TransientFailure(
            f"Kommo at {self._url} did not renew our token in {ATTEMPTS} attempts. Run the same command again later."
        )

    def _require_standing(self, pair: TokenPair, refusal: httpx.Response | None) -> None:
        """Raises PermanentFailure where asking for another pair once more is in vain, with what to do."""
        host = self._host_of(pair)
        if host == GONE:
            raise PermanentFailure(
                f"Kommo at {self._url} no longer takes our refresh token. It works once: access was revoked, or the token "
                "was used and the pair that it brought was lost on its way to us, by a broken connection or a process "
                f"that was killed. An administrator has to consent anew: {self._command}"
            )
        if host and host != self._host:
            raise PermanentFailure(
                f"The Kommo account of {self._url} is now at https://{host}. Put that into the environment variable that "
                "project.yaml names as url:, and run the same command again. The tokens that are kept stay valid."
            )
        if host and refusal is not None:
            raise PermanentFailure(
                f"Kommo at {self._url} refuses to renew our token, which still stands: {_words(refusal)}. Check the "
                "client id, the secret and the redirect address against the keys of the integration."
            )

    def _host_of(self, pair: TokenPair) -> str | None:
        """Where the account of a refresh token lives now, which asking does not spend; GONE where the token is; None
        where that is not known."""
        try:
            with self._client(self._directory(pair)) as client:
                response = client.get(
                    "/oauth2/account/current/subdomain", headers={"X-Refresh-Token": pair.refresh_token}
                )
            if response.status_code in (400, 401, 404):
                return GONE
            return str(response.json()["domain"]).lower() if response.status_code == 200 else None
        except (httpx.RequestError, httpx.InvalidURL, ValueError, LookupError, TypeError):
            return None

    def _directory(self, pair: TokenPair) -> str:
        """The host that knows every account by its tokens; an access token names it. Else the account's own."""
        try:
            claims = pair.access_token.split(".")[1]
            host = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["api_domain"]
            return checked_origin("Kommo", f"{urlsplit(self._url).scheme}://{host}")
        except (ValueError, LookupError, TypeError, InvalidInput):
            return self._url

    # Both

    @property
    def _host(self) -> str:
        return urlsplit(self._url).netloc.lower()

    def _client(self, origin: str) -> httpx.Client:
        return httpx.Client(base_url=origin, timeout=TIMEOUT, transport=self._transport)

    def _asked(self, client: httpx.Client, grant_type: str, **grant: str) -> httpx.Response:
        one = self._integration
        told = {"client_id": one.client_id, "client_secret": one.client_secret, "redirect_uri": one.redirect_uri}
        response = client.post("/oauth2/access_token", json={**told, "grant_type": grant_type, **grant})
        if response.status_code == 403:
            raise PermanentFailure(f"Kommo at {self._url} blocks us (403). Ask its support to lift the block.")
        return response

    def _kept(self, response: httpx.Response) -> TokenPair:
        """The pair of an answer, kept. Raises ValueError, LookupError or TypeError where there is none in it."""
        told = response.json()
        pair = TokenPair(str(told["access_token"]), str(told["refresh_token"]), self._clock() + told["expires_in"])
        self._store.save(pair)
        return pair


def _words(response: httpx.Response) -> str:
    """Kommo's words, and the hint that this endpoint adds."""
    try:
        hint = response.json().get("hint")
    except (ValueError, AttributeError):
        hint = None
    return f"{in_its_words(response)}; {hint}" if hint else in_its_words(response)
