"""Names of a statement, looked up in the catalogue: a path becomes SQL, and the joins that it needs are noted."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject
from migration_pipelines.twins.salesforce.describe_keys import TEXT_TYPES, whole_field
from migration_pipelines.twins.salesforce.soql.errors import malformed, unknown_field, unknown_parent
from migration_pipelines.twins.salesforce.soql.functions import COLLATION
from migration_pipelines.twins.salesforce.soql.tree import Path

MOST_LEVELS = 5
MOST_PARENTS = 55
"""SOQL takes no more relationships to parents in one statement."""


class Binds:
    """Values of a statement on their way into SQLite: each becomes a named parameter."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


class Place(Protocol):
    """Where a path has arrived: a record whose fields can be named."""

    @property
    def obj(self) -> SObject: ...

    def sql(self, wanted: Field) -> str: ...


@dataclass(frozen=True)
class Column:
    """A field in its place."""

    place: Place
    field: Field

    @property
    def sql(self) -> str:
        return self.place.sql(self.field)


@dataclass(frozen=True)
class Operand:
    """What is compared, grouped, sorted or shown: a field, or a function's value with the field that it is like."""

    sql: str
    field: Field
    is_aggregate: bool = False


@dataclass(frozen=True)
class Table:
    """A row of a joined table."""

    obj: SObject
    alias: str

    def sql(self, wanted: Field) -> str:
        return f"{self.alias}.{quoted(wanted.name)}"


@dataclass(frozen=True)
class Polymorphic:
    """The parent behind `Who`, `What` or a queue's `Owner`: the object `Name`, which takes after its id's object."""

    id_sql: str
    targets: tuple[SObject, ...]
    binds: Binds = field(compare=False)
    _known: dict[str, str] = field(init=False, compare=False, default_factory=dict)

    @property
    def obj(self) -> SObject:
        return NAME

    def sql(self, wanted: Field) -> str:
        """The same text each time, so that a grouped expression is recognised where it is selected."""
        if wanted.name == "Id":
            return self.id_sql
        if wanted.name not in self._known:
            self._known[wanted.name] = self._choose(wanted)
        return self._known[wanted.name]

    def _choose(self, wanted: Field) -> str:
        cases = [
            f"WHEN {self.binds.add(target.key_prefix)} THEN {value}"
            for target in self.targets
            if target.key_prefix and (value := self._of(target, wanted))
        ]
        chosen = f"CASE substr({self.id_sql}, 1, 3) {' '.join(cases)} END" if cases else "NULL"
        return f"({chosen}) COLLATE {COLLATION}" if wanted.type in TEXT_TYPES else f"({chosen})"

    def _of(self, target: SObject, wanted: Field) -> str | None:
        if wanted.name == "Type":
            return self.binds.add(target.name)
        source = target.name_field if wanted.name == "Name" else target.field(wanted.name)
        if source is None:
            return None
        return f'(SELECT {quoted(source.name)} FROM {quoted(target.name)} WHERE "Id" = {self.id_sql})'


