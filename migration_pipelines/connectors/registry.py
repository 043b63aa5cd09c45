"""From a project's connection to a connector. Here secrets leave the environment, and only for memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from migration_pipelines.connectors.base import Source, Target
from migration_pipelines.connectors.http import checked_origin, is_on_this_machine
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.kommo.ceilings import ceilings as kommo_ceilings
from migration_pipelines.connectors.kommo.drive import Bodies
from migration_pipelines.connectors.kommo.sign_in import Integration, SignIn
from migration_pipelines.connectors.kommo.tokens import TokenFile
from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.errors import InvalidInput

KOMMO_ALLOWS = 7  # requests a second (Kommo API, limits)


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
    """The part of a target connection that is read here; each but the last two names an environment variable."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str | None: ...

    @property
    def client_id(self) -> str | None: ...

    @property
    def client_secret(self) -> str | None: ...

    @property
    def redirect_uri(self) -> str | None: ...

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


def open_target(
    crm: str,
    connection: TargetSettings,
    environ: Mapping[str, str],
    tokens: Path,
    bodies: Bodies | None = None,
) -> Target:
    """Open a target.

    Args:
        tokens: the file that keeps what a sign-in brought, named for its partition.
        bodies: opens a file body that was kept, by its digest; None where no files are to be loaded.

    Raises:
        InvalidInput: the CRM is none we write, a variable is not set, or the pace is more than the CRM allows.
    """

    def kommo() -> Target:
        url = _variable(environ, connection.url)
        if connection.requests_per_second > KOMMO_ALLOWS and not is_on_this_machine(checked_origin("Kommo", url)):
            raise InvalidInput(
                f"requests_per_second is {connection.requests_per_second:g} in project.yaml. Kommo allows {KOMMO_ALLOWS}, and "
                f"blocks who goes over it too often: give {KOMMO_ALLOWS} or less."
            )
        by_token = connection.token and _variable(environ, connection.token)
        return KommoTarget(
            url,
            by_token or open_sign_in(crm, connection, environ, tokens),
            requests_per_second=connection.requests_per_second,
            quiet_seconds=connection.quiet_seconds,
            bodies=bodies,
        )

    return _known({"kommo": kommo}, crm, "target")


def open_sign_in(crm: str, connection: TargetSettings, environ: Mapping[str, str], tokens: Path) -> SignIn:
    """How a target is signed in to by OAuth. Arguments and errors as `open_target`; InvalidInput also where it is not."""

    def given(name: str | None) -> str:
        if name is None:
            raise InvalidInput(f"{tokens.stem} signs in by token:, which somebody made; there is nothing to do.")
        return _variable(environ, name)

    def kommo() -> SignIn:
        integration = Integration(
            given(connection.client_id), given(connection.client_secret), given(connection.redirect_uri)
        )
        command = f"crm-migrate sign-in {tokens.stem}"
        return SignIn(_variable(environ, connection.url), integration, TokenFile(tokens), command=command)

    return _known({"kommo": kommo}, crm, "target")


def record_ceilings(crm: str, decisions: Mapping[str, Any], org: OrgSchema) -> Mapping[tuple[str, ...], int]:
    """Target objects that are counted together -> how many records of them the org may hold; empty where none is known."""
    return {"kommo": kommo_ceilings}[crm](decisions, org)


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
