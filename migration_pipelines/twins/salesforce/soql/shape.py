"""How a row of columns c0, c1, ... becomes a record: nested parents, addresses, children, the `attributes` of each.

Each part of a shape yields pieces of text (see `text`), so that SQLite itself renders a record's JSON.
"""

# ruff: noqa: S608 - the names are the catalogue's

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.soql.functions import NUMBER
from migration_pipelines.twins.salesforce.soql.text import Fixed, joined, literal

Record = dict[str, object]
FRACTIONS = frozenset({"currency", "double", "percent"})


@dataclass(frozen=True)
class Value:
    """A plain field: where its value stands, and its type."""

    column: int
    type: str

    def pieces(self) -> Iterator[str]:
        value = f"c{self.column}"
        if self.type == "boolean":
            yield f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END"
        elif self.type == "complexvalue":
            yield f"ifnull({value}, 'null')"
        elif self.type in FRACTIONS:
            yield f"ifnull({NUMBER}({value}), 'null')"
        else:
            yield f"json_quote({value})"


@dataclass(frozen=True)
class Compound:
    """An address or location, put together from its parts; null where all are."""

    parts: Mapping[str, Value]

    def pieces(self) -> Iterator[str]:
        if not self.parts:  # a describe may leave them out
            yield Fixed("null")
            return
        empty = " AND ".join(f"c{part.column} IS NULL" for part in self.parts.values())
        whole = joined([*members(self.parts), Fixed("}")])
        yield f"iif({empty}, 'null', {whole})"


@dataclass(frozen=True)
class Blob:
    """A base64 field: bodies return where it can be fetched, not its content."""

    name: str
    record_url: Fixed
    id_column: int

    def pieces(self) -> Iterator[str]:
        yield from (Fixed(f'"{self.record_url}'), f"c{self.id_column}", Fixed(f'/{self.name}"'))


@dataclass(frozen=True)
class Children:
    """A child subquery's answer, which stands rendered in its column; null where there are none."""

    column: int

    def pieces(self) -> Iterator[str]:
        yield f"ifnull(c{self.column}, 'null')"


@dataclass(frozen=True)
class Known:
    """The `attributes` of a record whose object is known."""

    object_name: str
    base: str
    id_column: int

    @property
    def record_url(self) -> Fixed:
        return Fixed(f"{self.base}/{self.object_name}/")

    def pieces(self) -> Iterator[str]:
        yield Fixed(f'{{"type":"{self.object_name}","url":"{self.record_url}')
        yield from (f"c{self.id_column}", Fixed('"}'))


@dataclass(frozen=True)
class ById:
    """The `attributes` of a polymorphic parent: its id tells the object.

    Attributes:
        names: objects by key prefix.
        shown: what `type` says for all of them; None is the object's name.
    """

    names: Mapping[str, str]
    base: str
    id_column: int
    shown: str | None

    def pieces(self) -> Iterator[str]:
        cases = " ".join(f"WHEN {literal(prefix)} THEN {literal(name)}" for prefix, name in self.names.items())
        name = f"CASE substr(c{self.id_column}, 1, 3) {cases} ELSE 'Name' END"
        yield Fixed('{"type":"')
        yield Fixed(self.shown) if self.shown else name
        yield from (Fixed(f'","url":"{self.base}/'), name, Fixed("/"), f"c{self.id_column}", Fixed('"}'))


@dataclass
class Shape:
    """A record and what it holds.

    Attributes:
        attributes: None for an AggregateResult.
    """

    attributes: Known | ById | None
    members: "dict[str, Member]" = field(default_factory=dict)

    @property
    def json(self) -> str:
        """SQL of the record's JSON."""
        return joined(self.record())

    def record(self) -> Iterator[str]:
        yield Fixed('{"attributes":')
        yield from self.attributes.pieces() if self.attributes else (Fixed('{"type":"AggregateResult"}'),)
        yield from members(self.members, first=",")
        yield Fixed("}")

    def pieces(self) -> Iterator[str]:
        """As a parent within another record: null where there is none."""
        if self.attributes is None:
            yield self.json
        else:
            yield f"iif(c{self.attributes.id_column} IS NULL, 'null', {self.json})"


@dataclass(frozen=True)
class Choice:
    """TYPEOF: the parent's shape depends on its object.

    Attributes:
        shapes: by key prefix.
        otherwise: of every other object; null without.
    """

    id_column: int
    shapes: Mapping[str, Shape]
    otherwise: Shape | None

    def pieces(self) -> Iterator[str]:
        cases = " ".join(f"WHEN {literal(prefix)} THEN {shape.json}" for prefix, shape in self.shapes.items())
        rest = joined(self.otherwise.pieces()) if self.otherwise else "'null'"
        yield f"CASE substr(c{self.id_column}, 1, 3) {cases} ELSE {rest} END"


Member = Value | Compound | Blob | Children | Shape | Choice


def members(parts: Mapping[str, Member], first: str = "{") -> Iterator[str]:
    separator = first
    for key, part in parts.items():
        yield Fixed(f"{separator}{json.dumps(key)}:")
        yield from part.pieces()
        separator = ","


def children(record: str, rows: str) -> str:
    """SQL of a child subquery's answer: `record` renders one of `rows`."""
    answer = joined(
        [
            Fixed('{"totalSize":'),
            "count(*)",
            Fixed(',"done":true,"records":['),
            "group_concat(record, ',')",
            Fixed("]}"),
        ]
    )
    return f"(SELECT CASE WHEN count(*) THEN {answer} END FROM (SELECT {record} AS record FROM ({rows})))"


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
