"""What was sent, and what came of it; and the lock under which it is sent."""

from __future__ import annotations

import time
from typing import Any

import pytest
from psycopg2.errors import UniqueViolation
from sqlalchemy import text

from migration_pipelines.core.records import Outcome
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.batches import PAGE, Entry, Result
from migration_pipelines.ledger.lock import OrgLock, advisory_key
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines_tests.ledger.conftest import COMPANIES, CONTACTS, Desk, not_planned, planned

LINKS = "contacts/Contact>company_contacts"


def ids(entries: Any) -> list[str]:
    return [entry.source_id for entry in entries]


# What is to be sent


def test_only_what_is_planned_and_not_there_yet_is_sent(desk: Desk) -> None:
    """COMMON-33: what is there as meant is not written again."""
    desk.plan(planned("1", name="Ada"), not_planned("2", Outcome.HELD, "x"), not_planned("3", Outcome.EXCLUDED, "x"))
    desk.load()

    desk.plan(planned("1", name="Ada"), planned("2", name="Bob"), not_planned("3", Outcome.DELETED_IN_SOURCE))

    assert ids(desk.send()) == ["2"]


@pytest.mark.parametrize(("result", "again"), [("created", []), ("updated", []), ("unchanged", []), ("conflict", []),
                                               ("failed", ["1"]), ("held", ["1"])])  # fmt: skip
def test_what_was_refused_is_tried_again_and_what_is_in_conflict_waits_for_a_person(
    desk: Desk, result: str, again: list[str]
) -> None:
    desk.plan(planned("1", name="Ada"))
    desk.load(result)

    assert ids(desk.send()) == again


def test_parents_are_named_by_their_ids_in_the_target_in_the_order_of_the_mapping(desk: Desk) -> None:
    """COMMON-06."""
    references = [("contacts", CONTACTS, "B"), ("company", COMPANIES, "C"), ("contacts", CONTACTS, "A")]
    desk.plan(planned("C", COMPANIES), planned("A"), planned("B"), planned("L", LINKS, references=references))
    desk.load(route=COMPANIES)
    desk.load()

    (entry,) = desk.send(LINKS)

    assert entry.references == (
        ("contacts", CONTACTS, "B", "kB"),
        ("company", COMPANIES, "C", "kC"),
        ("contacts", CONTACTS, "A", "kA"),
    )


@pytest.mark.parametrize("state", ["not loaded", "failed", "held later", "rolled back", "never planned"])
def test_a_parent_that_is_not_in_the_target_has_no_id_there(desk: Desk, state: str) -> None:
    """COMMON-06: a child never points at what is not there, such as a company that was rolled back."""
    child = planned("L", LINKS, references=[("company", COMPANIES, "C")])
    desk.plan(child, *([] if state == "never planned" else [planned("C", COMPANIES)]))
    if state not in ("not loaded", "never planned"):
        desk.load("failed" if state == "failed" else "created", COMPANIES)
    if state == "rolled back":
        desk.undo(route=COMPANIES)
    if state == "held later":
        desk.plan(child, not_planned("C", Outcome.HELD, "x", route=COMPANIES))

    assert [entry.references for entry in desk.send(LINKS)] == [(("company", COMPANIES, "C", None),)]


def test_a_parent_whose_change_is_yet_to_be_sent_is_not_there_as_meant(desk: Desk) -> None:
    child = planned("L", LINKS, references=[("company", COMPANIES, "C")])
    desk.plan(child, planned("C", COMPANIES, name="old"))
    desk.load(route=COMPANIES)
    desk.plan(child, planned("C", COMPANIES, name="new"))
    assert desk.send(LINKS)[0].references[0][3] is None

    desk.load("updated", COMPANIES)

    assert desk.send(LINKS)[0].references[0][3] == "kC"


def test_children_of_one_parent_come_one_after_the_other(desk: Desk) -> None:
    rows = [("1", "B"), ("2", "A"), ("3", "B"), ("4", None), ("5", "A")]
    desk.plan(*(
        planned(one, LINKS, references=[("owner", COMPANIES, f"owner of {one}")]
                + ([("company", COMPANIES, parent)] if parent else []))
        for one, parent in rows
    ))  # fmt: skip

    (page,) = desk.partition.batches.to_send(LINKS, "company")

    assert ids(page) == ["4", "2", "5", "1", "3"]


