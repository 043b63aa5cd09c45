"""The ways that are open to a source object which no mapping and no disposition names: what each is, and what to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migration_pipelines.core.schema import ObjectSchema


@dataclass(frozen=True)
class Parent:
    """A record that rows of an object point at by a field, and that a route brings over to a card of the target."""

    field: str
    crm_object: str
    source: str
    target: str


@dataclass(frozen=True)
class Lines:
    """Lines of YAML for a file of the project, and below what they go."""

    file: str
    below: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """One way. `first` says what has to be there before, where something has."""

    name: str
    write: tuple[Lines, ...]
    first: str = ""


@dataclass(frozen=True)
class OpenObject:
    """An object with rows that nobody has disposed of, and its ways."""

    name: str
    records: int
    ways: tuple[Way, ...]


Ways = Callable[[ObjectSchema, Sequence[Parent]], tuple[Way, ...]]
"""What a pair knows: object, parents of its rows -> the ways, the one that keeps most of it in the target first."""
