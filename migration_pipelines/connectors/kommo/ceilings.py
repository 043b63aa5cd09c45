"""How many records a Kommo account may hold, by the plan that is paid for (Kommo plans, in force since June 2026).

No API tells the plan, so a project says it; the figures are per seat and multiply. Enterprise has ceilings of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.schema import OrgSchema

_LEADS, _PEOPLE = ("leads",), ("contacts", "companies")
PER_SEAT: Mapping[str, Mapping[tuple[str, ...], int]] = {
    "base": {_LEADS: 2_500, _PEOPLE: 12_500},
    "advanced": {_LEADS: 5_000, _PEOPLE: 25_000},
    "pro": {_LEADS: 10_000, _PEOPLE: 50_000},
    "enterprise": {},
}


def ceilings(decisions: Mapping[str, Any], account: OrgSchema) -> Mapping[tuple[str, ...], int]:
    """Objects that are counted together -> how many of them the account may hold.

    Args:
        decisions: `kommo_plan`, and `kommo_seats`: 0 counts the active users.
    """
    seats = decisions.get("kommo_seats") or sum(user.is_active for user in account.users)
    return {objects: most * seats for objects, most in PER_SEAT.get(str(decisions.get("kommo_plan")), {}).items()}
