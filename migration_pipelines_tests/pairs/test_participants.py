"""Salesforce -> Kommo: the participants of a deal as a note on it, and what a card says of an archived row."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.mapping import Route
from migration_pipelines.core.records import HoldReason, KnownParent, Outcome, Planned, SourceRecord, Transformed
from migration_pipelines.core.transform import compile_route, transform
from migration_pipelines_tests.pairs.test_cards_and_products import route_of
from migration_pipelines_tests.pairs.test_salesforce_to_kommo import DEAL, DECISIONS, HOMES, MAPPINGS, PAIR, ROUTES

KNOWN = {("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED)}


def role(name: str | None, said: str | None, is_primary: bool = False) -> dict[str, Any]:
    return {"ContactId": "003A", "Contact.Name": name, "Role": said, "IsPrimary": is_primary}


def run(roles: list[dict[str, Any]], **decided: Any) -> Transformed:
    name, route = ROUTES["Opportunity>notes"]
    compiled = compile_route(
        name, route, tables=MAPPINGS[name].tables | {"stages": {}}, rules=PAIR.rules, decisions=DECISIONS | decided,
        homes=HOMES,
    )  # fmt: skip
    deal = SourceRecord("Opportunity", "006A", DEAL, children={"OpportunityContactRole": roles})
    return transform([deal], compiled, KNOWN)


def planned(roles: list[dict[str, Any]], **decided: Any) -> Planned:
    (one,) = run(roles, **decided).planned
    return one


def test_a_deal_names_its_participants_with_their_roles_the_primary_one_first() -> None:
    """SF-KOMMO-44, SF-KOMMO-55."""
    one = planned([role("Ada Lovelace", "Evaluator"), role("Alan Turing", "Decision Maker", is_primary=True)])

    assert one.values == {
        "type": "common",
        "text": "Deal participants:\n[Decision Maker] Alan Turing\n[Evaluator] Ada Lovelace",
        "created_at": "2021-05-01T10:00:00Z",
    }
    assert [(each.field, each.source_id) for each in one.references if each.field == "lead"] == [("lead", "006A")]


def test_an_empty_role_says_so_and_a_contact_without_a_name_is_named_by_its_id() -> None:
    """SF-KOMMO-44."""
    assert planned([role("Ada Lovelace", None), role(None, "Other")]).values["text"] == (
        "Deal participants:\n[no role] Ada Lovelace\n[Other] 003A"
    )


def test_one_person_with_two_roles_has_two_lines() -> None:
    """SF-KOMMO-55: a line for each role."""
    text = planned([role("Ada Lovelace", "Evaluator"), role("Ada Lovelace", "Economic Buyer")]).values["text"]

    assert text.splitlines()[1:] == ["[Evaluator] Ada Lovelace", "[Economic Buyer] Ada Lovelace"]


def test_a_deal_without_roles_has_no_such_note() -> None:
    done = run([])

    assert (done.planned, done.excluded) == (
        [],
        {"006A": "not in scope, which is where OpportunityContactRole is filled"},
    )


def test_roles_that_do_not_fit_are_counted_in_the_note_and_listed() -> None:
    """18 characters are the head, 12 are "and 97 more" with its line break; a line with its own is 10."""
    one = planned([role("P", "Other") for _ in range(100)], longest_note=18 + 3 * 10 + 12)

    assert one.values["text"] == "Deal participants:" + "\n[Other] P" * 3 + "\nand 97 more"
    (note,) = one.notes
    assert (note.reason, note.holds) == (HoldReason.TOO_LONG, False)
    assert "97 of 100 participants" in note.message


def test_a_hundred_roles_fit_by_default() -> None:
    one = planned([role("Maximilian Featherstonehaugh", "Executive Sponsor") for _ in range(150)])

    assert (len(one.values["text"].splitlines()), one.notes) == (151, ())


def test_there_is_no_default_for_what_becomes_of_roles() -> None:
    """SF-KOMMO-41."""
    assert PAIR.decisions["contact_roles"].default is None
    assert set(PAIR.decisions["contact_roles"].allowed) == {"note", "lost"}
    assert route_of("opportunities", "Opportunity>notes", contact_roles="note").target == "notes"
    with pytest.raises(StopIteration):
        route_of("opportunities", "Opportunity>notes", contact_roles="lost")


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("Site_Visit__c", "V-0042", "[Archive] Site Visit V-0042: Site_Visit__c.csv"),
        ("acme__Fleet__c", "Van", "[Archive] Fleet Van: acme__Fleet__c.csv"),
        ("Asset", None, "[Archive] Asset a04A: Asset.csv"),
    ],
)
def test_a_card_names_the_row_and_the_file_that_it_is_kept_in(source: str, name: str | None, text: str) -> None:
    """SF-KOMMO-46."""
    route = Route.model_validate(
        {"source": source, "target": "notes", "fields": {"text": {"rule": "archive_reference"}}}
    )
    compiled = compile_route("custom_objects", route, tables={}, rules=PAIR.rules, decisions=DECISIONS, homes=HOMES)

    (one,) = transform([SourceRecord(source, "a04A", {"Name": name})], compiled, {}).planned

    assert one.values == {"text": text}
