"""Salesforce -> Kommo: e-mails as notes, and the task that Salesforce made of each."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.records import HoldReason, KnownParent, Outcome, Planned, SourceRecord, Transformed
from migration_pipelines.core.transform import compile_route, transform
from migration_pipelines_tests.pairs.test_salesforce_to_kommo import DECISIONS, HOMES, MAPPINGS, PAIR, ROUTES

PERSON = KnownParent("contacts/Account>contacts", Outcome.CARRIED, ("contacts/Contact>contacts", "003P"))
KNOWN = {
    ("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED),
    ("contacts", "003A"): KnownParent("contacts/Contact>contacts", Outcome.PLANNED),
    ("contacts", "001P"): PERSON,
    ("accounts", "001A"): KnownParent("accounts/Account>companies", Outcome.PLANNED),
}
EMAIL: dict[str, Any] = {
    "Incoming": False, "Status": "3", "IsBounced": False, "FromName": "Olivia Stone", "FromAddress": "olivia@harbor.example",
    "ToAddress": "ada@acme.example", "CcAddress": None, "Subject": "Our offer", "MessageDate": "2026-03-05T15:20:30.000+0000",
    "CreatedDate": "2026-03-06T08:00:00.000+0000", "TextBody": "Dear Ada,\n\nas promised.\n", "HtmlBody": "<p>other</p>",
    "ParentId": None, "RelatedToId": "006A", "CreatedById": None,
}  # fmt: skip


def relation(contact: str, kind: str, of: str = "Contact") -> dict[str, Any]:
    return {"RelationId": contact, "RelationType": kind, "RelationObjectType": of}


def run(change: dict[str, Any], people: Any = (), **decided: Any) -> Transformed:
    name, route = ROUTES["EmailMessage>notes"]
    compiled = compile_route(
        name, route, tables=MAPPINGS[name].tables, rules=PAIR.rules, decisions=DECISIONS | decided, homes=HOMES
    )
    record = SourceRecord("EmailMessage", "02sA", EMAIL | change, children={"EmailMessageRelation": list(people)})
    return transform([record], compiled, KNOWN)


def planned(change: dict[str, Any], people: Any = (), **decided: Any) -> Planned:
    (one,) = run(change, people, **decided).planned
    return one


def card(one: Planned) -> list[tuple[str, str]]:
    return [(reference.field, reference.source_id) for reference in one.references]


def test_an_email_becomes_a_note_in_plain_text_with_date_and_correspondents() -> None:
    """COMMON-07, SF-KOMMO-33, SF-KOMMO-81, SF-KOMMO-82: a common note, never an e-mail of Kommo. In New York it was 10:20."""
    one = planned({})

    assert one.values == {
        "type": "common",
        "text": "[E-mail] sent 2026-03-05 10:20\nFrom: Olivia Stone <olivia@harbor.example>\nTo: ada@acme.example\n"
        "Subject: Our offer\n\nDear Ada,\n\nas promised.",
        "created_at": "2026-03-05T15:20:30Z",
    }
    assert card(one) == [("lead", "006A")]
    assert one.notes == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"Incoming": True}, "received 2026-03-05 10:20", id="received"),
        pytest.param({"IsBounced": True}, "sent, bounced 2026-03-05 10:20", id="bounced"),
        pytest.param({"Status": "5", "MessageDate": None}, "draft, never sent 2026-03-06 03:00", id="a draft"),
    ],
)
def test_the_note_says_what_became_of_the_email(change: dict[str, Any], says: str) -> None:
    """SF-KOMMO-81."""
    assert planned(change).values["text"].startswith(f"[E-mail] {says}\nFrom: ")


def test_an_email_that_is_html_only_is_carried_as_its_visible_text() -> None:
    html = (
        "<html><head><title>no</title><style>p {color: red}</style></head><body><p>Dear&nbsp;Ada &amp; Bob,</p>"
        "<div>one<br>two</div><script>alert('no')</script><ul><li>three</li></ul></body></html>"
    )

    text = planned({"TextBody": "  ", "HtmlBody": html}).values["text"]

    assert text.split("Subject: Our offer\n\n")[1] == "Dear Ada & Bob,\n\none\ntwo\n\nthree"


def test_an_email_without_a_body_still_says_when_and_about_what() -> None:
    assert planned({"TextBody": None, "HtmlBody": None}).values["text"].endswith("\nSubject: Our offer")


def test_a_long_email_is_cut_and_the_cut_is_said_and_listed() -> None:
    one = planned({"TextBody": "x" * 500}, longest_note=300)

    text = one.values["text"]
    assert len(text) == 300
    # [E-mail] sent ... is 30 characters, From 42, To 20, Subject 18, three line ends and an empty line 5: 115, and the body 500.
    assert text.endswith("xxx\n\n[cut: 615 characters in Salesforce]")
    assert [(note.reason, note.value, note.holds) for note in one.notes] == [(HoldReason.TOO_LONG, 615, False)]


ON_COMPANY = {"RelatedToId": "001A"}


@pytest.mark.parametrize(
    ("change", "people", "where"),
    [
        pytest.param({}, [relation("003A", "ToAddress")], ("lead", "006A"), id="the deal first"),
        pytest.param(ON_COMPANY, [relation("003A", "ToAddress")], ("contact", "003A"), id="else the contact"),
        pytest.param(ON_COMPANY, [], ("company", "001A"), id="else the company"),
        pytest.param(ON_COMPANY, [relation("00QA", "ToAddress", "Lead"), relation("003A", "CcAddress")], ("contact", "003A"),
                     id="the first that is a contact"),
        pytest.param(ON_COMPANY, [relation("003X", "CcAddress"), relation("003A", "ToAddress")], ("contact", "003A"),
                     id="to before cc"),
        pytest.param(ON_COMPANY | {"Incoming": True}, [relation("003X", "ToAddress"), relation("003A", "FromAddress")],
                     ("contact", "003A"), id="who wrote it"),
        pytest.param({"RelatedToId": "001P"}, [], ("contact", "003P"), id="the person of a person account"),
    ],
)  # fmt: skip
def test_an_email_is_on_the_deal_else_the_contact_else_the_company(
    change: dict[str, Any], people: Any, where: tuple[str, str]
) -> None:
    """SF-KOMMO-81, SF-KOMMO-09."""
    assert card(planned(change, people)) == [where]


def test_an_email_of_a_case_is_left_out_and_one_on_nothing_is_held() -> None:
    """SF-KOMMO-01."""
    assert list(run({"ParentId": "500A", "RelatedToId": "500A"}).excluded) == ["02sA"]
    (held,) = run({"RelatedToId": None}).held["02sA"]
    assert (held.reason, held.field) == (HoldReason.REFERENCE_EMPTY, "company")


def test_the_people_of_an_email_are_carried_by_it() -> None:
    """SF-KOMMO-01."""
    name, route = ROUTES["EmailMessageRelation>notes"]
    compiled = compile_route(name, route, tables={}, rules=PAIR.rules, decisions=DECISIONS, homes=HOMES)
    record = SourceRecord("EmailMessageRelation", "0E0A", {"EmailMessageId": "02sA"})
    email = {("activities", "02sA"): KnownParent("activities/EmailMessage>notes", Outcome.PLANNED)}

    assert transform([record], compiled, email).carried == {"0E0A": ("activities/EmailMessage>notes", "02sA")}


def test_only_the_decision_for_notes_carries_emails() -> None:
    """SF-KOMMO-81: the choice is recorded, and there is no default."""
    assert PAIR.decisions["emails"].default is None
    assert ROUTES["EmailMessage>notes"][1].only_if == {"emails": "note"}
    assert ROUTES["EmailMessageRelation>notes"][1].only_if == {"emails": "note"}
