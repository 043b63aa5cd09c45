"""Date literals: the days that `TODAY`, `LAST_N_DAYS:30` or `THIS_FISCAL_QUARTER` stand for. Weeks begin on Sunday."""

import re
from collections.abc import Callable
from datetime import date, timedelta

Days = tuple[date, date]
"""First day, and the day after the last."""
Start = Callable[[date, int], date]

_RELATIVE = re.compile(r"(LAST|THIS|NEXT)_(FISCAL_)?(WEEK|MONTH|QUARTER|YEAR)")
_COUNTED = re.compile(r"(LAST|NEXT)_N_(FISCAL_)?(DAY|WEEK|MONTH|QUARTER|YEAR)S")
_AGO = re.compile(r"N_(FISCAL_)?(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO")


def days_of(name: str, n: int | None, today: date, fiscal_month: int = 1) -> Days | None:
    """The days of a literal; None where there is no literal of that name, or its number is missing or too much.

    Args:
        fiscal_month: the month in which the fiscal year begins.
    """
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
            start = _start(match[3], fiscal_month if match[2] else 0)
            offset = ("LAST", "THIS", "NEXT").index(match[1]) - 1
            return (start(today, offset), start(today, offset + 1)) if start else None
        return None
    if match := _COUNTED.fullmatch(name):
        start = _start(match[3], fiscal_month if match[2] else 0)
        if start is None:
            return None
        # The last n days run up to now; the last n weeks, months, quarters and years are whole ones.
        if match[1] == "LAST":
            return start(today, -n), start(today, 1 if match[3] == "DAY" else 0)
        return start(today, 1), start(today, n + 1)
    if match := _AGO.fullmatch(name):
        start = _start(match[2], fiscal_month if match[1] else 0)
        return (start(today, -n), start(today, 1 - n)) if start else None
    return None


def _start(unit: str, fiscal_month: int) -> "Start | None":
    """The first day of the span that holds a day, moved by some spans."""
    if not fiscal_month:
        return _STARTS[unit]
    months = {"QUARTER": 3, "YEAR": 12}.get(unit)
    if months is None:
        return None
    return lambda today, offset: _month(today, months * offset - (today.month - fiscal_month) % months)


def _week(today: date, offset: int) -> date:
    return today - timedelta((today.weekday() + 1) % 7) + timedelta(weeks=offset)


def _month(today: date, offset: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + offset, 12)
    return date(year, month + 1, 1)


def _quarter(today: date, offset: int) -> date:
    return _month(today.replace(month=(today.month - 1) // 3 * 3 + 1), 3 * offset)


_STARTS: dict[str, Start] = {
    "DAY": lambda today, offset: today + timedelta(offset),
    "WEEK": _week,
    "MONTH": _month,
    "QUARTER": _quarter,
    "YEAR": lambda today, offset: date(today.year + offset, 1, 1),
}
