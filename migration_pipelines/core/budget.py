"""What a plan costs: the source in records read, the target in requests and minutes, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

READ_BACK_PAGE = 200  # records that one read-back request answers


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests that a load sends, its read-back included, and minutes at a pace."""

    requests: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Records that one full extraction reads, what the source gives of them in a day, and the days that takes at least."""

    records: int
    a_day: int
    days: int


def reading(records: int, a_day: int) -> Reading:
    """Args: a_day, the ceiling of the source's bulk interface (SF-KOMMO-64)."""
    return Reading(records, a_day, math.ceil(records / a_day))


def cost(to_write: dict[str, int], *, arrays: Mapping[str, int], groups: dict[str, int], per_second: float) -> Cost:
    """Estimate.

    Args:
        to_write: target object -> records to create or update.
        arrays: target object -> records that one write request carries.
        groups: target object -> requests, for those whose records travel by parent.
        per_second: requests a second that the target is given.
    """
    requests = 0
    for target_object, records in to_write.items():
        requests += groups.get(target_object) or math.ceil(records / arrays[target_object])
        requests += math.ceil(records / READ_BACK_PAGE)
    return Cost(requests, round(requests / per_second / 60, 1))
