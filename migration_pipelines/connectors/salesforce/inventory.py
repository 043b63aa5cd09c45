"""What is set up in an org: automations, record types, stages, currencies, queues. A kind that is refused is not visible,
which is another thing than none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migration_pipelines.connectors.salesforce.api import Row, SalesforceApi
from migration_pipelines.connectors.salesforce.refusals import Refused
from migration_pipelines.connectors.salesforce.values import from_query
from migration_pipelines.core.schema import Automation


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of automation: the object that lists it, and where name, object and activity stand.

    `active` is the value that means active; None where the list does not say.
    """

    kind: str
    listed_by: str
    name: str
    on: str
    state: str | None = None
    active: object = True
    resource: str = "query"


AUTOMATIONS = (
    _Kind("flow", "FlowDefinitionView", "Label", "TriggerObjectOrEventLabel", "IsActive"),
    _Kind(
        "validation rule", "ValidationRule", "ValidationName", "EntityDefinition.QualifiedApiName", "Active",
        resource="tooling/query",
    ),
    _Kind("trigger", "ApexTrigger", "Name", "TableEnumOrId", "Status", "Active"),
    _Kind("workflow rule", "WorkflowRule", "Name", "TableEnumOrId", resource="tooling/query"),
    _Kind("approval process", "ProcessDefinition", "Name", "TableEnumOrId", "State", "Active"),
    _Kind("assignment rule", "AssignmentRule", "Name", "SobjectType", "Active"),
    _Kind("duplicate rule", "DuplicateRule", "DeveloperName", "SobjectType", "IsActive"),
)  # fmt: skip


class Inventory:
    """Asks for one list after the other, and remembers which were refused."""

    def __init__(self, api: SalesforceApi) -> None:
        self._api = api
        self.not_visible: list[str] = []

    def automations(self) -> Iterator[Automation]:
        for kind in AUTOMATIONS:
            fields = [name for name in (kind.name, kind.on, kind.state) if name]
            soql = f"SELECT {', '.join(fields)} FROM {kind.listed_by}"  # noqa: S608  names of our own
            for row in self._rows(f"{kind.kind}s", soql, resource=kind.resource):
                values = from_query(row, fields)
                is_active = values[kind.state] == kind.active if kind.state else None
                yield Automation(kind=kind.kind, name=values[kind.name], object=values[kind.on], is_active=is_active)

    def stages(self) -> list[dict[str, Any]]:
        """Opportunity stages in order: name, and whether they are closed and won."""
        soql = "SELECT ApiName, IsClosed, IsWon FROM OpportunityStage ORDER BY SortOrder"
        return self._listed("stages", soql, lambda row: {
            "name": row["ApiName"], "is_closed": row["IsClosed"], "is_won": row["IsWon"],
        })  # fmt: skip

    def record_types(self) -> list[dict[str, Any]]:
        soql = "SELECT SobjectType, DeveloperName, Name, IsActive FROM RecordType"
        return self._listed("record types", soql, lambda row: {
            "object": row["SobjectType"], "code": row["DeveloperName"], "name": row["Name"], "is_active": row["IsActive"],
        })  # fmt: skip

    def queues(self) -> list[dict[str, Any]]:
        soql = "SELECT Id, Name FROM Group WHERE Type = 'Queue'"
        return self._listed("queues", soql, lambda row: {"id": row["Id"], "name": row["Name"]})

    def currencies(self) -> list[dict[str, Any]]:
        """Currencies with their rates to the org's own one. An org with a single currency has no such list."""
        soql = "SELECT IsoCode, ConversionRate, DecimalPlaces, IsActive, IsCorporate FROM CurrencyType"
        return self._listed("currencies", soql, lambda row: {
            "code": row["IsoCode"], "rate": row["ConversionRate"], "is_active": row["IsActive"],
            "is_own": row["IsCorporate"], "decimals": row["DecimalPlaces"],
        })  # fmt: skip

    def _listed(self, what: str, soql: str, as_fact: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
        return [as_fact(row) for row in self._rows(what, soql)]

    def _rows(self, what: str, soql: str, resource: str = "query") -> Sequence[Row]:
        try:
            return list(self._api.rows(soql, what=f"the {what}", resource=resource))
        except Refused:
            self.not_visible.append(what)
            return ()
