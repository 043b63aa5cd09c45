"""Rows that are there: found by id, checked, and written back in the columns that changed."""

from collections import Counter
from collections.abc import Mapping

from migration_pipelines.twins.salesforce.values import ABSENT, Values
from migration_pipelines.twins.salesforce.writing import effects
from migration_pipelines.twins.salesforce.writing.checks import check_present_in_changed, check_values, check_writable
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.derivation import derive_changed, names_of
from migration_pipelines.twins.salesforce.writing.keys import check_unique
from migration_pipelines.twins.salesforce.writing.object_rules import check_object
from migration_pipelines.twins.salesforce.writing.outcomes import DELETED, UNKNOWN_REFERENCE, Outcome, RowError
from migration_pipelines.twins.salesforce.writing.references import check_references
from migration_pipelines.twins.salesforce.writing.sieve import Sieve

_NO_ID = RowError("MISSING_ARGUMENT", "Id not specified in an update call", ("Id",))


def change(context: Context, chunk: Chunk) -> list[Outcome]:
    """Update the rows that the column Id names, one answer each."""
    obj = chunk.obj
    sieve = Sieve(chunk, names_refused=True)
    if not obj.answer["updateable"]:
        return sieve.refuse_all(
            RowError("INVALID_TYPE_FOR_OPERATION", f"entity type {obj.name} does not support update")
        )
    chunk = sieve.drop_refused()
    check_there(context, chunk)
    chunk = sieve.drop_refused()
    if not chunk.size:
        return sieve.outcomes((), created=False)
    fields = [obj.all_fields[name.lower()] for name in chunk.columns if name != "Id"]
    check_writable(chunk, fields, "updateable")
    check_present_in_changed(chunk, fields)
    check_values(chunk, fields)
    check_references(context.store, chunk, fields, context.switches)
    chunk = sieve.drop_refused()
    if not chunk.size:
        return sieve.outcomes((), created=False)
    given = dict(chunk.columns)
    places, known = merge(context, chunk)
    derive_changed(chunk, context.rules(obj), given)
    check_object(context, chunk)
    news = Chunk(
        obj, chunk.size, {name: _news(values, known.get(name)) for name, values in given.items()}, chunk.errors
    )
    ids = [str(record_id) for record_id in given["Id"]]
    check_unique(context.store, news, fields, ids, bin_blocks=context.switches.bin_holds_unique_values)
    sound = chunk.sound()
    whole = chunk
    chunk = sieve.drop_refused()
    if chunk.size:
        before = Chunk(obj, whole.size, known).take(sound).columns
        write_back(context, chunk, [places[position] for position in sound], before)
        effects.after_change(context, chunk, {name for name in given if name != "Id"})
    return sieve.outcomes(map(str, chunk.columns["Id"]), created=False)


def check_there(context: Context, chunk: Chunk) -> None:
    """Refuse rows whose id is missing, names nothing, or is there twice."""
    ids = chunk.values("Id")
    said = {str(record_id) for record_id in ids if record_id}
    deleted = context.store.deleted(chunk.obj, said)
    times = Counter(ids)
    for position, record_id in enumerate(ids):
        if not record_id:
            chunk.refuse(position, _NO_ID)
        elif deleted.get(str(record_id), True):
            chunk.refuse(position, DELETED if record_id in deleted else UNKNOWN_REFERENCE)
        elif times[record_id] > 1:
            chunk.refuse(position, RowError("DUPLICATE_VALUE", f"Duplicate id specified: {record_id}", ("Id",)))


def merge(context: Context, chunk: Chunk) -> tuple[list[int], dict[str, Values]]:
    """Put what is known under what is given, for at least one row. Returns the rows' places, and what was known."""
    obj = chunk.obj
    stored = {field.name for field in obj.stored}
    wanted = (set(chunk.columns) | names_of(context.rules(obj)) | effects.NEEDED.get(obj.name, frozenset())) & stored
    names = sorted(wanted - {"Id"})
    found = {row[1]: row for row in context.store.find(obj, "Id", set(chunk.columns["Id"]), ("rowid", "Id", *names))}
    places, _, *values = map(list, zip(*(found[record_id] for record_id in chunk.columns["Id"]), strict=True))
    known: dict[str, Values] = dict(zip(names, values, strict=True))
    for name, before in known.items():
        given = chunk.columns.get(name)
        if given is None:
            chunk.columns[name] = before
        elif ABSENT in given:
            chunk.columns[name] = [old if new is ABSENT else new for new, old in zip(given, before, strict=True)]
    return places, known


def _news(given: Values, known: Values | None) -> Values:
    """What is given and is not so already."""
    if known is None:
        return given
    return [] if given == known else [ABSENT if new == old else new for new, old in zip(given, known, strict=True)]


def write_back(context: Context, chunk: Chunk, places: list[int], known: Mapping[str, Values]) -> None:
    """Store the columns in which any row differs from what was known, and move the stamps."""
    changed = {name: values for name, values in chunk.columns.items() if name in known and values != known[name]}
    stamps = {
        "LastModifiedDate": context.now,
        "SystemModstamp": context.now,
        "LastModifiedById": context.user_id,
    }
    for name, value in stamps.items():
        if name.lower() in chunk.obj.all_fields and name not in changed:
            changed[name] = [value] * chunk.size
    if changed:
        context.store.update_columns(chunk.obj, places, changed)
