"""Files on Kommo's drive, and on cards: in parts, cut off, sent anew, proved by their bytes, taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.compare import differences
from migration_pipelines.core.records import HoldReason, Planned
from migration_pipelines.core.validate import validate
from migration_pipelines.errors import MappingError, OutcomeUnknown, PermanentFailure
from migration_pipelines.twins.kommo.oauth import Application
from migration_pipelines_tests.connectors.account import BODIES, Account, open_account

SMALL, MIDDLE, LARGE = BODIES
PARTS = 11  # of the large one's 10,240 bytes, 1,000 at a time


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account(largest_part=1000) as account:
        yield account


def file(digest: str = LARGE, name: str = "Offer.pdf", key: str = "068A") -> Record:
    return Record(
        key, {"name": name, "size_bytes": len(BODIES[digest]), "body": digest, "content_type": "application/pdf"}
    )


def on_drive(account: Account) -> list[dict[str, Any]]:
    with account.person() as person:
        answer = person.get("/v1.0/files")
        return list(answer.json()["_embedded"]["files"]) if answer.status_code == 200 else []


def words(result: WriteResult | None) -> str | None:
    return result.result if result else None


@pytest.mark.parametrize("digest", BODIES)
def test_a_file_goes_up_in_parts_and_is_proved_by_its_bytes(account: Account, digest: str) -> None:
    """SF-KOMMO-32: size alone would let two bytes change places."""
    account.forget()
    record = file(digest)

    target_id = account.load("files", record)["068A"].target_id or ""

    parts = [one for one in account.requests("POST") if "/upload/" in one]
    assert len(parts) == {SMALL: 1, MIDDLE: 1, LARGE: PARTS}[digest]
    assert differences(record.values, account.target.read_back("files", [target_id])[target_id].values) == []
    assert [one["name"] for one in on_drive(account)] == ["Offer [SF:068A].pdf"]


def test_bytes_that_differ_are_seen(account: Account) -> None:
    record = file(SMALL)
    target_id = account.load("files", record)["068A"].target_id or ""
    with account.person() as person:
        session = person.post("/v1.0/sessions", json={"file_name": "x", "file_size": 3, "file_uuid": target_id}).json()
        person.post(session["upload_url"], content=b"abd")

    found = account.target.read_back("files", [target_id])[target_id].values

    assert [one.field for one in differences(record.values, found)] == ["body", "content_type"]


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "truncated", "503", "504", "504_after_apply"])
@pytest.mark.parametrize("part", [1, 5, PARTS])
def test_a_file_whose_part_is_cut_off_stands_once(account: Account, fault: str, part: int) -> None:
    """A part's address works once, so the same part sent again tells whether it had arrived."""
    account.set_fault(fault, "POST /v1.0/sessions/upload/*", ordinal=part)
    record = file()

    result = account.load("files", record)["068A"]

    assert result.result == "created"
    assert [one["size"] for one in on_drive(account)] == [10_240]
    found = account.target.read_back("files", [str(result.target_id)])[str(result.target_id)]
    assert found.values["body"] == LARGE


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "503"])
def test_a_session_whose_answer_is_lost_is_simply_opened_again(account: Account, fault: str) -> None:
    account.set_fault(fault, "POST /v1.0/sessions")

    assert account.load("files", file())["068A"].result == "created"
    assert len(on_drive(account)) == 1


def test_a_session_that_ended_in_mid_upload_begins_anew(account: Account) -> None:
    """Kommo REST v4, files: a session lives 24 hours at most."""
    seen = 0

    def a_day_passes(body: bytes) -> bytes:
        nonlocal seen
        seen += len(body) == 1000
        if seen == 4:
            seen += 1
            account.twin.post("clock", json={"advance": 25 * 3600})
        return body

    with account.through(a_day_passes) as target:
        (result,) = target.write(Batch("files", [file()]), on_remote_job=lambda _: None)

        assert words(result) == "created"
        assert [one["size"] for one in on_drive(account)] == [10_240]


def test_an_upload_that_is_cut_off_for_good_leaves_nothing_and_says_it_is_not_known(account: Account) -> None:
    account.set_fault("cut_before", "POST /v1.0/sessions/upload/*", ordinal=3, times=50)
    batch = Batch("files", [file()])

    with pytest.raises(OutcomeUnknown):
        account.target.write(batch, on_remote_job=lambda _: None)

    assert list(account.target.settle(batch)) == [None]
    assert on_drive(account) == []


def test_a_file_of_the_same_name_and_another_size_is_not_taken_for_ours(account: Account) -> None:
    account.load("files", file(SMALL))

    assert list(account.target.settle(Batch("files", [file(LARGE)]))) == [None]


def test_a_file_that_kommo_cannot_hold_is_failed_and_not_sent(account: Account) -> None:
    """Kommo limits: 314,572,800 bytes."""
    account.forget()
    record = Record("068A", {"name": "film.mp4", "size_bytes": 314_572_801, "body": LARGE})

    result = account.load("files", record)["068A"]

    assert result.result == "failed"
    assert "314572800" in str(result.message)
    assert account.requests("POST") == []


