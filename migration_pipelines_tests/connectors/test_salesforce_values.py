"""Values of Salesforce: exact, and the same whether they came as JSON or as CSV."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_pipelines.connectors.salesforce.values import from_csv, from_query, number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", 0.1), ("1500.5", 1500.5), ("-2.50", -2.5), ("123456789012.345", 123456789012.345),
        ("9007199254740993.5", "9007199254740993.5"), ("0.1234567890123456789", "0.1234567890123456789"),
        ("-90071992547409931.05", "-90071992547409931.05"),
        ("1e3", 1000), ("0.0", 0), ("-0.0", 0), ("1000.0", 1000), ("100000000000000000000.0", 10**20),
    ],
)  # fmt: skip
def test_a_number_keeps_every_digit_and_no_idle_zero(text: str, expected: float | str) -> None:
    """Amounts of more than 15 digits come out of a float changed."""
    (found,) = json.loads(f"[{text}]", parse_float=number)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "json_text", "cell"),
    [
        ("boolean", "true", "true"), ("boolean", "false", "false"),
        ("int", "50", "50"), ("currency", "1000.0", "1000"), ("currency", "1000.0", "1000.0"), ("currency", "200", "200.00"),
        ("percent", "12.5", "12.5"), ("double", "-0.000001", "-0.000001"), ("currency", "null", ""),
        ("datetime", '"2022-03-17T16:21:26.000+0000"', "2022-03-17T16:21:26.000Z"), ("datetime", "null", ""),
        ("date", '"2022-03-17"', "2022-03-17"), ("time", '"10:30:00.000Z"', "10:30:00.000Z"),
        ("string", '"Ada\\u2028Grace\\nHopper\\u0000!"', "Ada\u2028Grace\nHopper\x00!"), ("string", "null", ""),
        ("multipicklist", '"Blue;Green"', "Blue;Green"), ("reference", '"001Tw0000000001AAA"', "001Tw0000000001AAA"),
    ],
)  # fmt: skip
def test_a_value_is_the_same_by_query_and_by_bulk(kind: str, json_text: str, cell: str) -> None:
    """The ledger's hash of a record must not depend on the road that it took."""
    by_query = from_query(json.loads(f'{{"F": {json_text}}}', parse_float=number), ["F"])["F"]
    (by_bulk,) = from_csv(kind)([cell])

    assert (by_bulk, type(by_bulk)) == (by_query, type(by_query))


@pytest.mark.parametrize(
    ("parent", "expected"),
    [({"Account": {"Owner": {"Email": "ada@acme.example"}}}, "ada@acme.example"), ({"Account": None}, None)],
)  # fmt: skip
def test_a_parents_field_stands_under_its_path(parent: dict[str, Any], expected: str | None) -> None:
    assert from_query({"Id": "1"} | parent, ["Id", "Account.Owner.Email"]) == {
        "Id": "1",
        "Account.Owner.Email": expected,
    }
