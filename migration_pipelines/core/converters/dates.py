"""Dates and times in our normal form: "2026-03-31", and "2026-03-31T09:30:00Z" in UTC.

A target's own form, such as Unix seconds at local noon, is its connector's affair.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from migration_pipelines.core.converters.registry import converter
from migration_pipelines.core.records import HoldReason, Problem


@converter(makes="date")
def day(value: str) -> str | Problem:
    """A date: "2026-03-31" as it is, a moment by its UTC day."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    when = moment(value)
    return when if isinstance(when, Problem) else when[:10]


@converter(makes="datetime")
def moment(value: str) -> str | Problem:
    """A moment in UTC, to the second: "2022-03-17T16:21:26.000+0300" -> "2022-03-17T13:21:26Z".

    A moment without an offset is refused: guessing a zone shifts history.
    """
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return Problem(HoldReason.BAD_VALUE, f"{value!r} is no date with time", value=value)
    if when.tzinfo is None:
        return Problem(HoldReason.BAD_VALUE, f"{value!r} says no time zone", value=value)
    try:
        return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    except OverflowError:  # "0001-01-01T00:00:00+03:00", what some systems write for no date at all
        return Problem(HoldReason.BAD_VALUE, f"{value!r} is outside the calendar", value=value)
