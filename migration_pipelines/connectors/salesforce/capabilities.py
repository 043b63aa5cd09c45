"""Which features and permissions an org has that decide how a migration can go, each with what told us.

A feature that is on shows in the global describe, by an object, or in an object's describe, by a field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.permissions import CREATE_AUDIT_FIELDS, INACTIVE_OWNERS
from migration_pipelines.connectors.salesforce.refusals import Refused
from migration_pipelines.core.schema import Capability

_BY_OBJECT = {
    "multi-currency": "CurrencyType",
    "dated exchange rates": "DatedConversionRate",
    "enhanced e-mail": "EmailMessageRelation",
    "enhanced notes": "ContentNote",
    "contacts to multiple accounts": "AccountContactRelation",
    "shared activities": "TaskRelation",
    "topics": "TopicAssignment",
}
_BY_FIELD = {
    "person accounts": ("Account", "IsPersonAccount"),
    "state and country picklists": ("Account", "BillingCountryCode"),
}
_BY_PERMISSION = {
    "set audit fields on creation": CREATE_AUDIT_FIELDS,
    "update records of inactive owners": INACTIVE_OWNERS,
}


def capabilities(
    api: SalesforceApi,
    shown: Collection[str],
    limits: Mapping[str, Any],
    granted: Mapping[str, bool],
    edition: str | None,
    currency: str | None,
) -> Iterator[Capability]:
    """The preflight.

    Args:
        shown: names of the objects in the global describe.
        limits: the org's limits by name; empty where they are refused.
        granted: our permissions, as far as they are known.
        edition: Organization.OrganizationType.
        currency: the org's own, which an org with a single one does not tell.
    """
    yield Capability(
        name="edition", state="available" if edition else "cannot tell", how=edition or "Organization says none"
    )
    yield Capability(name="API access", state="available", how="it answers")
    yield _bulk(limits)
    yield Capability(
        name="the org's own currency",
        state="available" if currency else "cannot tell",
        how=currency or "no list of currencies is shown; an org with a single one has none",
    )
    for name, sobject in _BY_OBJECT.items():
        found = sobject in shown
        yield Capability(
            name=name,
            state="available" if found else "missing",
            how=f"{sobject} is {'' if found else 'not '}among the objects",
        )
    for name, (sobject, field) in _BY_FIELD.items():
        yield _by_field(api, name, sobject, field)
    for name, permission in _BY_PERMISSION.items():
        if permission in granted:
            state = "available" if granted[permission] else "missing"
            yield Capability(name=name, state=state, how=f"UserPermissionAccess.{permission}")
        else:
            yield Capability(name=name, state="cannot tell", how=f"UserPermissionAccess shows no {permission}")


def _bulk(limits: Mapping[str, Any]) -> Capability:
    name, limit = "Bulk API queries", "DailyBulkV2QueryJobs"
    if not limits:
        return Capability(name=name, state="cannot tell", how="the limits are refused")
    most = limits.get(limit, {}).get("Max", 0)
    return Capability(name=name, state="available" if most else "missing", how=f"{limit} allows {most} a day")


def _by_field(api: SalesforceApi, name: str, sobject: str, field: str) -> Capability:
    try:
        found = any(one["name"] == field for one in api.describe(sobject)["fields"])
    except Refused as error:
        return Capability(name=name, state="cannot tell", how=f"{sobject} cannot be described ({error.code})")
    return Capability(
        name=name,
        state="available" if found else "missing",
        how=f"{sobject} has {'a' if found else 'no'} field {field}",
    )
