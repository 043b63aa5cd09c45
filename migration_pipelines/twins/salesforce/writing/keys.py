"""Keys: finding rows by an external id, and values that no two rows may share."""

from collections.abc import Callable, Iterable, Sequence

from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.outcomes import RowError


class Keyed(dict[object, list[str]]):
    """Ids by key. A key is asked for as it is written; case counts only where the field says so."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.fold = fold(field)

    def of(self, key: object) -> list[str]:
        return super().get(self.fold(key), [])


def fold(field: Field) -> Callable[[object], object]:
    """What two values of the field must share to count as one."""
    if field.answer["caseSensitive"] or field.type in ("id", "reference"):
        return lambda value: value
    return lambda value: value.casefold() if isinstance(value, str) else value


def live_by_key(store: Store, obj: SObject, field: Field, keys: Iterable[object], *, bin_too: bool = False) -> Keyed:
    """The rows that have one of these keys; those in the Recycle Bin only if they are asked for."""
    found = Keyed(field)
    asked = {key for key in keys if key is not ABSENT and key is not None}
    for record_id, key in store.find(obj, field.name, asked, ("Id", field.name), live=not bin_too):
        found.setdefault(found.fold(key), []).append(record_id)
    return found


def check_unique(store: Store, chunk: Chunk, fields: Iterable[Field], ids: Sequence[str], *, bin_blocks: bool) -> None:
    """Refuse rows whose unique value another row has: in the store, or earlier in the chunk.

    Args:
        ids: of the chunk's rows; new ones have theirs already.
        bin_blocks: whether a row in the Recycle Bin still holds its value.
    """
    for field in fields:
        if not field.answer["unique"] or field.type == "id":
            continue
        there = live_by_key(store, chunk.obj, field, (value for _, value in chunk.said(field.name)), bin_too=bin_blocks)
        taken = {key: holders[0] for key, holders in there.items()}
        for position, value in chunk.said(field.name):
            holder = taken.setdefault(there.fold(value), ids[position])
            if holder != ids[position]:
                text = f"duplicate value found: {field.name} duplicates value on record with id: {holder}"
                chunk.refuse(position, RowError("DUPLICATE_VALUE", text))
