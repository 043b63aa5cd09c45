"""Filling in new rows: ids, defaults, what follows from other fields, stamps."""

from collections.abc import Iterator, Sequence

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.ids import id_run
from migration_pipelines.twins.salesforce.values import ABSENT, Values
from migration_pipelines.twins.salesforce.writing.activities import forget_modification
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.derivation import derive_new

INSTANCE = "Tx"
"""Of ids that the twin makes up; those of a seed and of a person's hand look otherwise."""


def complete(context: Context, chunk: Chunk, *, is_seed: bool = False) -> Sequence[str]:
    """Fill in ids, defaults, what follows from other fields, and the stamps. Returns the ids."""
    obj = chunk.obj
    first = context.store.next_numbers(obj, chunk.size)
    given = dict(chunk.columns)
    fresh = id_run(obj.key_prefix or "000", first, chunk.size, INSTANCE)
    ids = [str(said or made) for said, made in zip(chunk.values("Id"), fresh, strict=True)]
    columns: dict[str, Values] = {"Id": list(ids)}
    for name, default in _defaults(context, obj):
        values = given.get(name)
        if values is None:
            columns[name] = [default] * chunk.size
        elif ABSENT in values:
            columns[name] = [default if value is ABSENT else value for value in values]
    for field in obj.stored:
        if field.answer["autoNumber"] and field.name not in given:
            columns[field.name] = [f"{number:08d}" for number in range(first, first + chunk.size)]
    for name in given:
        if name not in columns:
            columns[name] = chunk.values(name)
    chunk.columns = columns
    derive_new(chunk, context.rules(obj, is_seed=is_seed), given)
    _stamp(context, chunk, given, is_seed=is_seed)
    if obj.name == "Task" and not is_seed:
        forget_modification(context, chunk)
    return ids


def store(context: Context, chunk: Chunk) -> None:
    kept = {field.name: chunk.columns[field.name] for field in chunk.obj.stored if field.name in chunk.columns}
    context.store.insert_columns(chunk.obj, kept)


def _defaults(context: Context, obj: SObject) -> Iterator[tuple[str, object]]:
    for field in obj.stored:
        if field.type == "boolean":
            yield field.name, int(bool(field.answer["defaultValue"]))
        for entry in field.answer["picklistValues"]:
            if entry["defaultValue"]:
                yield field.name, entry["value"]
                break
    for name, value in (
        ("OwnerId", context.user_id),
        ("CreatedDate", context.now),
        ("CreatedById", context.user_id),
        ("LastModifiedById", context.user_id),
    ):
        if name.lower() in obj.all_fields:
            yield name, value


def _stamp(context: Context, chunk: Chunk, given: dict[str, Values], *, is_seed: bool) -> None:
    """LastModifiedDate and SystemModstamp: now; of a seed's row, whatever the row says of its age."""
    has = chunk.obj.all_fields.__contains__
    now: Values = [context.now] * chunk.size
    if has("lastmodifieddate"):
        otherwise = chunk.columns.get("CreatedDate", now) if is_seed else now
        chunk.columns["LastModifiedDate"] = _filled(given.get("LastModifiedDate"), otherwise)
    if has("systemmodstamp"):
        otherwise = chunk.columns.get("LastModifiedDate", now) if is_seed else now
        chunk.columns["SystemModstamp"] = _filled(given.get("SystemModstamp") if is_seed else None, otherwise)


def _filled(given: Values | None, otherwise: Values) -> Values:
    if given is None:
        return otherwise
    return [other if said is ABSENT else said for said, other in zip(given, otherwise, strict=True)]
