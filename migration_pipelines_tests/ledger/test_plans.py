"""Plans are built aside and become the current one in a single transaction."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from migration_pipelines.core.records import KnownParent, Outcome
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.plans import NO_LONGER_NAMED
from migration_pipelines.ledger.store import PartitionLedger
from migration_pipelines_tests.ledger.conftest import COMPANIES, CONTACTS, Desk, not_planned, planned

LINKS = "contacts/Contact>company_contacts"
ROLES = "opportunities/OpportunityContactRole>leads"
DEALS = "opportunities/Opportunity>leads"


def test_there_is_no_plan_before_the_first(partition: PartitionLedger) -> None:
    assert partition.plans.current() is None


def test_a_plan_counts_only_when_it_was_switched_to(desk: Desk) -> None:
    """COMMON-05, COMMON-26: what is loaded is a whole plan with its fingerprint, never one in the making."""
    first = desk.plan(planned("1", name="Ada"))
    second = desk.partition.plans.begin()
    desk.partition.plans.add(second, [planned("1", name="Ada L."), planned("2", name="Bob")])

    current = desk.partition.plans.current()
    assert current is not None
    assert (current["id"], current["fingerprint"]) == (first, f"print of {first}")
    assert list(desk.entries()) == ["1"]


def test_rows_that_say_the_same_are_not_touched(desk: Desk) -> None:
    rows = [
        planned("1", name="Ada", references=[("company", COMPANIES, "001A")]),
        not_planned("2", Outcome.HELD, "no surname"),
        not_planned("3", Outcome.EXCLUDED, "not in scope"),
        not_planned("4", Outcome.CARRIED, carried_by=(DEALS, "006A")),
    ]
    desk.plan(*rows)
    before = desk.entries()

    desk.plan(*rows)

    assert desk.entries() == before


def test_only_rows_that_say_something_else_are_written(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"), planned("2", name="Bob"))
    before = desk.entries()

    desk.plan(planned("1", name="Ada"), planned("2", name="Bobby"))

    after = desk.entries()
    assert after["1"] == before["1"]
    assert (before["2"]["version"], after["2"]["version"]) == (1, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (not_planned("1", Outcome.HELD, "no surname"), not_planned("1", Outcome.HELD, "no owner")),
        (not_planned("1", Outcome.HELD, "x"), not_planned("1", Outcome.EXCLUDED, "x")),
        (not_planned("1", Outcome.CARRIED, carried_by=(DEALS, "1")), not_planned("1", Outcome.CARRIED, carried_by=(DEALS, "2"))),
        (not_planned("1", Outcome.CARRIED, carried_by=(DEALS, "1")), not_planned("1", Outcome.CARRIED, carried_by=(ROLES, "1"))),
    ],
    ids=["reason", "outcome", "carrier", "carrier's route"],
)  # fmt: skip
def test_another_reason_outcome_or_carrier_is_written(desk: Desk, before: object, after: object) -> None:
    desk.plan(before)  # type: ignore[arg-type]
    was = desk.entries()["1"]

    second = desk.plan(after)  # type: ignore[arg-type]

    now = desk.entries()["1"]
    assert now["written_by"] != was["written_by"]
    assert (now["plan_id"], now["version"]) == (second, 0)


def test_a_held_row_has_no_version_until_it_is_planned(desk: Desk) -> None:
    desk.plan(not_planned("1", Outcome.HELD, "no surname"))
    assert desk.entries()["1"]["version"] == 0

    desk.plan(planned("1", name="Ada"))

    assert desk.entries()["1"]["version"] == 1
    assert [entry.payload for entry in desk.send()] == [{"name": "Ada"}]


def test_a_planned_row_that_is_held_and_planned_again_as_before_keeps_its_version(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"))
    desk.load()
    desk.plan(not_planned("1", Outcome.HELD, "no surname"))
    assert desk.outcomes() == {"held": 1}

    desk.plan(planned("1", name="Ada"))

    assert desk.entries()["1"]["version"] == 1
    assert (desk.outcomes(), desk.send()) == ({"loaded": 1}, [])


def test_a_loaded_row_that_means_something_else_is_to_be_sent_again(desk: Desk) -> None:
    """COMMON-33: the next version updates the same record, and makes no second one."""
    desk.plan(planned("1", name="Ada"))
    desk.load()

    desk.plan(planned("1", name="Ada L."))

    (entry,) = desk.send()
    assert (entry.version, entry.target_id, entry.payload, entry.previous) == (
        2,
        "k1",
        {"name": "Ada L."},
        {"name": "Ada"},
    )
    assert desk.outcomes() == {"planned": 1}


def test_a_reference_to_another_parent_is_another_version(desk: Desk) -> None:
    desk.plan(planned("1", references=[("company", COMPANIES, "001A")]))
    desk.plan(planned("1", references=[("company", COMPANIES, "001B")]))

    assert [entry.references for entry in desk.send()] == [(("company", COMPANIES, "001B", None),)]


def test_a_row_that_the_new_plan_does_not_name_is_not_sent_any_more(desk: Desk) -> None:
    """A contact lost its account before its link was sent: the link was still made, for a plan nobody approved."""
    desk.plan(planned("1", name="Ada"), planned("1", LINKS), planned("2", LINKS))

    second = desk.plan(planned("1", name="Ada"), planned("2", LINKS))

    assert [entry.source_id for entry in desk.send(LINKS)] == ["2"]
    gone = desk.entries(LINKS)["1"]
    assert (gone["planned"], gone["plan_id"], gone["problems"]) == ("excluded", second, [{"message": NO_LONGER_NAMED}])
    assert desk.outcomes(LINKS) == {"excluded": 1, "planned": 1}


def test_a_row_that_is_left_out_is_written_once_and_can_come_back(desk: Desk) -> None:
    desk.plan(planned("1", LINKS))
    desk.plan()
    before = desk.entries(LINKS)
    desk.plan()
    assert desk.entries(LINKS) == before

    desk.plan(planned("1", LINKS))

    assert [(entry.source_id, entry.version) for entry in desk.send(LINKS)] == [("1", 1)]


def test_what_was_loaded_and_is_left_out_can_still_be_rolled_back(desk: Desk) -> None:
    """COMMON-02."""
    desk.plan(planned("1", LINKS))
    desk.load(route=LINKS)
    desk.plan()

    assert [entry.source_id for entry in desk.to_undo(LINKS)] == ["1"]


def test_plans_of_other_partitions_stay_as_they_are(desk: Desk, ledger: object) -> None:
    other = ledger.partition(f"{desk.partition.key}-other")  # type: ignore[attr-defined]
    plan_id = other.plans.begin()
    other.plans.add(plan_id, [planned("1", name="Ada")])
    other.plans.switch(plan_id, "print", {})

    desk.plan()

    assert other.proof.outcomes(CONTACTS) == {"planned": 1}


def test_a_plan_cannot_take_over_while_a_batch_is_unsettled(desk: Desk) -> None:
    """COMMON-26: what the target is being sent must not change under its feet."""
    desk.plan(planned("1", name="Ada"))
    batch = desk.prepare(desk.send())

    with pytest.raises(GateClosed, match=rf"1 batches .* not settled.* Run: crm-migrate apply {desk.partition.key}"):
        desk.plan(planned("1", name="Ada L."))
    assert desk.entries()["1"]["version"] == 1

    desk.settle(batch, "created")
    desk.plan(planned("1", name="Ada L."))
    assert desk.entries()["1"]["version"] == 2


def test_a_batch_that_is_just_being_prepared_stops_a_plan_as_well(desk: Desk) -> None:
    """The plan counted the open batches before a batch held its place, and took over all the same."""
    desk.plan(planned("1", name="Ada"))
    plan_id = desk.partition.plans.begin()
    refused: list[GateClosed] = []

    def switch() -> None:
        try:
            desk.partition.plans.switch(plan_id, "print", {})
        except GateClosed as error:
            refused.append(error)

    thread = threading.Thread(target=switch)
    with desk.partition.engine.begin() as connection:  # as `prepare` does, and not committed yet
        values = {"partition": desk.partition.id, "route": desk.partition.route_id(CONTACTS)}
        connection.execute(
            text("SELECT 1 FROM ledger.plan WHERE partition_id = :partition AND state = 'current' FOR SHARE"), values
        )
        thread.start()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not desk.partition.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            time.sleep(0.01)
        connection.execute(
            text(
                "INSERT INTO ledger.batch (partition_id, route_id, plan_id, epoch, state, entry_ids, versions) "
                "VALUES (:partition, :route, 1, 1, 'prepared', '{}', '{}')"
            ),
            values,
        )
    thread.join(10)

    assert len(refused) == 1


def test_a_second_begin_drops_what_an_interrupted_plan_left_behind(partition: PartitionLedger) -> None:
    dead = partition.plans.begin()
    partition.plans.add(dead, [planned("1", name="Ada")])

    partition.plans.begin()

    assert partition.scalar("SELECT count(*) FROM ledger.plan_row WHERE plan_id = :plan", plan=dead) == 0


def test_a_plan_that_was_overtaken_ends_with_a_sentence(desk: Desk) -> None:
    """Two people plan at once: half a plan must not become the current one."""
    plans = desk.partition.plans
    slow = plans.begin()
    plans.add(slow, [planned("1", name="Ada")])
    quick = plans.begin()

    for overtaken in (lambda: plans.add(slow, [planned("2")]), lambda: plans.switch(slow, "print", {})):
        with pytest.raises(GateClosed, match=f"{desk.partition.key}: another plan was begun meanwhile"):
            overtaken()

    plans.add(quick, [planned("1", name="Ada"), planned("2", name="Bob")])
    plans.switch(quick, "print", {})
    assert sorted(desk.entries()) == ["1", "2"]


def test_a_plan_becomes_the_current_one_once(desk: Desk) -> None:
    plan_id = desk.plan(planned("1", name="Ada"))

    with pytest.raises(GateClosed):
        desk.partition.plans.switch(plan_id, "another print", {})
    assert desk.outcomes() == {"planned": 1}


def test_a_switch_leaves_one_current_plan_and_no_rows_aside(desk: Desk) -> None:
    plans = [desk.plan(planned("1", name="Ada")) for _ in range(3)]

    states = desk.partition.select("SELECT id, state FROM ledger.plan WHERE partition_id = :partition ORDER BY id")
    assert [(row["id"], row["state"]) for row in states] == list(
        zip(plans, ["superseded", "superseded", "current"], strict=True)
    )
    assert desk.partition.scalar("SELECT count(*) FROM ledger.plan_row WHERE plan_id = ANY(:plans)", plans=plans) == 0


def test_a_chunk_learns_what_the_plan_has_made_of_its_parents(partition: PartitionLedger) -> None:
    """The first route of an object is the one that makes the record."""
    plan_id = partition.plans.begin()
    partition.plans.add(plan_id, [
        planned("1"), not_planned("1", Outcome.HELD, route=LINKS), not_planned("2", Outcome.HELD), planned("3", LINKS),
    ])  # fmt: skip

    known = partition.plans.known(
        plan_id, [("contacts", "1"), ("contacts", "2"), ("contacts", "3"), ("contacts", "4"), ("users", "1")],
        {"contacts": [CONTACTS, LINKS]},
    )  # fmt: skip

    assert known == {
        ("contacts", "1"): KnownParent(CONTACTS, Outcome.PLANNED),
        ("contacts", "2"): KnownParent(CONTACTS, Outcome.HELD),
        ("contacts", "3"): KnownParent(LINKS, Outcome.PLANNED),
    }


def test_the_tally_tells_new_records_from_changed_ones(desk: Desk) -> None:
    """COMMON-30."""
    plans = desk.partition.plans
    desk.plan(*(planned(one, name=one) for one in "1234"))
    desk.load()
    plan_id = plans.begin()
    plans.add(plan_id, [
        planned("1", name="1"), planned("2", name="changed"), planned("5", name="5"), planned("6", name="6"),
        not_planned("3", Outcome.HELD, "x"),
    ])  # fmt: skip

    found = {row["planned"]: (row["rows"], row["to_create"], row["to_update"]) for row in plans.tally(plan_id)}

    assert found == {"planned": (4, 2, 1), "held": (1, 0, 0)}


def test_problems_are_counted_by_reason_with_an_example(partition: PartitionLedger) -> None:
    plan_id = partition.plans.begin()
    partition.plans.add(plan_id, [not_planned(one, Outcome.HELD, f"about {one}") for one in "321"])

    (found,) = partition.plans.problems(plan_id)

    assert (found["route"], found["reason"], found["rows"], found["example"], found["message"]) == (
        CONTACTS, "X", 3, "1", "about 1"
    )  # fmt: skip


def test_parents_are_counted_once_and_only_for_what_is_planned(partition: PartitionLedger) -> None:
    plan_id = partition.plans.begin()
    partition.plans.add(plan_id, [
        planned("1", references=[("owner", COMPANIES, "9"), ("company", COMPANIES, "A")]),
        planned("2", references=[("company", COMPANIES, "A")]),
        planned("3", references=[("company", COMPANIES, "B")]),
        planned("4", references=[("owner", COMPANIES, "C")]),
        not_planned("5", Outcome.HELD, references=[("company", COMPANIES, "D")]),
    ])  # fmt: skip

    assert partition.plans.distinct_parents(plan_id, CONTACTS, "company") == 2


def test_owners_that_nothing_needs_are_excluded_and_those_needed_stay_held(desk: Desk) -> None:
    """COMMON-28: the queue holds only owners that some record waits for."""
    plans = desk.partition.plans
    plan_id = plans.begin()
    plans.add(plan_id, [not_planned("1", Outcome.HELD, "x"), not_planned("2", Outcome.HELD, "x"), planned("3")])

    plans.mark_needed_owners(plan_id, {"1", "3"}, CONTACTS, "owns nothing")
    plans.switch(plan_id, "print", {})

    assert {one: row["planned"] for one, row in desk.entries().items()} == {
        "1": "held",
        "2": "excluded",
        "3": "planned",
    }
    assert desk.entries()["2"]["problems"] == [{"message": "owns nothing"}]
