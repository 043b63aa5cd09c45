"""Child rows as values of the record that carries them: which of them count, and how several become one text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from migration_pipelines.core.converters.text import text
from migration_pipelines.core.mapping import Many
from migration_pipelines.core.records import HoldReason, Problem, SourceRecord
from migration_pipelines.core.rules import WithNotes
from migration_pipelines.errors import MappingError

NOTHING = "-"
"""The line of a row that has no value, so that the lines of two fields still belong together."""


def rows_of(record: SourceRecord, child: str, many: Many) -> WithNotes | Problem:
    """The rows of a child object that count, oldest first, with a note where some do not; a Problem where one has to choose.

    Raises:
        MappingError: the record does not carry such rows, or they have no date by which to choose.
    """
    if child not in record.children:
        raise MappingError(
            f"{record.object} carries no rows of {child}: the mapping needs a route of {child} with carried_by: {record.object}"
        )
    rows = [SourceRecord(child, row["Id"], row) for row in record.children[child]]
    if len(rows) < 2:
        return WithNotes(rows, ())
    if many == "hold":
        message = f"{len(rows)} rows of {child} where the field has room for one: {', '.join(row.id for row in rows)}"
        return Problem(HoldReason.SEVERAL_CHILDREN, message)
    rows.sort(key=_made_at)
    if many == "lines":
        return WithNotes(rows, ())
    left = ", ".join(row.id for row in rows[:-1])
    message = f"of {len(rows)} rows of {child} the newest is taken, {rows[-1].id}; not {left}"
    return WithNotes(rows[-1:], [Problem(HoldReason.SEVERAL_CHILDREN, message, holds=False)])


def as_lines(values: Sequence[Any]) -> str | None:
    """A line for each value; None where there is none at all."""
    lines = ["" if value is None else " ".join(text(value).split()) for value in values]
    return "\n".join(line or NOTHING for line in lines) if any(lines) else None


def _made_at(row: SourceRecord) -> datetime:
    if not (made := row.values.get("CreatedDate")):
        raise MappingError(f"{row.object} {row.id} has no CreatedDate, by which its rows are put in order")
    return datetime.fromisoformat(made)
