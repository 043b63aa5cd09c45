"""Signing in: consent, authorization codes, access tokens that end, refresh tokens that work once.

What was given out lives in memory: a twin that is started again knows its long-lived tokens only.
"""

import base64
import hashlib
import itertools
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kommo.answers import problem
from migration_pipelines.twins.kommo.switches import Switches

CODE_SECONDS = 20 * 60
ACCESS_SECONDS = 24 * 3600
REFRESH_SECONDS = 90 * 24 * 3600
"""Kommo OAuth 2.0: a code lives 20 minutes, an access token a day, a refresh token three months."""
SCOPES = ("crm", "files", "files_delete", "notifications")


@dataclass(frozen=True)
class Application:
    """An integration, as it is set up in the account."""

    client_id: str = "twin-client"
    client_secret: str = field(default="twin-secret", repr=False)
    redirect_uri: str = "https://example.com/back"
    scopes: tuple[str, ...] = SCOPES


class Grants:
    """Codes and tokens that were given out, and the long-lived tokens that always were there."""

    def __init__(self, application: Application, tokens: Collection[str], switches: Switches, clock: Clock) -> None:
        self.application = application
        self._long_lived = frozenset(tokens)
        self._switches = switches
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Back to the long-lived tokens, and to the integration's own scopes."""
        self._numbers = itertools.count(1)
        self._codes: dict[str, float] = {}
        self._access: dict[str, float] = {}
        self._refresh: dict[str, float] = {}
        self._revoked: set[str] = set()
        self.scopes = self.application.scopes

    def is_valid(self, token: str) -> bool:
        if token in self._revoked:
            return False
        return token in self._long_lived or self._clock.now() < self._access.get(token, 0)

    def revoke_all(self) -> None:
        """An administrator takes the access away."""
        self._revoked |= {*self._long_lived, *self._access}
        self._refresh.clear()
        self._codes.clear()

    def narrow(self, scopes: Collection[str]) -> None:
        """An administrator changes what the integration may reach, with every token that it has.

        Raises:
            ValueError: there is no such scope.
        """
        if unknown := set(scopes) - set(SCOPES):
            raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}")
        self.scopes = tuple(scopes)

    def code(self) -> str:
        """An administrator consents."""
        code = self._secret("code")
        self._codes[code] = self._clock.now() + CODE_SECONDS
        return code

    def exchange(self, told: object, host: str) -> Response:
        """The answer of the token endpoint. A code or refresh token that was understood is spent."""
        if not isinstance(told, dict):
            return problem(400, "Request body must be an object")
        application = self.application
        if (told.get("client_id"), told.get("client_secret")) != (application.client_id, application.client_secret):
            return _refused(401, "Client authentication failed", "Check the client_id and client_secret parameters")
        if told.get("redirect_uri") != application.redirect_uri:
            return _refused(400, "The redirect_uri does not match", "Check the redirect_uri parameter")
        match told.get("grant_type"):
            case "authorization_code":
                held, key, spent = self._codes, "code", "Authorization code has been revoked"
            case "refresh_token":
                held, key, spent = self._refresh, "refresh_token", "Token has been revoked"
            case _:
                return _refused(400, "The grant type is not supported", "Check the grant_type parameter")
        until = held.pop(str(told.get(key)), 0)
        if self._clock.now() >= until:
            return _refused(int(self._switches.spent_token_status), f"The {key} is invalid", spent)
        return JSONResponse(self._issue(host))

    def knows_refresh_token(self, token: str | None) -> bool:
        return self._clock.now() < self._refresh.get(token or "", 0)

    def _issue(self, host: str) -> dict[str, object]:
        now = self._clock.now()
        number = next(self._numbers)
        claims = {
            "aud": self.application.client_id,
            "jti": f"{number:08d}",
            "iat": int(now),
            "exp": int(now) + ACCESS_SECONDS,
            "account_id": 1000,
            "base_domain": host.partition(".")[2] or host,
            "api_domain": host,
            "scopes": list(self.scopes),
        }
        access = _jwt(claims)
        refresh = self._secret("refresh")
        self._access[access] = now + ACCESS_SECONDS
        self._refresh[refresh] = now + REFRESH_SECONDS
        return {"token_type": "Bearer", "expires_in": ACCESS_SECONDS, "access_token": access, "refresh_token": refresh}

    def _secret(self, kind: str) -> str:
        # Numbered, not random: a rehearsal repeats itself, and a twin guards nothing.
        number = f"{kind} {next(self._numbers)}"
        return "def5020" + hashlib.sha512(number.encode()).hexdigest()


def consent(grants: Grants, request: Request) -> Response:
    """The page on which an administrator grants access; here that is done at once."""
    asked = request.query_params
    application = grants.application
    if asked.get("client_id") != application.client_id:
        return problem(400, "Unknown client_id")
    told = {"state": asked.get("state", ""), "client_id": application.client_id, "referer": request.url.netloc}
    told |= {"error": "access_denied"} if asked.get("decline") else {"code": grants.code()}
    return RedirectResponse(f"{application.redirect_uri}?{urlencode(told)}", status_code=302)


def _refused(status: int, detail: str, hint: str) -> Response:
    return problem(status, detail, {"hint": hint})


def _jwt(claims: dict[str, object]) -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    signed = ".".join(part(json.dumps(one).encode()) for one in ({"typ": "JWT", "alg": "RS256"}, claims))
    return f"{signed}.{part(hashlib.sha256(signed.encode()).digest())}"
