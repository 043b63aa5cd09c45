"""Query locators: a query's rows are put aside once, so that its pages fit together whatever is written meanwhile."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.errors import Refusal
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.soql.compiler import ChildStatement, Statement
from migration_pipelines.twins.salesforce.soql.shape import Record, Row, Style
from migration_pipelines.twins.salesforce.store import Store

LARGEST_PAGE = 2_000
SMALLEST_PAGE = 200


@dataclass(frozen=True)
class Cursor:
    """One query's rows, in temporary tables: `table` has them in order, with one more table per child subquery."""

    locator: str
    statement: Statement
    total: int
    page_size: int
    opened_at: float
    table: str

    def child_table(self, position: int) -> str:
        return f"{self.table}_{position}"


class Cursors:
    def __init__(self, store: Store, life_seconds: float) -> None:
        self._store = store
        self._life_seconds = life_seconds
        self._numbers = itertools.count(1)
        self._open: dict[str, Cursor] = {}

    def answer(self, statement: Statement, page_size: int, style: Style, now: float) -> Record:
        """Run a query and give its first page.

        Raises:
            Refusal: an aggregate query with more rows than a page.
        """
        if statement.counts_only:
            (total,) = self._store.run(statement.sql, statement.binds).fetchone()
            return {"totalSize": total, "done": True, "records": []}
        cursor = self._materialise(statement, page_size, now)
        if statement.is_aggregate and cursor.total > LARGEST_PAGE:
            raise Refusal(
                400,
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
            )
        page = self._page(cursor, 0, page_size, style)
        if page["done"]:
            self._drop(cursor)
        else:
            self._open[cursor.locator] = cursor
        return page

    def more(self, locator: str, page_size: int | None, style: Style, now: float) -> Record:
        """A further page. `locator` is the last part of nextRecordsUrl: `01g...-2000`.

        Raises:
            Refusal: INVALID_QUERY_LOCATOR: never given out, or too old.
        """
        for old in [cursor for cursor in self._open.values() if now - cursor.opened_at >= self._life_seconds]:
            del self._open[old.locator]
            self._drop(old)
        name, _, offset = locator.partition("-")
        cursor = self._open.get(name)
        if cursor is None or not offset.isdecimal() or int(offset) > cursor.total:
            raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, int(offset), page_size or cursor.page_size, style)

    def forget(self) -> None:
        for cursor in self._open.values():
            self._drop(cursor)
        self._open.clear()

    def _materialise(self, statement: Statement, page_size: int, now: float) -> Cursor:
        number = next(self._numbers)
        table = f"temp.query_{number}"
        self._store.run(f"CREATE TEMP TABLE query_{number} AS {statement.sql}", statement.binds)
        (total,) = self._store.run(f"SELECT count(*) FROM {table}").fetchone()
        cursor = Cursor(make_id("01g", number), statement, total, page_size, now, table)
        for position, child in enumerate(statement.children):
            sql = child.sql.format(parents=table)
            self._store.run(f"CREATE TEMP TABLE query_{number}_{position} AS {sql}", statement.binds)
            self._store.run(f"CREATE INDEX {table}_{position}_parent ON query_{number}_{position} (parent)")
        return cursor

    def _page(self, cursor: Cursor, offset: int, size: int, style: Style) -> Record:
        rows = self._store.run(
            f"SELECT * FROM {cursor.table} WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (offset, size),
        ).fetchall()
        statement = cursor.statement
        if statement.children:
            families = [
                self._children(cursor, position, child, rows, style)
                for position, child in enumerate(statement.children)
            ]
            records = [statement.shape.record(row, style, [family.get(row[0]) for family in families]) for row in rows]
        else:
            records = [statement.shape.record(row, style) for row in rows]
        reached = offset + len(rows)
        page: Record = {"totalSize": cursor.total, "done": reached >= cursor.total, "records": records}
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/v{style.version}/query/{cursor.locator}-{reached}"
        return page

    def _children(
        self, cursor: Cursor, position: int, child: ChildStatement, parents: Sequence[Row], style: Style
    ) -> Mapping[object, Record]:
        """The child records of a page's parents, as the nested answers they become."""
        families: dict[object, list[Record]] = {}
        marks = ", ".join("?" * len(parents))
        for row in self._store.run(
            f"SELECT * FROM {cursor.child_table(position)} WHERE parent IN ({marks}) ORDER BY rowid",
            [parent[0] for parent in parents],
        ):
            families.setdefault(row[0], []).append(child.shape.record(row, style))
        return {
            parent: {"totalSize": len(records), "done": True, "records": records}
            for parent, records in families.items()
        }

    def _drop(self, cursor: Cursor) -> None:
        for position in range(len(cursor.statement.children)):
            self._store.run(f"DROP TABLE {cursor.child_table(position)}")
        self._store.run(f"DROP TABLE {cursor.table}")
