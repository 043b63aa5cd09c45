"""Rows that are believed: seeds, and what a person did. Nothing is refused but a name or a value that fits no field."""

from migration_pipelines.twins.salesforce.writing.changing import merge, write_back
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.completing import complete, store
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.derivation import derive_changed
from migration_pipelines.twins.salesforce.writing.reading import read_seed
from migration_pipelines.twins.salesforce.writing.tables import Table


def fill(context: Context, table: Table) -> int:
    """Add a seed's rows: the platform's defaults stand where a row says nothing, and nothing else happens."""
    chunk = read_seed(context, table)
    complete(context, chunk, is_seed=True)
    store(context, chunk)
    return chunk.size


def put(context: Context, table: Table) -> list[str]:
    """Change the rows whose Id is there, add the others. Returns the ids in order."""
    chunk = read_seed(context, table)
    said = chunk.values("Id")
    there = context.store.deleted(chunk.obj, {str(record_id) for record_id in said if record_id})
    old = [position for position, record_id in enumerate(said) if record_id in there]
    known = set(old)
    new = [position for position in range(chunk.size) if position not in known]
    ids: dict[int, str] = {}
    ids.update(zip(new, _add(context, chunk.take(new)), strict=True))
    ids.update(zip(old, _alter(context, chunk.take(old)), strict=True))
    return [ids[position] for position in range(chunk.size)]


def _add(context: Context, chunk: Chunk) -> list[str]:
    ids = complete(context, chunk)
    if chunk.size:
        store(context, chunk)
    return list(ids)


def _alter(context: Context, chunk: Chunk) -> list[str]:
    if not chunk.size:
        return []
    given = dict(chunk.columns)
    places, known = merge(context, chunk)
    derive_changed(chunk, context.rules(chunk.obj), given)
    write_back(context, chunk, places, known)
    return [str(record_id) for record_id in chunk.columns["Id"]]
