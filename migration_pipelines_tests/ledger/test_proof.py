"""What was read back, and how it all adds up."""

from __future__ import annotations

from datetime import UTC, datetime

from migration_pipelines.core.records import Outcome, SourceRecord
from migration_pipelines.core.schema import FieldSchema, ObjectSchema, OrgSchema, User
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines_tests.ledger.conftest import COMPANIES, CONTACTS, Desk, not_planned, planned


def written(desk: Desk, *, only_unverified: bool = False) -> list[str]:
    return [
        one.source_id
        for page in desk.partition.proof.written(CONTACTS, only_unverified=only_unverified)
        for one in page
    ]


def test_what_was_written_is_read_back_as_it_was_meant_then(desk: Desk) -> None:
    """COMMON-04, COMMON-06: references too, by the ids that their parents had."""
    desk.plan(planned("C", COMPANIES), planned("1", name="Ada", references=[("company", COMPANIES, "C")]))
    desk.load(route=COMPANIES)
    desk.load()

    ((one,),) = desk.partition.proof.written(CONTACTS, only_unverified=True)

    assert (one.source_id, one.target_id, one.payload, one.references, one.result) == (
        "1", "k1", {"name": "Ada"}, (("company", "kC"),), "created",
    )  # fmt: skip


def test_only_what_is_in_the_target_as_meant_is_read_back(desk: Desk) -> None:
    desk.plan(planned("1"), planned("2"), not_planned("3", Outcome.HELD, "x"))
    desk.load()
    desk.plan(planned("1"), planned("2", name="changed, not sent yet"))

    assert written(desk) == ["1"]


def test_what_was_read_back_is_not_read_again_unless_asked(desk: Desk) -> None:
    desk.plan(planned("1"))
    desk.load()
    assert (written(desk, only_unverified=True), desk.partition.proof.unverified(CONTACTS)) == (["1"], 1)
    assert desk.partition.proof.read_back_at(CONTACTS) is None

    desk.partition.proof.mark_verified(CONTACTS)

    assert (written(desk, only_unverified=True), written(desk)) == ([], ["1"])
    assert desk.partition.proof.unverified(CONTACTS) == 0
    read_back = desk.partition.proof.read_back_at(CONTACTS)
    assert read_back is not None
    assert read_back.endswith(" UTC")


def test_a_batch_that_is_not_settled_is_not_marked_as_read_back(desk: Desk) -> None:
    desk.plan(planned("1"))
    desk.prepare(desk.send())

    desk.partition.proof.mark_verified(CONTACTS)

    assert len(desk.partition.batches.unsettled()) == 1


def test_findings_are_replaced_by_those_of_the_next_reading(desk: Desk) -> None:
    """COMMON-04: a field-level report."""
    desk.plan(planned("1"), planned("2"))
    one, two = desk.load()
    proof = desk.partition.proof
    proof.keep_findings(
        [one.entry_id, two.entry_id],
        [(one.entry_id, "a", "wrong", 1, 2), (one.entry_id, "b", "missing", "x", None),
         (two.entry_id, "", "missing", "k2", None)],
    )  # fmt: skip
    assert (proof.wrong_fields(CONTACTS), proof.gone(CONTACTS)) == (1, 1)
    assert proof.finding_counts(CONTACTS) == {"wrong": 1, "missing": 2}

    proof.keep_findings([one.entry_id], [(one.entry_id, "a", "changed by the platform", None, 2)])

    assert [(row["source_id"], row["field"], row["verdict"]) for row in proof.findings(CONTACTS)] == [
        ("1", "a", "changed by the platform"), ("2", "", "missing"),
    ]  # fmt: skip
    assert (proof.wrong_fields(CONTACTS), proof.gone(CONTACTS)) == (0, 1)


def test_records_without_an_entry_and_entries_without_a_record_are_counted(desk: Desk) -> None:
    """COMMON-30, SF-KOMMO-01."""
    with desk.partition.records.extraction("Contact", datetime(2026, 1, 1, tzinfo=UTC)) as extraction:
        extraction.store([SourceRecord("Contact", one, {}) for one in "123"])
        extraction.finish(3)
    desk.plan(planned("1"), planned("2", COMPANIES), planned("9"), planned("8", COMPANIES))
    proof = desk.partition.proof

    assert proof.unaccounted("Contact", [CONTACTS]) == 2
    assert proof.unaccounted("Contact", [CONTACTS, COMPANIES]) == 1
    assert proof.without_record("Contact", [CONTACTS]) == 1
    assert proof.without_record("Contact", [CONTACTS, COMPANIES]) == 2


