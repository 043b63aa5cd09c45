"""How many records of this org something concerns: asked of the ledger, or of the discovery where nothing is extracted yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migration_pipelines.core.compatibility import routes_by_key
from migration_pipelines.core.concerns import Concern, Test, asking
from migration_pipelines.core.mapping import Route
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.errors import MappingError
from migration_pipelines.stages.partition import OpenPartition


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of what a concern names; None where that is not known, with the reason. `objects` are where they come from."""

    concern: Concern
    number: int | None
    why: str
    objects: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"records": self.concern.records, "number": self.number, "why": self.why, "objects": list(self.objects)}


@dataclass(slots=True)
class _Question:
    """A test of one source object's records, and what came of it so far. Without a test every record counts."""

    source: str
    test: Test | None
    number: int | None = 0
    why: str = ""

    def ask_again(self, records: Sequence[SourceRecord]) -> None:
        if self.number is None or self.test is None:
            return
        try:
            self.number += sum(self.test(record) for record in records if not record.deleted)
        except MappingError as error:
            self.number, self.why = None, str(error)


def count(partition: OpenPartition, concerns: Sequence[Concern]) -> list[Counted]:
    """Count each concern's records, in the order given. Each source object is read at most once, a page at a time.

    An object that the org does not have counts 0. One that was not extracted counts as the org told at discovery, or is
    unknown where only some of its records are concerned.
    """
    routes = routes_by_key(partition.project.mappings)
    asked = [(concern, list(_questions(partition, concern, routes))) for concern in concerns]
    by_object: dict[str, list[_Question]] = {}
    for _, questions in asked:
        for question in questions:
            by_object.setdefault(question.source, []).append(question)
    schema = partition.ledger.schema("source")
    for name, questions in by_object.items():
        _answer(partition, schema, name, questions)
    return [_sum(concern, questions) for concern, questions in asked]


def count_together(partition: OpenPartition, *groups: Sequence[Concern]) -> list[Sequence[Counted]]:
    """`count` of several groups of concerns in one reading of the ledger: a list for each group."""
    counted = iter(count(partition, [concern for group in groups for concern in group]))
    return [[next(counted) for _ in group] for group in groups]


def _questions(partition: OpenPartition, concern: Concern, routes: Mapping[str, Route]) -> Iterator[_Question]:
    rules, decisions = partition.project.pair.rules, partition.project.decisions
    rule = rules.find(concern.rule) if concern.rule else None
    there = [routes[key] for key in concern.routes if key in routes]
    for source in dict.fromkeys([concern.source] if concern.source else [route.source for route in there]):
        taking = [route for route in there if route.source == source]
        if not all(route.when or route.unless for route in taking):
            taking = []  # one of them takes every record
        is_whole = not (taking or concern.narrows)
        yield _Question(source, None if is_whole else asking(concern, taking, rule, decisions))


def _answer(
    partition: OpenPartition, schema: OrgSchema | None, source_object: str, questions: Sequence[_Question]
) -> None:
    records, found = partition.ledger.records, schema.objects.get(source_object) if schema else None
    whole, some = [one for one in questions if not one.test], [one for one in questions if one.test]
    if schema is None:
        _give(questions, None, "the orgs have not been discovered yet")
    elif found is None:
        _give(questions, 0)
    elif records.last_extraction(source_object) is None:
        _give(whole, found.records, "as the org tells")
        _give(some, None if found.records else 0, f"{source_object} has not been extracted yet")
    else:
        if whole:
            _give(whole, records.count(source_object))
        for page in records.pages(source_object, partition.children_of(source_object)) if some else ():
            for question in some:
                question.ask_again(page)


def _give(questions: Sequence[_Question], number: int | None, why: str = "") -> None:
    for question in questions:
        question.number, question.why = number, why


def _sum(concern: Concern, questions: Sequence[_Question]) -> Counted:
    whys = "; ".join(dict.fromkeys(question.why for question in questions if question.why))
    numbers = [question.number for question in questions]
    number = None if None in numbers or not numbers else sum(one or 0 for one in numbers)
    if not questions:
        whys = f"the mapping has no route {' or '.join(concern.routes)}"
    return Counted(concern, number, whys, tuple(question.source for question in questions))
