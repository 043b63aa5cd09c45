"""What SQLite lacks for SOQL: comparison of text without regard to case in any alphabet, LIKE, INCLUDES, exact numbers,
time zones and the user's formats.
"""

import math
import re
import sqlite3
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

from migration_pipelines.twins.salesforce.moments import parse_moment

COLLATION = "SOQL"
NUMBER, LOCAL, FORMAT = "soql_number", "soql_local", "soql_format"


def install(connection: sqlite3.Connection) -> None:
    connection.create_collation(COLLATION, _compare)
    connection.create_function("soql_like", 2, _like, deterministic=True)
    connection.create_function("soql_includes", 2, _includes, deterministic=True)
    connection.create_function(NUMBER, 1, _number, deterministic=True)
    connection.create_function(LOCAL, 2, _local, deterministic=True)
    connection.create_function(FORMAT, 4, _format, deterministic=True)


def _compare(left: str, right: str) -> int:
    if left == right:
        return 0
    left, right = left.casefold(), right.casefold()
    return (left > right) - (left < right)


@lru_cache(maxsize=256)
def _pattern(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.IGNORECASE | re.DOTALL)


def _like(value: str | None, regex: str) -> bool | None:
    return None if value is None else _pattern(regex).fullmatch(str(value)) is not None


@lru_cache(maxsize=1024)
def _chosen(value: str) -> frozenset[str]:
    return frozenset(part.strip().casefold() for part in value.split(";"))


def _includes(value: str | None, wanted: str) -> bool:
    """Whether a multi-select value has every choice of `A;B`."""
    return value is not None and _chosen(wanted) <= _chosen(value)


def _number(value: float | None) -> str | None:
    """A number's shortest text that reads back as the same number; SQLite's own has 15 digits."""
    return repr(float(value)) if value is not None and math.isfinite(value) else None


def _local(moment: str | None, zone: str) -> str | None:
    """The same moment on a clock in the zone: `2026-06-16T01:30:00.000+0300`."""
    if moment is None:
        return None
    at = parse_moment(moment).astimezone(ZoneInfo(zone))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}{at:%z}"


def _format(value: str | float | None, kind: str, scale: int, zone: str) -> str | None:
    """FORMAT() for the locale en_US: `1,000.50`, `6/15/2026`, `6/15/2026, 10:30 PM`."""
    if value is None:
        return None
    if kind == "date":
        day = date.fromisoformat(str(value))
        return f"{day.month}/{day.day}/{day.year}"
    if kind == "datetime":
        at = parse_moment(str(value)).astimezone(ZoneInfo(zone))
        return f"{at.month}/{at.day}/{at.year}, {at.hour % 12 or 12}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"
    return f"{float(value):,.{scale}f}"
