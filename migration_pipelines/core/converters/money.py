"""Amounts and other decimal numbers. A float is never calculated with: they are decimals from the JSON text on."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from migration_pipelines.core.converters.registry import converter
from migration_pipelines.core.records import HoldReason, Problem

DIGITS = 38  # before or after the point; "1e999999999" is short to write and fills the memory


@converter(makes="integer")
def whole_units(value: str | int | float | Decimal) -> int | Problem:
    """The amount rounded half up to whole currency units, as a price field without minor units takes it."""
    amount = as_decimal(value)
    return amount if isinstance(amount, Problem) else int(amount.to_integral_value(ROUND_HALF_UP))


@converter(makes="decimal")
def decimal(value: str | int | float | Decimal) -> str | Problem:
    """The number as plain decimal text, without an exponent or idle zeros: 1500.50 -> "1500.5"."""
    amount = as_decimal(value)
    if isinstance(amount, Problem):
        return amount
    written = format(abs(amount) if amount == 0 else amount, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def as_decimal(value: str | int | float | Decimal) -> Decimal | Problem:
    """The number itself, or why it is none."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount.adjusted()) > DIGITS:
        return Problem(HoldReason.BAD_VALUE, f"{value!r} is no amount", value=value)
    return amount
