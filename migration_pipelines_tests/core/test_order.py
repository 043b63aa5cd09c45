"""Parents first, then the second waves."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.mapping import ObjectMapping
from migration_pipelines.core.order import routes_in_order
from migration_pipelines.errors import MappingError


def mapping(*routes: dict[str, Any]) -> ObjectMapping:
    return ObjectMapping.model_validate({"routes": list(routes)})


def order(mappings: dict[str, ObjectMapping], decisions: Any = None) -> list[tuple[str, str]]:
    return [(name, route.target) for name, route in routes_in_order(mappings, NAMES, decisions or {})]


def test_users_come_first_and_parents_before_children_however_the_files_are_named() -> None:
    """COMMON-21, COMMON-29."""
    mappings = {name: mapping({"source": "S", "target": name}) for name in sorted(NAMES, reverse=True)}

    names = ("users", "accounts", "contacts", "leads", "opportunities", "activities", "custom_objects", "attachments")
    assert order(mappings) == [(name, name) for name in names]


def test_the_routes_of_an_object_keep_the_order_of_its_file() -> None:
    contacts = mapping({"source": "Contact", "target": "contacts"}, {"source": "Contact", "target": "company_contacts"})

    assert order({"contacts": contacts}) == [("contacts", "contacts"), ("contacts", "company_contacts")]


def test_a_mapping_for_an_object_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        MappingError, match=r"no such CRM object: contact\. .*users, accounts, contacts, leads, opportunities"
    ):
        order({"contact": mapping()})


@pytest.mark.parametrize("after", ["opportunities", "nowhere"])
def test_a_route_that_waits_for_what_comes_later_is_refused(after: str) -> None:
    """COMMON-29: a plan that breaks the order is refused."""
    with pytest.raises(MappingError, match=f"contacts: Contact waits for '{after}'"):
        order({"contacts": mapping({"source": "Contact", "target": "contacts", "after": after})})


@pytest.mark.parametrize("after", ["accounts", "contacts"])
def test_a_route_may_wait_for_what_comes_before_it_or_with_it(after: str) -> None:
    waiting = mapping({"source": "Contact", "target": "contacts", "after": after})

    assert order({"contacts": waiting}) == [("contacts", "contacts")]


@pytest.mark.parametrize(
    ("decisions", "is_on"), [({"leads": "move", "other": 1}, True), ({"leads": "leave"}, False), ({}, False)]
)
def test_a_decision_switches_a_route_on_or_off(decisions: dict[str, Any], is_on: bool) -> None:
    contacts = mapping({"source": "Lead", "target": "leads", "only_if": {"leads": "move"}})

    assert order({"contacts": contacts}, decisions) == ([("contacts", "leads")] if is_on else [])


def test_a_field_is_there_only_where_its_decision_says_so() -> None:
    fields = {"a": {"from": "A"}, "b": {"from": "B", "only_if": {"parents": "named"}}}
    mappings = {"accounts": mapping({"source": "S", "target": "t", "fields": fields, "only_if": {"companies": "all"}})}

    found = [
        [list(route.fields) for _, route in routes_in_order(mappings, NAMES, {"companies": "all", "parents": value})]
        for value in ("named", "lost")
    ]

    assert found == [[["a", "b"]], [["a"]]]
    assert mappings["accounts"].routes[0].depends_on == {"companies", "parents"}


@pytest.mark.parametrize(("decided", "pipeline"), [("New", "New"), ("Other", "Other"), ("not at all", None)])
def test_a_route_may_be_there_for_several_values_and_a_field_take_the_one_that_is_decided(
    decided: str, pipeline: str | None
) -> None:
    route = {
        "source": "Lead", "target": "leads", "only_if": {"leads": ["New", "Other"]},
        "fields": {"pipeline": {"decision": "leads"}},
    }  # fmt: skip
    found = [one for _, one in routes_in_order({"leads": mapping(route)}, NAMES, {"leads": decided})]

    assert [one.fields["pipeline"].value for one in found] == ([pipeline] if pipeline else [])
    assert [one.depends_on for one in found] == ([frozenset({"leads"})] if pipeline else [])
