"""The mapping language: frozen models of what a mapping file may say, and nothing about how it is run.

One YAML file per CRM object holds its routes. A route takes one source object to one target object. Everything is keyed
by target field, so that none can be filled twice; every source field is mapped, or lost with a reason, or undecided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from migration_pipelines.core.fingerprint import fingerprint

Text = Annotated[str, Field(min_length=1)]
Missing = Literal["hold", "bare"]
NormalForm = Literal["e-mail", "phone", "name"]
Many = Literal["hold", "newest", "lines"]
# From the best to the worst.
Cardinality = Literal["1:1", "1:many", "lossy"]
Support = Literal["full", "mapping required", "not supported"]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


Names = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]


class Frozen(BaseModel):
    """Base of all models read from files: unknown keys are errors, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class FieldMap(Frozen):
    """How one target field is filled: from source fields or a constant, then table, converters, default.

    A table's entry "*" stands for every value that it does not name; a value that falls to it is listed. A moment with
    `apart_on` is moved on by seconds until no other record of the same target object, below the same of these
    references, bears it. With `only_if` the field is there only where decisions have these values. `label` is the name of a
    field that the target has to make. With `child` it is filled from the rows of that object, which the record carries;
    `many` says what becomes of a record with more than one: it is held, takes the newest row, or a line of each.
    `exchange` names the field with the currency that an amount is in: where amounts are converted, this one is, before
    the converters.
    """

    from_: Text | list[Text] | None = Field(None, alias="from")
    value: str | int | bool | None = None
    table: Text | None = None
    convert: Annotated[list[str | dict[str, Any]], BeforeValidator(_as_list)] = []
    rule: Text | None = None
    decision: Text | None = None
    default: str | int | bool | None = None
    required: bool = False
    apart_on: Names = ()
    only_if: Mapping[Text, Any] = {}
    label: Text | None = None
    child: Text | None = None
    many: Many = "hold"
    exchange: Text | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> FieldMap:
        given = [name for name in ("from_", "value", "rule", "decision") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("say exactly one of from:, value:, rule: and decision:")
        if self.from_ is None and (self.table or self.convert):
            raise ValueError("table: and convert: work on a value that comes from: a source field")
        if self.from_ == [] or (self.table and isinstance(self.from_, list)):
            raise ValueError("from: names at least one source field, and just one where table: looks its value up")
        if self.exchange and not isinstance(self.from_, str):
            raise ValueError("exchange: is about an amount that comes from: one source field")
        if self.child is None and self.many != "hold":
            raise ValueError("many: is about the rows of a child: object")
        if self.child and self.from_ is None:
            raise ValueError("child: says whose rows a value comes from:")
        for call in self.convert:
            if isinstance(call, dict) and len(call) != 1:
                raise ValueError("a converter with options is written {name: {option: value}}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The source fields that this row names: the record's own, or those of its child rows."""
        if self.from_ is None:
            return ()
        return (self.from_,) if isinstance(self.from_, str) else tuple(self.from_)

    @property
    def sources(self) -> tuple[str, ...]:
        """The record's own fields that this row reads by name. Those that a rule reads, the rule declares."""
        return () if self.child else self.reads

    @property
    def reads(self) -> tuple[str, ...]:
        """Those that it names, and the field of their currency."""
        return (*self.names, self.exchange) if self.exchange else self.names


class ReferenceMap(Frozen):
    """How one target reference is filled, and what becomes of the record where its parent is not there.

    The three cases are decided apart: none given, a parent that was never extracted, a parent that is held. With
    `unless` it is looked at only where none of the references named there was filled, nor holds the record: an activity
    stands on one card. With `into` it adds to another reference of the route, which it names. With `through` the parent
    is not referred to itself: of what it hangs on, the references named here are taken over; where none is named, only
    what becomes of the parent counts. A record that its parent is to `exclude` is left out where that is.
    """

    from_: Text | None = Field(None, alias="from")
    rule: Text | None = None
    to: Names
    unless: Names = ()
    into: Text | None = None
    through: Annotated[tuple[Text, ...] | None, BeforeValidator(_as_list)] = None
    if_empty: Missing = "hold"
    if_unknown: Missing | Literal["exclude"] = "hold"
    if_held: Missing = "hold"

    @model_validator(mode="after")
    def _says_one_thing(self) -> ReferenceMap:
        if (self.from_ is None) == (self.rule is None):
            raise ValueError("say exactly one of from: and rule:")
        if not self.to:
            raise ValueError("to: names at least one CRM object")
        if self.into and self.through is not None:
            raise ValueError("into: and through: exclude one another")
        return self


class Undecided(Frozen):
    """A source field that nobody has disposed of yet, with what is known of it. The plan stays closed while there is one.

    `suggestion` is the row as it could stand in `fields:`; a text says what has to be decided."""

    type: str = ""
    filled: str = ""
    samples: list[Any] = []
    suggestion: str | Mapping[Text, FieldMap] = ""

    @property
    def proposed(self) -> tuple[str, ...]:
        """The target fields of the suggestion."""
        return () if isinstance(self.suggestion, str) else tuple(self.suggestion)


class EmptyTest(Frozen):
    empty: bool


Condition = EmptyTest | bool | int | str | list[str | int]


class Selection(Frozen):
    """Of the records of an object those that meet all of `when`, and not all of `unless`."""

    when: Mapping[Text, Condition] = {}
    unless: Mapping[Text, Condition] = {}


class Route(Selection):
    """One source object to one target object: of the records that meet all of `when`, and not all of `unless`.

    A route with `carried_by` makes no record of its own: its rows add to the record of another source object, which
    the named field points at. With `made_by_platform` a record is not carried that a row of the object named there
    points at: the platform made it of that row. With `becomes` what a row made in the target is, once the named field is
    filled, that of the record which it names, of a CRM object or of one of its targets: `{contacts>contacts: the field}`.
    `optional` are fields that not every org has; where one is not there it
    counts as empty, and nothing is filled from it alone. `matched_by` says what identifies a record that people have made in
    the target: target fields with the form in which they are compared, the strongest key first.
    """

    source: Text
    target: Text
    cardinality: Cardinality = "1:1"
    support: Support = "full"
    only_if: Mapping[Text, Any] = {}
    after: Text | None = None
    matched_by: tuple[Mapping[Text, NormalForm], ...] = ()
    carried_by: Mapping[Text, Text] = {}
    made_by_platform: Mapping[Text, Text] = {}
    becomes: Mapping[Text, Text] = {}
    optional: Names = ()
    fields: Mapping[Text, FieldMap] = {}
    references: Mapping[Text, ReferenceMap] = {}
    lost: Mapping[Text, Text] = {}
    undecided: Mapping[Text, Undecided] = {}

    @model_validator(mode="after")
    def _is_consistent(self) -> Route:
        if twice := set(self.fields) & set(self.references):
            raise ValueError(f"filled twice, as field and as reference: {', '.join(sorted(twice))}")
        if self.carried_by and (self.fields or self.references):
            raise ValueError("a route with carried_by: makes no record, so it has neither fields: nor references:")
        if strange := {name for key in self.matched_by for name in key} - set(self.fields):
            raise ValueError(f"matched_by: names {', '.join(sorted(strange))}, which is no field of this route")
        if len(self.carried_by) > 1:
            raise ValueError("carried_by: names one source object")
        if len(self.becomes) > 1:
            raise ValueError("becomes: names one CRM object, or one of its targets")
        return self

    @model_validator(mode="after")
    def _references_name_one_another(self) -> Route:
        declared: list[str] = []
        for name, row in self.references.items():
            if strange := [one for one in row.unless if one not in declared]:
                raise ValueError(
                    f"{name}: unless: names {', '.join(strange)}, which is no reference declared before it"
                )
            declared.append(name)
        for name, field in self.fields.items():
            if strange := [one for one in field.apart_on if one not in declared]:
                raise ValueError(f"{name}: apart_on: names {', '.join(strange)}, which is no reference of this route")
        for name, row in self.references.items():
            if row.into and (row.into not in declared or self.references[row.into].into):
                raise ValueError(f"{name}: into: names {row.into}, which is no target reference of this route")
            if strange := [one for one in row.through or () if one not in self.filled_references]:
                raise ValueError(
                    f"{name}: through: names {', '.join(strange)}, which is no target reference of this route"
                )
        return self

    @property
    def reads(self) -> frozenset[str]:
        """The source fields that the route reads by name; those that its rules read, the rules declare."""
        named = {one for row in self.fields.values() for one in row.sources}
        named |= {row.from_ for row in self.references.values() if row.from_}
        said = (self.when, self.unless, self.carried_by.values(), self.becomes.values())
        return frozenset(named.union(*said))

    def reads_of(self, child: str) -> frozenset[str]:
        """The fields that the route reads by name of the child rows of its records."""
        return frozenset(name for row in self.fields.values() if row.child == child for name in row.reads)

    def without(self, absent: Collection[str]) -> Route:
        """The route in an org that does not have these optional fields: nothing is filled from them alone."""
        fields = {
            name: row for name, row in self.fields.items() if not row.sources or not set(row.sources).issubset(absent)
        }
        return self.model_copy(update={"fields": fields}) if absent else self

    @property
    def depends_on(self) -> frozenset[str]:
        """The decisions that say whether the route, or one of its fields, is there, or what stands in a field."""
        said = {row.decision for row in self.fields.values() if row.decision}
        return frozenset(self.only_if).union(said, *(row.only_if for row in self.fields.values()))

    @property
    def filled_references(self) -> tuple[str, ...]:
        """The references of the target that the route fills."""
        return tuple(name for name, row in self.references.items() if not row.into and row.through is None)

    @property
    def fills(self) -> frozenset[str]:
        """The fields and references of the target that the route fills."""
        return frozenset(self.fields).union(self.filled_references)

    @property
    def rules(self) -> frozenset[str]:
        """The rules that the route names."""
        named = {row.rule for row in self.fields.values()} | {row.rule for row in self.references.values()}
        return frozenset(one for one in named if one)


class ObjectMapping(Frozen):
    """A mapping file: the routes of one CRM object, and the value tables that they name."""

    routes: tuple[Route, ...]
    tables: Mapping[Text, Mapping[Text, str]] = {}

    @model_validator(mode="after")
    def _routes_have_names_of_their_own(self) -> ObjectMapping:
        names = [f"{route.source}>{route.target}" for route in self.routes]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"there is more than one route {', '.join(sorted(twice))}")
        return self

    @model_validator(mode="after")
    def _tables_exist(self) -> ObjectMapping:
        for route in self.routes:
            for name, row in route.fields.items():
                if row.table and row.table not in self.tables:
                    raise ValueError(f"{name}: there is no table {row.table!r} below tables: in this file")
        return self


def route_key(crm_object: str, route: Route) -> str:
    """The stable name of a route, as the ledger keeps it: "contacts/Contact>contacts"."""
    return f"{crm_object}/{route.source}>{route.target}"


def rows_of(crm_object: str, mapping: ObjectMapping) -> Iterator[tuple[str, str]]:
    """Every mapping row with its fingerprint: what a person confirms, and what a later change takes back."""
    for route in mapping.routes:
        key = route_key(crm_object, route)
        head = route.model_dump(by_alias=True, exclude={"fields", "references", "lost", "undecided"})
        yield key, fingerprint(head)
        for kind in ("fields", "references", "lost"):
            for name, row in getattr(route, kind).items():
                content = row.model_dump(by_alias=True) if isinstance(row, Frozen) else row
                yield f"{key} {name}", fingerprint([kind, content])
    for name, table in mapping.tables.items():
        yield f"{crm_object} table {name}", fingerprint(dict(table))
