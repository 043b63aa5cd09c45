"""Sign in: an administrator's consent to a partition's target, asked for once. Needs neither ledger nor source."""

from __future__ import annotations

from collections.abc import Mapping

from migration_pipelines.connectors.kommo.sign_in import SignIn
from migration_pipelines.connectors.registry import open_sign_in
from migration_pipelines.project import find_partition
from migration_pipelines.settings import Settings


def consent_address(settings: Settings, key: str, environ: Mapping[str, str]) -> str:
    """Where the administrator consents. Raises InvalidInput where the target is not signed in to by OAuth."""
    return _sign_in(settings, key, environ).consent_address(state=key)


def sign_in(settings: Settings, key: str, code: str, environ: Mapping[str, str]) -> None:
    """Keep the tokens that a consent gives. Raises as `SignIn.exchange`, and as `consent_address`."""
    _sign_in(settings, key, environ).exchange(code)


def _sign_in(settings: Settings, key: str, environ: Mapping[str, str]) -> SignIn:
    project, environment = find_partition(settings.projects, key)
    connection = project.file.environments[environment].target
    return open_sign_in(project.file.target, connection, environ, settings.tokens(key))
