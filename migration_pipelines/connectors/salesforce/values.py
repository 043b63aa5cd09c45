"""One normal form of Salesforce's values, so that a record is the same whether it was read by query or by Bulk.

Numbers are exact and carry no idle zeros; moments have the form of the query resource, "2022-03-17T16:21:26.000+0000";
what is empty is None; a parent's field stands under its path, such as "Owner.Email".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

_MOST_DIGITS = 15  # what a float keeps


def number(text: str) -> int | float | str:
    """A number exactly: "1000.0" -> 1000, "1234.56" -> 1234.56; its text where no float is the same number."""
    exact = Decimal(text)
    if exact == exact.to_integral_value() and exact.adjusted() < 40:
        return int(exact)
    short = exact.normalize()
    return float(short) if len(short.as_tuple().digits) <= _MOST_DIGITS else format(short, "f")


def from_query(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The values of one record as the query resource gives it, numbers parsed by `number`."""
    return {name: row[name] if name in row else _along(row, name) for name in fields}


def _along(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        if value is None:
            return None
        value = value[step]
    return value


Column = Sequence[str]


def from_csv(kind: str) -> Callable[[Column], Sequence[Any]]:
    """How to read a column's cells, by the field's type in the describe call. By column, since a call a cell is dear."""
    return _READERS.get(kind, _texts)


def _texts(cells: Column) -> Sequence[str | None]:
    return [cell or None for cell in cells]


def _booleans(cells: Column) -> Sequence[bool | None]:
    return [cell == "true" if cell else None for cell in cells]


def _numbers(cells: Column) -> Sequence[int | float | str | None]:
    return [number(cell) if cell else None for cell in cells]


def _moments(cells: Column) -> Sequence[str | None]:
    return [cell[:-1] + "+0000" if cell.endswith("Z") else cell or None for cell in cells]


_READERS: Mapping[str, Callable[[Column], Sequence[Any]]] = {
    "boolean": _booleans, "datetime": _moments,
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), _numbers),
}  # fmt: skip
