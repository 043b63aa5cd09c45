"""The compatibility table's own rules."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from migration_pipelines.core.compatibility import CompatibilityTable, Entry, score, source_of
from migration_pipelines.core.concerns import Concern, asking
from migration_pipelines.core.mapping import Route
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import Rule
from migration_pipelines.errors import MappingError

CALLS = {
    "data": "Calls",
    "becomes": "note",
    "transfers": "partially",
    "method": "API",
    "routes": "activities/Task>notes",
}
FIELDS = {"data": "Fields", "becomes": "field", "transfers": "not", "method": "none", "kind": "custom fields"}
STATED = {"cardinality": "lossy", "support": "not supported"}


def route(cardinality: str, support: str, **selection: Any) -> Route:
    return Route.model_validate(
        {"source": "Task", "target": "notes", "cardinality": cardinality, "support": support, **selection}
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CALLS | STATED, "are those of its routes"),
        (CALLS | {"support": "full"}, "are those of its routes"),
        (FIELDS, "say both"),
        (FIELDS | {"cardinality": "1:1"}, "say both"),
        (FIELDS | STATED | {"kind": "object"}, "which records"),
        (CALLS | {"transfers": "mostly"}, "transfers"),
        (CALLS | {"colour": "red"}, "colour"),
    ],
)
def test_an_entry_says_each_thing_once_and_nothing_else(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Entry.model_validate(content)


def test_a_kind_of_data_stands_in_the_table_once() -> None:
    with pytest.raises(ValidationError, match="more than one entry Calls"):
        CompatibilityTable.model_validate({"entries": [CALLS, CALLS]})


def test_an_entry_is_no_better_than_the_least_of_its_routes() -> None:
    """COMMON-11."""
    entry = Entry.model_validate(CALLS)

    assert entry.degree([route("1:1", "mapping required"), route("lossy", "full")]) == ("lossy", "mapping required")
    assert entry.degree([route("1:many", "full"), route("1:1", "full")]) == ("1:many", "full")
    assert entry.degree([]) is None
    assert Entry.model_validate(FIELDS | STATED).degree([]) == ("lossy", "not supported")


def test_the_score_counts_what_maps_one_to_one() -> None:
    """COMMON-12."""
    assert score(["1:1", "lossy", None, "1:many", "1:1"]) == {"one_to_one": 2, "of": 5}


def test_a_routes_key_names_its_source_object() -> None:
    assert source_of("contacts/Contact>company_contacts") == "Contact"


@pytest.mark.parametrize("where", [{}, {"source": "Task", "routes": "activities/Task>notes"}])
def test_a_concern_is_about_an_object_or_about_routes(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of source: and routes:"):
        Concern.model_validate({"records": "tasks", **where})


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"Open": True, "Kind": "A", "Stars": 3}, 3),
        ({"Open": True, "Kind": "B", "Stars": 3}, 3),
        ({"Open": True, "Kind": "C", "Stars": 3}, 0),  # no route takes it
        ({"Open": False, "Kind": "A", "Stars": 3}, 0),
        ({"Open": True, "Kind": "A", "Stars": 0}, 0),
    ],
)
def test_a_concern_counts_what_its_rule_finds_in_the_records_that_a_route_takes(values: Any, number: int) -> None:
    stars = Rule("stars", lambda record, _decisions: record.values["Stars"], reads=("Stars",))
    concern = Concern.model_validate({"records": "stars", "routes": "activities/Task>notes", "when": {"Open": True}})
    routes = [route("1:1", "full", when={"Kind": kind}) for kind in "AB"]

    assert asking(concern, routes, stars, {})(SourceRecord("Task", "1", values)) == number


def test_a_concern_whose_rule_asks_for_what_is_not_there_says_so() -> None:
    late = Rule("late", lambda record, decisions: record.values["Date"] < decisions["switch_day"], reads=("Date",))
    concern = Concern.model_validate({"records": "late tasks", "source": "Task"})

    with pytest.raises(MappingError, match="it needs 'switch_day'"):
        asking(concern, [], late, {})(SourceRecord("Task", "1", {"Date": "2026-01-01"}))
