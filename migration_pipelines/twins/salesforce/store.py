"""The rows: one SQLite table for each object, one column for each field that holds a value.

Text columns compare without regard to case unless their field is case-sensitive. Ids, SystemModstamp, unique fields and
the references that child relationships go by are indexed. Everything runs in the caller's transaction.
"""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from migration_pipelines.twins.salesforce.content.bodies import Bodies
from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.soql.functions import COLLATION, install
from migration_pipelines.twins.salesforce.soql.names import quoted

CACHE_KILOBYTES = 64 * 1_024
"""Pages that SQLite keeps in memory; a private database on disk needs no more than this."""
BIN = '"recycle bin"'
"""What each deletion did: its root's id, and for every row that went along its object and id; or the cleared field."""
Row = MutableMapping[str, object]


class Store:
    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue, bodies: Bodies) -> None:
        self._connection = connection
        self.catalogue = catalogue
        self.bodies = bodies
        self.user_id = make_id("005", 0)
        self._numbers: dict[str, int] = {}
        self.run(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        install(connection)
        for obj in catalogue.everything():
            self._create(obj)
        self.run(f"CREATE TABLE IF NOT EXISTS {BIN} (root TEXT, object TEXT, id TEXT, field TEXT)")
        self.run(f"CREATE INDEX IF NOT EXISTS recycled ON {BIN} (root)")

    # --- reading

    def run(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute SQL; rows come as tuples."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, values)

    @property
    def changes(self) -> int:
        """A number that grows with every change of a row."""
        return self._connection.total_changes

    def count(self, obj: SObject) -> int:
        where = ' WHERE "IsDeleted" = 0' if obj.field("IsDeleted") else ""
        (count,) = self.run(f"SELECT count(*) FROM {quoted(obj.name)}{where}").fetchone()
        return int(count)

    def row(self, obj: SObject, record_id: str) -> Row | None:
        return next(self.rows(obj, 'WHERE "Id" = ?', (record_id,)), None)

    def rows(self, obj: SObject, tail: str = "", values: Sequence[object] = ()) -> Iterator[Row]:
        """Whole rows as dictionaries of stored values, deleted ones too."""
        names = [field.name for field in obj.stored]
        columns = ", ".join(map(quoted, names))
        for values_of_row in self.run(f"SELECT {columns} FROM {quoted(obj.name)} {tail}", values):
            yield dict(zip(names, values_of_row, strict=True))

    def is_empty(self, name: str) -> bool:
        return self.run(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchone() is None

    def find(
        self, obj: SObject, by: str, keys: Iterable[object], names: Sequence[str], *, live: bool = False
    ) -> list[tuple[Any, ...]]:
        """These columns of the rows whose `by` is one of the keys, in one query.

        Args:
            names: fields, or rowid.
            live: leave out what is in the Recycle Bin.
        """
        only = ' AND "IsDeleted" = 0' if live and obj.field("IsDeleted") else ""
        columns = ", ".join(map(quoted, names))
        asked = f"{quoted(by)} IN (SELECT value FROM json_each(?))"
        sql = f"SELECT {columns} FROM {quoted(obj.name)} WHERE {asked}{only}"
        return self.run(sql, (json.dumps(list(keys)),)).fetchall()

    def deleted(self, obj: SObject, ids: Iterable[str]) -> dict[str, bool]:
        """Whether each of these rows is in the Recycle Bin; ids that are nowhere are left out."""
        if obj.field("IsDeleted") is None:
            return {record_id: False for (record_id,) in self.find(obj, "Id", ids, ("Id",))}
        return {record_id: bool(gone) for record_id, gone in self.find(obj, "Id", ids, ("Id", "IsDeleted"))}

    # --- writing

    def next_numbers(self, obj: SObject, count: int) -> int:
        """Reserve numbers for new rows, from the one that is returned on. None is given out twice."""
        if obj.name not in self._numbers:
            (highest,) = self.run(f"SELECT coalesce(max(rowid), 0) FROM {quoted(obj.name)}").fetchone()
            self._numbers[obj.name] = int(highest) + 1
        first = self._numbers[obj.name]
        self._numbers[obj.name] += count
        return first

    def insert_complete(self, obj: SObject, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows that lack nothing and have the stored form already."""
        names = sorted(set().union(*rows))
        self.insert_columns(obj, {name: [row.get(name) for row in rows] for name in names})

    def insert_columns(self, obj: SObject, columns: Mapping[str, Sequence[object]]) -> None:
        """Add rows held by column, in the stored form. Raises sqlite3.IntegrityError where an id is there already."""
        # Most columns of most objects are empty throughout, and cost time to fill with nothing.
        filled = {name: values for name, values in columns.items() if any(value is not None for value in values)}
        names, marks = ", ".join(map(quoted, filled)), ", ".join("?" * len(filled))
        statement = f"INSERT INTO {quoted(obj.name)} ({names}) VALUES ({marks})"
        self._connection.executemany(statement, zip(*filled.values(), strict=True))

    def update_columns(self, obj: SObject, places: Sequence[int], columns: Mapping[str, Sequence[object]]) -> None:
        """Change rows, named by their rowid, in these columns."""
        sets = ", ".join(f"{quoted(name)} = ?" for name in columns)
        statement = f"UPDATE {quoted(obj.name)} SET {sets} WHERE rowid = ?"
        self._connection.executemany(statement, zip(*columns.values(), places, strict=True))

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(sql, rows)

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        """Work that can be undone: the block is given what undoes it. An exception undoes it too."""
        self.run("SAVEPOINT work")
        undone = False

        def undo() -> None:
            nonlocal undone
            undone = True

        try:
            yield undo
        except BaseException:
            undone = True
            raise
        finally:
            if undone:
                self.run("ROLLBACK TO work")
            self.run("RELEASE work")

    def clear(self) -> None:
        for obj in self.catalogue.everything():
            self.run(f"DELETE FROM {quoted(obj.name)}")
        self.bodies.clear()
        self.run(f"DELETE FROM {BIN}")
        self._numbers.clear()

    def archive(self, before: str) -> None:
        """The platform's background run: Events and closed Tasks that ended before this day are archived."""
        ended = {
            "Task": 'coalesce("ActivityDate", substr("CreatedDate", 1, 10)) < ? AND "IsClosed" = 1',
            "Event": 'coalesce("EndDate", "ActivityDate", substr("CreatedDate", 1, 10)) < ?',
        }
        for name, condition in ended.items():
            obj = self.catalogue.get(name)
            if obj and all(obj.field(field) for field in ("IsArchived", "ActivityDate")):
                update = f'UPDATE {quoted(name)} SET "IsArchived" = 1 WHERE "IsArchived" = 0 AND {condition}'
                self.run(update, (before,))

    # --- inside

    def _create(self, obj: SObject) -> None:
        table = quoted(obj.name)
        columns = ", ".join(_column(obj, field) for field in obj.stored)
        self.run(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        there = {str(name).lower() for _, name, *_ in self.run(f"PRAGMA table_info({table})").fetchall()}
        for field in obj.stored:
            if field.name.lower() not in there:
                self.run(f"ALTER TABLE {table} ADD COLUMN {_column(obj, field)}")
        for field in obj.stored:
            if _is_indexed(field):
                index, column = quoted(f"{obj.name}.{field.name}"), quoted(field.name)
                self.run(f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({column}) WHERE {column} IS NOT NULL")


def _column(obj: SObject, field: Field) -> str:
    if field.type == "id":
        # Only EntityDefinition and its like have no prefix, and the same empty id in every row.
        return f"{quoted(field.name)} TEXT{' PRIMARY KEY' if obj.key_prefix else ''}"
    if field.type in ("boolean", "int", "long"):
        return f"{quoted(field.name)} INTEGER"
    if field.type in NUMBER_TYPES:
        return f"{quoted(field.name)} REAL"
    binary = field.type in ("reference", "date", "datetime", "time", "base64") or field.answer["caseSensitive"]
    return f"{quoted(field.name)} TEXT" + ("" if binary else f" COLLATE {COLLATION}")


def _is_indexed(field: Field) -> bool:
    audit = field.name in ("CreatedById", "LastModifiedById", "OwnerId", "RecordTypeId")
    return (
        field.name == "SystemModstamp"
        or (field.type == "reference" and not audit)
        or bool(field.answer["externalId"] or field.answer["unique"])
    )
