"""Which records something concerns, in words and in the mapping language: frozen models, and a test for one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from migration_pipelines.core.mapping import Names, Route, Selection, Text
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import Rule
from migration_pipelines.core.transform import taker
from migration_pipelines.errors import MappingError

Test = Callable[[SourceRecord], int]
"""How much of a record is concerned: for most questions whether it is."""


class Concern(Selection):
    """Records of a source object, or those that some routes take; of them those that meet `when` and not all of `unless`.

    `rule` names a function of the pair that says how many of what `records` names there are in a record, or whether the
    record is one. `records` is in the plural: "open tasks whose date is past".
    """

    records: Text
    source: Text | None = None
    routes: Names = ()
    rule: Text | None = None

    @model_validator(mode="after")
    def _says_where(self) -> Concern:
        if (self.source is None) == (not self.routes):
            raise ValueError("say exactly one of source: and routes:")
        return self

    @property
    def narrows(self) -> bool:
        """Whether only some of the object's records, or of those that the routes take, are concerned."""
        return bool(self.when or self.unless or self.rule)


def meets_any(selections: Sequence[Selection]) -> Test:
    """Whether one of the selections takes a record."""
    takers = [taker(one) for one in selections]
    return lambda record: any(takes(record) for takes in takers)


def asking(concern: Concern, routes: Sequence[Route], rule: Rule | None, decisions: Mapping[str, Any]) -> Test:
    """The test of a concern, for the records of one source object.

    Args:
        routes: those of the concern's routes that start at this source object.

    The test raises MappingError where a record lacks a field, or the rule asks for a decision that nobody has taken.
    """
    is_concerned, is_routed = taker(concern), meets_any(routes) if routes else None

    def test(record: SourceRecord) -> int:
        if not is_concerned(record) or (is_routed and not is_routed(record)):
            return 0
        try:
            return int(rule.function(record, decisions)) if rule else 1
        except KeyError as missing:
            raise MappingError(f"it needs {missing}, which is not there yet") from missing

    return test
