"""The token endpoint's decision: whose session a request for a token opens, or why none."""

import base64
import binascii
import hashlib
import hmac
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.salesforce.applications import Application, Logins
from migration_pipelines.twins.salesforce.errors import OAuthRefusal
from migration_pipelines.twins.salesforce.switches import Switches

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
Form = Mapping[str, str]


@dataclass(frozen=True)
class Person:
    """A user as far as signing in goes."""

    user_id: str
    is_active: bool


@dataclass(frozen=True)
class Grant:
    """A request for a token that was found good.

    Attributes:
        refresh_token: the one to use from now on, where the one that was given is spent.
    """

    person: Person
    application: Application
    refresh_token: str | None = None


class Grants:
    """The four grants.

    Args:
        find: the user of a username, or the administrator for None; None where there is no such user.
        login_origin: PRODUCTION or SANDBOX, whichever this org's users sign in at.
    """

    def __init__(
        self,
        logins: Logins,
        clock: Clock,
        switches: Switches,
        find: Callable[[str | None], Person | None],
        login_origin: Callable[[], str],
    ) -> None:
        self._logins = logins
        self._clock = clock
        self._switches = switches
        self._find = find
        self._login_origin = login_origin
        self.forget()

    def forget(self) -> None:
        """The refresh tokens are again those that the twin was started with."""
        self._numbers = itertools.count(1)
        self._refresh_tokens = {
            token: (application.client_id, username)
            for application in self._logins.applications
            for token, username in application.refresh_tokens.items()
        }

    def grant(self, form: Form, authorization: str | None, own_origin: str) -> Grant:
        """Decide about one request.

        Args:
            authorization: the header, which may hold the client's credentials as Basic.
            own_origin: the twin's own, which a JWT may name as its audience as well.

        Raises:
            OAuthRefusal: as the token endpoint says it.
        """
        match form.get("grant_type"):
            case "client_credentials":
                return self._by_client_credentials(form, authorization)
            case "password":
                application = self.application(form, authorization)
                return Grant(self.by_password(form.get("username", ""), form.get("password", "")), application)
            case "refresh_token":
                return self._by_refresh_token(form, authorization)
            case kind if kind == JWT_BEARER:
                return self._by_jwt(form.get("assertion", ""), own_origin)
            case None | "":
                raise OAuthRefusal(400, "invalid_request", "must provide a grant_type")
        raise OAuthRefusal(400, "unsupported_grant_type", "grant type not supported")

    def by_password(self, username: str, password: str) -> Person:
        """The user of a name and password.

        Raises:
            OAuthRefusal: which of the two is wrong is not said.
        """
        known = next((kept for name, kept in self._logins.passwords.items() if name.lower() == username.lower()), None)
        person = self._find(username) if known is not None and _is_same(known, password) else None
        return _active(person, "authentication failure")

    def revoke(self, refresh_token: str) -> bool:
        return self._refresh_tokens.pop(refresh_token, None) is not None

    def _by_client_credentials(self, form: Form, authorization: str | None) -> Grant:
        application = self.application(form, authorization)
        return Grant(_active(self._find(application.run_as), "no client credentials user enabled"), application)

    def _by_refresh_token(self, form: Form, authorization: str | None) -> Grant:
        application = self.application(form, authorization)
        token = form.get("refresh_token", "")
        client_id, username = self._refresh_tokens.get(token, ("", ""))
        person = self._find(username) if client_id == application.client_id else None
        grant = Grant(_active(person, "expired access/refresh token"), application)
        if not self._switches.refresh_rotation:
            return grant
        renewed = hashlib.sha256(f"{token} {next(self._numbers)}".encode()).hexdigest()
        self._refresh_tokens[renewed] = self._refresh_tokens.pop(token)
        return Grant(grant.person, application, renewed)

    def _by_jwt(self, assertion: str, own_origin: str) -> Grant:
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise _invalid_grant("invalid assertion") from error
        application = self._logins.application(str(claims.get("iss", "")))
        if application is None:
            raise _invalid_client_id()
        if not application.is_signed(assertion):
            raise _invalid_grant("invalid assertion")
        if claims.get("aud") not in (self._login_origin(), own_origin):
            raise _invalid_grant("audience is invalid")
        remaining = _seconds(claims.get("exp")) - self._clock.now()
        if remaining <= 0:
            raise _invalid_grant("expired authorization code")
        if remaining > self._switches.jwt_seconds:
            raise _invalid_grant("invalid assertion")
        return Grant(_active(self._find(str(claims.get("sub"))), "user hasn't approved this consumer"), application)

    def application(self, form: Form, authorization: str | None) -> Application:
        client_id, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        application = self._logins.application(client_id)
        if application is None:
            raise _invalid_client_id()
        if application.client_secret is None or not _is_same(application.client_secret, secret):
            raise OAuthRefusal(400, "invalid_client", "invalid client credentials")
        return application


def _active(person: Person | None, otherwise: str) -> Person:
    if person is None:
        raise _invalid_grant(otherwise)
    if not person.is_active:
        raise OAuthRefusal(400, "inactive_user", "user is inactive")
    return person


def _invalid_grant(description: str) -> OAuthRefusal:
    return OAuthRefusal(400, "invalid_grant", description)


def _invalid_client_id() -> OAuthRefusal:
    return OAuthRefusal(400, "invalid_client_id", "client identifier invalid")


def _is_same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _seconds(claim: object) -> float:
    """`exp`: clients send a number, or a number as a string."""
    try:
        return float(str(claim))
    except ValueError as error:
        raise _invalid_grant("invalid assertion") from error


def _basic(authorization: str | None) -> tuple[str, str] | None:
    kind, _, coded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret
