"""Moments that lie apart: a target may show two records of one card and one second as one, so no two of them share one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from migration_pipelines.core.converters.dates import moment
from migration_pipelines.core.mapping import Route
from migration_pipelines.core.records import Planned


class Spread:
    """Moves moments on by seconds, through one whole plan. The same plan moves the same records.

    What it remembers is a number for each moment that it has seen, about 100 bytes each.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def apart(self, route: Route, planned: Planned) -> Planned:
        """The record with each of its `apart_on` moments where no record before it has one."""
        moved = {
            name: self._free(str(planned.values[name]), (route.target, name, *_below(planned, row.apart_on)))
            for name, row in route.fields.items()
            if row.apart_on and planned.values[name]
        }
        return replace(planned, values={**planned.values, **moved}) if moved else planned

    def _free(self, when: str, where: tuple[str, ...]) -> str:
        at = datetime.fromisoformat(when)
        while (taken := hash((*where, at))) in self._taken:
            at += timedelta(seconds=1)
        self._taken.add(taken)
        return str(moment(at.isoformat()))


def _below(planned: Planned, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for one in planned.references if one.field in fields for part in (one.field, one.source_id))
