"""Upsert: each row goes to creating or to changing, by whether its key is there."""

from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing.changing import change
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.creating import create
from migration_pipelines.twins.salesforce.writing.header import ColumnError
from migration_pipelines.twins.salesforce.writing.keys import live_by_key
from migration_pipelines.twins.salesforce.writing.outcomes import Outcome, RowError, several


def upsert(context: Context, chunk: Chunk, key: str) -> list[Outcome]:
    """One answer for each row.

    Raises:
        ColumnError: the key is no column of the chunk, or no field to upsert by.
    """
    obj = chunk.obj
    field = obj.field(key)
    if field is None or not (field.answer["externalId"] or field.answer["idLookup"]):
        text = (
            f"Field name provided, {key} does not match an External ID, Salesforce Id, or indexed field for {obj.name}"
        )
        raise ColumnError(obj, key, text)
    if field.name not in chunk.columns:
        raise ColumnError(obj, key, f"{field.name} not specified")
    if field.type == "id":
        said = [record_id is not None and record_id is not ABSENT for record_id in chunk.columns["Id"]]
        changing = [position for position in range(chunk.size) if said[position]]
        chunk.columns["Id"] = chunk.values("Id")
    else:
        if "Id" in chunk.columns:
            raise ColumnError(obj, "Id", "The Id field should not be specified in the sobject data.")
        changing = _match(context, chunk, field.name)
    known = set(changing)
    creating = [position for position in range(chunk.size) if position not in known]
    outcomes: dict[int, Outcome] = {}
    new = chunk.take(creating)
    new.columns = {name: values for name, values in new.columns.items() if name != "Id"}
    new.errors = _errors_of(chunk, creating)
    outcomes.update(zip(creating, create(context, new, upserting=True), strict=True))
    old = chunk.take(changing)
    old.errors = _errors_of(chunk, changing)
    outcomes.update(zip(changing, change(context, old), strict=True))
    return [outcomes[position] for position in range(chunk.size)]


def _match(context: Context, chunk: Chunk, name: str) -> list[int]:
    """Put the ids of matched rows into the column Id; refuse what cannot be matched. Returns the matched positions."""
    field = chunk.obj.all_fields[name.lower()]
    keys = chunk.columns[name]
    found = live_by_key(context.store, chunk.obj, field, keys)
    folded = [found.fold(key) for key in keys]
    repeated = _repeated([key for key in folded if key is not None and key is not ABSENT])
    ids: list[object] = [None] * chunk.size
    matched: list[int] = []
    for position, key in enumerate(keys):
        if key is None or key is ABSENT:
            chunk.refuse(position, RowError("MISSING_ARGUMENT", f"{name} not specified", (name,)))
            continue
        there = found.get(folded[position], [])
        if folded[position] in repeated:
            chunk.refuse(position, RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", (name,)))
        elif len(there) > 1:
            chunk.refuse(position, several(name, there))
        elif there:
            ids[position] = there[0]
            matched.append(position)
    chunk.columns["Id"] = ids
    return matched


def _repeated(keys: list[object]) -> set[object]:
    if len(set(keys)) == len(keys):
        return set()
    seen: set[object] = set()
    return {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]


def _errors_of(chunk: Chunk, positions: list[int]) -> dict[int, list[RowError]]:
    return {place: chunk.errors[position] for place, position in enumerate(positions) if position in chunk.errors}