def test_what_was_not_loaded_is_listed_with_the_reason(desk: Desk) -> None:
    """COMMON-30: failed and held are itemised."""
    desk.plan(planned("1"), not_planned("2", Outcome.HELD, "no surname"), not_planned("3", Outcome.EXCLUDED, "x"))
    desk.load("failed")

    found = desk.partition.proof.not_loaded(CONTACTS)

    assert [(one["source_id"], one["outcome"], one["problem"] or one["problems"][0]["message"]) for one in found] == [
        ("1", "failed", {"message": "no"}), ("2", "held", "no surname"),
    ]  # fmt: skip


def test_a_route_was_loaded_once_a_record_of_it_has_been_there(desk: Desk) -> None:
    desk.plan(planned("1"))
    assert not desk.partition.proof.was_ever_loaded(CONTACTS)

    desk.load()
    desk.undo()

    assert desk.partition.proof.was_ever_loaded(CONTACTS)


def test_the_newest_reconciliation_of_an_object_counts(partition: PartitionLedger) -> None:
    """COMMON-30."""
    assert partition.proof.reconciliation("contacts") is None
    partition.proof.keep_reconciliation("contacts", 1, passed=False, figures={"failed": 1})
    partition.proof.keep_reconciliation("contacts", 2, passed=True, figures={"failed": 0})
    partition.proof.keep_reconciliation("accounts", 2, passed=False, figures={})

    found = partition.proof.reconciliation("contacts")

    assert found is not None
    assert (found["plan_id"], found["passed"], found["figures"]) == (2, True, {"failed": 0})


def test_a_partition_keeps_its_number(ledger: Ledger, partition: PartitionLedger) -> None:
    assert ledger.partition(partition.key).id == partition.id
    assert ledger.partition(f"{partition.key}-other").id != partition.id


def test_events_are_told_in_order_and_by_kind(partition: PartitionLedger) -> None:
    partition.add_event("a", who="Ada", detail={"n": 1})
    partition.add_event("b")
    partition.add_event("a", detail={"n": 2})

    assert [(one["kind"], one["who"], one["detail"]) for one in partition.events()] == [
        ("a", "Ada", {"n": 1}), ("b", None, {}), ("a", None, {"n": 2}),
    ]  # fmt: skip
    assert [one["detail"] for one in partition.events("a")] == [{"n": 1}, {"n": 2}]
    last = partition.last_event("a", "b")
    assert last is not None
    assert last["detail"] == {"n": 2}
    assert partition.last_event("c") is None


def test_the_newest_snapshot_of_a_schema_comes_back_whole(partition: PartitionLedger) -> None:
    assert partition.schema("target") is None
    fields = {"E": FieldSchema(name="E", type="select", choices=("a", "b"), max_length=3)}
    org = OrgSchema(
        crm="kommo", identity="kommo:1", objects={"contacts": ObjectSchema(name="contacts", fields=fields)},
        users=(User(id="1", name="Ada\x00\ue000"),), facts={"zone": "Europe/Istanbul"},
    )  # fmt: skip

    partition.keep_schema("target", org.model_copy(update={"identity": "kommo:0"}))
    partition.keep_schema("target", org)

    assert partition.schema("target") == org
    assert partition.schema("source") is None


def test_the_story_of_a_record_tells_everything_that_happened_to_it(desk: Desk) -> None:
    desk.plan(planned("1", name="Ada"), planned("1", COMPANIES))
    desk.load("failed")
    (entry,) = desk.load()
    desk.partition.proof.keep_findings([entry.entry_id], [(entry.entry_id, "name", "wrong", "Ada", "Adam")])

    story = {one["route"]: one for one in desk.partition.story_of("1")}

    assert [one["result"] for one in story[CONTACTS]["outcomes"]] == ["failed", "created"]
    assert [(one["field"], one["found"]) for one in story[CONTACTS]["findings"]] == [("name", "Adam")]
    assert (story[CONTACTS]["outcome"], story[COMPANIES]["outcome"]) == ("loaded", "planned")
    assert (story[COMPANIES]["outcomes"], desk.partition.story_of("unheard of")) == (None, [])
