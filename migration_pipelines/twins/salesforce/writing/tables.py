"""Rows as they are handed to the engine: names of columns, and a sequence of cells for each row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.values import ABSENT


class Form(Enum):
    """How cells are written, and whether they are believed.

    CSV: texts of a Bulk job; empty is not said, `#N/A` is null. JSON: typed values, ABSENT where a row does not have the
    key. SEED: texts or JSON values that are taken without a check beyond their type; empty is null.
    """

    CSV = "csv"
    JSON = "json"
    SEED = "seed"


@dataclass(frozen=True)
class Table:
    """Rows of one object.

    Attributes:
        names: of the columns: fields, `Account.Ext__c` for a parent by a key, `Contact:Who.Ext__c` where it may be of
            several objects.
        rows: each with one cell for each column.
    """

    obj: SObject
    names: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    form: Form


def table_of(obj: SObject, records: Sequence[Mapping[str, object]], form: Form = Form.JSON) -> Table:
    """JSON records as a table. A nested parent becomes a column of its key; `attributes` are left out."""
    flat = [dict(_flat(record)) for record in records]
    names = tuple(dict.fromkeys(name for row in flat for name in row))
    return Table(obj, names, [[row.get(name, ABSENT) for name in names] for row in flat], form)


def _flat(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, Mapping):
            yield from _parent(name, value)
        else:
            yield name, value


def _parent(name: str, parent: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """`{"Who": {"attributes": {"type": "Contact"}, "Ext__c": "C-1"}}` -> `Contact:Who.Ext__c`."""
    attributes = parent.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, Mapping) else None
    prefix = f"{kind}:" if isinstance(kind, str) else ""
    keys = [(key, value) for key, value in parent.items() if key != "attributes"]
    return [(f"{prefix}{name}.{key}", value) for key, value in keys] or [(name, dict(parent))]
