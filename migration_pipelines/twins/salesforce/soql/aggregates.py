"""Statements with aggregate functions: what is selected, grouped and compared."""

from collections.abc import Iterator

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES, whole_field
from migration_pipelines.twins.salesforce.soql.asking import Now
from migration_pipelines.twins.salesforce.soql.errors import malformed
from migration_pipelines.twins.salesforce.soql.names import Column, Operand, Scope
from migration_pipelines.twins.salesforce.soql.scalars import DATE_FUNCTIONS, scalar
from migration_pipelines.twins.salesforce.soql.shape import Record, Shape, Value, column_metadata
from migration_pipelines.twins.salesforce.soql.tree import Call, Item, Path, Select

_SQL = {
    "COUNT": "count({})",
    "COUNT_DISTINCT": "count(DISTINCT {})",
    "MIN": "min({})",
    "MAX": "max({})",
    "SUM": "sum({})",
    "AVG": "avg({})",
}
COUNTED = Field("count", "int", whole_field({"name": "count", "type": "int"}))
AVERAGE = Field("avg", "double", whole_field({"name": "avg", "type": "double"}))


class Aggregates:
    """The columns of an aggregate statement.

    Attributes:
        selected: SQL of each column.
        grouped: SQL of each GROUP BY field.
    """

    def __init__(self, select: Select, scope: Scope, now: Now) -> None:
        self._scope = scope
        self._now = now
        if not select.group_by and (select.limit or select.offset):
            raise malformed(
                "Non-grouped query that uses overall aggregate functions cannot also use LIMIT", select.source_at
            )
        self.grouped = [self._groupable(value).sql for value in select.group_by]
        self.selected: list[str] = []
        self.shape = Shape(None)
        self.metadata: list[Record] = []
        unnamed = (f"expr{number}" for number in range(len(select.items)))
        for item in select.items:
            self._add(item, unnamed)

    def operand(self, value: Path | Call) -> Operand:
        """What HAVING compares and ORDER BY sorts by: an aggregate, or what is grouped."""
        if isinstance(value, Call) and value.function in _SQL:
            return self._aggregate(value)
        if isinstance(value, Call) and value.function not in DATE_FUNCTIONS:
            return scalar(value, self.operand, self._now)
        operand = self._plain(value)
        if operand.sql not in self.grouped:
            raise malformed(f"Field must be grouped or aggregated: {value}", value.at)
        return operand

    def _plain(self, value: Path | Call) -> Operand:
        if isinstance(value, Path):
            column = self._scope.column(value)
            return Operand(column.sql, column.field)
        return scalar(value, self._plain, self._now)

    def _aggregate(self, call: Call) -> Operand:
        if call.argument is None:
            raise malformed("COUNT() stands alone in the SELECT list", call.at)
        if isinstance(call.argument, Call):
            raise malformed(f"{call.function} does not support the argument {call.argument}", call.at)
        column = self._aggregatable(call, call.argument)
        like = AVERAGE if call.function == "AVG" else column.field
        field = COUNTED if call.function.startswith("COUNT") else like
        return Operand(_SQL[call.function].format(column.sql), field, is_aggregate=True)

    def _add(self, item: object, unnamed: Iterator[str]) -> None:
        if not isinstance(item, Item):
            raise malformed("a grouped query selects grouped fields and aggregates only", self._at(item))
        operand = self.operand(item.value)
        key = item.alias or (next(unnamed) if isinstance(item.value, Call) else operand.field.name)
        if key.lower() in (member.lower() for member in self.shape.members):
            raise malformed(f"duplicate alias: {key}", item.value.at)
        self.shape.members[key] = Value(len(self.selected), operand.field.type)
        self.selected.append(operand.sql)
        self.metadata.append(column_metadata(key, operand.field, str(item.value), aggregate=operand.is_aggregate))

    def _groupable(self, value: Path | Call) -> Operand:
        if isinstance(value, Call) and value.function not in DATE_FUNCTIONS:
            raise malformed(f"a query cannot be grouped by {value}", value.at)
        operand = self._plain(value)
        if not operand.field.answer["groupable"]:
            raise malformed(f"field '{operand.field.name}' can not be grouped in a query call", value.at)
        return operand

    def _aggregatable(self, call: Call, path: Path) -> Column:
        column = self._scope.column(path)
        numbers_only = call.function in ("SUM", "AVG")
        if not column.field.answer["aggregatable"] or (numbers_only and column.field.type not in NUMBER_TYPES):
            text = f"field {column.field.name} does not support aggregate operator {call.function}"
            raise malformed(text, path.at)
        return column

    @staticmethod
    def _at(item: object) -> int:
        at = getattr(item, "at", None)
        return int(at if at is not None else getattr(item, "source_at", 0))
