"""The ceilings of records that a plan sets, per seat."""

from collections.abc import Mapping
from types import MappingProxyType

from migration_pipelines.twins.kommo.answers import refuse
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.twin import Kommo

LEADS_PER_SEAT: Mapping[str, int] = MappingProxyType({"base": 2_500, "advanced": 5_000, "pro": 10_000})
PEOPLE_PER_SEAT: Mapping[str, int] = MappingProxyType({"base": 12_500, "advanced": 25_000, "pro": 50_000})
"""Kommo plan limits: leads, and contacts with companies."""
_COUNTED = {
    "leads": (LEADS_PER_SEAT, ("leads",)),
    "contacts": (PEOPLE_PER_SEAT, ("contacts", "companies")),
    "companies": (PEOPLE_PER_SEAT, ("contacts", "companies")),
}


def leave_room(twin: Kommo, entity: Entity, more: int) -> None:
    """Refuse what would pass the ceiling."""
    switches = twin.switches
    if switches.plan in ("none", "enterprise") or entity.name not in _COUNTED:
        return
    per_seat, kinds = _COUNTED[entity.name]
    marks = ", ".join("?" * len(kinds))
    (held,) = twin.store.sql(
        f"SELECT count(*) FROM record WHERE entity IN ({marks}) AND NOT is_deleted",  # noqa: S608
        kinds,
    ).fetchone()
    if held + more > per_seat[switches.plan] * switches.seats:
        raise refuse(int(switches.over_plan), "The limit of your plan has been reached")
