"""What a plan costs the target in requests and minutes, before anything is sent."""

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
