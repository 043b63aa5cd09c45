"""How numbers and values are shown on the page."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.reports.page import amount, label, number, value


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("0", "0.00"),
        ("1500.5", "1,500.50"),
        ("1234567.891", "1,234,567.891"),
        ("-0.390", "−0.39"),
        ("1E+3", "1,000.00"),
        ("123456789012345678901234567890.01", "123,456,789,012,345,678,901,234,567,890.01"),
    ],
)
def test_an_amount_is_shown_exactly(exact: str, shown: str) -> None:
    assert amount(exact) == shown


def test_a_count_that_nobody_told_is_not_zero() -> None:
    assert [number(0), number(1234), number(None)] == ["·", "1,234", "not told"]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, ""),
        (False, "no"),
        (0, "0"),
        ([{"value": "+12125550100", "enum_code": "WORK"}, {"value": "+1", "enum_code": "MOB"}], "+12125550100 (WORK)\n+1 (MOB)"),
        ({"a": "ü"}, '{"a": "ü"}'),
        ("x" * 500, "x" * 400 + " … (500 characters)"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_a_person_reads_it(content: Any, shown: str) -> None:
    assert value(content) == shown


def test_a_claim_is_a_sentence() -> None:
    assert label("the_outcomes_add_up") == "The outcomes add up"
