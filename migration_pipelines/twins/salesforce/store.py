"""The rows: one SQLite table for each object, one column for each field that holds a value.

Text columns compare without regard to case unless their field is case-sensitive. Ids, SystemModstamp, unique fields and
the references that child relationships go by are indexed. Everything runs in the caller's transaction.
"""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from migration_pipelines.twins.salesforce.derived import Platform, Row, Stages
from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject
from migration_pipelines.twins.salesforce.describe_keys import NUMBER_TYPES
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.moments import from_epoch
from migration_pipelines.twins.salesforce.soql.functions import COLLATION, install
from migration_pipelines.twins.salesforce.soql.names import quoted
from migration_pipelines.twins.salesforce.values import stored

CHUNK = 2_000


class UnknownFieldError(ValueError):
    """A row names a field that the object's describe does not have."""


class Store:
    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self.catalogue = catalogue
        self.user_id = make_id("005", 0)
        install(connection)
        for obj in catalogue:
            self._create(obj)

    # --- reading

    def run(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute SQL; rows come as tuples."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, values)

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

    # --- writing

    def insert(self, obj: SObject, rows: Iterable[Mapping[str, object]], at: float) -> int:
        """Add rows; what the platform fills in is filled in where a row does not say it. Returns how many.

        Raises:
            UnknownFieldError, ValueError: a row names no field of the object, or a value does not fit.
            sqlite3.IntegrityError: an id is there already.
        """
        platform = self._platform(obj, at)
        number = self._highest(obj)
        first = number
        pending = iter(rows)
        while chunk := list(islice(pending, CHUNK)):
            complete: list[Row] = []
            for given in chunk:
                number += 1
                row = platform.complete(self._stored(obj, given), number)
                if row.get("Id") is None:
                    row["Id"] = self._free_id(obj, number)
                complete.append(row)
            self.insert_complete(obj, complete)
        return number - first

    def insert_complete(self, obj: SObject, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows that lack nothing and have the stored form already."""
        # Most columns of most objects are empty throughout, and cost time to fill with nothing.
        names = sorted(set().union(*rows))
        columns, marks = ", ".join(map(quoted, names)), ", ".join("?" * len(names))
        statement = f"INSERT INTO {quoted(obj.name)} ({columns}) VALUES ({marks})"
        self._connection.executemany(statement, ([row.get(name) for name in names] for row in rows))

    def upsert(self, obj: SObject, rows: Iterable[Mapping[str, object]], at: float) -> list[str]:
        """Add rows or change the given fields of those whose Id is there, as a person would have. Returns the ids."""
        platform = self._platform(obj, at)
        ids: list[str] = []
        for given in rows:
            changes = self._stored(obj, given)
            known = self.row(obj, str(changes["Id"])) if changes.get("Id") else None
            if known is None:
                self.insert(obj, [given], at)
                (record_id,) = self.run(f'SELECT "Id" FROM {quoted(obj.name)} ORDER BY rowid DESC LIMIT 1').fetchone()
                ids.append(record_id)
                continue
            row = platform.change(known, changes)
            sets = ", ".join(f"{quoted(name)} = :{name}" for name in row)
            self.run(f'UPDATE {quoted(obj.name)} SET {sets} WHERE "Id" = :Id', row)
            ids.append(str(row["Id"]))
        return ids

    def remove(self, obj: SObject, record_id: str, at: float) -> bool:
        """Into the Recycle Bin: IsDeleted, and the stamp moves. False where there is no such live row."""
        row = self.row(obj, record_id)
        if row is None or row.get("IsDeleted"):
            return False
        if obj.field("IsDeleted") is None:
            raise ValueError(f"{obj.name} rows are never deleted")
        self.upsert(obj, [{"Id": record_id, "IsDeleted": True}], at)
        return True

    def clear(self) -> None:
        for obj in self.catalogue:
            self.run(f"DELETE FROM {quoted(obj.name)}")

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

    def _stored(self, obj: SObject, given: Mapping[str, object]) -> Row:
        row: Row = {}
        for name, value in given.items():
            field = obj.field(name)
            if field is not None and field.is_stored:
                row[field.name] = stored(field, value)
            elif field is None and name != "attributes":
                raise UnknownFieldError(f"no field {name!r} in the describe of {obj.name}")
        return row

    def _platform(self, obj: SObject, at: float) -> Platform:
        return Platform(obj, from_epoch(at), self.user_id, self._stages() if obj.name == "Opportunity" else {})

    def _stages(self) -> Stages:
        return {str(row["MasterLabel"]).casefold(): row for row in self.rows(self.catalogue["OpportunityStage"])}

    def _highest(self, obj: SObject) -> int:
        (highest,) = self.run(f"SELECT coalesce(max(rowid), 0) FROM {quoted(obj.name)}").fetchone()
        return int(highest)

    def _free_id(self, obj: SObject, number: int) -> str:
        return make_id(obj.key_prefix or "000", number, instance="Tx")

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
