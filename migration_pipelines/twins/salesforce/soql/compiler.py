"""A parsed statement becomes one SQLite statement, the shape of its records, and a statement per child subquery."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.describe import Catalogue, SObject
from migration_pipelines.twins.salesforce.soql import checks
from migration_pipelines.twins.salesforce.soql.aggregates import Aggregates
from migration_pipelines.twins.salesforce.soql.conditions import Conditions, Now, Operand, column_operand
from migration_pipelines.twins.salesforce.soql.errors import SoqlError, malformed, unknown_children, unknown_object
from migration_pipelines.twins.salesforce.soql.names import Binds, Column, Polymorphic, Scope, quoted
from migration_pipelines.twins.salesforce.soql.shape import (
    Blob,
    Children,
    Compound,
    Record,
    Shape,
    Value,
    column_metadata,
)
from migration_pipelines.twins.salesforce.soql.tree import Call, Item, Order, Path, Select

ACTIVITIES = frozenset({"Task", "Event"})


@dataclass(frozen=True)
class ChildStatement:
    """A child subquery. `sql` yields the parent's key, a running number, then the shape's columns.

    Its `{parents}` stands for the table that holds the parents' rows, their key in column c0.
    """

    sql: str
    shape: Shape


@dataclass(frozen=True)
class Statement:
    """What to run and how to answer.

    Attributes:
        counts_only: COUNT(): the one row's one column is the total, and there are no records.
        is_aggregate: records are AggregateResults, which do not come in pages.
        columns: the statement's columnMetadata.
    """

    object_name: str
    sql: str
    binds: Mapping[str, object]
    shape: Shape
    children: tuple[ChildStatement, ...] = ()
    counts_only: bool = False
    is_aggregate: bool = False
    columns: tuple[Record, ...] = ()


def compile_select(select: Select, catalogue: Catalogue, now: Now, *, everything: bool) -> Statement:
    """Compile a statement.

    Args:
        everything: as queryAll: deleted rows and archived activities too.

    Raises:
        SoqlError: a name that the org does not have, a value that does not fit, a combination that SOQL refuses.
    """
    return _Compiler(catalogue, now, everything).statement(select)


class _Compiler:
    def __init__(self, catalogue: Catalogue, now: Now, everything: bool) -> None:
        self._catalogue = catalogue
        self._now = now
        self._everything = everything
        self._binds = Binds()
        self._tags = (f"t{number}_" for number in itertools.count())

    def statement(self, select: Select) -> Statement:
        scope = self._scope(select)
        if checks.counts_only(select):
            return self._count(select, scope)
        if select.group_by or any(isinstance(item, Item) and isinstance(item.value, Call) for item in select.items):
            return self._aggregate(select, scope)
        rows = _Rows(scope, self._binds)
        children: list[ChildStatement] = []
        for item in checks.plain_items(select, scope.obj):
            if isinstance(item, Select):
                name, child = self._child(item, scope)
                rows.add_children(name, len(children), item.source_at)
                children.append(child)
            else:
                rows.add(item)
        tail = self._where(select, scope) + self._order(select, scope) + _limit(select)
        sql = f"SELECT {rows.sql} FROM {' '.join(scope.joins)}{tail}"
        return Statement(
            scope.obj.name, sql, self._binds.values, rows.shape, tuple(children), columns=tuple(rows.metadata)
        )

    def _scope(self, select: Select) -> Scope:
        obj = self._catalogue.get(select.source)
        if obj is None:
            raise unknown_object(select.source, select.source_at)
        checks.queryable(select, obj)
        return Scope(self._catalogue, obj, self._binds, next(self._tags), select.source_alias)

    def _count(self, select: Select, scope: Scope) -> Statement:
        where = self._where(select, scope)
        sql = f"SELECT count(*) AS c0 FROM (SELECT 1 FROM {' '.join(scope.joins)}{where}{_limit(select)})"
        return Statement(scope.obj.name, sql, self._binds.values, Shape(None, None), counts_only=True)

    def _aggregate(self, select: Select, scope: Scope) -> Statement:
        aggregates = Aggregates(select, scope)
        where = self._where(select, scope)
        group = f" GROUP BY {', '.join(aggregates.grouped)}" if aggregates.grouped else ""
        if select.having is not None:
            having = Conditions(self._binds, self._now, aggregates.operand, self._subselect)
            group += f" HAVING {having.sql(select.having)}"
        order = _ordered(select.order_by, [aggregates.operand(order.value).sql for order in select.order_by])
        columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(aggregates.selected))
        sql = f"SELECT {columns} FROM {' '.join(scope.joins)}{where}{group}{order}{_limit(select)}"
        return Statement(
            scope.obj.name,
            sql,
            self._binds.values,
            aggregates.shape,
            is_aggregate=True,
            columns=tuple(aggregates.metadata),
        )

    def _child(self, select: Select, parent: Scope) -> tuple[str, ChildStatement]:
        relation = parent.obj.children.get(select.source.lower())
        child = self._catalogue.get(relation.child) if relation else None
        link = child.field(relation.field) if relation and child else None
        if relation is None or child is None or link is None:
            raise unknown_children(select.source, select.source_at)
        checks.child(select)
        scope = Scope(self._catalogue, child, self._binds, next(self._tags), select.source_alias)
        rows = _Rows(scope, self._binds, first_column=2)
        for item in checks.plain_items(select, child):
            if isinstance(item, Select):
                raise malformed("a child subquery cannot hold another", item.source_at)
            rows.add(item)
        link_sql = scope.table.sql(link)
        within = f"{link_sql} IN (SELECT c0 FROM {{parents}})"
        where = self._where(select, scope, within)
        order = self._order(select, scope) or f" ORDER BY {scope.table.alias}.rowid"
        number = f"row_number() OVER (PARTITION BY {link_sql}{order})"
        inner = f"SELECT {link_sql} AS parent, {number} AS n, {rows.sql} FROM {' '.join(scope.joins)}{where}"
        skipped = int(select.offset.text) if select.offset else 0
        kept = f" WHERE n > {skipped}" + (f" AND n <= {skipped + int(select.limit.text)}" if select.limit else "")
        return relation.name, ChildStatement(f"SELECT * FROM ({inner}){kept} ORDER BY parent, n", rows.shape)

    def _subselect(self, select: Select) -> str:
        """A semi-join's SELECT: one id or reference, empties left out."""
        path = checks.semi_join(select)
        scope = self._scope(select)
        column = scope.column(path)
        if column.field.type not in ("id", "reference"):
            raise malformed(f"a semi join sub-select needs an id or reference field: {path}", path.at)
        sql = column.sql
        where = self._where(select, scope, f"{sql} IS NOT NULL")
        return f"SELECT {sql} FROM {' '.join(scope.joins)}{where}{self._order(select, scope)}{_limit(select)}"

    def _where(self, select: Select, scope: Scope, *more: str) -> str:
        conditions = [*more, *self._visible(scope)]
        if select.where is not None:
            operand = _plain_operand(scope)
            conditions.append(Conditions(self._binds, self._now, operand, self._subselect).sql(select.where))
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _visible(self, scope: Scope) -> Iterator[str]:
        """`query` shows neither deleted rows nor archived activities; `queryAll` shows both."""
        if self._everything:
            return
        if deleted := scope.obj.field("IsDeleted"):
            yield f"{scope.table.sql(deleted)} = 0"
        if scope.obj.name in ACTIVITIES and (archived := scope.obj.field("IsArchived")):
            yield f"{scope.table.sql(archived)} = 0"

    def _order(self, select: Select, scope: Scope) -> str:
        columns = [scope.column(checks.sortable_path(order)) for order in select.order_by]
        for order, column in zip(select.order_by, columns, strict=True):
            checks.sortable(column.field, order.value.at)
        return _ordered(select.order_by, [column.sql for column in columns])


