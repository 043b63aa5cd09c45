"""What a Salesforce org is: objects with counts, fields with fill rates, users, set-up, limits, capabilities and gaps.

Counts are exact for what is mapped and for every business object that has rows; for all others the org's own estimate,
which takes one request for all of them, is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.capabilities import capabilities
from migration_pipelines.connectors.salesforce.describe import is_business, object_schema
from migration_pipelines.connectors.salesforce.inventory import Inventory
from migration_pipelines.connectors.salesforce.permissions import permissions
from migration_pipelines.connectors.salesforce.refusals import Refused
from migration_pipelines.connectors.salesforce.soql import ARCHIVED, Selection, live
from migration_pipelines.connectors.salesforce.visibility import gaps
from migration_pipelines.core.schema import ObjectSchema, OrgSchema, User
from migration_pipelines.errors import MappingError

FIELDS_A_QUERY = 40
MOST_RECORDS_TO_PROFILE = 100_000  # an aggregate over more may run into the server's time limit
_LIMITS = (
    "DailyApiRequests", "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB", "DataStorageMB", "FileStorageMB",
)  # fmt: skip


def discover(
    api: SalesforceApi, in_full: Sequence[str], count: Callable[[str], int],
    also: Callable[[ObjectSchema], bool] = lambda _found: False,
) -> OrgSchema:  # fmt: skip
    """Everything about the org; the fields only of the objects named in `in_full`, and of those with rows that `also` asks for.

    Raises:
        MappingError: an object that is named is not shown to us.
    """
    sent = api.allowance.sent
    shown = {
        one["name"]: one for one in api.get("sobjects", what="the list of objects")["sobjects"] if one["queryable"]
    }
    if missing := [name for name in in_full if name not in shown]:
        raise MappingError(
            f"The Salesforce org shows no object {', '.join(missing)}. Take it out of the mapping, or give the "
            "integration user access to it."
        )
    organization = api.query(
        "SELECT Id, Name, IsSandbox, OrganizationType, TimeZoneSidKey FROM Organization", what="the organization"
    )["records"][0]
    inventory, granted, limits = Inventory(api), permissions(api), _limits(api)
    currencies = inventory.currencies()
    currency = next((one["code"] for one in currencies if one["is_own"]), None)
    objects = {one.name: one for one in _objects(api, shown, in_full, count, also)}
    described = [name for name, one in objects.items() if one.fields]
    return OrgSchema(
        crm="salesforce",
        identity=f"salesforce:{organization['Id']}",
        objects=objects,
        users=tuple(_users(api)),
        automations=tuple(inventory.automations()),
        capabilities=tuple(capabilities(api, shown, limits, granted, organization["OrganizationType"], currency)),
        gaps=tuple(gaps(api, shown, described, granted)),
        facts={
            "name": organization["Name"],
            "edition": organization["OrganizationType"],
            "is_sandbox": organization["IsSandbox"],
            "time_zone": organization["TimeZoneSidKey"],
            "currency": currency,
            "currencies": currencies,
            "stages": inventory.stages(),
            "record_types": inventory.record_types(),
            "queues": inventory.queues(),
            "limits": {
                name: {"most": limits[name]["Max"], "left": limits[name]["Remaining"]}
                for name in _LIMITS
                if name in limits
            },
            "requests": api.allowance.sent - sent,
        },
        not_visible=tuple(inventory.not_visible),
    )


def _objects(
    api: SalesforceApi, shown: Mapping[str, Mapping[str, Any]], in_full: Sequence[str], count: Callable[[str], int],
    also: Callable[[ObjectSchema], bool],
) -> Iterator[ObjectSchema]:  # fmt: skip
    """The objects that are mapped, and those that have rows as far as can be told."""
    counted = api.get("limits/recordCount", what="the record counts")["sObjects"]
    estimated: dict[str, int] = {one["name"]: one["count"] for one in counted}
    for name, entry in shown.items():
        if name in in_full:
            described = object_schema(api.describe(name))
            records = count(name)
            filled = _filled(api, name) if records <= MOST_RECORDS_TO_PROFILE else {}
            fields = {
                field.name: field.model_copy(update={"filled": filled.get(field.name)})
                for field in described.fields.values()
            }
            yield described.model_copy(update={"records": records, "is_counted": True, "fields": fields})
            continue
        is_ours = is_business(entry)
        exact = _count_if_allowed(count, name) if is_ours and estimated.get(name) != 0 else None
        if records := estimated.get(name, 0) if exact is None else exact:
            found = ObjectSchema(
                name=name, label=entry["label"], records=records, is_counted=exact is not None,
                is_custom=entry["custom"], is_business=is_ours,
            )  # fmt: skip
            yield (
                found.model_copy(update={"fields": object_schema(api.describe(name)).fields}) if also(found) else found
            )


def _count_if_allowed(count: Callable[[str], int], name: str) -> int | None:
    try:
        return count(name)
    except Refused:  # some objects can be counted only below a given parent
        return None


def _filled(api: SalesforceApi, name: str) -> dict[str, int]:
    """Field -> how many records fill it, of the fields that the org can count; the others are counted at extraction."""
    names = [one["name"] for one in api.describe(name)["fields"] if one["aggregatable"] and one["type"] != "id"]
    found: dict[str, int] = {}
    for start in range(0, len(names), FIELDS_A_QUERY):
        some = names[start : start + FIELDS_A_QUERY]
        columns = tuple(f"COUNT({field}) f{n}" for n, field in enumerate(some))
        asked = Selection(name, columns, live(name).conditions)
        try:
            page = api.query(asked.unsorted(), what=f"the fill rates of {name}", everything=name in ARCHIVED)
        except Refused:
            continue
        found.update((field, page["records"][0][f"f{n}"]) for n, field in enumerate(some))
    return found


def _users(api: SalesforceApi) -> Iterator[User]:
    for row in api.rows("SELECT Id, Name, Email, IsActive, UserType FROM User ORDER BY Id", what="the users"):
        yield User(
            id=row["Id"], name=row["Name"] or "", email=row["Email"], is_active=row["IsActive"],
            is_standard=row["UserType"] == "Standard",
        )  # fmt: skip


def _limits(api: SalesforceApi) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = api.get("limits", what="the limits")
    except Refused:
        return {}
    return found
