"""A query's rows, put aside once in a temporary table, so that its pages fit together whatever is written meanwhile."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.soql.compiler import Statement
from migration_pipelines.twins.salesforce.store import Store

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Results:
    """Rows in their order, numbered from 0.

    Attributes:
        total: how many.
    """

    store: Store
    table: str
    total: int

    @classmethod
    def of(cls, store: Store, statement: Statement) -> "Results":
        """Run the statement."""
        table = f"results_{next(_numbers)}"
        store.run(f"CREATE TEMP TABLE {table} AS {statement.sql}", statement.binds)
        (total,) = store.run(f"SELECT count(*) FROM temp.{table}").fetchone()
        return cls(store, table, total)

    def rendered(self, rendering: str, first: int, most: int) -> list[bytes]:
        """Rows from the first on, each rendered by this SQL."""
        sql = f"SELECT CAST({rendering} AS BLOB) FROM temp.{self.table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
        return texts(self.store.run(sql, (first, most)))

    def drop(self) -> None:
        self.store.run(f"DROP TABLE IF EXISTS temp.{self.table}")


def beginning(store: Store, statement: Statement, most: int) -> list[bytes]:
    """The first rows of a statement, rendered; nothing is put aside."""
    # Materialised: rows are sorted before they are rendered, and only the first are rendered.
    rows = f"WITH rows AS MATERIALIZED (SELECT * FROM ({statement.sql}) LIMIT {most})"
    return texts(store.run(f"{rows} SELECT CAST({statement.record} AS BLOB) FROM rows", statement.binds))


def texts(rows: Iterator[tuple[bytes]]) -> list[bytes]:
    return [text for (text,) in rows]
