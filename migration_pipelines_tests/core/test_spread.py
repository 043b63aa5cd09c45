"""Two records of one card never bear the same second, over all routes of a plan."""

from __future__ import annotations

from typing import Any

from migration_pipelines.core.mapping import Route
from migration_pipelines.core.records import Planned, SymbolicReference
from migration_pipelines.core.spread import Spread

NOON = "2026-03-31T12:00:00Z"


def route(source: str, target: str = "notes") -> Route:
    references = {name: {"from": name, "to": "accounts"} for name in ("lead", "contact")}
    fields = {"created_at": {"from": "A", "apart_on": ["lead", "contact"]}, "edited_at": {"from": "B"}}
    return Route.model_validate({"source": source, "target": target, "fields": fields, "references": references})


def note(source_id: str, when: str | None = NOON, *, on: str = "lead", card: str = "006A") -> Planned:
    author = SymbolicReference("created_by", "users/User>users", source_id)  # no card
    values = {"created_at": when, "edited_at": NOON}
    return Planned(source_id, values, (SymbolicReference(on, "x", card), author))


def moments(spread: Spread, *notes: tuple[Route, Planned]) -> list[Any]:
    return [spread.apart(route, one).values["created_at"] for route, one in notes]


def test_the_next_free_second_is_taken_over_all_routes_to_one_object() -> None:
    calls, notes = route("Task"), route("Note")
    second = "2026-03-31T12:00:01Z"

    found = moments(Spread(), (calls, note("1")), (calls, note("2", second)), (notes, note("3")), (notes, note("4")))

    assert found == [NOON, second, "2026-03-31T12:00:02Z", "2026-03-31T12:00:03Z"]


def test_other_cards_other_objects_and_other_fields_are_free() -> None:
    calls, tasks = route("Task"), route("Task", "tasks")
    spread = Spread()

    found = moments(
        spread,
        (calls, note("1")),
        (calls, note("2", card="006B")),
        (calls, note("3", on="contact")),
        (tasks, note("4")),
    )

    assert found == [NOON] * 4
    assert spread.apart(calls, note("5")).values["edited_at"] == NOON


def test_what_bears_no_moment_stays_as_it_is() -> None:
    assert moments(Spread(), (route("Task"), note("1", None)), (route("Task"), note("2", None))) == [None, None]
