"""What every group of questions shares: the partition, short transactions, interned names, and bulk COPY."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, text

from migration_pipelines.ledger.codec import encode_text, to_json
from migration_pipelines.ledger.outage import outage

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
            return [dict(zip(names, row, strict=True)) for row in result.all()]

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
    """COPY rows into a table. Values: None, str, int, bool, bytes, datetime, or a list of str or int.

    Raises:
        TransientFailure: the database does not answer, or its disk is full.
    """
    cursor: Any = connection.connection.cursor()
    try:
        for portion in _portions(rows):
            cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", io.StringIO(portion))
    except psycopg2.OperationalError as error:  # the engine does not see what goes past it
        raise outage(error) from None
    finally:
        cursor.close()


_PORTION_CHARACTERS = 4_000_000


def _portions(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Lines for COPY, in portions: so a page of long notes is not in memory several times over."""
    lines, characters = list[str](), 0
    for row in rows:
        line = "\t".join([_WRITERS.get(type(value), _as_text)(value) for value in row]) + "\n"
        lines.append(line)
        characters += len(line)
        if characters > _PORTION_CHARACTERS:
            yield "".join(lines)
            lines, characters = [], 0
    if lines:
        yield "".join(lines)


# COPY's text format. It is written for every value of every record, so each kind of value finds its way by one look.


def _as_text(value: Any) -> str:
    return _escaped(encode_text(str(value)))


def _as_list(values: Iterable[Any]) -> str:
    return _escaped("{" + ",".join([_ELEMENTS.get(type(value), _element)(value) for value in values]) + "}")


def _element(value: Any) -> str:
    return '"' + encode_text(str(value)).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    """Four searches are a hundred times faster than one `translate`."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    NoneType: lambda _value: "\\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    bytes: lambda value: "\\\\x" + value.hex(),
    list: _as_list,
    tuple: _as_list,
}
_ELEMENTS: Mapping[type, Callable[[Any], str]] = {NoneType: lambda _value: "NULL", int: str}
