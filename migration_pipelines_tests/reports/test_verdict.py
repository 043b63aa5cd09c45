"""The report in one sentence, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.reports.verdict import next_steps, summary_text, verdict

TRUE = {"on": "contacts", "holds": True, "says": "", "next": ""}
BROKEN = {"on": "contacts", "holds": False, "says": "3 of 9 records unaccounted for", "next": "Run extract again."}


@pytest.mark.parametrize(
    ("step", "claims", "outcomes", "not_loaded", "state", "says"),
    [
        ("verified", [TRUE], {"loaded": 5}, [], "holds", "Everything that was planned is there and reads back as meant."),
        (
            "verified", [TRUE], {"loaded": 5, "held": 230}, [], "holds",
            "Everything that was planned is there and reads back as meant; 230 records, 234 with their links and notes, are "
            "kept back or refused, and itemised below.",
        ),
        (
            "verified", [TRUE], {"loaded": 5, "held": 1200, "failed": 1}, [], "holds",
            "Everything that was planned is there and reads back as meant; 1,201 records are kept back or refused, and "
            "itemised below.",
        ),
        ("planned", [TRUE], {"planned": 7}, ["contacts"], "planned", "Nothing has been loaded yet: 7 records are planned."),
        (
            "planned", [TRUE, BROKEN], {"loaded": 4, "planned": 1}, ["activities"], "open",
            "Open: 1 of 2 claims does not hold; 1 record is planned and not loaded; activities not loaded yet.",
        ),
        ("planned", [TRUE], {"loaded": 4}, ["activities"], "open", "Open: activities not loaded yet."),
        (
            "rolled back", [BROKEN], {"rolled back": 6, "loaded": 2}, [], "rolled back",
            "This migration was rolled back: 6 records are undone, 2 left in the target.",
        ),
    ],
)  # fmt: skip
def test_one_sentence_says_how_it_stands(
    step: str, claims: list[Any], outcomes: dict[str, int], not_loaded: list[str], state: str, says: str
) -> None:
    entries = outcomes | ({"held": 234} if outcomes.get("held") == 230 else {})
    assert verdict(step, claims, outcomes, entries, not_loaded) == {"state": state, "says": says}


def report(**more: Any) -> dict[str, Any]:
    return {
        "partition": "acme-sandbox", "claims": [TRUE], "lists": [], "verdict": {"state": "open", "says": "It stands."},
        "records": [], "money": None, "next": [],
    } | more  # fmt: skip


def test_what_does_not_hold_comes_first_and_nothing_twice() -> None:
    held = {"name": "held records", "rows": 1200, "todo": "Mend them."}

    assert next_steps(report(claims=[TRUE, BROKEN, BROKEN], lists=[held])) == [
        "contacts: 3 of 9 records unaccounted for. Run extract again.",
        "Go through the list “held records” (1,200 rows, beside this page). Mend them.",
    ]


def test_where_everything_holds_somebody_is_to_sign() -> None:
    assert next_steps(report(verdict={"state": "holds"})) == [
        "Compare the cards below with both systems, then sign at the end of this page."
    ]


def test_the_summary_fits_on_a_terminal() -> None:
    records = [{"outcomes": {"loaded": 1200, "held": 3}}, {"outcomes": {"loaded": 5}}]
    sums = {"source": "10.50", "target": "8.25", "missing": "2.25", "unexplained": "0.00"}
    found = report(
        records=records, money={"currencies": [{"currency": "EUR", "into": "", "all": sums}]}, next=["Look."]
    )

    assert summary_text(found, "/here/report.html").splitlines() == [
        "acme-sandbox: It stands.",
        "Records: 3 held, 1,205 loaded",
        "EUR: source 10.50, target 8.25, not arrived 2.25, unexplained 0.00",
        "  1. Look.",
        "The report: /here/report.html",
    ]
