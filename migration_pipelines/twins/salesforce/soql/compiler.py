"""A parsed statement becomes one SQLite statement, and SQL that renders a row of it."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.soql import checks
from migration_pipelines.twins.salesforce.soql.aggregates import Aggregates
from migration_pipelines.twins.salesforce.soql.asking import Asking
from migration_pipelines.twins.salesforce.soql.cells import Cell
from migration_pipelines.twins.salesforce.soql.conditions import Conditions
from migration_pipelines.twins.salesforce.soql.errors import malformed, unknown_children, unknown_object
from migration_pipelines.twins.salesforce.soql.names import Binds, Operand, Scope
from migration_pipelines.twins.salesforce.soql.rows import Rows
from migration_pipelines.twins.salesforce.soql.scalars import scalar
from migration_pipelines.twins.salesforce.soql.shape import Record, children
from migration_pipelines.twins.salesforce.soql.text import literal
from migration_pipelines.twins.salesforce.soql.tree import Call, Order, Path, Select, TypeOf

ACTIVITIES = frozenset({"Task", "Event"})


@dataclass(frozen=True)
class Statement:
    """What to run and how to answer.

    Attributes:
        sql: yields columns c0, c1, ...
        record: SQL of a row's JSON, made of those columns.
        cells: the columns as a CSV file has them; none of an aggregate statement.
        counts_only: COUNT(): the one row's one column is the total, and there are no records.
        is_aggregate: records are AggregateResults, which do not come in pages.
        columns: the statement's columnMetadata.
    """

    object_name: str
    sql: str
    binds: Mapping[str, object]
    record: str
    cells: tuple[Cell, ...] = ()
    counts_only: bool = False
    is_aggregate: bool = False
    columns: tuple[Record, ...] = ()


def compile_select(select: Select, asking: Asking) -> Statement:
    """Compile a statement.

    Raises:
        SoqlError: a name that the org does not have, a value that does not fit, a combination that SOQL refuses.
    """
    return _Compiler(asking).statement(select)


class _Compiler:
    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._binds = Binds()
        self._tags = (f"t{number}_" for number in itertools.count())

    def statement(self, select: Select) -> Statement:
        scope = self._scope(select)
        if checks.counts_only(select):
            return self._count(select, scope)
        if checks.is_grouped(select):
            return self._aggregate(select, scope)
        rows = Rows(scope, self._asking)
        for item in checks.plain_items(select, scope.obj):
            if isinstance(item, Select):
                rows.add_children(*self._child(item, scope), item.source_at)
            elif isinstance(item, TypeOf):
                rows.add_choice(item)
            else:
                rows.add(item)
        tail = self._where(select, scope) + self._order(select, scope) + _limit(select)
        return Statement(
            scope.obj.name,
            f"SELECT {rows.sql} FROM {' '.join(scope.joins)}{tail}",
            self._binds.values,
            rows.shape.json,
            tuple(rows.cells),
            columns=tuple(rows.metadata),
        )

    def _scope(self, select: Select) -> Scope:
        obj = self._asking.catalogue.get(select.source)
        if obj is None:
            raise unknown_object(select.source, select.source_at)
        checks.queryable(select, obj)
        return Scope(self._asking.catalogue, obj, self._binds, next(self._tags), select.source_alias)

    def _count(self, select: Select, scope: Scope) -> Statement:
        where = self._where(select, scope)
        sql = f"SELECT count(*) AS c0 FROM (SELECT 1 FROM {' '.join(scope.joins)}{where}{_limit(select)})"
        return Statement(scope.obj.name, sql, self._binds.values, "c0", counts_only=True)

    def _aggregate(self, select: Select, scope: Scope) -> Statement:
        aggregates = Aggregates(select, scope, self._asking.now)
        where = self._where(select, scope)
        group = f" GROUP BY {', '.join(aggregates.grouped)}" if aggregates.grouped else ""
        if select.having is not None:
            having = Conditions(self._binds, self._asking.now, aggregates.operand, self._subselect)
            group += f" HAVING {having.sql(select.having)}"
        order = _ordered(select.order_by, [aggregates.operand(order.value).sql for order in select.order_by])
        columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(aggregates.selected))
        return Statement(
            scope.obj.name,
            f"SELECT {columns} FROM {' '.join(scope.joins)}{where}{group}{order}{_limit(select)}",
            self._binds.values,
            aggregates.shape.json,
            is_aggregate=True,
            columns=tuple(aggregates.metadata),
        )

    def _child(self, select: Select, parent: Scope) -> tuple[str, str]:
        """The relationship's name, and SQL of its answer for one parent."""
        relation = parent.obj.children.get(select.source.lower())
        child = self._asking.catalogue.get(relation.child) if relation else None
        link = child.field(relation.field) if relation and child else None
        if relation is None or child is None or link is None:
            raise unknown_children(select.source, select.source_at)
        checks.child(select)
        scope = Scope(self._asking.catalogue, child, self._binds, next(self._tags), select.source_alias)
        rows = Rows(scope, self._asking)
        for item in checks.plain_items(select, child):
            if isinstance(item, Select):
                raise malformed("a child subquery cannot hold another", item.source_at)
            if isinstance(item, TypeOf):
                rows.add_choice(item)
            else:
                rows.add(item)
        of_parent = f"{scope.table.sql(link)} = {Rows.key_sql(parent)}"
        where = self._where(select, scope, of_parent)
        order = self._order(select, scope) or f" ORDER BY {scope.table.alias}.rowid"
        found = f"SELECT {rows.sql} FROM {' '.join(scope.joins)}{where}{order}{_limit(select)}"
        return relation.name, children(rows.shape.json, found)

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
        conditions = [*more, *self._visible(select, scope)]
        if select.where is not None:
            operand = _plain_operand(scope, self._asking)
            conditions.append(Conditions(self._binds, self._asking.now, operand, self._subselect).sql(select.where))
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _visible(self, select: Select, scope: Scope) -> Iterator[str]:
        """`query` shows neither deleted rows nor archived activities; `queryAll` shows both."""
        seen = self._asking.sees.condition(scope.obj, scope.table.alias)
        if seen is not None:
            yield f"({seen})"
        if select.scope is not None and (owner := checks.owner_of_scope(select.scope, scope.obj)):
            yield f"{scope.table.sql(owner)} = {literal(self._asking.user_id)}"
        if self._asking.everything:
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


def _plain_operand(scope: Scope, asking: Asking) -> Callable[[Path | Call], Operand]:
    def operand(value: Path | Call) -> Operand:
        if isinstance(value, Path):
            column = scope.column(value)
            return Operand(column.sql, column.field)
        checks.comparable(value)
        return scalar(value, operand, asking.now)

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
