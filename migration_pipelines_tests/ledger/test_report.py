"""What only the report asks, where no API lends a hand: texts that PostgreSQL cannot hold, several routes, many rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from migration_pipelines.core.records import Outcome, SourceRecord
from migration_pipelines.ledger import report as report_module
from migration_pipelines.ledger.batches import Result
from migration_pipelines.ledger.report import MoneyFields
from migration_pipelines.ledger.store import PartitionLedger
from migration_pipelines_tests.ledger.conftest import COMPANIES, CONTACTS, Desk, not_planned, planned

DEALS = "opportunities/Opportunity>leads"
MONEY = MoneyFields("Opportunity", DEALS, "Amount", "Stage", "Close", "Owner", "exact", "price", "status")
UNHOLDABLE = "a\x00b\ud800"


def extract(partition: PartitionLedger, name: str, *rows: dict[str, Any]) -> None:
    with partition.records.extraction(name, datetime.now(UTC)) as extraction:
        extraction.store([SourceRecord(name, str(n), row) for n, row in enumerate(rows, 1)])
        extraction.finish(len(rows))


def test_texts_that_postgresql_cannot_hold_stop_no_question(desk: Desk) -> None:
    desk.plan(planned("1", DEALS, exact="10.5", price=11, status=UNHOLDABLE, note="\\u0000 is no NUL"))
    desk.load(route=DEALS)
    extract(desk.partition, "Opportunity", {"Amount": 10.5, "Stage": UNHOLDABLE, "Owner": "U", "Close": "2026-05-04"})

    with desk.partition.report.one_view():
        by_stage = [row for row in desk.partition.report.money(MONEY) if row["kind"] == "stage"]
        fields = {row["field"]: row["filled"] for row in desk.partition.report.fields(DEALS)}
        names = desk.partition.report.parts_of_names("Opportunity", ["Owner", "Stage"], ["1"])
        (drawn,) = desk.partition.report.draw(DEALS, 5, "seed")

    assert [(row["value"], row["source"], row["target"], row["statuses"]) for row in by_stage] == [
        ("a\ufffdb\ufffd", Decimal("10.5"), Decimal("10.5"), ["a\ufffdb\ufffd"])
    ]
    assert fields == {"exact": 1, "price": 1, "status": 1, "note": 1}
    assert names == {"1": ["U", "a\ufffdb\ufffd"]}
    assert drawn["payload"]["status"] == UNHOLDABLE, "a card shows the value itself"


def test_money_is_exact_and_no_amount_is_no_number(desk: Desk) -> None:
    amounts: list[Any] = [0.1, 0.2, 12345678901234567, "no amount", None]
    desk.plan(*(planned(str(n), DEALS, exact=str(one), price=0) for n, one in enumerate(amounts[:3], 1)))
    desk.load(route=DEALS)
    extract(desk.partition, "Opportunity", *({"Amount": one, "Stage": "S"} for one in amounts))

    with desk.partition.report.one_view():
        (of,) = [row for row in desk.partition.report.money(MONEY) if row["kind"] == "all"]

    assert (of["rows"], of["amounts"], of["arrived"]) == (5, 3, 3)
    assert of["source"] == of["arrived_source"] == of["target"] == Decimal("12345678901234567.3")


def test_each_currency_has_sums_of_its_own(desk: Desk) -> None:
    desk.plan(not_planned("1", Outcome.HELD, "x", route=DEALS))
    extract(
        desk.partition,
        "Opportunity",
        {"Amount": 1, "Code": "EUR"},
        {"Amount": 2, "Code": "USD"},
        {"Amount": 3, "Code": "EUR"},
    )

    with desk.partition.report.one_view():
        rows = desk.partition.report.money(replace(MONEY, currency="Code"))

    assert {row["currency"]: row["source"] for row in rows if row["kind"] == "all"} == {"EUR": 4, "USD": 2}


def test_a_record_that_two_routes_take_counts_once(desk: Desk) -> None:
    """On the first route that takes it: that the mapping leaves it out on another is no outcome of the record."""
    links = "contacts/Contact>company_contacts"
    desk.plan(
        planned("1"), planned("1", links),
        not_planned("2", Outcome.EXCLUDED, "x"), planned("2", links),
        not_planned("3", Outcome.HELD, "x"), not_planned("3", Outcome.EXCLUDED, "x", route=links),
        not_planned("4", Outcome.EXCLUDED, "x"),
    )  # fmt: skip
    desk.load()

    with desk.partition.report.one_view():
        counted = desk.partition.report.outcomes_of_records([CONTACTS, links])

    assert counted == {"excluded": 1, "held": 1, "loaded": 1, "planned": 1}


def test_the_targets_words_are_one_group_whatever_ids_and_numbers_they_name(desk: Desk) -> None:
    desk.plan(*(planned(str(n)) for n in range(1, 4)), planned("4", COMPANIES))
    batch = desk.prepare(desk.send())
    words = ["User 4242 of '003Tw0000000001IAA' is unknown", "User 7 of 'Ünlü' is unknown", "Something else"]
    refused = [
        Result(entry, "failed", problem={"reason": "REFUSED", "message": one})
        for entry, one in zip(batch.entries, words, strict=True)
    ]
    desk.partition.batches.settle(desk.lock, batch, refused)

    with desk.partition.report.one_view():
        groups = desk.partition.report.reasons(CONTACTS)

    assert [(one["words"], one["rows"], one["example"]) for one in groups] == [
        ("User # of '…' is unknown", 2, "1"), ("Something else", 1, "3"),
    ]  # fmt: skip
    assert groups[0]["message"] == words[0], "the example is whole"


def test_what_failed_once_and_is_held_by_a_newer_plan_has_the_plans_reason(desk: Desk) -> None:
    desk.plan(planned("1"))
    desk.load("failed")
    desk.plan(not_planned("1", Outcome.HELD, "the surname is empty"))

    with desk.partition.report.one_view():
        groups = desk.partition.report.reasons(CONTACTS)

    assert [(one["outcome"], one["message"]) for one in groups] == [("held", "the surname is empty")]


def test_lists_come_in_pages_and_nothing_is_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "PAGE", 3)
    desk.plan(*(not_planned(f"{n:02}", Outcome.HELD, "x") for n in range(7)), not_planned("99", Outcome.EXCLUDED, "x"))

    with desk.partition.report.one_view():
        pages = [[row["source_id"] for row in page] for page in desk.partition.report.itemised(CONTACTS)]

    assert pages == [["00", "01", "02"], ["03", "04", "05"], ["06"]]


def test_a_draw_hangs_on_its_seed(desk: Desk) -> None:
    desk.plan(*(planned(f"{n:03}") for n in range(200)))
    desk.load()

    def drawn(seed: str) -> list[str]:
        with desk.partition.report.one_view():
            return [row["source_id"] for row in desk.partition.report.draw(CONTACTS, 5, seed)]

    assert drawn("a") == drawn("a") != drawn("b")


def test_the_view_stays_as_it_was_while_a_run_goes_on(desk: Desk) -> None:
    desk.plan(planned("1"))

    with desk.partition.report.one_view():
        desk.load()
        during = desk.partition.report.outcomes_of_records([CONTACTS])

    assert during == {"planned": 1}
    assert desk.outcomes() == {"loaded": 1}
