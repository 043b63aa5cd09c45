"""What goes through the middle: a record as it was extracted, and what was decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Values = Mapping[str, Any]


class HoldReason(StrEnum):
    """Why a record was kept back. A person can mend each of them."""

    MISSING_REQUIRED = "required value is missing"
    BAD_VALUE = "value cannot be converted"
    TOO_LONG = "value is longer than the target allows"
    TOO_LARGE = "value is larger than the target allows"
    VALUE_NOT_MAPPED = "value has no counterpart in its table"
    OWNER_UNRESOLVED = "owner has no counterpart in the target"
    REFERENCE_EMPTY = "no parent is given"
    PARENT_UNKNOWN = "parent was not extracted"
    PARENT_HELD = "parent is held"
    PARENT_FAILED = "parent was refused by the target"
    SEVERAL_CHILDREN = "several rows where the target has room for one"
    SEVERAL_MATCHES = "it may be one of the target's own records, and which one is not certain"
    MATCH_CHANGED = "the record of the target that it was matched with is not what it was"
    NO_RATE = "no rate to convert its currency by"
    LINKED_ELSEWHERE = "people have linked it otherwise in the target"


class Outcome(StrEnum):
    """The one vocabulary of outcomes. Per route they sum to its rows."""

    PLANNED = "planned"
    SENDING = "sending"
    LOADED = "loaded"
    CARRIED = "carried"
    HELD = "held"
    FAILED = "failed"
    CONFLICT = "conflict"
    EXCLUDED = "excluded"
    ARCHIVED = "archived"
    DELETED_IN_SOURCE = "deleted in source"
    MADE_BY_PLATFORM = "made by the platform"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record as the source org gave it.

    `values` has JSON values only; an empty value is None. `children` holds the rows of other source objects that
    travel inside this record's own request, by object name.
    """

    object: str
    id: str
    values: Values
    modified_at: datetime | None = None
    deleted: bool = False
    parent_id: str | None = None
    children: Mapping[str, Sequence[Values]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one value. It holds its record back unless `holds` is False: then it is only listed."""

    reason: HoldReason
    message: str
    field: str = ""
    value: Any = None
    holds: bool = True

    def at(self, field_name: str) -> Problem:
        return Problem(self.reason, self.message, self.field or field_name, self.value, self.holds)

    def as_json(self) -> dict[str, Any]:
        return {
            "reason": self.reason.name,
            "message": self.message,
            "field": self.field,
            "value": self.value,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class SymbolicReference:
    """A parent named by route and source id; the target id is known only when the parent is there."""

    field: str
    route: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What is meant for one record: target field -> value in our normal form; None clears, absent leaves alone."""

    source_id: str
    values: Values
    references: tuple[SymbolicReference, ...] = ()
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Transformed:
    """What became of a chunk of records on one route. Every record is in exactly one of the four."""

    planned: Sequence[Planned]
    held: Mapping[str, Sequence[Problem]]
    excluded: Mapping[str, str]
    carried: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class KnownParent:
    """A parent that the plan has met: the route that brings it over, and what the plan says of it.

    One that another record carries names that record by its route and source id. `references` are what it hangs on
    itself, where that was asked.
    """

    route: str
    outcome: Outcome
    carried_by: tuple[str, str] | None = None
    references: tuple[SymbolicReference, ...] = ()
