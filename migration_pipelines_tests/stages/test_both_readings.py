"""Where Kommo's documentation is silent or contradicts itself, the twin has a switch: the small project under each of them.

It ends as it does by default, record by record and field by field, after the load and after a roll back; or it says what
it could not do, and has made nothing twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from migration_pipelines import stages
from migration_pipelines.errors import MigrationError
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kommo.switches import Switches
from migration_pipelines_tests.world import World, end_state, write_project

NUMBERS: dict[str, tuple[int, ...]] = {
    "requests_per_second": (20,),  # 7 would take a minute here; the pace has tests of its own
    "requests_per_second_of_all": (0,),
    "retry_after_seconds": (1,),
    "block_after": (0, 1),
    "block_window_seconds": (1,),
    "array_ceiling": (50, 4),
    "seats": (5,),
    "field_ceiling": (3,),
    "name_length": (0, 12),
    "text_length": (0, 20),
    "textarea_length": (10,),
    "note_length": (20,),
    "task_text_length": (20,),
    "query_delay_seconds": (3600,),
    "default_limit": (1,),
    "events_page": (250,),
    "largest_part": (1_000,),
}
"""The readings of switches that are numbers, beside the default."""


NOT_MET = {
    *("requests_per_second_of_all", "block_window_seconds", "retry_after_seconds", "seats", "over_plan"),  # with others only
    *("duplicate_control", "complex_links_existing", "contact_to_lead_links"),  # calls that we do not make
    *("events_backdated", "events_page", "backdated_starts_automations", "feed_collapses_seconds"),  # seen by people only
    *("contacts_filter_created_at", "custom_field_filter", "tag_filter"),  # filters that we do not use
    *("context_user", "spent_token_status", "open_downloads", "delete_custom_fields", "delete_status", "updated_at"),
}  # fmt: skip
"""Switches that no request of a load or a roll back meets by itself: CHAOS=all shows it."""


@dataclass(frozen=True)
class Case:
    switch: str
    value: Any

    def __str__(self) -> str:
        return f"{self.switch}={self.value}"


def cases() -> Iterator[Case]:
    kinds = get_type_hints(Switches)
    for one in fields(Switches):
        if one.name in NOT_MET and os.environ.get("CHAOS") != "all":
            continue
        kind = kinds[one.name]
        if kind is bool:
            values: tuple[Any, ...] = (not one.default,)
        elif get_origin(kind) is Literal:
            values = tuple(value for value in get_args(kind) if value != one.default)
        elif kind is str:
            values = ("MOB",)
        else:
            values = NUMBERS[one.name]
        yield from (Case(one.name, value) for value in values)


SAYS: dict[Case, str] = {
    # the organisation cannot have what is wanted of it: nothing was written
    Case("company_phone_email", False): "the target has no field companies.PHONE (multitext), and none of that type can be made",
    Case("field_ceiling", 3): "companies/custom_fields: The limit of custom fields has been reached",
    # values that are longer than the account takes: each record is named, with Kommo's words, and what follows waits
    Case("name_length", 12): "5 records refused by the target, 0 allowed: 001Tw0000000001IAA: name: This value is too long.",
    Case("textarea_length", 10): "records refused by the target, 0 allowed: 001Tw0000000001IAA: custom_fields_values.",
    Case("note_length", 20): "3 records refused by the target, 0 allowed: 002Tw0000000001IAA: params.text: This value is",
    Case("task_text_length", 20): "records refused by the target, 0 allowed: 00TTw0000000001MAA: text: This value is too long.",
    # what an account does not keep: all else is the same
    Case("note_dates", "ignored"): "but for what the target does not keep: created_at of activities/Task>notes",
    Case("note_authors", "ignored"): "but for what the target does not keep: created_by, responsible_user_id of activities/Task",
}  # fmt: skip
"""What cannot be done under a reading, and the words in which it is said."""
NOT_KEPT = {"note_dates": {"created_at", "updated_at"}, "note_authors": {"created_by", "responsible_user_id"}}
"""What of a note may differ where the account does not keep it."""


def groups() -> Iterator[Sequence[Case]]:
    """Readings that say something, each alone; of those under which all is the same three at once. CHAOS=all: each alone."""
    alike = [case for case in cases() if case not in SAYS]
    count = len(alike) if os.environ.get("CHAOS") == "all" else -(-len(alike) // 3)
    yield from ((case,) for case in cases() if case in SAYS)
    yield from (alike[place::count] for place in range(count))


@dataclass(frozen=True)
class End:
    """What came of it: the account after the load and after a roll back, and every sentence that was said."""

    loaded: dict[str, Any]
    rolled_back: dict[str, Any]
    says: str


Walk = Callable[[dict[str, Any]], End]


@pytest.fixture(scope="session")
def walk(ledger: Ledger, small_source: str, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """The small project from discovery to a roll back, with switches turned."""

    def through(switches: dict[str, Any]) -> End:
        folder: Path = tmp_path_factory.mktemp("reading")
        said: list[str] = []
        with World.open(ledger, small_source, write_project(folder / "projects"), folder, switches=switches) as world:
            try:
                world.prepare()
                world.apply()
            except MigrationError as error:
                said.append(str(error))
            with world.partition() as partition:
                objects = stages.status(partition)["objects"].values()
            claims = [claim for one in objects for claim in one["claims"].values()]
            said += [one["says"] for one in claims if not one["holds"] or "does not keep" in one["says"]]
            loaded = _seen(world)
            try:
                with world.partition() as partition:
                    done = stages.roll_back(partition)
                said += [why for left in done.left.values() for _, why in left]
            except MigrationError as error:
                said.append(str(error))
            return End(loaded, _seen(world), "\n".join(said))

    return through


def _seen(world: World) -> dict[str, Any]:
    """The account, without the second form in which some show a price."""
    state = end_state(world.snapshot())
    for deal in state["leads"].values():
        deal.pop("price_with_minor_units", None)
    return state


def _without(state: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The account, without some keys of its notes."""
    notes = [
        (card, {name: value for name, value in json.loads(note).items() if name not in names})
        for card, note in state["notes"]
    ]
    return state | {"notes": sorted(notes, key=str)}


@pytest.fixture(scope="session")
def by_default(walk: Walk) -> End:
    return walk({})


def test_by_default_everything_arrives_and_nothing_is_said(by_default: End) -> None:
    assert by_default.says == ""
    assert [len(by_default.loaded[kind]) for kind in ("companies", "contacts", "leads")] == [5, 10, 3]


@pytest.mark.parametrize("group", list(groups()), ids=lambda group: "+".join(map(str, group)))
def test_the_small_project_ends_the_same_or_says_what_it_could_not_do(
    group: Sequence[Case], walk: Walk, by_default: End
) -> None:
    end = walk({case.switch: case.value for case in group})

    assert all(SAYS.get(case, "") in end.says for case in group)
    assert bool(end.says) is any(case in SAYS for case in group)
    if end.says == "" or any(case.switch in NOT_KEPT for case in group):
        names = set[str]().union(*(NOT_KEPT.get(case.switch, set()) for case in group))
        assert _without(end.loaded, names) == _without(by_default.loaded, names)
        assert _without(end.rolled_back, names) == _without(by_default.rolled_back, names)
    doubled = [name for kind in ("companies", "contacts", "leads") for name in end.loaded[kind] if " again " in name]
    assert doubled == []