class _Rows:
    """The columns of a record and its shape. The first column is always the row's own id."""

    def __init__(self, scope: Scope, binds: Binds, first_column: int = 0) -> None:
        self._scope = scope
        self._binds = binds
        self._first = first_column
        self._columns: list[str] = []
        self.metadata: list[Record] = []
        self.shape = Shape(scope.obj.name, self._column(self._key(scope.obj, scope.table.alias)))

    @property
    def sql(self) -> str:
        return ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(self._columns))

    def add(self, item: Item) -> None:
        path = item.value
        assert isinstance(path, Path)  # calls make an aggregate statement
        column = self._scope.column(path)
        shape = self._shape_of(path)
        name = column.field.name
        if name in shape.members:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {path}", path.at)
        shape.members[name] = self._member(column, shape)
        self.metadata.append(column_metadata(str(path), column.field, str(path), aggregate=False))

    def add_children(self, name: str, position: int, at: int) -> None:
        if name in self.shape.members:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {name}", at)
        self.shape.members[name] = Children(position)

    def _shape_of(self, path: Path) -> Shape:
        shape = self.shape
        for name, place in self._scope.parents_of(path):
            known = shape.members.get(name)
            if not isinstance(known, Shape):
                named = not isinstance(place, Polymorphic)
                key = self._key(place.obj, "") if named else "Id"
                id_sql = place.sql(place.obj.fields[key.lower()])
                known = Shape(place.obj.name if named else None, self._column(id_sql))
                shape.members[name] = known
            shape = known
        return shape

    def _member(self, column: Column, shape: Shape) -> Value | Compound | Blob:
        field, obj = column.field, column.place.obj
        if not field.is_stored:
            parts = obj.parts(field)
            return Compound({key: self._column(column.place.sql(part)) for key, part in sorted(parts.items())})
        if field.type == "base64":
            return Blob(field.name, obj.name, shape.id_column or self._first)
        return Value(self._column(column.sql), field.type == "boolean")

    def _column(self, sql: str) -> int:
        self._columns.append(sql)
        return self._first + len(self._columns) - 1

    @staticmethod
    def _key(obj: SObject, alias: str) -> str:
        """An object without ids of its own (EntityDefinition) goes by its DurableId."""
        name = "DurableId" if obj.key_prefix is None and obj.field("DurableId") else "Id"
        return f"{alias}.{quoted(name)}" if alias else name


def _plain_operand(scope: Scope) -> Callable[[Path | Call], Operand]:
    def operand(value: Path | Call) -> Operand:
        if isinstance(value, Call):
            raise malformed("Only HAVING compares aggregates", value.at)
        return column_operand(scope.column(value))

    return operand


def _ordered(orders: Sequence[Order], columns: Sequence[str]) -> str:
    terms = [
        f"{sql} {'DESC' if order.descending else 'ASC'} NULLS {'LAST' if order.nulls_last else 'FIRST'}"
        for order, sql in zip(orders, columns, strict=True)
    ]
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _limit(select: Select) -> str:
    if select.limit is None and select.offset is None:
        return ""
    limit = select.limit.text if select.limit else "-1"
    return f" LIMIT {int(limit)} OFFSET {int(select.offset.text) if select.offset else 0}"