class Scope:
    """The names of one SELECT.

    Attributes:
        joins: SQL of the tables that the paths so far need, the statement's own first.
    """

    def __init__(self, catalogue: Catalogue, obj: SObject, binds: Binds, tag: str, alias: str | None = None) -> None:
        self.obj = obj
        self.catalogue = catalogue
        self.binds = binds
        self._tag = tag
        self._names = {name.lower() for name in (alias, obj.name) if name}
        self.table = Table(obj, f"{tag}0")
        self.joins = [f"{quoted(obj.name)} AS {self.table.alias}"]
        self._places: dict[tuple[str, ...], Place] = {(): self.table}

    def column(self, path: Path, start: tuple[str, ...] = ()) -> Column:
        """What a path names.

        Args:
            start: where it begins, if not at the statement's object (see `typed`).

        Raises:
            SoqlError: INVALID_FIELD for an unknown relationship or field, or more than five levels.
        """
        *parents, name = path.parts if start else self._own(path)
        if len(parents) > MOST_LEVELS:
            raise malformed(f"a field path may have at most {MOST_LEVELS} levels of relationships: {path}", path.at)
        place = self._places[start]
        for depth, parent in enumerate(parents):
            place = self._parent(place, (*start, *_lower(parents[: depth + 1])), parent, path)
        found = place.obj.field(name)
        if found is None:
            raise unknown_field(name, place.obj.name, path.at)
        return Column(place, found)

    def parents_of(self, path: Path, start: tuple[str, ...] = ()) -> tuple[tuple[str, Place], ...]:
        """The places on the way to a path's field, each with its relationship's name in the catalogue's case."""
        *parents, _ = path.parts if start else self._own(path)
        way: list[tuple[str, Place]] = []
        place = self._places[start]
        for depth, parent in enumerate(parents):
            name = str(place.obj.parents[parent.lower()].answer["relationshipName"])
            place = self._places[*start, *_lower(parents[: depth + 1])]
            way.append((name, place))
        return tuple(way)

    def polymorphic(self, path: Path) -> tuple[str, Polymorphic]:
        """The relationship that a TYPEOF names, in the catalogue's case, and its place.

        Raises:
            SoqlError: there is none, or its object is always the same.
        """
        name = path.parts[-1]
        reference = self._reference(self.table, name) if len(path.parts) == 1 else None
        if reference is None or not reference.is_polymorphic:
            raise unknown_parent(str(path), path.at)
        place = self._parent(self.table, (name.lower(),), name, path)
        assert isinstance(place, Polymorphic)
        return str(reference.answer["relationshipName"]), place

    def typed(self, relation: Path, named: Path) -> tuple[SObject, tuple[str, ...]]:
        """A polymorphic parent where it is of one object, and the `start` of paths from there.

        Raises:
            SoqlError: the relationship never leads to that object.
        """
        _, place = self.polymorphic(relation)
        target = next((obj for obj in place.targets if obj.name.lower() == str(named).lower()), None)
        if target is None:
            raise malformed(f"{named} is not a type that {relation} can have", named.at)
        start = (relation.parts[0].lower(), f"when {target.name}")
        if start not in self._places:
            self._places[start] = self._join(target, "Id", place.id_sql, relation)
        return target, start

    def _own(self, path: Path) -> tuple[str, ...]:
        """The path without the statement's own object or alias before it."""
        parts = path.parts
        is_own = len(parts) > 1 and parts[0].lower() in self._names and not self._is_parent(parts[0])
        return parts[1:] if is_own else parts

    def _is_parent(self, name: str) -> bool:
        return name.lower() in self.obj.parents

    def _parent(self, place: Place, key: tuple[str, ...], name: str, path: Path) -> Place:
        if key in self._places:
            return self._places[key]
        reference = self._reference(place, name)
        targets = tuple(self._known(reference.reference_to)) if reference else ()
        if reference is None or not targets:
            raise unknown_parent(name, path.at)
        if reference.is_polymorphic:
            self._places[key] = Polymorphic(place.sql(reference), targets, self.binds)
        else:
            self._places[key] = self._join(targets[0], reference.target_key, place.sql(reference), path)
        return self._places[key]

    def _join(self, target: SObject, key: str, value_sql: str, path: Path) -> Table:
        if len(self.joins) > MOST_PARENTS:
            raise malformed(f"a query may name at most {MOST_PARENTS} relationships to parents", path.at)
        table = Table(target, f"{self._tag}{len(self.joins)}")
        joined = f"{table.alias}.{quoted(key)} = {value_sql}"
        self.joins.append(f"LEFT JOIN {quoted(target.name)} AS {table.alias} ON {joined}")
        return table

    @staticmethod
    def _reference(place: Place, name: str) -> Field | None:
        """The reference behind a relationship's name, if the user may see it."""
        reference = place.obj.parents.get(name.lower())
        return place.obj.field(reference.name) if reference else None

    def _known(self, names: Iterable[str]) -> Iterable[SObject]:
        return (obj for name in names if (obj := self.catalogue.get(name)) is not None)


def _lower(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.lower() for part in parts)


def quoted(identifier: str) -> str:
    """An identifier of the catalogue, in which only letters, digits and underscores occur."""
    return f'"{identifier}"'


def _name_object() -> SObject:
    kinds = {"Id": "id", "IsActive": "boolean", "Email": "email", "Phone": "phone"}
    fields = [
        whole_field({"name": name, "type": kinds.get(name, "string"), "nameField": name == "Name"})
        for name in (
            *("Id", "Name", "Type", "FirstName", "LastName", "Email", "Phone", "Title", "Username", "Alias"),
            "IsActive",
        )
    ]
    fields += [
        whole_field({"name": f"{name}Id", "type": "reference", "referenceTo": [name], "relationshipName": name})
        for name in ("Profile", "UserRole")
    ]
    answer = {"name": "Name", "keyPrefix": None}
    return SObject(answer, (Field(entry["name"], entry["type"], entry) for entry in fields))


NAME = _name_object()
