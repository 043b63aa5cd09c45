"""WHERE and HAVING: a condition becomes SQL, once its values fit the field's type.

Rules of comparison: text without regard to case, unless its field is case-sensitive; ids in either form; `!=` and
`NOT IN` are also true of an empty field; an empty string is an empty field; a date literal stands for its days in the
user's time zone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES, TEXT_TYPES
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.moments import moment, parse_date, parse_moment
from migration_pipelines.twins.salesforce.soql.asking import Now
from migration_pipelines.twins.salesforce.soql.errors import SoqlError, malformed
from migration_pipelines.twins.salesforce.soql.names import Binds, Operand
from migration_pipelines.twins.salesforce.soql.ranges import Days, days_of
from migration_pipelines.twins.salesforce.soql.text import balanced
from migration_pipelines.twins.salesforce.soql.tokens import like_regex, unescape
from migration_pipelines.twins.salesforce.soql.tree import (
    Call,
    Comparison,
    Condition,
    Either,
    Every,
    Literal,
    Membership,
    MultiSelect,
    Not,
    Path,
    Select,
)

ID_TYPES = frozenset({"id", "reference"})


@dataclass(frozen=True)
class Conditions:
    """Compiles conditions.

    Attributes:
        operand: looks up the left side of a comparison.
        subselect: SQL of a semi-join's SELECT, which yields one column.
    """

    binds: Binds
    now: Now
    operand: Callable[[Path | Call], Operand]
    subselect: Callable[[Select], str]

    def sql(self, condition: Condition) -> str:
        match condition:
            case Every(conditions):
                return balanced([self.sql(inner) for inner in conditions], "AND")
            case Either(conditions):
                return balanced([self.sql(inner) for inner in conditions], "OR")
            case Not(inner):
                return f"(NOT coalesce({self.sql(inner)}, 0))"
            case Comparison():
                return self._comparison(condition)
            case Membership():
                return self._membership(condition)
            case MultiSelect():
                return self._multi_select(condition)

    def _comparison(self, condition: Comparison) -> str:
        operand = self._filterable(condition)
        operator, literal = condition.operator, condition.value
        if operator == "LIKE":
            if operand.field.type not in TEXT_TYPES:
                raise _invalid_operator(operand.field, condition.at)
            if literal.kind != "string":
                raise _wrong_type(operand.field, literal)
            unescape(literal.text, literal.at)
            return f"soql_like({operand.sql}, {self.binds.add(like_regex(literal.text))})"
        if literal.kind == "range":
            return self._range(operand, operator, literal)
        value = self._value(operand.field, literal)
        if value is None:
            if operator not in ("=", "!="):
                raise _invalid_operator(operand.field, condition.at)
            return f"{operand.sql} IS {'NOT ' if operator == '!=' else ''}NULL"
        if operand.field.type == "boolean" and operator not in ("=", "!="):
            raise _invalid_operator(operand.field, condition.at)
        bound = self.binds.add(value)
        return f"{operand.sql} IS NOT {bound}" if operator == "!=" else f"{operand.sql} {operator} {bound}"

    def _membership(self, condition: Membership) -> str:
        operand = self._filterable(condition)
        if isinstance(condition.values, Select):
            if operand.field.type not in ID_TYPES:
                raise malformed(
                    f"semi join sub-selects need an id or reference field: {operand.field.name}", condition.at
                )
            inside = f"{operand.sql} IN ({self.subselect(condition.values)})"
            return f"(NOT coalesce({inside}, 0))" if condition.negated else inside
        if any(literal.kind == "range" for literal in condition.values):
            literal = next(literal for literal in condition.values if literal.kind == "range")
            raise malformed(f"unexpected token: '{literal.text}'", literal.at)
        values = [self._value(operand.field, literal) for literal in condition.values]
        bound = ", ".join(self.binds.add(value) for value in values if value is not None)
        inside = f"{operand.sql} IN ({bound})"
        if None in values:
            inside = f"({inside} OR {operand.sql} IS NULL)"
        return f"(NOT coalesce({inside}, 0))" if condition.negated else inside

    def _multi_select(self, condition: MultiSelect) -> str:
        operand = self._filterable(condition)
        if operand.field.type != "multipicklist":
            raise _invalid_operator(operand.field, condition.at)
        wanted = [self._value(operand.field, literal) for literal in condition.values]
        has = " OR ".join(f"soql_includes({operand.sql}, {self.binds.add(value)})" for value in wanted)
        return f"(NOT ({has}))" if condition.negated else f"({has})"

    def _range(self, operand: Operand, operator: str, literal: Literal) -> str:
        if operand.field.type not in ("date", "datetime"):
            raise _wrong_type(operand.field, literal)
        try:
            days = days_of(literal.text, literal.n, self.now.today, self.now.fiscal_month)
        except (OverflowError, ValueError):
            days = None
        if days is None:
            raise malformed(f"unexpected token: '{literal.text}'", literal.at)
        first, after = map(self.binds.add, self._bounds(operand.field, days))
        sql = operand.sql
        return {
            "=": f"({sql} >= {first} AND {sql} < {after})",
            "!=": f"({sql} IS NULL OR {sql} < {first} OR {sql} >= {after})",
            "<": f"{sql} < {first}",
            "<=": f"{sql} < {after}",
            ">": f"{sql} >= {after}",
            ">=": f"{sql} >= {first}",
        }[operator]

    def _bounds(self, field: Field, days: Days) -> tuple[str, str]:
        if field.type == "date":
            return days[0].isoformat(), days[1].isoformat()
        first, after = (moment(datetime.combine(day, time(), self.now.zone).astimezone(UTC)) for day in days)
        return first, after

    def _filterable(self, condition: Comparison | Membership | MultiSelect) -> Operand:
        operand = self.operand(condition.operand)
        if not operand.field.answer["filterable"] or not operand.field.is_stored:
            text = f"field '{operand.field.name}' can not be filtered in a query call"
            raise SoqlError("INVALID_FIELD", text, condition.at)
        return operand

    def _value(self, field: Field, literal: Literal) -> object:
        """The literal as it is stored; None for null and the empty string.

        Raises:
            SoqlError: INVALID_FIELD if the literal does not fit the field's type.
        """
        if literal.kind == "null":
            return None
        kind = field.type
        if kind in ID_TYPES and field.target_key == "Id":
            return _id_value(literal, field)
        if kind == "boolean" and literal.kind == "boolean":
            return int(literal.text == "TRUE")
        if kind in NUMBER_TYPES and literal.kind == "number":
            return float(literal.text)
        if kind in ("date", "datetime", "time"):
            return _time_value(literal, field)
        if kind not in NUMBER_TYPES and kind != "boolean" and literal.kind == "string":
            return unescape(literal.text, literal.at) or None
        raise _wrong_type(field, literal)


def _id_value(literal: Literal, field: Field) -> str | None:
    if literal.kind != "string":
        raise _wrong_type(field, literal)
    text = unescape(literal.text, literal.at)
    record_id = canonical(text)
    if text and record_id is None:
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}", literal.at)
    return record_id


def _time_value(literal: Literal, field: Field) -> str:
    try:
        if field.type == "date" and literal.kind == "date":
            return parse_date(literal.text)
        if field.type == "datetime" and literal.kind == "datetime":
            return moment(parse_moment(literal.text))
    except ValueError as error:
        raise malformed(f"Invalid date: {literal.text}", literal.at) from error
    raise _wrong_type(field, literal)


def _wrong_type(field: Field, literal: Literal) -> SoqlError:
    kind = str(field.answer["soapType"]).split(":")[-1]
    quotes = "should be" if kind in ("string", "ID") else "should not be"
    text = f"value of filter criterion for field '{field.name}' must be of type {kind} and {quotes} enclosed in quotes"
    return SoqlError("INVALID_FIELD", text, literal.at)


def _invalid_operator(field: Field, at: int) -> SoqlError:
    return SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field", at)
