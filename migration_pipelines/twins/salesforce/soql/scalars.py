"""Functions of one value: parts of dates, labels of choices, formats. Aggregates are in `aggregates`."""

from collections.abc import Callable, Mapping

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES, whole_field
from migration_pipelines.twins.salesforce.soql.asking import Now
from migration_pipelines.twins.salesforce.soql.errors import malformed
from migration_pipelines.twins.salesforce.soql.functions import COLLATION, FORMAT, LOCAL
from migration_pipelines.twins.salesforce.soql.names import Operand
from migration_pipelines.twins.salesforce.soql.text import literal
from migration_pipelines.twins.salesforce.soql.tree import Call, Path

_YEAR, _MONTH, _DAY, _HOUR = (
    f"CAST(substr({{0}}, {first}, {length}) AS INTEGER)" for first, length in ((1, 4), (6, 2), (9, 2), (12, 2))
)
_OF_A_DATE: Mapping[str, str] = {
    "CALENDAR_YEAR": _YEAR,
    "CALENDAR_QUARTER": f"(({_MONTH} + 2) / 3)",
    "CALENDAR_MONTH": _MONTH,
    "DAY_IN_MONTH": _DAY,
    "DAY_IN_WEEK": "(CAST(strftime('%w', substr({0}, 1, 10)) AS INTEGER) + 1)",
    "DAY_IN_YEAR": "CAST(strftime('%j', substr({0}, 1, 10)) AS INTEGER)",
    "WEEK_IN_MONTH": f"(({_DAY} + 6) / 7)",
    "WEEK_IN_YEAR": "((CAST(strftime('%j', substr({0}, 1, 10)) AS INTEGER) + 6) / 7)",
    "DAY_ONLY": "substr({0}, 1, 10)",
    "HOUR_IN_DAY": _HOUR,
}
_FISCAL = ("FISCAL_YEAR", "FISCAL_QUARTER", "FISCAL_MONTH")
_OF_MOMENTS_ONLY = ("DAY_ONLY", "HOUR_IN_DAY")
DATE_FUNCTIONS = frozenset({*_OF_A_DATE, *_FISCAL})
CONVERT_TIMEZONE = "CONVERTTIMEZONE"
SHOWING = frozenset({"TOLABEL", "FORMAT"})
"""Functions that a SELECT list may use without grouping."""

Lookup = Callable[[Path | Call], Operand]


def scalar(call: Call, lookup: Lookup, now: Now) -> Operand:
    """SQL of a function's value.

    Args:
        lookup: finds the argument.

    Raises:
        SoqlError: the function does not take a field of that type.
    """
    if call.argument is None:
        raise malformed(f"{call.function} needs an argument", call.at)
    if call.function in DATE_FUNCTIONS:
        return _date_part(call, call.argument, lookup, now)
    argument = lookup(call.argument)
    return _label(call, argument) if call.function == "TOLABEL" else _formatted(call, argument, now)


def _date_part(call: Call, given: Path | Call, lookup: Lookup, now: Now) -> Operand:
    converted = isinstance(given, Call) and given.function == CONVERT_TIMEZONE
    inner = given.argument if isinstance(given, Call) and converted else given
    argument = lookup(inner) if isinstance(inner, Path) else None
    accepted = ("datetime",) if converted or call.function in _OF_MOMENTS_ONLY else ("date", "datetime")
    if argument is None or argument.field.type not in accepted:
        raise malformed(f"{call.function} function not supported on type of field {given}", call.at)
    value = f"{LOCAL}({argument.sql}, {literal(now.zone.key)})" if converted else argument.sql
    part = _OF_A_DATE.get(call.function)
    sql = part.format(value) if part else _fiscal(call.function, value, now)
    return Operand(sql, _field(call, "date" if call.function == "DAY_ONLY" else "int"))


def _fiscal(function: str, value: str, now: Now) -> str:
    month = f"((({_MONTH.format(value)}) + {12 - now.fiscal_month}) % 12)"  # 0 is the fiscal year's first
    if function == "FISCAL_MONTH":
        return f"({month} + 1)"
    if function == "FISCAL_QUARTER":
        return f"({month} / 3 + 1)"
    begun = f"({_YEAR.format(value)} - ({_MONTH.format(value)} < {now.fiscal_month}))"
    return begun if now.fiscal_month == 1 or now.fiscal_year_by_start else f"({begun} + 1)"


def _label(call: Call, argument: Operand) -> Operand:
    if argument.field.type not in ("picklist", "multipicklist", "combobox", "string"):
        raise malformed(f"toLabel is not supported on field {argument.field.name}", call.at)
    labels = " ".join(
        f"WHEN {literal(entry['value'])} THEN {literal(entry['label'])}"
        for entry in argument.field.answer["picklistValues"]
        if entry["label"] != entry["value"]
    )
    if not labels:
        return argument
    sql = f"(CASE {argument.sql} {labels} ELSE {argument.sql} END COLLATE {COLLATION})"
    return Operand(sql, argument.field, argument.is_aggregate)


def _formatted(call: Call, argument: Operand, now: Now) -> Operand:
    kind = argument.field.type
    if kind not in NUMBER_TYPES and kind not in ("date", "datetime"):
        raise malformed(f"FORMAT is not supported on field {argument.field.name}", call.at)
    scale = int(argument.field.answer["scale"])
    sql = f"{FORMAT}({argument.sql}, {literal(kind)}, {scale}, {literal(now.zone.key)})"
    return Operand(sql, _field(call, "string", argument.field.name), argument.is_aggregate)


def _field(call: Call, kind: str, name: str | None = None) -> Field:
    name = name or str(call)
    return Field(name, kind, whole_field({"name": name, "type": kind}))
