"""From a project's connection to a connector. Here secrets leave the environment, and only for memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from migration_pipelines.connectors.base import Source, Target
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.errors import InvalidInput


class SourceSettings(Protocol):
    """The part of a source connection that is read here; each but the last three names an environment variable."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str | None: ...

    @property
    def client_id(self) -> str | None: ...

    @property
    def client_secret(self) -> str | None: ...

    @property
    def username(self) -> str | None: ...

    @property
    def private_key(self) -> str | None: ...

    @property
    def audience(self) -> str: ...

    @property
    def api_version(self) -> str: ...

    @property
    def reserve_percent(self) -> float: ...


class TargetSettings(Protocol):
    """The part of a target connection that is read here; url and token name environment variables."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str: ...

    @property
    def requests_per_second(self) -> float: ...

    @property
    def quiet_seconds(self) -> float: ...


def open_source(crm: str, connection: SourceSettings, environ: Mapping[str, str]) -> Source:
    """Raises InvalidInput where the CRM is none we read, or a variable is not set."""

    def given(name: str | None, *, is_key: bool = False) -> str | None:
        return _variable(environ, name, is_key=is_key) if name else None

    def salesforce() -> Source:
        credentials = Credentials(
            token=given(connection.token),
            client_id=given(connection.client_id),
            client_secret=given(connection.client_secret),
            username=given(connection.username),
            private_key=given(connection.private_key, is_key=True),
            audience=connection.audience,
        )
        return SalesforceSource(
            _variable(environ, connection.url),
            credentials,
            api_version=connection.api_version,
            reserve_percent=connection.reserve_percent,
        )

    return _known({"salesforce": salesforce}, crm, "source")


def open_target(crm: str, connection: TargetSettings, environ: Mapping[str, str]) -> Target:
    """Raises InvalidInput where the CRM is none we write, or a variable is not set."""

    def kommo() -> Target:
        return KommoTarget(
            _variable(environ, connection.url),
            _variable(environ, connection.token),
            requests_per_second=connection.requests_per_second,
            quiet_seconds=connection.quiet_seconds,
        )

    return _known({"kommo": kommo}, crm, "target")


T = TypeVar("T")


def _known(connectors: Mapping[str, Callable[[], T]], crm: str, side: str) -> T:
    if crm not in connectors:
        raise InvalidInput(f"{crm!r} is no {side} that this system knows; it knows: {', '.join(connectors)}.")
    return connectors[crm]()


def _variable(environ: Mapping[str, str], name: str, *, is_key: bool = False) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise InvalidInput(
            f"The environment variable {name}, which project.yaml names, is not set. Set it and try again."
        )
    content = "".join(value.splitlines()) if is_key else value  # a private key stands on many lines
    if not value.isascii() or not content.isprintable():  # no header can carry it, and what fails later may quote it
        raise InvalidInput(
            f"The environment variable {name} holds characters that no URL, token or secret has. Copy the value anew."
        )
    return value
