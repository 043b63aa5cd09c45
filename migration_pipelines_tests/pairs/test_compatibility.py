"""Salesforce -> Kommo: the shipped compatibility table, against the shipped mapping and the requirements' own words."""

from __future__ import annotations

import pytest

from migration_pipelines.core.compatibility import routes_by_key
from migration_pipelines.core.concerns import Concern
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.stages.consequences import SAID
from migration_pipelines_tests.pairs.test_salesforce_to_kommo import MAPPINGS, PAIR

ROUTES = routes_by_key(MAPPINGS)
ENTRIES = {entry.data: entry for entry in PAIR.compatibility.entries}
CONCERNS: list[Concern] = [
    *(one for entry in ENTRIES.values() for one in entry.counted),
    *(one for decision in PAIR.decisions.values() for one in decision.concerns),
]


def test_every_route_that_is_named_is_in_the_shipped_mapping() -> None:
    named = {key for entry in ENTRIES.values() for key in entry.routes} | {
        key for one in CONCERNS for key in one.routes
    }

    assert named - set(ROUTES) == set()


def test_every_rule_and_decision_that_is_named_is_there() -> None:
    for one in CONCERNS:
        if one.rule:
            PAIR.rules.find(one.rule)
    assert {entry.decision for entry in ENTRIES.values() if entry.decision} <= set(PAIR.decisions)


def test_every_decision_has_a_consequence_to_show() -> None:
    """SF-KOMMO-41."""
    assert {name for name, decision in PAIR.decisions.items() if not decision.concerns} - SAID == set()


@pytest.mark.parametrize(
    ("data", "becomes", "transfers", "lost"),
    [
        pytest.param(
            "Unconverted leads", "deal, contact and company", "fully", "conversion", id="SF-KOMMO-11, SF-KOMMO-25"
        ),
        pytest.param("Contacts", "contact", "fully", "role", id="SF-KOMMO-12, SF-KOMMO-22"),
        pytest.param("Accounts", "company", "fully", "hierarchy", id="SF-KOMMO-13, SF-KOMMO-23"),
        pytest.param("Opportunities", "deal", "fully", "roles", id="SF-KOMMO-14, SF-KOMMO-24"),
        pytest.param("Tasks", "task", "fully", "task types", id="SF-KOMMO-15, SF-KOMMO-26"),
        pytest.param("Events", "note or task", "partially", "participants", id="SF-KOMMO-16, SF-KOMMO-27"),
        pytest.param("Calls", "call note", "partially", "recording", id="SF-KOMMO-17, SF-KOMMO-28"),
        pytest.param("Custom fields", "custom field", "with mapping", "no mapping", id="SF-KOMMO-29"),
        pytest.param("Contact roles on opportunities", "no equivalent", "not", "role", id="SF-KOMMO-18, SF-KOMMO-30"),
        pytest.param("Account hierarchy", "no equivalent", "not", "hierarchy", id="SF-KOMMO-18, SF-KOMMO-30"),
        pytest.param("Custom objects", "no equivalent", "not", "records", id="SF-KOMMO-18, SF-KOMMO-31"),
        pytest.param("Files and attachments", "file on a card", "partially", "versions", id="SF-KOMMO-32"),
        pytest.param("E-mails", "note in plain text", "partially", "the e-mail itself", id="SF-KOMMO-33"),
    ],
)
def test_the_table_says_of_each_kind_of_data_what_the_requirements_say(
    data: str, becomes: str, transfers: str, lost: str
) -> None:
    entry = ENTRIES[data]

    assert (entry.becomes, entry.transfers) == (becomes, transfers)
    assert lost in entry.lost


def test_every_route_of_the_pair_belongs_to_a_kind_of_data_or_is_about_one_of_another_row() -> None:
    """A source object whose routes no row names would be carried without a word in the table. Users and queues are no data."""
    told = {ROUTES[key].source for entry in ENTRIES.values() for key in entry.routes if key in ROUTES}
    carried = {name for name, route in ((route.source, route) for route in ROUTES.values()) if route.carried_by}
    links = {"ContentDocumentLink"}  # where a file is, which the row of files says

    assert {route.source for route in ROUTES.values()} - told - carried - links == {"User", "Group"}


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"Phone": "(212) 555-0100", "Fax": None}, 1),
        ({"Phone": "+1 212 555 0100", "Fax": "tel. 212 555 0101"}, 1),
        ({"Phone": " (+44) 20 7946 0001", "Fax": "＋44 20 7946 0002"}, 0),
        ({"Phone": "212 555 0100", "MobilePhone": "212 555 0101", "HomePhone": "0532 123 45 67"}, 3),
        ({"Phone": "ask Bob", "Fax": ""}, 0),
    ],
)
def test_a_telephone_number_has_a_country_code_where_it_begins_with_a_plus(
    values: dict[str, str | None], number: int
) -> None:
    """SF-KOMMO-66."""
    rule = PAIR.rules.find("numbers_without_country")

    assert rule.function(SourceRecord("Contact", "003A", values), {}) == number
