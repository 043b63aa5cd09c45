"""Migration pairs: one folder each, of data and pure rules.

`<crm_object>.yaml` is the default mapping, `pair.yaml` the decisions that a project takes and what becomes of objects that
have no counterpart, `compatibility.yaml` what of each kind of data arrives, and `rules.py` what YAML cannot say.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import BeforeValidator, model_validator
from ruamel.yaml import YAML

from migration_pipelines.core.compatibility import CompatibilityTable
from migration_pipelines.core.concerns import Concern
from migration_pipelines.core.converters.phone import REGIONS
from migration_pipelines.core.mapping import Frozen, Text
from migration_pipelines.core.rules import RuleBook
from migration_pipelines.core.ways import Ways
from migration_pipelines.errors import InvalidInput


class Decision(Frozen):
    """One question that a project answers before anything is written.

    `allowed` lists the values with what each of them means; where it is empty, `type` says what is taken: text, number
    (up to `most`), country, zone, day or address. With `only_if` it is asked only
    where other decisions have these values, with `asked_where` only where that fact of the source org says something.
    With `existing` it says what happens where the target holds records of the object named there that are not ours.
    `concerns` are the records that it is about.
    """

    meaning: str
    allowed: Mapping[str, str] = {}
    type: str = "choice"
    default: str | int | None = None
    most: int | None = None
    asked_where: str | None = None
    existing: str | None = None
    only_if: Mapping[Text, Any] = {}
    concerns: tuple[Concern, ...] = ()

    @model_validator(mode="after")
    def _has_values(self) -> Decision:
        if (self.type == "choice") != bool(self.allowed):
            raise ValueError("a choice lists allowed values, another type does not")
        return self

    def is_asked(self, decisions: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
        """Whether it is asked, where other decisions are taken like this, of a source org with these facts."""
        return (self.asked_where is None or bool(facts.get(self.asked_where))) and all(
            decisions.get(name) == value for name, value in self.only_if.items()
        )

    def explain(self) -> str:
        if self.type in _TAKES:
            return _TAKES[self.type]
        if self.type != "choice":
            return f"a {self.type}" + (f" up to {self.most}" if self.most is not None else "")
        return "; ".join(f"{value!r}: {meaning}" for value, meaning in self.allowed.items())


def _is_disposition(given: object) -> object:
    if not isinstance(given, dict) or set(given) not in ({"lost"}, {"archived"}, {"database"}):
        raise ValueError("say one of lost:, archived: and database:, with the reason, as in {lost: the reason}")
    return given


Disposition = Annotated[Mapping[str, Text], BeforeValidator(_is_disposition)]
"""What becomes of a source object that is not migrated: {"lost": the reason}; {"archived": the reason}, as a CSV file; or
{"database": the reason}, as a table of the project's own database."""

KEPT = frozenset({"archived", "database"})
"""The dispositions by which records are kept outside both CRMs."""

_TAKES = {
    "country": "a country in two capital letters, such as TR",
    "zone": "a time zone by its name, such as Europe/Istanbul",
    "day": "a day, such as 2026-12-01",
    "address": "an address that begins with https:// and has {id} in it",
}


_ADDRESS = re.compile(r"https://[^\s{}]+[^\s]*\{id\}[^\s]*")


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


class Pair(Frozen):
    """A source CRM and a target CRM with everything that is known about moving between them."""

    model_config = Frozen.model_config | {"arbitrary_types_allowed": True}

    name: str
    folder: Path
    rules: RuleBook
    ways: Ways
    decisions: Mapping[str, Decision]
    objects: Mapping[str, Disposition]
    compatibility: CompatibilityTable

    @property
    def mapping_files(self) -> list[Path]:
        """The default mapping, a file for each CRM object."""
        return _mapping_files(self.folder)

    def disposition_of(self, source_object: str) -> Disposition | None:
        """What becomes of an object that a project neither maps nor names itself: by name, else by the first pattern."""
        exact = self.objects.get(source_object)
        return exact or next((one for name, one in self.objects.items() if fnmatchcase(source_object, name)), None)

    def check_decision(self, name: str, value: Any, where: Path) -> None:
        """Raises InvalidInput where a project decides what nobody asks, or decides it with a value that is none."""
        if name not in self.decisions:
            raise InvalidInput(
                f"{where}: there is no decision {name!r} in {self.name}; there are: {', '.join(sorted(self.decisions))}."
            )
        decision = self.decisions[name]
        fits = {
            "choice": value in decision.allowed,
            "number": isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= (decision.most or value),
            "country": value in REGIONS,
            "zone": value in _time_zones(),
            "day": _is_day(value),
            "address": isinstance(value, str) and bool(_ADDRESS.fullmatch(value)),
            "text": isinstance(value, str) and bool(value),
        }
        if value is not None and not fits[decision.type]:
            raise InvalidInput(f"{where}: decision {name!r} cannot be {value!r}. It takes {decision.explain()}.")


@cache
def _time_zones() -> frozenset[str]:
    """Names of the time zones that this machine knows. To list them takes as long as to read a project."""
    return frozenset(available_timezones())


class _PairFile(Frozen):
    """`objects` are source objects without a counterpart in the target; a name may be a pattern such as *History."""

    decisions: Mapping[str, Decision]
    objects: Mapping[str, Disposition] = {}


@cache
def load_pair(source: str, target: str) -> Pair:
    """The pair that takes a source CRM to a target CRM.

    Raises:
        InvalidInput: this system has no such pair.
    """
    name = f"{source}_to_{target}"
    folder = Path(__file__).parent / name
    if not (folder / "pair.yaml").is_file():
        there = sorted(path.parent.name for path in Path(__file__).parent.glob("*/pair.yaml"))
        raise InvalidInput(f"There is no migration pair {name}. There are: {', '.join(there)}.")
    content = _PairFile.model_validate(_read(folder / "pair.yaml"))
    compatibility = CompatibilityTable.model_validate(_read(folder / "compatibility.yaml"))
    module = importlib.import_module(f"{__name__}.{name}.rules")
    return Pair(
        name=name, folder=folder, rules=module.RULES, ways=module.WAYS, decisions=content.decisions, objects=content.objects,
        compatibility=compatibility,
    )  # fmt: skip


@cache
def shipped_source_objects() -> frozenset[str]:
    """Every source object that a shipped default mapping names."""
    folders = [file.parent for file in Path(__file__).parent.glob("*/pair.yaml")]
    mappings = [_read(file) for folder in folders for file in _mapping_files(folder)]
    return frozenset(route["source"] for mapping in mappings for route in mapping["routes"])


def _mapping_files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.yaml")) if file.stem not in ("pair", "compatibility")]


def _read(file: Path) -> Any:
    return YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
