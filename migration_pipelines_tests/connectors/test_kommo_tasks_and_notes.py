"""Tasks and notes in Kommo: every type that can be made, written, read back, settled by its marker, rolled back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.compare import differences
from migration_pipelines.errors import MappingError
from migration_pipelines_tests.connectors.account import TOKEN, Account, open_account

DUE = "2024-05-31T15:00:00Z"
LOST = ["cut_before", "cut_after", "truncated", "503", "504", "504_after_apply"]
APPLIED = ("cut_after", "truncated", "504_after_apply")


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account() as account:
        yield account


def words(results: Sequence[WriteResult | None]) -> list[str | None]:
    return [one.result if one else None for one in results]


def cards(account: Account) -> dict[str, str]:
    """One card of each kind, by the reference that names it."""
    return {
        "lead": account.make("leads", "006A", {"name": "Deal"}),
        "contact": account.make("contacts", "003A", {"last_name": "Lovelace"}),
        "company": account.make("companies", "001A"),
    }


def task(key: str, text: str = "Call back", /, **references: str) -> Record:
    return Record(key, {"text": text, "complete_till": DUE}, {name: [one] for name, one in references.items()})


def note(key: str, values: Mapping[str, Any] | None = None, /, **references: str) -> Record:
    return Record(key, values or {"text": f"Note {key}"}, {name: [one] for name, one in references.items()})


# Tasks


def test_a_task_reads_back_with_its_card_owner_and_result(account: Account) -> None:
    card = cards(account)["lead"]
    owner = str(account.twin.get("snapshot").json()["users"][1]["id"])
    meant = {
        "text": "Visit\n\nbring the offer", "complete_till": DUE, "type": "Meeting", "duration_seconds": 3600,
        "is_completed": True, "result": "Signed", "created_at": "2020-02-29T08:00:00Z",
    }  # fmt: skip

    target_id = account.make("tasks", "00T1", meant, lead=[card], responsible_user_id=[owner])

    found = account.target.read_back("tasks", [target_id])[target_id]
    assert differences(meant, found.values) == []
    assert found.references["lead"] == [card]
    assert found.references["responsible_user_id"] == [owner]
    assert account.records("tasks")[0]["text"] == "Visit\n\nbring the offer\n[SF:00T1]"
    assert account.records("tasks")[0]["complete_till"] == 1717167600  # date -u -d 2024-05-31T15:00 +%s


def test_a_task_stands_on_the_lead_before_the_contact_before_the_company(account: Account) -> None:
    there = cards(account)
    account.write(
        "tasks", task("1", **there), task("2", contact=there["contact"], company=there["company"]),
        task("3", company=there["company"]), task("4"),
    )  # fmt: skip

    assert [one["entity_type"] for one in account.records("tasks")] == ["leads", "contacts", "companies", None]


def test_a_task_without_a_due_date_fails_in_kommos_words_and_the_others_are_made(account: Account) -> None:
    batch = [task("1"), Record("2", {"text": "When?"}), task("3")]

    results = account.write("tasks", *batch)
    account.write("tasks", *(one for one, result in zip(batch, results, strict=True) if result is None))

    assert words(results) == [None, "failed", None]
    assert "complete_till" in str(results[1] and results[1].message)
    assert [one["text"] for one in account.records("tasks")] == ["Call back\n[SF:1]", "Call back\n[SF:3]"]


@pytest.mark.parametrize(("kind", "switch"), [("tasks", "task_text_length"), ("notes", "note_length")])
def test_a_text_that_is_too_long_with_its_marker_fails_and_is_never_cut(kind: str, switch: str) -> None:
    """Cut off, the marker would be lost, and with it the record."""
    with open_account(**{switch: 20}) as account:
        company = account.make("companies", "001A")
        make = task if kind == "tasks" else lambda key, text, **on: note(key, {"text": text}, **on)

        results = account.write(kind, make("1", "123456789 1234", company=company))

        assert words(results) == ["failed"]
        assert "TooLong" in str(results[0] and results[0].message)
        assert words(account.write(kind, make("1", "123456789 123", company=company))) == ["created"]


@pytest.mark.parametrize("kind", LOST)
def test_a_task_whose_answer_is_lost_is_made_once(account: Account, kind: str) -> None:
    """The keys are parts of each other, as ids of Salesforce in 15 and 18 characters are."""
    account.write("tasks", task("00T", "[SF:00T1] is quoted here"))
    account.set_fault(kind, "POST /api/v4/tasks")
    batch = [task("00T1"), task("00T11")]

    results = account.write("tasks", *batch)

    assert words(results) == (["created"] * 2 if kind in APPLIED else [None] * 2)
    assert account.slept.count(7) == (1 if kind in APPLIED else 2)
    if kind not in APPLIED:
        assert words(account.write("tasks", *batch)) == ["created"] * 2
    assert sorted(one["text"] for one in account.records("tasks")) == [
        "Call back\n[SF:00T11]", "Call back\n[SF:00T1]", "[SF:00T1] is quoted here\n[SF:00T]",
    ]  # fmt: skip


def test_a_task_that_quotes_the_marker_of_another_is_not_taken_for_it(account: Account) -> None:
    high_water = account.target.high_water("tasks")
    account.write("tasks", task("00T2", "as said in [SF:00T1]"))

    results = account.target.settle(Batch("tasks", [task("00T1"), task("00T2")], high_water))

    assert words(results) == [None, "created"]


def test_a_task_is_updated_and_keeps_its_marker(account: Account) -> None:
    target_id = account.make("tasks", "00T1", {"text": "Old", "complete_till": DUE, "result": "None yet"})
    change = {"text": "New", "complete_till": DUE, "is_completed": True, "result": None}

    assert words(account.write("tasks", Record("00T1", change, target_id=target_id))) == ["updated"]

    assert differences(change, account.target.read_back("tasks", [target_id])[target_id].values) == []
    assert account.records("tasks")[0]["text"] == "New\n[SF:00T1]"


def test_a_task_that_is_rolled_back_is_closed_and_opens_when_it_is_adopted(account: Account) -> None:
    meant = {"text": "Call", "complete_till": DUE}
    target_id = account.make("tasks", "00T1", meant)

    for _ in range(2):
        assert account.target.undo("tasks", account.target.read_back("tasks", [target_id])) == {}

    there = account.target.read_back("tasks", [target_id])[target_id]
    after = account.target.undone("tasks", there)
    assert after
    assert differences(after.values, there.values) == []
    assert (there.values["is_completed"], there.values["result"]) == (True, "[rolled back]")
    account.write("tasks", Record("00T1", meant, target_id=target_id, is_adopted=True))
    there = account.target.read_back("tasks", [target_id])[target_id]
    assert (there.values["is_completed"], there.values["result"]) == (False, "")


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
@pytest.mark.parametrize("switch", ["honoured", "ignored", "refuse"])
def test_tasks_that_were_done_end_done_whatever_the_account_makes_of_it(switch: str, mode: str) -> None:
    """Kommo REST v4 lists `is_completed` for a new task, and shows it nowhere: it is learnt from the first one."""
    with open_account(completed_tasks=switch, batch_failure=mode) as account:
        done = {"text": "Done", "complete_till": DUE, "is_completed": True, "result": "Signed"}
        records = [Record("1", done), task("2"), Record("3", done | {"result": None})]

        results = account.load("tasks", *records)

        for record in records:
            target_id = str(results[record.key].target_id)
            assert differences(record.values, account.target.read_back("tasks", [target_id])[target_id].values) == []
        assert len(account.records("tasks")) == 3
        assert [one["is_completed"] for one in account.records("tasks")].count(True) == 2
        account.forget()
        account.load("tasks", Record("4", done))
        assert (
            account.requests("P") == ["POST /api/v4/tasks 200", "PATCH /api/v4/tasks 200"][: 1 + (switch != "honoured")]
        )


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("endpoint", ["POST /api/v4/tasks", "PATCH /api/v4/tasks"])
@pytest.mark.parametrize("switch", ["honoured", "ignored", "refuse"])
def test_tasks_that_were_done_end_done_whichever_answer_is_lost(switch: str, endpoint: str, fault: str) -> None:
    with open_account(completed_tasks=switch) as account:
        account.set_fault(fault, endpoint)
        done = {"text": "Done", "complete_till": DUE, "is_completed": True, "result": "Signed"}

        account.load("tasks", Record("1", done), Record("2", done))

        assert [(one["is_completed"], one["result"]) for one in account.records("tasks")] == [
            (True, {"text": "Signed"})
        ] * 2


def test_a_task_that_was_done_and_rolled_back_is_adopted_as_done() -> None:
    with open_account(completed_tasks="ignored") as account:
        done = {"text": "Done", "complete_till": DUE, "is_completed": True, "result": "Signed"}
        target_id = account.make("tasks", "1", done)
        account.target.undo("tasks", account.target.read_back("tasks", [target_id]))

        account.write("tasks", Record("1", done, target_id=target_id, is_adopted=True))

        assert differences(done, account.target.read_back("tasks", [target_id])[target_id].values) == []


def test_a_task_type_that_the_account_lacks_is_a_fault_of_the_mapping(account: Account) -> None:
    with pytest.raises(MappingError, match=r"Siesta.*Meeting"):
        account.write("tasks", Record("1", {"text": "x", "complete_till": DUE, "type": "Siesta"}))


# Notes

CALL = {"phone": "+905321234567", "duration_seconds": 61, "source": "Salesforce", "text": "Agreed on Friday"}
NOTES: Mapping[str, Mapping[str, Any]] = {
    "common": {"text": "Line one\nLine two"},
    "call_in": CALL,
    "call_out": CALL | {"link": "https://calls.example/1.mp3"},
    "service_message": {"service": "E-mail", "text": "Subject: offer"},
    "extended_service_message": {"service": "E-mail", "text": "long " * 5000 + "end"},
    "geolocation": {"text": "Office", "address": "1 Main Street", "longitude": "29.0", "latitude": "41.0"},
    "sms_in": {"text": "Yes", "phone": "+905321234567"},
    "sms_out": {"text": "Coming?", "phone": "+905321234567"},
}


@pytest.mark.parametrize("name", NOTES)
def test_a_note_of_each_type_reads_back_as_it_was_written(account: Account, name: str) -> None:
    card = account.make("contacts", "003A", {"last_name": "x"})
    owner = str(account.twin.get("snapshot").json()["users"][1]["id"])
    meant = {"type": name, "created_at": "2020-02-29T08:00:00Z", **NOTES[name]}

    target_id = account.make("notes", "00T1", meant, contact=[card], created_by=[owner])

    found = account.target.read_back("notes", [target_id])[target_id]
    assert differences(meant, found.values) == []
    assert found.references["contact"] == [card]
    assert found.references["created_by"] == [owner]


@pytest.mark.parametrize("name", NOTES)
def test_a_note_of_each_type_is_settled_by_its_marker(account: Account, name: str) -> None:
    card = account.make("contacts", "003A", {"last_name": "x"})
    account.set_fault("cut_after", "POST /api/v4/contacts/notes")

    results = account.write("notes", note("00T1", {"type": name, **NOTES[name]}, contact=card))

    assert words(results) == ["created"]
    assert len(account.records("notes")) == 1


@pytest.mark.parametrize("name", NOTES)
def test_a_note_that_is_rolled_back_says_nothing_any_more(account: Account, name: str) -> None:
    card = account.make("contacts", "003A", {"last_name": "x"})
    target_id = account.make("notes", "00T1", {"type": name, **NOTES[name]}, contact=[card])

    assert account.target.undo("notes", account.target.read_back("notes", [target_id])) == {}

    there = account.target.read_back("notes", [target_id])[target_id]
    after = account.target.undone("notes", there)
    assert after
    assert after.values
    assert differences(after.values, there.values) == []
    params = str(account.records("notes")[0]["params"])
    assert not any(str(value) in params for key, value in NOTES[name].items() if key in ("text", "phone", "link"))


def test_an_attachment_shows_a_file_of_the_drive_and_is_settled_by_it(account: Account) -> None:
    card = account.make("companies", "001A")
    with httpx.Client(base_url=account.url, headers={"Authorization": f"Bearer {TOKEN}"}) as person:
        session = person.post("/v1.0/sessions", json={"file_name": "a.txt", "file_size": 3}).json()
        uuid = person.post(session["upload_url"], content=b"abc").json()["uuid"]
    account.set_fault("504_after_apply", "POST /api/v4/companies/notes")

    (result,) = account.write("notes", Record("1", {"type": "attachment", "file_name": "a.txt"},
                                              {"company": [card], "file": [uuid]}))  # fmt: skip

    assert result
    assert result.result == "created"
    found = account.target.read_back("notes", [str(result.target_id)])[str(result.target_id)]
    assert found.values["file_name"] == "a.txt"
    assert found.references["file"] == [uuid]


def test_no_note_starts_an_automation(account: Account) -> None:
    card = account.make("leads", "006A", {"name": "Deal"})
    before = account.twin.get("automations").json()

    target_id = account.make("notes", "1", {"text": "x"}, lead=[card])
    account.target.undo("notes", account.target.read_back("notes", [target_id]))

    assert account.twin.get("automations").json() == before


def test_notes_of_several_kinds_of_card_go_in_one_request_a_kind(account: Account) -> None:
    there = cards(account)
    account.forget()
    pending = [note(f"{n}-{name}", None, **{name: there[name]}) for n in range(4) for name in there]
    while pending:
        results = account.write("notes", *pending)
        pending = [one for one, result in zip(pending, results, strict=True) if result is None]

    assert [one for one in account.requests("POST") if "notes" in one] == [
        "POST /api/v4/leads/notes 200", "POST /api/v4/contacts/notes 200", "POST /api/v4/companies/notes 200",
    ]  # fmt: skip
    assert len(account.records("notes")) == 12


@pytest.mark.parametrize("kind", LOST)
def test_notes_whose_answer_is_lost_are_made_once(account: Account, kind: str) -> None:
    there = cards(account)
    account.make("notes", "before", {"text": "before"}, lead=[there["lead"]])
    account.set_fault(kind, "POST /api/v4/leads/notes")
    pending = [note("1", None, lead=there["lead"]), note("2", None, company=there["company"])]
    for _ in range(4):
        results = account.write("notes", *pending)
        pending = [one for one, result in zip(pending, results, strict=True) if result is None]
        if not pending:
            break

    texts = sorted(one["params"]["text"] for one in account.records("notes"))
    assert texts == ["Note 1\n[SF:1]", "Note 2\n[SF:2]", "before\n[SF:before]"]


def test_a_note_on_no_card_is_a_fault_of_the_mapping(account: Account) -> None:
    with pytest.raises(MappingError, match="names no card"):
        account.write("notes", note("1"))


@pytest.mark.parametrize("switches", [{"note_params": "lax"}, {"note_params": "strict"}])
@pytest.mark.parametrize("name", [*NOTES, "attachment"])
def test_a_note_that_has_only_a_text_is_made_in_every_account(name: str, switches: Mapping[str, Any]) -> None:
    """Kommo REST v4 lists the keys of each type, and not which of them are needed."""
    with open_account(**switches) as account:
        card = account.make("leads", "006A", {"name": "Deal"})
        values = {"type": name, "text": "Only this", "file_name": "a.txt"}
        references = {"lead": [card]}
        if name == "attachment":
            with account.person() as person:
                session = person.post("/v1.0/sessions", json={"file_name": "a.txt", "file_size": 3}).json()
                references["file"] = [person.post(session["upload_url"], content=b"abc").json()["uuid"]]

        target_id = account.make("notes", "1", values, **references)

        found = account.target.read_back("notes", [target_id])[target_id].values
        told = "file_name" if name == "attachment" else "text"
        assert found[told] == values[told]
        assert not any(
            one in ("-", 0, "0") for field, one in found.items() if field in ("phone", "service", "source", "address")
        )


@pytest.mark.parametrize("name", NOTES)
def test_every_note_says_that_it_starts_nothing(name: str) -> None:
    """The flag is Kommo's only one against automations, so it goes with a note, its change and its blanking."""
    with open_account() as account:
        card = account.make("leads", "006A", {"name": "Deal"})
        bodies: list[bytes] = []

        def listen(body: bytes) -> bytes:
            if b"params" in body:
                bodies.append(body)
            return body

        with account.through(listen) as target:
            record = note("1", {"type": name, **NOTES[name]}, lead=card)
            (result,) = target.write(Batch("notes", [record], target.high_water("notes")), on_remote_job=lambda _: None)
            assert result
            target_id = str(result.target_id)
            target.write(Batch("notes", [replace(record, target_id=target_id)]), on_remote_job=lambda _: None)
            target.undo("notes", target.read_back("notes", [target_id]))

        assert len(bodies) == 3
        assert all(one["is_need_to_trigger_digital_pipeline"] is False for body in bodies for one in json.loads(body))


@pytest.mark.parametrize("switches", [{"note_dates": "ignored"}, {"note_authors": "ignored"}])
def test_what_an_account_ignores_of_a_note_is_what_it_may_ignore(switches: Mapping[str, Any]) -> None:
    with open_account(**switches) as account:
        card = account.make("leads", "006A", {"name": "Deal"})
        owner = str(account.twin.get("snapshot").json()["users"][1]["id"])
        meant = {"text": "x", "created_at": "2020-02-29T08:00:00Z"}
        references = {"lead": [card], "created_by": [owner], "responsible_user_id": [owner]}

        account.set_fault("cut_after", "POST /api/v4/leads/notes")
        target_id = account.make("notes", "1", meant, **references)

        found = account.target.read_back("notes", [target_id])[target_id]
        ignored = {one.field for one in differences(meant, found.values)}
        ignored |= {name for name, ids in references.items() if list(found.references.get(name, ())) != ids}
        assert ignored
        assert ignored <= account.target.may_ignore("notes")
        account.set_fault("cut_after", "PATCH /api/v4/leads/notes")
        changed = Record("1", meant | {"text": "y"}, references, target_id)
        assert words(account.write("notes", changed)) == ["updated"]
