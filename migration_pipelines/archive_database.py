"""The external PostgreSQL database in which a project keeps archives: a table for each source object, in a schema of ours.

A register beside them says which tables are ours; any other is left alone. A table is replaced in one transaction. Every
value is a text; `archive_row` is the place in which a row was written, and fixes the order in which it is read back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import sqlalchemy as sa
from psycopg2.errors import DiskFull
from psycopg2.extras import execute_values
from psycopg2.sql import SQL, Identifier

from migration_pipelines.errors import GateClosed, InvalidInput, PermanentFailure, TransientFailure
from migration_pipelines.settings import normalise_database_url

SCHEMA, REGISTER, PLACE = "crm_archive", "migration_archive", "archive_row"
ROWS_AT_ONCE = 1000

Row = Sequence[str | None]

_MAKE_REGISTER = SQL(
    "CREATE TABLE IF NOT EXISTS {} (object text PRIMARY KEY, partition text NOT NULL, plan bigint NOT NULL, "
    "rows bigint NOT NULL, sha256 text NOT NULL, written_at timestamptz NOT NULL DEFAULT now())"
).format(Identifier(SCHEMA, REGISTER))


@dataclass(frozen=True, slots=True)
class Held:
    """What a table holds: its rows, and the SHA-256 of its columns and of the rows in their order."""

    records: int
    sha256: str


class ArchiveDatabase:
    """One database, connected to for each question anew.

    Args:
        environ: where the variable is.
        variable: the environment variable that holds the URL, of which no text of ours shows more than host and database.

    Raises:
        InvalidInput: the variable is not set, or is no URL of a PostgreSQL database.
    """

    def __init__(self, environ: Mapping[str, str], variable: str) -> None:
        given = environ.get(variable, "").strip()
        if not given:
            raise InvalidInput(
                f"{variable} is not set. project.yaml names it as archive_database: set it to the URL of the database in "
                "which objects are kept."
            )
        try:
            self._url = sa.make_url(normalise_database_url(given))
        except InvalidInput:  # it speaks of the ledger's own variable
            raise InvalidInput(
                f"{variable} is no URL of a PostgreSQL database. It must look like "
                "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with characters such as @ : / % # in the password "
                "percent-encoded."
            ) from None
        self._variable = variable

    @property
    def name(self) -> str:
        return f"database {self._url.database} on {self._url.host or 'this machine'}"

    def write(
        self, partition: str, source_object: str, plan: int, columns: Sequence[str], pages: Iterable[Sequence[Row]]
    ) -> Held:
        """Make the table of an object, in place of the one that we made before: whole or not at all.

        Raises:
            GateClosed: a table of that name is there that we have not made, or that another partition has.
            TransientFailure: the database does not answer, or its disk is full.
            PermanentFailure: it refuses.
        """
        table = Identifier(SCHEMA, source_object)
        digest, records = _Digest(columns), 0
        with self._transaction() as cursor:
            _make_register(cursor)
            _require_ours(cursor, partition, source_object, self.name)
            cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(table))
            wanted = [SQL("{} text").format(Identifier(column)) for column in columns]
            made = SQL(", ").join([SQL("{} bigint PRIMARY KEY").format(Identifier(PLACE)), *wanted])
            cursor.execute(SQL("CREATE TABLE {} ({})").format(table, made))
            for page in pages:
                numbered = [(records + number, *row) for number, row in enumerate(page)]
                execute_values(cursor, SQL("INSERT INTO {} VALUES %s").format(table), numbered, page_size=ROWS_AT_ONCE)
                digest.add(page)
                records += len(page)
            held = Held(records, digest.hexdigest())
            cursor.execute(
                SQL(
                    "INSERT INTO {} (object, partition, plan, rows, sha256) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (object) "
                    "DO UPDATE SET plan = excluded.plan, rows = excluded.rows, sha256 = excluded.sha256, written_at = now()"
                ).format(Identifier(SCHEMA, REGISTER)),
                (source_object, partition, plan, held.records, held.sha256),
            )
        return held

    def read(self, source_object: str) -> Held | None:
        """What the table of an object holds now, read row by row; None where there is none.

        Raises:
            TransientFailure: the database does not answer, or its disk is full.
            PermanentFailure: it refuses.
        """
        with self._transaction() as cursor:
            columns = _columns(cursor, source_object)
            if PLACE not in columns:
                return Held(0, "") if columns else None
            columns.remove(PLACE)
            digest, records = _Digest(columns), 0
            with cursor.connection.cursor(name="archive") as rows:
                rows.itersize = ROWS_AT_ONCE
                rows.execute(
                    SQL("SELECT {} FROM {} ORDER BY {}").format(
                        SQL(", ").join([Identifier(PLACE), *map(Identifier, columns)]),
                        Identifier(SCHEMA, source_object), Identifier(PLACE),
                    )
                )  # fmt: skip
                for row in rows:
                    digest.add([row[1:]])
                    records += 1
        return Held(records, digest.hexdigest())

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """A cursor whose work is kept at the end, or not at all."""
        arguments, options = self._url.get_dialect()().create_connect_args(self._url)
        try:
            connection = psycopg2.connect(*arguments, **{"connect_timeout": 10, **options})
        except psycopg2.Error as error:
            raise self._does_not_answer(error) from None
        try:
            connection.set_client_encoding("UTF8")
            with connection, connection.cursor() as cursor:
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise self._does_not_answer(error) from None
        except psycopg2.Error as error:
            raise PermanentFailure(f"The {self.name} refuses: {self._reason(error)}.") from None
        finally:
            connection.close()

    def _does_not_answer(self, error: psycopg2.Error) -> TransientFailure:
        if isinstance(error, DiskFull):
            return TransientFailure(
                f"The disk of the {self.name} is full ({self._reason(error)}). Make room on it, and run the same command again."
            )
        return TransientFailure(
            f"The {self.name} does not answer ({self._reason(error)}). Start it, or correct {self._variable}, and run the same "
            "command again."
        )

    def _reason(self, error: psycopg2.Error) -> str:
        lines = str(error).strip().splitlines()
        said = lines[0] if lines else type(error).__name__
        return said.replace(self._url.password, "***") if self._url.password else said


class _Digest:
    """The SHA-256 of columns and rows, told page by page. A text, an empty one and none at all differ in it."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._sha256 = hashlib.sha256(json.dumps(list(columns)).encode())

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._sha256.update(json.dumps(list(row)).encode())

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def table_of(source_object: str) -> str:
    """The table of an object as SQL wants it: 'crm_archive."Site_Visit__c"'."""
    return f'{SCHEMA}."{source_object}"'


