"""Moments of the demo company's past: no two things that are written down happen in the same second, unless planted."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from migration_pipelines.demo.model import TODAY


class Clock:
    def __init__(self) -> None:
        self._taken: set[datetime] = set()

    def moment(self, rng: random.Random, least: int, most: int) -> datetime:
        """A second between so many days ago and so many, within working hours, that nobody else was given."""
        day = TODAY - timedelta(days=rng.randint(least, most))
        when = datetime(
            day.year, day.month, day.day, rng.randint(8, 19), rng.randint(0, 59), rng.randint(0, 59), tzinfo=UTC
        )
        while when in self._taken:
            when += timedelta(seconds=1)
        self._taken.add(when)
        return when
