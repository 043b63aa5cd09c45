"""Statements with aggregate functions: what is selected, grouped and compared."""

from collections.abc import Iterator

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES, whole_field
from migration_pipelines.twins.salesforce.soql.conditions import Operand
from migration_pipelines.twins.salesforce.soql.errors import malformed
from migration_pipelines.twins.salesforce.soql.names import Column, Scope
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


class Aggregates:
    """The columns of an aggregate statement.

    Attributes:
        selected: SQL of each column.
        grouped: SQL of each GROUP BY field.
    """

    def __init__(self, select: Select, scope: Scope) -> None:
        self._scope = scope
        if not select.group_by and (select.limit or select.offset):
            raise malformed(
                "Non-grouped query that uses overall aggregate functions cannot also use LIMIT", select.source_at
            )
        self.grouped = [self._groupable(path).sql for path in select.group_by]
        self.selected: list[str] = []
        self.shape = Shape(None, None)
        self.metadata: list[Record] = []
        unnamed = (f"expr{number}" for number in range(len(select.items)))
        for item in select.items:
            self._add(item, unnamed)

    def operand(self, value: Path | Call) -> Operand:
        """What HAVING compares and ORDER BY sorts by: an aggregate, or a grouped field."""
        if isinstance(value, Path):
            column = self._scope.column(value)
            if column.sql not in self.grouped:
                raise malformed(f"Field must be grouped or aggregated: {value}", value.at)
            return Operand(column.sql, column.field)
        if value.argument is None:
            raise malformed("COUNT() stands alone in the SELECT list", value.at)
        column = self._aggregatable(value, value.argument)
        counts = value.function.startswith("COUNT")
        return Operand(_SQL[value.function].format(column.sql), COUNTED if counts else column.field, is_aggregate=True)

    def _add(self, item: object, unnamed: Iterator[str]) -> None:
        if not isinstance(item, Item):
            raise malformed("a grouped query selects grouped fields and aggregates only", self._at(item))
        operand = self.operand(item.value)
        key = item.alias or (next(unnamed) if operand.is_aggregate else operand.field.name)
        if key.lower() in (member.lower() for member in self.shape.members):
            raise malformed(f"duplicate alias: {key}", item.value.at)
        self.shape.members[key] = Value(len(self.selected), operand.field.type == "boolean")
        self.selected.append(operand.sql)
        shown = str(item.value) if isinstance(item.value, Path) else f"{item.value.function}({item.value.argument})"
        self.metadata.append(column_metadata(key, operand.field, shown, aggregate=operand.is_aggregate))

    def _groupable(self, path: Path) -> Column:
        column = self._scope.column(path)
        if not column.field.answer["groupable"]:
            raise malformed(f"field '{column.field.name}' can not be grouped in a query call", path.at)
        return column

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
