"""The compatibility table of a pair: frozen models of `compatibility.yaml`, and what follows from a row and its routes.

A row stands for one kind of data of the source CRM. What its routes say of cardinality and support is taken from them;
the file says what no route can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from pydantic import model_validator

from migration_pipelines.core.concerns import Concern
from migration_pipelines.core.mapping import Cardinality, Frozen, Names, ObjectMapping, Route, Support, Text, route_key

Transfers = Literal["fully", "partially", "with mapping", "not"]


class Entry(Frozen):
    """One kind of data.

    Attributes:
        data: its name, as people who sell and plan call it.
        becomes: the same of what it is in the target, or that there is no equivalent.
        kind: `custom objects` stands for a row for each custom object of an org, `custom fields` for fields, which are
            no object.
        routes: the routes that carry it: "contacts/Contact>contacts".
        counts: which records are of this kind, where that is not what the routes take.
        decision: the decision under which it stands.
        transfers: whether it arrives; `method` by what, or what takes its place.
        lost: what does not arrive, in words.
        cardinality, support: where no route says them.
    """

    data: Text
    becomes: Text
    transfers: Transfers
    method: Text
    lost: str = ""
    kind: Literal["object", "custom objects", "custom fields"] = "object"
    routes: Names = ()
    counts: tuple[Concern, ...] = ()
    decision: Text | None = None
    cardinality: Cardinality | None = None
    support: Support | None = None

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Entry:
        stated = [one is not None for one in (self.cardinality, self.support)]
        if any(stated) if self.routes else not all(stated):
            raise ValueError(
                f"{self.data}: cardinality: and support: are those of its routes; say both where it has none"
            )
        if self.kind == "object" and not (self.routes or self.counts):
            raise ValueError(f"{self.data}: say in routes: or counts: which records it is about")
        return self

    @property
    def counted(self) -> tuple[Concern, ...]:
        """The records of this kind."""
        if self.counts or not self.routes:
            return self.counts
        return (Concern(records=self.data.lower(), routes=self.routes),)

    def degree(self, routes: Sequence[Route]) -> tuple[Cardinality, Support] | None:
        """The least that any of these routes says; what the row itself says where it has no routes; None for none of them."""
        if self.cardinality and self.support:
            return self.cardinality, self.support
        if not routes:
            return None
        return (
            max((one.cardinality for one in routes), key=get_args(Cardinality).index),
            max((one.support for one in routes), key=get_args(Support).index),
        )


class CompatibilityTable(Frozen):
    """`compatibility.yaml`."""

    entries: tuple[Entry, ...]

    @model_validator(mode="after")
    def _each_kind_stands_once(self) -> CompatibilityTable:
        names = [entry.data for entry in self.entries]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"there is more than one entry {', '.join(sorted(twice))}")
        return self


def routes_by_key(mappings: Mapping[str, ObjectMapping]) -> dict[str, Route]:
    """Every route of mapping files by its key, also those that a decision switches off."""
    return {route_key(crm_object, route): route for crm_object, mapping in mappings.items() for route in mapping.routes}


def source_of(route: str) -> str:
    """The source object of a route, by its key."""
    return route.partition("/")[2].partition(">")[0]


def score(cardinalities: Iterable[Cardinality | None]) -> dict[str, int]:
    """How many of these objects map 1:1 (COMMON-12). None is an object that nothing carries."""
    all_ = list(cardinalities)
    return {"one_to_one": all_.count("1:1"), "of": len(all_)}
