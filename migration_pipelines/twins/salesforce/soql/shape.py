"""How a row of columns becomes a record: nested parents, addresses, children, and the `attributes` of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from migration_pipelines.twins.salesforce.describe import Catalogue, Field

Row = Sequence[object]
Record = dict[str, object]


@dataclass(frozen=True)
class Style:
    """What an answer's form depends on besides its rows."""

    version: str
    catalogue: Catalogue
    polymorphic_type: str = "concrete"

    def attributes(self, type_name: str, record_id: object, shown_type: str | None = None) -> Record:
        url = f"/services/data/v{self.version}/sobjects/{type_name}/{record_id}"
        return {"type": shown_type or type_name, "url": url}


@dataclass(frozen=True)
class Value:
    """A plain field: where its value stands, and whether SQLite's 0 and 1 are meant as false and true."""

    column: int
    is_boolean: bool = False

    def read(self, row: Row) -> object:
        value = row[self.column]
        return bool(value) if self.is_boolean and value is not None else value


@dataclass(frozen=True)
class Compound:
    """An address or location, put together from its parts; null where all are."""

    parts: Mapping[str, int]

    def read(self, row: Row) -> object:
        parts = {key: row[column] for key, column in self.parts.items()}
        return parts if any(value is not None for value in parts.values()) else None


@dataclass(frozen=True)
class Blob:
    """A base64 field: bodies return where it can be fetched, not its content."""

    name: str
    object_name: str
    id_column: int

    def url(self, row: Row, style: Style) -> str:
        return f"/services/data/v{style.version}/sobjects/{self.object_name}/{row[self.id_column]}/{self.name}"


@dataclass(frozen=True)
class Children:
    """A child subquery's answer, by its position among the statement's."""

    position: int


@dataclass
class Shape:
    """A record and what it holds.

    Attributes:
        object_name: None where the id tells the object (a polymorphic parent).
        id_column: None for an AggregateResult.
    """

    object_name: str | None
    id_column: int | None
    members: "dict[str, Value | Compound | Blob | Children | Shape]" = field(default_factory=dict)

    def record(self, row: Row, style: Style, children: Sequence[object] = ()) -> Record:
        record: Record = {"attributes": self._attributes(row, style)}
        for key, member in self.members.items():
            match member:
                case Value() | Compound():
                    record[key] = member.read(row)
                case Shape():
                    missing = member.id_column is not None and row[member.id_column] is None
                    record[key] = None if missing else member.record(row, style)
                case Blob():
                    record[key] = member.url(row, style)
                case Children(position):
                    record[key] = children[position]
        return record

    def _attributes(self, row: Row, style: Style) -> Record:
        if self.id_column is None:
            return {"type": "AggregateResult"}
        record_id = row[self.id_column]
        if self.object_name is not None:
            return style.attributes(self.object_name, record_id)
        target = style.catalogue.of_id(str(record_id))
        name = target.name if target else "Name"
        return style.attributes(name, record_id, "Name" if style.polymorphic_type == "Name" else name)


def column_metadata(name: str, found: Field | None, display: str, *, aggregate: bool) -> Record:
    """One entry of `columnMetadata`, the answer to `columns=true`."""
    kind = found.type if found else "int"
    apex = {
        "id": "Id",
        "reference": "Id",
        "boolean": "Boolean",
        "int": "Integer",
        "date": "Date",
        "datetime": "Datetime",
    }
    number = kind in ("double", "currency", "percent", "int", "long")
    return {
        "aggregate": aggregate,
        "apexType": apex.get(kind, "Double" if number else "String"),
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": bool(found and found.answer["custom"]),
        "displayName": display,
        "foreignKeyName": None,
        "insertable": bool(found and found.answer["createable"]),
        "joinColumns": [],
        "numberType": number,
        "textType": not number and kind not in ("boolean", "date", "datetime", "id", "reference"),
        "updatable": bool(found and found.answer["updateable"]),
    }