def test_a_file_that_kommo_cannot_hold_is_held_by_the_plan(account: Account) -> None:
    """It need not be refused to be known: Salesforce tells the size of each file."""
    files = account.target.describe().objects["files"]
    (problem,) = validate(Planned("068A", {"name": "film.mp4", "size_bytes": 314_572_801, "body": LARGE}), files)

    assert (problem.reason, problem.field) == (HoldReason.TOO_LARGE, "size_bytes")
    assert validate(Planned("068A", {"name": "film.mp4", "size_bytes": 314_572_800, "body": LARGE}), files) == []


def test_a_token_without_the_scope_of_files_says_which_one_is_missing() -> None:
    says = 'scope "Access to files"'
    with open_account(application=Application(scopes=("crm",))) as narrow, pytest.raises(PermanentFailure, match=says):
        narrow.target.write(Batch("files", [file()]), on_remote_job=lambda _: None)


def test_a_token_that_may_not_remove_files_leaves_them_and_says_why() -> None:
    with open_account(application=Application(scopes=("crm", "files"))) as narrow:
        target_id = narrow.load("files", file())["068A"].target_id or ""

        refused = narrow.target.undo("files", narrow.target.read_back("files", [target_id]))

        assert list(refused) == [target_id]
        assert 'scope "Deleting files"' in refused[target_id]
        assert len(on_drive(narrow)) == 1


def test_files_without_a_store_to_take_them_from_are_a_fault_of_the_set_up(account: Account) -> None:
    with account.fresh_target(bodies=None) as target, pytest.raises(MappingError, match="store"):
        target.write(Batch("files", [file()]), on_remote_job=lambda _: None)


def test_our_token_goes_to_no_other_host(account: Account) -> None:
    """Where an answer sends the next part is for the answer to say, where our token goes is not."""
    with open_account() as other:

        class Sending(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                answer = super().handle_request(request)
                told = answer.read().replace(f"{account.url}/v1.0".encode(), f"{other.url}/v1.0".encode())
                return httpx.Response(answer.status_code, content=told)

        other.forget()
        with account.fresh_target(transport=Sending()) as target, pytest.raises(PermanentFailure, match="must not go"):
            target.write(Batch("files", [file()]), on_remote_job=lambda _: None)
        assert other.requests() == []


def test_a_file_in_the_trash_is_gone_and_another_may_take_its_name(account: Account) -> None:
    first = account.load("files", file())["068A"].target_id or ""
    account.target.undo("files", account.target.read_back("files", [first]))

    assert account.target.read_back("files", [first]) == {}
    second = account.load("files", file())["068A"].target_id
    assert second != first
    assert [one["uuid"] for one in on_drive(account)] == [second]


# On cards


def test_a_file_is_attached_to_the_first_card_that_is_named(account: Account) -> None:
    uuid = account.load("files", file())["068A"].target_id or ""
    lead, company = account.make("leads", "006"), account.make("companies", "001")

    both = account.make("card_files", "1", {}, lead=[lead], company=[company], file=[uuid])
    alone = account.make("card_files", "2", {}, company=[company], file=[uuid])

    assert (both, alone) == (f"leads:{lead}:{uuid}", f"companies:{company}:{uuid}")
    found = account.target.read_back("card_files", [both, alone])
    assert found[both].references == {"lead": [lead], "file": [uuid]}
    assert found[alone].references == {"company": [company], "file": [uuid]}


def test_a_card_with_more_files_than_a_page_is_read_to_its_end(account: Account) -> None:
    lead = account.make("leads", "006")
    with account.person() as person:
        uuids = []
        for n in range(260):
            session = person.post("/v1.0/sessions", json={"file_name": f"{n}", "file_size": 1}).json()
            uuids.append(person.post(session["upload_url"], content=b"x").json()["uuid"])
        person.put(f"/api/v4/leads/{lead}/files", json=[{"file_uuid": one} for one in uuids[:130]])
        person.put(f"/api/v4/leads/{lead}/files", json=[{"file_uuid": one} for one in uuids[130:]])
    ids = [f"leads:{lead}:{one}" for one in uuids]

    assert list(account.target.read_back("card_files", ids)) == ids


def test_files_of_a_card_that_is_gone_are_absent_and_the_others_are_read(account: Account) -> None:
    """One card that a person deleted must not end the verification of all."""
    uuid = account.load("files", file())["068A"].target_id or ""
    gone, there = account.make("leads", "006A"), account.make("leads", "006B")
    ids = [account.make("card_files", one, {}, lead=[one], file=[uuid]) for one in (gone, there)]
    account.twin.post("remove", json={"entity": "leads", "id": int(gone)})

    assert list(account.target.read_back("card_files", ids)) == ids[1:]


def test_a_file_that_the_drive_does_not_know_is_failed_in_kommos_words(account: Account) -> None:
    lead = account.make("leads", "006")

    result = account.load("card_files", Record("1", {}, {"lead": [lead], "file": ["nobody"]}))["1"]

    assert result.result == "failed"
    assert str(result.message).startswith("attach: ")
