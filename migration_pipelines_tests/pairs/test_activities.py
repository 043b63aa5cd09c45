"""Salesforce -> Kommo: tasks, calls, meetings, notes and files."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.records import KnownParent, Outcome, Planned, SourceRecord, Transformed
from migration_pipelines.core.transform import compile_route, transform
from migration_pipelines_tests.pairs.test_salesforce_to_kommo import DECISIONS, HOMES, MAPPINGS, PAIR, ROUTES

KNOWN = {
    ("users", "005A"): KnownParent("users/User>users", Outcome.PLANNED),
    ("opportunities", "006A"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED),
    ("contacts", "003A"): KnownParent("contacts/Contact>contacts", Outcome.PLANNED),
    ("accounts", "001A"): KnownParent("accounts/Account>companies", Outcome.PLANNED),
    ("attachments", "068A"): KnownParent("attachments/ContentVersion>files", Outcome.PLANNED),
}
BY = {
    "CreatedDate": "2026-03-05T15:20:30.000+0000",
    "CreatedBy.Name": "Olivia Stone",
    "CreatedById": "005A",
    "OwnerId": "005A",
}
TASK: dict[str, Any] = {
    "Subject": "Send the offer", "Description": "Two copies.", "ActivityDate": "2026-12-04", "IsClosed": False,
    "Status": "Not Started", "Type": "Meeting", "TaskSubtype": "Task", "IsRecurrence": False, "CompletedDateTime": None,
    "WhatId": "006A", "WhoId": "003A", "Who.Type": "Contact", **BY,
}  # fmt: skip
CALL = TASK | {
    "TaskSubtype": "Call", "IsClosed": True, "CallType": "Inbound", "CallDurationInSeconds": 125, "CallDisposition": "Reached",
    "Who.Phone": "(212) 555-0100", "ActivityDate": None, "CompletedDateTime": "2026-03-05T15:25:00.000+0000",
}  # fmt: skip
EVENT: dict[str, Any] = {
    "Subject": "Demonstration", "Description": "Bring samples.", "Location": "Office",
    "StartDateTime": "2026-03-10T18:30:00.000+0000", "EndDateTime": "2026-03-10T20:00:00.000+0000",
    "IsAllDayEvent": False, "IsChild": False, "IsRecurrence": False,
    "IsPrivate": False, "WhatId": "006A", "WhoId": None, "Who.Type": None, **BY,
}  # fmt: skip
ALL_DAY = {
    "IsAllDayEvent": True, "StartDateTime": "2026-03-10T00:00:00.000+0000", "EndDateTime": "2026-03-12T00:00:00.000+0000",
}  # fmt: skip
NOTE: dict[str, Any] = {"Title": "Impression", "Body": "Pays on time.", "IsPrivate": False, "ParentId": "001A", **BY}
WRITTEN = "Salesforce, 2026-03-05 10:20, Olivia Stone"  # in New York


def run(key: str, values: dict[str, Any], **decided: Any) -> Transformed:
    name, route = ROUTES[key]
    decisions = DECISIONS | decided
    compiled = compile_route(
        name, route, tables=MAPPINGS[name].tables, rules=PAIR.rules, decisions=decisions, homes=HOMES
    )
    return transform([SourceRecord(key.split(">")[0], "00X", values)], compiled, KNOWN)


def planned(key: str, values: dict[str, Any], **decided: Any) -> Planned:
    (one,) = run(key, values, **decided).planned
    return one


def card(one: Planned) -> list[tuple[str, str]]:
    users = ("responsible_user_id", "created_by")
    return [(reference.field, reference.source_id) for reference in one.references if reference.field not in users]


def test_a_task_becomes_a_task() -> None:
    """SF-KOMMO-15, SF-KOMMO-26, SF-KOMMO-56. Six in the evening of a New York December is eleven at night in UTC."""
    one = planned("Task>tasks", TASK)

    assert one.values == {
        "text": f"Send the offer\n\nTwo copies.\n\n{WRITTEN}",
        "complete_till": "2026-12-04T23:00:00Z",
        "type": "Meeting",
        "is_completed": False,
        "result": None,
        "created_at": "2026-03-05T15:20:30Z",
    }
    assert card(one) == [("lead", "006A")]


def test_a_closed_task_says_how_and_when_it_ended() -> None:
    closed = TASK | {"IsClosed": True, "Status": "Completed", "CompletedDateTime": "2026-07-01T02:00:00.000+0000"}
    values = planned("Task>tasks", closed).values

    assert (values["is_completed"], values["result"]) == (True, "Completed, 2026-06-30 22:00")


@pytest.mark.parametrize(
    ("day", "hour", "due"),
    [
        pytest.param("2026-12-04", 9, "2026-12-04T14:00:00Z", id="winter"),
        pytest.param("2026-07-04", 9, "2026-07-04T13:00:00Z", id="summer time"),
        pytest.param("2026-07-04", 0, "2026-07-04T04:00:00Z", id="midnight"),
        pytest.param(None, 9, "2026-03-05T15:20:30Z", id="no date: when it was created"),
    ],
)
def test_a_task_is_due_on_its_day_at_the_hour_that_was_decided(day: str | None, hour: int, due: str) -> None:
    assert planned("Task>tasks", TASK | {"ActivityDate": day}, task_due_hour=hour).values["complete_till"] == due


@pytest.mark.parametrize(
    ("day", "closed", "due", "told"),
    [
        pytest.param("2026-11-29", False, "2026-11-30T23:00:00Z", "Due: 2026-11-29", id="late"),
        pytest.param(None, False, "2026-11-30T23:00:00Z", "Due: no date", id="old, and without a date"),
        pytest.param("2026-11-30", False, "2026-11-30T23:00:00Z", None, id="due on the day itself"),
        pytest.param("2026-11-29", True, "2026-11-29T23:00:00Z", None, id="done in time"),
    ],
)
def test_open_tasks_that_are_late_can_be_due_on_the_day_of_the_switch(
    day: str | None, closed: bool, due: str, told: str | None
) -> None:
    values = planned(
        "Task>tasks", TASK | {"ActivityDate": day, "IsClosed": closed}, overdue_tasks="due on the switch day"
    ).values

    assert values["complete_till"] == due
    assert values["text"].split("\n\n")[2:-1] == ([told] if told else [])


def test_a_type_without_an_equivalent_is_listed() -> None:
    """SF-KOMMO-15."""
    one = planned("Task>tasks", TASK | {"Type": "Site visit"})

    assert (one.values["type"], [note.value for note in one.notes]) == ("Follow-up", ["Site visit"])
    assert planned("Task>tasks", TASK | {"Type": None}).notes == ()


@pytest.mark.parametrize(
    ("change", "routes"),
    [
        pytest.param({}, ["Task>tasks"], id="open"),
        pytest.param({"IsClosed": True}, ["Task>tasks"], id="closed"),
        pytest.param({"TaskSubtype": "Call"}, ["Task>tasks"], id="a call that is still to be made"),
        pytest.param({"TaskSubtype": "Call", "IsClosed": True}, ["Task>notes"], id="a call that was made"),
        pytest.param({"TaskSubtype": "Email", "IsClosed": True}, ["Task>tasks"], id="an e-mail"),
        pytest.param({"IsRecurrence": True}, [], id="the pattern of a series"),
        pytest.param({"IsRecurrence": True, "TaskSubtype": "Call", "IsClosed": True}, [], id="of calls"),
    ],
)
def test_a_call_is_never_also_a_task(change: dict[str, Any], routes: list[str]) -> None:
    """SF-KOMMO-58."""
    assert [key for key in ("Task>tasks", "Task>notes") if run(key, CALL | {**TASK, **change}).planned] == routes


def test_a_call_becomes_a_call_note() -> None:
    """SF-KOMMO-17, SF-KOMMO-28, SF-KOMMO-58, SF-KOMMO-59."""
    assert planned("Task>notes", CALL).values == {
        "type": "call_in",
        "text": f"[call] 2 min 5 s, Send the offer, Reached\n\nTwo copies.\n\n{WRITTEN}",
        "duration_seconds": 125,
        "phone": "+12125550100",
        "created_at": "2026-03-05T15:25:00Z",
    }


@pytest.mark.parametrize(
    ("direction", "kind", "listed"),
    [("Inbound", "call_in", 0), ("Outbound", "call_out", 0), ("Internal", "call_out", 1), (None, "call_out", 1)],
)
def test_a_call_goes_in_or_out(direction: str | None, kind: str, listed: int) -> None:
    """SF-KOMMO-59."""
    one = planned("Task>notes", CALL | {"CallType": direction})

    assert (one.values["type"], len(one.notes)) == (kind, listed)


def test_a_call_of_unknown_length_with_somebody_without_a_number() -> None:
    values = planned("Task>notes", CALL | {"CallDurationInSeconds": None, "Who.Phone": None}).values

    assert (values["duration_seconds"], values["phone"]) == (0, None)
    assert values["text"].startswith("[call], Send the offer")


@pytest.mark.parametrize(
    ("day", "closed_at", "when"),
    [
        pytest.param(
            "2026-03-05", "2026-03-06T02:00:00.000+0000", "2026-03-06T02:00:00Z", id="nine in the evening there"
        ),
        pytest.param(
            "2026-03-05", "2026-03-06T15:00:00.000+0000", "2026-03-05T17:00:00Z", id="closed a day later: noon"
        ),
        pytest.param("2026-03-05", None, "2026-03-05T15:20:30Z", id="when it was written down"),
    ],
)
def test_a_call_was_on_its_day(day: str, closed_at: str | None, when: str) -> None:
    """COMMON-07."""
    assert (
        planned("Task>notes", CALL | {"ActivityDate": day, "CompletedDateTime": closed_at}).values["created_at"] == when
    )


def test_a_meeting_becomes_a_note_that_begins_with_its_mark_and_date() -> None:
    """SF-KOMMO-16, SF-KOMMO-27, SF-KOMMO-57. In New York summer time began two days before."""
    assert planned("Event>notes", EVENT).values == {
        "type": "common",
        "text": "[Meeting] 2026-03-10 14:30 to 16:00\nDemonstration\nLocation: Office\n\nBring samples.\n\n" + WRITTEN,
        "created_at": "2026-03-10T18:30:00Z",
    }


def test_a_meeting_becomes_a_task_of_that_type_where_that_was_decided() -> None:
    values = planned("Event>tasks", EVENT).values

    assert {name: value for name, value in values.items() if name != "text"} == {
        "type": "Meeting",
        "complete_till": "2026-03-10T18:30:00Z",
        "duration_seconds": 5400,
        "is_completed": True,
        "created_at": "2026-03-05T15:20:30Z",
    }


@pytest.mark.parametrize(
    ("change", "shown", "began", "seconds"),
    [
        pytest.param(ALL_DAY, "2026-03-10 to 2026-03-12", "2026-03-10T16:00:00Z", 0, id="three days"),
        pytest.param(ALL_DAY | {"EndDateTime": ALL_DAY["StartDateTime"]}, "2026-03-10", "2026-03-10T16:00:00Z", 0,
                     id="one day"),
        pytest.param({"EndDateTime": "2026-03-11T05:00:00.000+0000"}, "2026-03-10 14:30 to 2026-03-11 01:00",
                     "2026-03-10T18:30:00Z", 37800, id="over midnight"),
        pytest.param({"EndDateTime": None}, "2026-03-10 14:30", "2026-03-10T18:30:00Z", 0, id="without an end"),
    ],
)  # fmt: skip
def test_a_meeting_of_whole_days_goes_by_its_date(change: dict[str, Any], shown: str, began: str, seconds: int) -> None:
    """Midnight in UTC is the day before in New York."""
    values = planned("Event>tasks", EVENT | change).values

    assert values["text"].startswith(f"[Meeting] {shown}\nDemonstration")
    assert (values["complete_till"], values["duration_seconds"]) == (began, seconds)
    assert planned("Event>notes", EVENT | change).values["created_at"] == began


@pytest.mark.parametrize(
    ("start", "over"),
    [
        ("2026-11-30T04:59:00.000+0000", True),
        ("2026-11-30T05:00:00.000+0000", False),
        ("2027-01-01T12:00:00.000+0000", False),
    ],
)
def test_a_meeting_before_the_day_of_the_switch_is_over(start: str, over: bool) -> None:
    assert planned("Event>tasks", EVENT | {"StartDateTime": start, "EndDateTime": None}).values["is_completed"] is over


@pytest.mark.parametrize("flag", ["IsChild", "IsRecurrence", "IsPrivate"])
@pytest.mark.parametrize("key", ["Event>notes", "Event>tasks"])
def test_an_invitees_copy_a_pattern_and_a_private_meeting_stay_behind(flag: str, key: str) -> None:
    assert list(run(key, EVENT | {flag: True}).excluded) == ["00X"]


def test_a_note_becomes_a_note_on_its_card() -> None:
    """SF-KOMMO-20: what hangs on an account alone hangs on the company, whose card has a feed too."""
    one = planned("Note>notes", NOTE)

    assert one.values == {
        "type": "common", "text": f"Impression\n\nPays on time.\n\n{WRITTEN}", "created_at": "2026-03-05T15:20:30Z",
    }  # fmt: skip
    assert card(one) == [("company", "001A")]
    assert card(planned("Note>notes", NOTE | {"ParentId": "006A"})) == [("lead", "006A")]
    assert card(planned("Note>notes", NOTE | {"ParentId": "003A"})) == [("contact", "003A")]
    assert list(run("Note>notes", NOTE | {"IsPrivate": True}).excluded) == ["00X"]


@pytest.mark.parametrize("key", ["Task>notes", "Event>notes", "Note>notes"])
def test_notes_of_one_card_and_second_are_kept_apart(key: str) -> None:
    assert ROUTES[key][1].fields["created_at"].apart_on == ("lead", "contact", "company")


@pytest.mark.parametrize(
    ("path", "title", "extension", "name"),
    [
        pytest.param("C:\\in\\Teklif.PDF", "Teklif", "pdf", "Teklif.PDF", id="a Windows path"),
        pytest.param("/home/a/plan.tar.gz", "plan.tar", "gz", "plan.tar.gz", id="another path"),
        pytest.param("photo", "photo", None, "photo", id="no extension"),
        pytest.param(None, "Offer", "pdf", "Offer.pdf", id="no path"),
        pytest.param(None, "Offer", None, "Offer", id="a title only"),
        pytest.param("Minutes.snote", "Minutes", "snote", "Minutes.html", id="a note is HTML"),
        pytest.param(None, "Minutes", "snote", "Minutes.html", id="a note without a path"),
    ],
)  # fmt: skip
def test_a_file_keeps_its_name(path: str | None, title: str, extension: str | None, name: str) -> None:
    """SF-KOMMO-32."""
    version = {
        "Title": title, "PathOnClient": path, "FileExtension": extension, "ContentSize": 0, "Body.digest": "ab",
        "IsLatest": True, "ContentUrl": None,
    }  # fmt: skip

    assert planned("ContentVersion>files", version).values == {"name": name, "size_bytes": 0, "body": "ab"}


@pytest.mark.parametrize("change", [{"IsLatest": False}, {"ContentUrl": "https://x.example"}])
def test_an_older_version_and_a_web_page_have_no_file(change: dict[str, Any]) -> None:
    assert list(run("ContentVersion>files", {"IsLatest": True, "ContentUrl": None} | change).excluded) == ["00X"]


@pytest.mark.parametrize(
    ("entity", "kind", "on"),
    [
        ("006A", "Opportunity", "lead"),
        ("003A", "Contact", "contact"),
        ("001A", "Account", "company"),
        ("005A", "User", None),
    ],
)
def test_a_file_is_on_the_cards_that_it_is_linked_with(entity: str, kind: str, on: str | None) -> None:
    link = {"LinkedEntityId": entity, "LinkedEntity.Type": kind, "ContentDocument.LatestPublishedVersionId": "068A"}
    done = run("ContentDocumentLink>card_files", link)

    assert [card(one) for one in done.planned] == ([[("file", "068A"), (on, entity)]] if on else [])
