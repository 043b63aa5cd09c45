"""What the describe says about a value: length, picklist, e-mail, range, presence, and who may write the field."""

import re
from collections.abc import Iterable
from typing import cast

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import TEXT_TYPES
from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.outcomes import RowError, missing, not_writable

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_LARGEST = {"int": 2**31, "long": 2**63}


def check_values(chunk: Chunk, fields: Iterable[Field]) -> None:
    """Compare every value that was said with its field's describe."""
    for field in fields:
        if field.type in TEXT_TYPES or field.type == "encryptedstring":
            _length(chunk, field)
        if field.answer["restrictedPicklist"]:
            _choice(chunk, field)
        elif field.type == "email":
            _email(chunk, field)
        elif field.type in _LARGEST:
            digits = int(field.answer["digits"])
            _range(chunk, field, 10**digits if digits else _LARGEST[field.type])
        elif field.type in ("currency", "double", "percent") and field.answer["precision"]:
            _range(chunk, field, 10 ** (int(field.answer["precision"]) - int(field.answer["scale"])))


def check_writable(chunk: Chunk, fields: Iterable[Field], flag: str) -> None:
    """Refuse rows that say a field which may not be written. `flag` is "createable" or "updateable"."""
    closed = [field.name for field in fields if not field.answer[flag]]
    if not closed:
        return
    for position in range(chunk.size):
        said = [name for name in closed if chunk.columns[name][position] is not ABSENT]
        if said:
            chunk.refuse(position, not_writable(said))


def check_present_in_new(chunk: Chunk, fields: Iterable[Field]) -> None:
    """Refuse new rows without a required field: one error that names them all."""
    required = [
        field.name
        for field in fields
        if field.answer["createable"]
        and not (field.answer["nillable"] or field.answer["defaultedOnCreate"] or field.type == "boolean")
    ]
    _refuse_missing(chunk, {name: _unsaid(chunk, name) for name in required})


def check_present_in_changed(chunk: Chunk, fields: Iterable[Field]) -> None:
    """Refuse changes that empty a required field."""
    required = [field.name for field in fields if not field.answer["nillable"] and field.type != "boolean"]
    _refuse_missing(
        chunk,
        {name: [position for position, value in enumerate(chunk.columns[name]) if value is None] for name in required},
    )


def _unsaid(chunk: Chunk, name: str) -> Iterable[int]:
    values = chunk.columns.get(name)
    if values is None:
        return range(chunk.size)
    if None not in values and ABSENT not in values:
        return ()
    return [position for position, value in enumerate(values) if value is None or value is ABSENT]


def _refuse_missing(chunk: Chunk, unsaid: dict[str, Iterable[int]]) -> None:
    names: dict[int, list[str]] = {}
    for name, positions in unsaid.items():
        for position in positions:
            names.setdefault(position, []).append(name)
    for position, lacking in names.items():
        chunk.refuse(position, missing(lacking))


def _length(chunk: Chunk, field: Field) -> None:
    most = int(field.answer["length"])
    texts = cast("list[str | None]", chunk.columns[field.name])
    if not most or max(map(len, filter(None, texts)), default=0) <= most:
        return
    for position, value in chunk.said(field.name):
        if len(str(value)) > most:
            text = f"{field.label}: data value too large: {value} (max length={most})"
            chunk.refuse(position, RowError("STRING_TOO_LONG", text, (field.name,)))


def _choice(chunk: Chunk, field: Field) -> None:
    allowed = {entry["value"] for entry in field.answer["picklistValues"] if entry["active"]}
    if set(chunk.columns[field.name]) <= allowed | {None, ABSENT}:
        return
    for position, value in chunk.said(field.name):
        chosen = str(value).split(";") if field.type == "multipicklist" else [str(value)]
        wrong = [choice for choice in chosen if choice not in allowed]
        if wrong:
            text = f"{field.label}: bad value for restricted picklist field: {wrong[0]}"
            chunk.refuse(position, RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, (field.name,)))


def _email(chunk: Chunk, field: Field) -> None:
    for position, value in chunk.said(field.name):
        if not _EMAIL.fullmatch(str(value)):
            text = f"{field.label}: invalid email address: {value}"
            chunk.refuse(position, RowError("INVALID_EMAIL_ADDRESS", text, (field.name,)))


def _range(chunk: Chunk, field: Field, bound: int) -> None:
    for position, value in chunk.said(field.name):
        if not -bound < value < bound:  # type: ignore[operator]
            text = f"{field.label}: value outside of valid range on numeric field: {value}"
            chunk.refuse(position, RowError("NUMBER_OUTSIDE_VALID_RANGE", text, (field.name,)))
