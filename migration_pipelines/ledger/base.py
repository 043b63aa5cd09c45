"""What every group of questions shares: the partition, short transactions, interned names, and bulk COPY."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from migration_pipelines.ledger.codec import encode_text, to_json

__all__ = ["PartitionTables", "copy_rows", "to_json"]


class PartitionTables:
    """Tables seen through one partition. Every statement may use :partition."""

    def __init__(self, engine: Engine, partition_id: int, key: str) -> None:
        self.engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")  # spares a BEGIN and a ROLLBACK
        self.id = partition_id
        self.key = key
        self._numbers: dict[tuple[str, str], int] = {}

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), {"partition": self.id, **values})

    def select(self, statement: str, **values: Any) -> list[Mapping[str, Any]]:
        with self._reading.connect() as connection:
            result = connection.execute(text(statement), {"partition": self.id, **values})
            names = tuple(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result]

    def scalar(self, statement: str, **values: Any) -> Any:
        with self._reading.connect() as connection:
            return connection.scalar(text(statement), {"partition": self.id, **values})

    def object_id(self, name: str) -> int:
        """The small number of a source object."""
        return self._number("source_object", "name", name)

    def route_id(self, key: str) -> int:
        """The small number of a route."""
        return self._number("route", "key", key)

    def _number(self, table: str, column: str, value: str) -> int:
        if (table, value) not in self._numbers:
            with self.engine.begin() as connection:
                connection.execute(
                    text(
                        f"INSERT INTO ledger.{table} ({column}) SELECT :value "  # noqa: S608  names are ours
                        f"WHERE NOT EXISTS (SELECT 1 FROM ledger.{table} WHERE {column} = :value) ON CONFLICT DO NOTHING"
                    ),
                    {"value": value},
                )
                number = connection.scalar(
                    text(f"SELECT id FROM ledger.{table} WHERE {column} = :value"),  # noqa: S608
                    {"value": value},
                )
            self._numbers[table, value] = int(number)
        return self._numbers[table, value]


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table. Values: None, str, int, bool, bytes, datetime, or a list of str or int."""
    buffer = io.StringIO()
    for row in rows:
        buffer.write("\t".join(map(_field, row)))
        buffer.write("\n")
    buffer.seek(0)
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)
    finally:
        cursor.close()


def _escaped(text: str) -> str:
    """As COPY's text format wants it. Four searches are a hundred times faster than one `translate`."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _escaped(encode_text(value))
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, (list, tuple)):
        return _escaped("{" + ",".join(_element(one) for one in value) + "}")
    return str(value)


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return '"' + encode_text(str(value)).replace("\\", "\\\\").replace('"', '\\"') + '"'
