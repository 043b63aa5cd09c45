"""What the integration user may do, as Salesforce itself answers it for whoever asks (UserPermissionAccess)."""

from __future__ import annotations

from collections.abc import Mapping

from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.refusals import Refused

_OBJECT = "UserPermissionAccess"
VIEW_ALL_DATA = "PermissionsViewAllData"
QUERY_ALL_FILES = "PermissionsQueryAllFiles"
CREATE_AUDIT_FIELDS = "PermissionsCreateAuditFields"
INACTIVE_OWNERS = "PermissionsUpdateWithInactiveOwner"
_ASKED = (VIEW_ALL_DATA, QUERY_ALL_FILES, CREATE_AUDIT_FIELDS, INACTIVE_OWNERS)


def permissions(api: SalesforceApi) -> Mapping[str, bool]:
    """Permission -> whether we have it. One that Salesforce does not tell is absent."""
    try:
        known = {one["name"] for one in api.describe(_OBJECT)["fields"]}
        asked = [name for name in _ASKED if name in known]
        if not asked:
            return {}
        page = api.query(f"SELECT {', '.join(asked)} FROM {_OBJECT}", what="our own permissions")  # noqa: S608  names of theirs
    except Refused:
        return {}
    rows = page["records"]
    return {name: bool(rows[0][name]) for name in asked} if rows else {}