def as_text(value: object) -> str | None:
    """A value as a column keeps it; what PostgreSQL's text cannot hold becomes a mark, as in a CSV archive."""
    if value is None:
        return None
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _make_register(cursor: Any) -> None:
    cursor.execute("SELECT to_regnamespace(%s)", (SCHEMA,))
    if cursor.fetchone()[0] is None:  # a user who may not make schemas can be given this one
        cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(SCHEMA)))
    cursor.execute(_MAKE_REGISTER)


def _require_ours(cursor: Any, partition: str, source_object: str, database: str) -> None:
    cursor.execute(
        SQL("SELECT partition FROM {} WHERE object = %s FOR UPDATE").format(Identifier(SCHEMA, REGISTER)),
        (source_object,),
    )
    found = cursor.fetchone()
    if found and found[0] != partition:
        raise GateClosed(
            f"{partition}: in the {database} {table_of(source_object)} is the archive of {found[0]}. Give each environment a "
            "database of its own."
        )
    if found is None and _columns(cursor, source_object):
        raise GateClosed(
            f"{partition}: in the {database} there is {table_of(source_object)}, which no archive has made. Rename or move it; "
            "it is left as it is."
        )


def _columns(cursor: Any, source_object: str) -> list[str]:
    """The columns of a table or view in our schema, in their order; none where there is no such table."""
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
        (table_of(source_object),),
    )
    return [name for (name,) in cursor.fetchall()]