def test_entries_come_in_order_over_more_than_one_page_none_twice_and_none_left_out(desk: Desk) -> None:
    """The edge of a page falls within the children of one parent."""
    count = 2 * PAGE + 100
    desk.plan(*(planned(f"{n:05}", LINKS, references=[("company", COMPANIES, f"{n % 3}")]) for n in range(count)))

    pages = list(desk.partition.batches.to_send(LINKS, "company"))

    assert [len(page) for page in pages] == [PAGE, PAGE, 100]
    expected = [f"{n:05}" for parent in range(3) for n in range(parent, count, 3)]
    assert ids(entry for page in pages for entry in page) == expected


def test_what_is_settled_between_two_pages_does_not_disturb_the_next(desk: Desk) -> None:
    desk.plan(*(planned(f"{n:05}") for n in range(PAGE + 3)))
    seen = []

    for page in desk.partition.batches.to_send(CONTACTS):
        seen += ids(page)
        desk.settle(desk.prepare(page), "failed")

    assert seen == [f"{n:05}" for n in range(PAGE + 3)]


# Batches


def test_a_batch_is_durable_before_it_is_sent_and_open_until_it_is_settled(desk: Desk, ledger: Ledger) -> None:
    desk.plan(planned("1", name="Ada"), planned("2", name="Bob"))
    plan = desk.partition.plans.current()
    assert plan is not None
    entries = list(reversed(desk.send()))

    stored = desk.partition.batches.prepare(
        desk.lock, plan["id"], CONTACTS, entries, body_digest="digest", high_water="17"
    )  # fmt: skip

    another_run = ledger.partition(desk.partition.key)
    (left,) = another_run.batches.unsettled()
    assert left == stored
    assert (ids(left.entries), left.body_digest, left.high_water, left.route) == (["2", "1"], "digest", "17", CONTACTS)
    desk.settle(stored, "created")
    assert another_run.batches.unsettled() == []


