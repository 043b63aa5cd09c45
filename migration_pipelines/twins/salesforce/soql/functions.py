"""What SQLite lacks for SOQL: comparison of text without regard to case in any alphabet, LIKE, INCLUDES."""

import re
import sqlite3
from functools import lru_cache

COLLATION = "SOQL"


def install(connection: sqlite3.Connection) -> None:
    connection.create_collation(COLLATION, _compare)
    connection.create_function("soql_like", 2, _like, deterministic=True)
    connection.create_function("soql_includes", 2, _includes, deterministic=True)


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
