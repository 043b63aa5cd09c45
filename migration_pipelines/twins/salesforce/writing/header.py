"""Names of columns, looked up in the describe: a field, or a parent's key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject

_PARENT = re.compile(r"(?:(?P<kind>\w+):)?(?P<relationship>\w+)\.(?P<key>\w+)")


@dataclass
class ColumnError(Exception):
    """A column is no field of the object, or comes twice. Attributes: `name` as it was given."""

    obj: SObject
    name: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class ParentKey:
    """Where a parent is looked for: by which of its fields."""

    parent: SObject
    field: Field


@dataclass(frozen=True)
class Column:
    """Attributes: `field` takes the value; with a `key` the cells hold the parent's key instead of its id."""

    field: Field
    key: ParentKey | None = None


def read_header(catalogue: Catalogue, obj: SObject, names: Sequence[str], *, typed_parents: bool) -> list[Column]:
    """Look the names up, in any case.

    Args:
        typed_parents: whether `Contact:Who.Ext__c` is understood.

    Raises:
        ColumnError: a name is unknown or comes twice.
    """
    columns: list[Column] = []
    seen: set[str] = set()
    for name in names:
        column = _column(catalogue, obj, name, typed_parents=typed_parents)
        if column is None:
            raise ColumnError(obj, name, f"No such column '{name}' on sobject of type {obj.name}")
        if name.lower() in seen:
            raise ColumnError(obj, name, f"Duplicate field '{name}' on sobject of type {obj.name}")
        seen.add(name.lower())
        columns.append(column)
    return columns


def _column(catalogue: Catalogue, obj: SObject, name: str, *, typed_parents: bool) -> Column | None:
    field = obj.field(name)
    if field is not None:
        return Column(field)
    match = _PARENT.fullmatch(name)
    reference = obj.parents.get(match["relationship"].lower()) if match else None
    if match is None or reference is None or (match["kind"] and not typed_parents):
        return None
    if match["kind"]:
        candidates = [match["kind"]]
    elif reference.is_polymorphic and reference.name != "OwnerId":
        return None
    else:
        candidates = list(reference.reference_to)
    keyed = [_keyed(reference, parent, match["key"]) for name in candidates if (parent := catalogue.get(name))]
    found = [column for column in keyed if column is not None]
    return found[0] if len(found) == 1 else None


def _keyed(reference: Field, parent: SObject, name: str) -> Column | None:
    key = parent.field(name)
    if (
        key is None
        or parent.name not in reference.reference_to
        or not (key.answer["externalId"] or key.answer["idLookup"])
    ):
        return None
    return Column(reference, ParentKey(parent, key))