def test_a_batch_of_which_nothing_was_applied_leaves_its_entries_planned(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"))

    desk.partition.batches.abandon(desk.lock, desk.prepare(desk.send()))

    assert (desk.partition.batches.unsettled(), desk.outcomes(), ids(desk.send())) == ([], {"planned": 1}, ["1"])


def test_outcomes_and_the_end_of_a_batch_are_one_transaction(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"), planned("2", name="Bob"))
    batch = desk.prepare(desk.send())
    one, other = batch.entries
    impossible = Result(other, None, "k2")  # type: ignore[arg-type]

    with pytest.raises(Exception, match="null value"):
        desk.partition.batches.settle(desk.lock, batch, [Result(one, "created", "k1", True), impossible])

    assert (len(desk.partition.batches.unsettled()), desk.outcomes()) == (1, {"planned": 2})


def test_a_batch_of_a_plan_that_was_replaced_is_refused(desk: Desk) -> None:
    """COMMON-26: only the current plan is loaded."""
    old = desk.plan(planned("1", name="Ada"))
    entries = desk.send()
    desk.plan(planned("1", name="Ada L."))

    with pytest.raises(GateClosed, match="a newer plan took the place"):
        desk.partition.batches.prepare(desk.lock, old, CONTACTS, entries)
    assert desk.partition.batches.unsettled() == []


def test_what_an_entry_came_to_is_told_by_the_view(desk: Desk) -> None:
    """COMMON-30, SF-KOMMO-01: one word for each entry, and they add up."""
    results = {"1": "created", "2": "updated", "3": "unchanged", "4": "failed", "5": "held", "6": "conflict"}
    desk.plan(*(planned(one) for one in [*results, "7"]), not_planned("8", Outcome.ARCHIVED, "x"))
    batch = desk.prepare([entry for entry in desk.send() if entry.source_id in results])

    desk.partition.batches.settle(desk.lock, batch, [Result(one, results[one.source_id]) for one in batch.entries])

    assert desk.outcomes() == {"archived": 1, "conflict": 1, "failed": 1, "held": 1, "loaded": 3, "planned": 1}


# Rolling back


def test_a_roll_back_takes_the_newest_first_and_page_by_page(desk: Desk) -> None:
    """COMMON-02."""
    desk.plan(*(planned(one) for one in "12345"))
    desk.load()
    batches = desk.partition.batches

    assert [ids(page) for page in batches.to_undo(CONTACTS, 2)] == [["5", "4"], ["3", "2"], ["1"]]
    assert batches.count_to_undo(CONTACTS) == 5


@pytest.mark.parametrize("last", ["updated", "failed", "held", "unchanged"])
def test_a_record_that_we_made_is_rolled_back_whatever_became_of_its_last_update(desk: Desk, last: str) -> None:
    """COMMON-02: a refused update made the ledger forget that the record is ours."""
    desk.plan(planned("1", name="Ada"))
    desk.load()
    desk.plan(planned("1", name="Ada L."))
    desk.load(last)

    (entry,) = desk.to_undo()
    assert (entry.source_id, entry.target_id, entry.created_by_us) == ("1", "k1", True)


@pytest.mark.parametrize("last", ["failed", "held"])
def test_what_the_target_took_last_is_remembered_over_a_refusal(desk: Desk, last: str) -> None:
    desk.plan(planned("1", name="Ada"))
    desk.load()
    desk.plan(planned("1", name="Ada L."))
    desk.load(last)

    assert [entry.previous for entry in desk.to_undo()] == [{"name": "Ada"}]


@pytest.mark.parametrize("result", ["failed", "unchanged", "held", "conflict"])
def test_what_we_neither_made_nor_changed_is_not_rolled_back(desk: Desk, result: str) -> None:
    """COMMON-02: exactly the records that were created or changed; a matched user is neither."""
    desk.plan(planned("1", name="Ada"))
    desk.load(result)

    assert desk.to_undo() == []


def test_what_is_undone_says_so_and_is_not_undone_twice(desk: Desk) -> None:
    """COMMON-02."""
    desk.plan(planned("1", name="Ada"))
    desk.load()

    desk.undo()

    assert desk.outcomes() == {"rolled back": 1}
    assert desk.to_undo() == []


def test_what_could_not_be_undone_stays_loaded_and_is_listed_with_the_reason(desk: Desk) -> None:
    """COMMON-02: reports what it could not undo."""
    desk.plan(planned("1", name="Ada"), planned("2", name="Bob"))
    desk.load()

    desk.undo("left")

    assert desk.outcomes() == {"loaded": 2}
    assert [(one["route"], one["source_id"], one["target_id"], one["detail"]) for one in desk.partition.batches.left_alone()] == [
        (CONTACTS, "1", "k1", "why"), (CONTACTS, "2", "k2", "why"),
    ]  # fmt: skip


def test_a_later_undoing_takes_the_place_of_what_was_left(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"))
    entries = desk.load()
    desk.undo("left")

    desk.partition.batches.record_undo(desk.lock, [(entries[0], "undone", "by force")])

    assert (desk.partition.batches.left_alone(), desk.outcomes()) == ([], {"rolled back": 1})


def test_a_record_that_was_rolled_back_is_adopted_by_the_next_load_and_can_be_undone_again(desk: Desk) -> None:
    """COMMON-02: its id is known, so it is taken up again and not made a second time."""
    desk.plan(planned("1", name="Ada"))
    desk.load()
    desk.undo()

    (entry,) = desk.send()
    assert (entry.target_id, entry.is_adopted) == ("k1", True)

    desk.load("updated")
    assert (desk.outcomes(), desk.send()) == ({"loaded": 1}, [])
    (entry,) = desk.to_undo()
    assert (entry.target_id, entry.created_by_us, entry.is_adopted) == ("k1", True, False)
    desk.undo()
    assert desk.outcomes() == {"rolled back": 1}


def test_an_adoption_that_the_target_refused_is_still_one_the_next_time(desk: Desk) -> None:
    """Otherwise the record keeps its quarantine: the next load takes it for an ordinary one."""
    desk.plan(planned("1", name="Ada"))
    desk.load()
    desk.undo()

    desk.load("failed")

    assert desk.outcomes() == {"failed": 1}
    assert [(entry.target_id, entry.is_adopted) for entry in desk.send()] == [("k1", True)]
    assert desk.to_undo() == []


# The lock on the target org


@pytest.fixture
def second_ledger(database_url: str) -> Any:
    """Another run, with connections of its own."""
    ledger = Ledger(database_url)
    yield ledger
    ledger.close()


def cut(ledger: Ledger, lock: OrgLock) -> None:
    """The holder's connection dies, as when its machine does."""
    pid = lock._connection.scalar(text("SELECT pg_backend_pid()"))
    with ledger.engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_second_writer_is_refused_with_a_sentence_that_names_the_first(desk: Desk, second_ledger: Ledger) -> None:
    with pytest.raises(
        GateClosed, match=rf"^{desk.lock.org} is being written to by another run \(process \d+ on .+\)\. Wait until "
    ):
        OrgLock(second_ledger.engine, desk.lock.org)


def test_writers_to_other_orgs_do_not_wait(desk: Desk, second_ledger: Ledger) -> None:
    OrgLock(second_ledger.engine, f"{desk.lock.org}-other").release()


def test_a_lock_that_was_released_is_free_and_releasing_again_does_no_harm(partition: PartitionLedger) -> None:
    first = OrgLock(partition.engine, f"kommo:{partition.key}")
    first.release()
    first.release()

    second = OrgLock(partition.engine, first.org)

    assert second.epoch == first.epoch + 1
    assert holders(partition, first.org) == 1
    second.release()


def test_a_lock_whose_taking_broke_off_is_free(partition: PartitionLedger) -> None:
    """The pool kept the connection, and with it the lock, until the process ended."""
    org = "kommo:\x00"

    with pytest.raises(ValueError, match="NUL"):  # the lock is taken, and its epoch cannot be written
        OrgLock(partition.engine, org)

    deadline = time.monotonic() + 10
    while (held := holders(partition, org)) and time.monotonic() < deadline:
        time.sleep(0.01)  # PostgreSQL lets go when it notices that the connection has been closed
    assert held == 0


def holders(partition: PartitionLedger, org: str) -> int:
    """Connections that hold the lock of one org in this database: the server is shared with the other workers."""
    return int(
        partition.scalar(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
            " AND (classid::bigint << 32 | objid::bigint) = :key",
            key=advisory_key(org),
        )
    )


def test_the_lock_is_free_as_soon_as_its_holders_connection_is_cut(desk: Desk, second_ledger: Ledger) -> None:
    cut(second_ledger, desk.lock)

    taken_over = OrgLock(second_ledger.engine, desk.lock.org)

    assert taken_over.epoch == desk.lock.epoch + 1
    taken_over.release()


@pytest.mark.parametrize("write", ["prepare", "settle", "abandon", "undo"])
def test_a_run_that_lost_the_lock_stops_before_its_next_write(desk: Desk, second_ledger: Ledger, write: str) -> None:
    desk.plan(planned("1", name="Ada"))
    entries: list[Entry] = desk.send()
    batch = desk.prepare(entries)
    cut(second_ledger, desk.lock)
    taken_over = OrgLock(second_ledger.engine, desk.lock.org)
    writes = {
        "prepare": lambda: desk.prepare(entries),
        "settle": lambda: desk.settle(batch, "created"),
        "abandon": lambda: desk.partition.batches.abandon(desk.lock, batch),
        "undo": lambda: desk.partition.batches.record_undo(desk.lock, [(entries[0], "undone", "")]),
    }

    with pytest.raises(GateClosed, match="was taken over by another run, so this one stops before its next write"):
        writes[write]()

    assert (len(desk.partition.batches.unsettled()), desk.outcomes()) == (1, {"planned": 1})
    desk.partition.batches.settle(taken_over, batch, [Result(entries[0], "created", "k1", True)])
    assert desk.outcomes() == {"loaded": 1}
    taken_over.release()


# Outcomes that took no request


def test_outcomes_that_took_no_request_are_kept_at_once(desk: Desk) -> None:
    plan_id = desk.plan(planned("1", name="Ada"))

    desk.partition.batches.record(desk.lock, plan_id, CONTACTS, [Result(one, "unchanged", "7") for one in desk.send()])

    assert desk.outcomes() == {"loaded": 1}
    assert desk.partition.batches.unsettled() == []


def test_where_they_cannot_be_kept_no_open_batch_stays_behind(desk: Desk) -> None:
    """A batch left open makes the next run ask the target about something that was never sent there."""
    plan_id = desk.plan(planned("1", name="Ada"))
    (entry,) = desk.send()

    with pytest.raises(UniqueViolation):
        desk.partition.batches.record(desk.lock, plan_id, CONTACTS, [Result(entry, "unchanged", "7")] * 2)

    assert desk.partition.batches.unsettled() == []
    assert ids(desk.send()) == ["1"]
