"""What the org may hold and does not show us: no error tells, so it is looked for. Each gap is a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simple_salesforce.format import format_soql

from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.describe import is_business_by_name
from migration_pipelines.connectors.salesforce.permissions import QUERY_ALL_FILES, VIEW_ALL_DATA
from migration_pipelines.connectors.salesforce.refusals import Refused

_HIDES = {
    VIEW_ALL_DATA: ("View All Data", "records that are not shared with it, private ones among them"),
    QUERY_ALL_FILES: ("Query All Files", "files that are not shared with it"),
}


def gaps(
    api: SalesforceApi, shown: Mapping[str, Mapping[str, Any]], in_full: Sequence[str], granted: Mapping[str, bool]
) -> Iterator[str]:
    """Every gap that can be found.

    Args:
        shown: the objects of the global describe, by name.
        in_full: the objects whose fields matter.
        granted: our permissions, as far as they are known.
    """
    for permission, (label, what) in _HIDES.items():
        if permission not in granted:
            yield f"Salesforce does not tell whether the integration user has {label}, without which {what} are hidden"
        elif not granted[permission]:
            yield f"the integration user lacks {label}: {what} are neither counted nor read"
    for name in in_full:
        yield from _hidden_fields(api, name)
    yield from _hidden_objects(api, shown)


def _hidden_fields(api: SalesforceApi, name: str) -> Iterator[str]:
    soql = format_soql(
        "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = {}", name
    )
    try:
        there = {row["QualifiedApiName"] for row in api.rows(str(soql), what=f"the field definitions of {name}")}
    except Refused as error:
        yield f"Salesforce does not tell whether {name} has fields that are hidden from us ({error.code})"
        return
    if hidden := sorted(there - {one["name"] for one in api.describe(name)["fields"]}):
        yield f"{name} has fields that the integration user may not read: {', '.join(hidden)}"


def _hidden_objects(api: SalesforceApi, shown: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    soql = (
        "SELECT QualifiedApiName, IsCustomSetting, IsDeprecatedAndHidden FROM EntityDefinition WHERE IsQueryable = true"
    )
    try:
        rows = list(api.rows(soql, what="the object definitions"))
    except Refused as error:
        yield f"Salesforce does not tell whether there are objects that are hidden from us ({error.code})"
        return
    hidden = sorted(
        row["QualifiedApiName"]
        for row in rows
        if row["QualifiedApiName"] not in shown
        and not row["IsCustomSetting"]
        and not row["IsDeprecatedAndHidden"]
        and is_business_by_name(row["QualifiedApiName"])
    )
    if hidden:
        yield f"there are objects that the integration user may not read: {', '.join(hidden)}"
