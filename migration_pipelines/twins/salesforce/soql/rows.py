"""The columns that a SELECT list without aggregates needs, and the shape of a record made of them."""

from migration_pipelines.twins.salesforce.describe import COMPOUND_TYPES, SObject
from migration_pipelines.twins.salesforce.soql.asking import Asking
from migration_pipelines.twins.salesforce.soql.cells import Cell
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.names import Column, Operand, Polymorphic, Scope, quoted
from migration_pipelines.twins.salesforce.soql.scalars import scalar
from migration_pipelines.twins.salesforce.soql.shape import (
    Blob,
    ById,
    Children,
    Choice,
    Compound,
    Known,
    Member,
    Record,
    Shape,
    Value,
    column_metadata,
)
from migration_pipelines.twins.salesforce.soql.tree import Call, Item, Path, TypeOf

Start = tuple[str, ...]


class Rows:
    """Collects what is selected. Column c0 is always the row's own id."""

    def __init__(self, scope: Scope, asking: Asking) -> None:
        self._scope = scope
        self._asking = asking
        self._columns: dict[str, int] = {}
        self.metadata: list[Record] = []
        self.cells: list[Cell] = []
        self.shape = self._shape(scope.obj, self.key_sql(scope))

    @property
    def sql(self) -> str:
        return ", ".join(f"{sql} AS c{number}" for sql, number in self._columns.items())

    @staticmethod
    def key_sql(scope: Scope) -> str:
        return f"{scope.table.alias}.{quoted(_key(scope.obj))}"

    def add(self, item: Item) -> None:
        self._add(item, self.shape, ())

    def add_children(self, name: str, sql: str, at: int) -> None:
        """A child subquery, with SQL of its rendered answer."""
        _put(self.shape, name, Children(self._column(sql)), name, at)

    def add_choice(self, item: TypeOf) -> None:
        name, place = self._scope.polymorphic(item.relation)
        id_column = self._column(place.id_sql)
        shapes: dict[str, Shape] = {}
        for named, paths in item.cases:
            target, start = self._scope.typed(item.relation, named)
            shape = Shape(Known(target.name, self._asking.base, id_column))
            for path in paths:
                self._add(Item(path, None), shape, start)
            shapes[str(target.key_prefix)] = shape
        otherwise = None
        if item.otherwise:
            otherwise = self._polymorphic(place, id_column)
            for path in item.otherwise:
                self._add(Item(path, None), otherwise, (item.relation.parts[0].lower(),))
        _put(self.shape, name, Choice(id_column, shapes, otherwise), str(item.relation), item.at)

    def _add(self, item: Item, whole: Shape, start: Start) -> None:
        path = _path(item.value)
        column = self._scope.column(path, start)
        way = self._scope.parents_of(path, start)
        if isinstance(item.value, Call):
            operand = scalar(item.value, lambda _: Operand(column.sql, column.field), self._asking.now)
            member: Member = Value(self._column(operand.sql), operand.field.type)
            found, shape = operand.field, whole if item.alias else self._nested(whole, path, start)
        else:
            found, shape = column.field, self._nested(whole, path, start)
            member = self._member(column, shape)
        name = item.alias or found.name
        _put(shape, name, member, str(item.value), path.at)
        header = item.alias or ".".join([*(step for step, _ in way), found.name])
        first = member.column if isinstance(member, Value) else 0
        self.cells.append(Cell(header, found.type, first))
        self.metadata.append(column_metadata(item.alias or str(path), found, str(item.value), aggregate=False))

    def _nested(self, shape: Shape, path: Path, start: Start) -> Shape:
        for name, place in self._scope.parents_of(path, start):
            known = shape.members.get(name)
            if not isinstance(known, Shape):
                if isinstance(place, Polymorphic):
                    known = self._polymorphic(place, self._column(place.id_sql))
                else:
                    key = place.obj.fields[_key(place.obj).lower()]
                    known = self._shape(place.obj, place.sql(key))
                _put(shape, name, known, name, path.at)
            shape = known
        return shape

    def _shape(self, obj: SObject, key_sql: str) -> Shape:
        return Shape(Known(obj.name, self._asking.base, self._column(key_sql)))

    def _polymorphic(self, place: Polymorphic, id_column: int) -> Shape:
        names = {target.key_prefix: target.name for target in place.targets if target.key_prefix}
        shown = "Name" if self._asking.polymorphic_type == "Name" else None
        return Shape(ById(names, self._asking.base, id_column, shown))

    def _member(self, column: Column, shape: Shape) -> Member:
        field, obj = column.field, column.place.obj
        if field.type in COMPOUND_TYPES:
            parts = sorted(obj.parts(field).items())
            return Compound({key: Value(self._column(column.place.sql(part)), part.type) for key, part in parts})
        if field.type == "base64" and isinstance(shape.attributes, Known):
            return Blob(field.name, shape.attributes.record_url, shape.attributes.id_column)
        return Value(self._column(column.sql), field.type)

    def _column(self, sql: str) -> int:
        return self._columns.setdefault(sql, len(self._columns))


def _put(shape: Shape, name: str, member: Member, shown: str, at: int) -> None:
    if name in shape.members:
        raise SoqlError("INVALID_FIELD", f"duplicate field selected: {shown}", at)
    shape.members[name] = member


def _path(value: Path | Call) -> Path:
    while isinstance(value, Call):
        assert value.argument is not None  # only COUNT() has none, and that makes an aggregate statement
        value = value.argument
    return value


def _key(obj: SObject) -> str:
    """An object without ids of its own (EntityDefinition) goes by its DurableId."""
    return "DurableId" if obj.key_prefix is None and obj.field("DurableId") else "Id"
