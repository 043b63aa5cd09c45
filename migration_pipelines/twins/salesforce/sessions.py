"""Who may call: the client application, its sessions, and the tokens that the twin was started with."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.salesforce.errors import OAuthRefusal

CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True)
class Credentials:
    client_id: str
    client_secret: str


@dataclass
class Sessions:
    """Sessions live for a fixed time by the twin's clock; given tokens live for ever.

    Attributes:
        client: the one application that may log in; None refuses every login.
    """

    clock: Clock
    life_seconds: float
    client: Credentials | None
    tokens: frozenset[str]
    _issued: dict[str, float] = field(default_factory=dict)

    @classmethod
    def build(
        cls, clock: Clock, life_seconds: float, client_id: str | None, client_secret: str | None, tokens: Iterable[str]
    ) -> "Sessions":
        client = Credentials(client_id, client_secret or "") if client_id else None
        return cls(clock, life_seconds, client, frozenset(tokens))

    def login(self, form: Mapping[str, str], authorization: str | None) -> str:
        """Issue a session for the client credentials in the Authorization header or the form.

        Raises:
            OAuthRefusal: as the token endpoint says it.
        """
        grant = form.get("grant_type")
        if grant != CLIENT_CREDENTIALS:
            code = "unsupported_grant_type" if grant else "invalid_request"
            raise OAuthRefusal(400, code, "grant type not supported" if grant else "must provide a grant_type")
        given = _basic(authorization) or Credentials(form.get("client_id", ""), form.get("client_secret", ""))
        if self.client is None or given.client_id != self.client.client_id:
            raise OAuthRefusal(400, "invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(given.client_secret.encode(), self.client.client_secret.encode()):
            raise OAuthRefusal(400, "invalid_client", "invalid client credentials")
        return self._issue()

    def is_valid(self, token: str | None) -> bool:
        if token is None:
            return False
        issued = self._issued.get(token)
        return token in self.tokens or (issued is not None and self.clock.now() < issued + self.life_seconds)

    def forget(self) -> None:
        self._issued.clear()

    def signature(self, signed: str) -> str:
        secret = self.client.client_secret if self.client else ""
        return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), "sha256")).decode()

    def _issue(self) -> str:
        # Sessions are numbered, not random: a rehearsal repeats itself, and a twin guards nothing.
        number = f"twin-session-{len(self._issued) + 1}"
        token = f"00DTw0000000001!{hashlib.sha256(number.encode()).hexdigest()}"
        self._issued[token] = self.clock.now()
        return token


def bearer(authorization: str | None) -> str | None:
    kind, _, token = (authorization or "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") and token else None


def _basic(authorization: str | None) -> Credentials | None:
    kind, _, coded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return Credentials("", "")
    return Credentials(client_id, secret)
