"""From a project's connection to a connector. Here secrets leave the environment, and only for memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from migration_pipelines.connectors.base import Source, Target
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.salesforce import SalesforceSource
from migration_pipelines.errors import InvalidInput


class SourceSettings(Protocol):
    """The part of a source connection that is read here; each but the version names an environment variable."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str | None: ...

    @property
    def client_id(self) -> str | None: ...

    @property
    def client_secret(self) -> str | None: ...

    @property
    def api_version(self) -> str: ...


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

    def salesforce() -> Source:
        return SalesforceSource(
            _variable(environ, connection.url),
            token=_variable(environ, connection.token) if connection.token else None,
            client_id=_variable(environ, connection.client_id) if connection.client_id else None,
            client_secret=_variable(environ, connection.client_secret) if connection.client_secret else None,
            api_version=connection.api_version,
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


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise InvalidInput(
            f"The environment variable {name}, which project.yaml names, is not set. Set it and try again."
        )
    if not value.isascii() or not value.isprintable():  # no header can carry it, and what fails later may quote it
        raise InvalidInput(
            f"The environment variable {name} holds characters that no URL, token or secret has. Copy the value anew."
        )
    return value
