"""Rules: what a mapping file cannot say, as a named pure function of one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migration_pipelines.core.records import Problem, SourceRecord
from migration_pipelines.errors import MappingError

RuleFunction = Callable[[SourceRecord, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class WithNotes:
    """A value together with problems that are listed and do not hold the record."""

    value: Any
    notes: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named function (record, decisions) -> value, Problem or WithNotes.

    Attributes:
        reads: the source fields that it reads; they count as mapped.
        reads_children: child object -> the fields that it reads of its rows, which the record carries.
        makes: the type of target field that it fills, where the target has to make that field.
    """

    name: str
    function: RuleFunction
    reads: tuple[str, ...]
    makes: str = "text"
    reads_children: Mapping[str, Sequence[str]] = field(default_factory=dict)


class RuleBook:
    """The rules of one migration pair, found by the name that a mapping file uses.

    Args:
        books: books whose rules this one holds too.
    """

    def __init__(self, *books: RuleBook) -> None:
        self._rules: dict[str, Rule] = {name: rule for book in books for name, rule in book._rules.items()}

    def rule(
        self, *, reads: Sequence[str], makes: str = "text", reads_children: Mapping[str, Sequence[str]] | None = None
    ) -> Callable[[RuleFunction], RuleFunction]:
        def register(function: RuleFunction) -> RuleFunction:
            name = function.__name__
            self._rules[name] = Rule(name, function, tuple(reads), makes, reads_children or {})
            return function

        return register

    def find(self, name: str) -> Rule:
        """Raises MappingError where the pair has no such rule."""
        if name not in self._rules:
            raise MappingError(f"there is no rule {name!r} in this pair; there are: {', '.join(sorted(self._rules))}")
        return self._rules[name]
