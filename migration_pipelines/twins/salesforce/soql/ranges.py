"""Date literals: the days that `TODAY`, `LAST_N_DAYS:30` or `THIS_QUARTER` stand for. Weeks begin on Sunday."""

import re
from collections.abc import Callable
from datetime import date, timedelta

Days = tuple[date, date]
"""First day, and the day after the last."""

_RELATIVE = re.compile(r"(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)")
_COUNTED = re.compile(r"(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S")
_AGO = re.compile(r"N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO")


def days_of(name: str, n: int | None, today: date) -> Days | None:
    """The days of a literal; None where there is no literal of that name, or its number is missing or too much."""
    simple: dict[str, Days] = {
        "YESTERDAY": (today - timedelta(1), today),
        "TODAY": (today, today + timedelta(1)),
        "TOMORROW": (today + timedelta(1), today + timedelta(2)),
        "LAST_90_DAYS": (today - timedelta(90), today + timedelta(1)),
        "NEXT_90_DAYS": (today + timedelta(1), today + timedelta(91)),
    }
    if n is None:
        if name in simple:
            return simple[name]
        if match := _RELATIVE.fullmatch(name):
            start = _STARTS[match[2]]
            offset = ("LAST", "THIS", "NEXT").index(match[1]) - 1
            return start(today, offset), start(today, offset + 1)
        return None
    if match := _COUNTED.fullmatch(name):
        start = _STARTS[match[2]]
        # The last n days run up to now; the last n weeks, months, quarters and years are whole ones.
        if match[1] == "LAST":
            return start(today, -n), start(today, 1 if match[2] == "DAY" else 0)
        return start(today, 1), start(today, n + 1)
    if match := _AGO.fullmatch(name):
        start = _STARTS[match[1]]
        return start(today, -n), start(today, 1 - n)
    return None


def _week(today: date, offset: int) -> date:
    return today - timedelta((today.weekday() + 1) % 7) + timedelta(weeks=offset)


def _month(today: date, offset: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + offset, 12)
    return date(year, month + 1, 1)


def _quarter(today: date, offset: int) -> date:
    return _month(today.replace(month=(today.month - 1) // 3 * 3 + 1), 3 * offset)


_STARTS: dict[str, Callable[[date, int], date]] = {
    "DAY": lambda today, offset: today + timedelta(offset),
    "WEEK": _week,
    "MONTH": _month,
    "QUARTER": _quarter,
    "YEAR": lambda today, offset: date(today.year + offset, 1, 1),
}
