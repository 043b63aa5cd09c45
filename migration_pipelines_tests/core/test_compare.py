"""Is what was read back what was meant?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_pipelines.core.compare import Difference, Verdict, differences, judge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("meant", "found", "verdict"),
    [
        ("x", "x", Verdict.EQUAL),
        (None, "", Verdict.EQUAL),
        ([], None, Verdict.EQUAL),
        (" ", None, Verdict.EQUAL),
        (0, 0.0, Verdict.EQUAL),
        ("a\r\nb", "a\nb", Verdict.NORMALISED),
        (" a ", "a", Verdict.NORMALISED),
        ("1500.50", 1500.5, Verdict.NORMALISED),
        (1500, "1500.00", Verdict.NORMALISED),
        ([{"value": "x "}], [{"value": "x"}], Verdict.NORMALISED),
        ("x", None, Verdict.MISSING),
        (0, None, Verdict.MISSING),
        (False, None, Verdict.MISSING),
        ("x", "y", Verdict.WRONG),
        ("x", "X", Verdict.WRONG),
        (None, "y", Verdict.WRONG),
        ("007", "7", Verdict.WRONG),
        (True, "1", Verdict.WRONG),
        ("1500.5", 1500.51, Verdict.WRONG),
        ("a", 1, Verdict.WRONG),
        ([1, 2], [2, 1], Verdict.WRONG),
        pytest.param(9007199254740993, 9007199254740992, Verdict.WRONG, id="numbers that are one as floats"),
        pytest.param(10**400, 10**400 + 1, Verdict.WRONG, id="numbers that no float holds"),
        pytest.param("9007199254740993", 9007199254740992, Verdict.WRONG, id="a number that is one as a float"),
    ],
)
def test_a_verdict(meant: Any, found: Any, verdict: Verdict) -> None:
    assert judge(meant, found) is verdict


@given(JSON, JSON)
def test_any_two_values_can_be_judged(meant: Any, found: Any) -> None:
    assert judge(meant, meant) is Verdict.EQUAL
    assert isinstance(judge(meant, found), Verdict)


def test_only_fields_that_were_written_are_looked_at() -> None:
    """COMMON-04: each written field, and nothing else."""
    found = differences({"a": 1, "b": "x", "c": "y", "d": " z"}, {"a": 1, "b": "other", "d": "z", "e": "not ours"})

    assert found == [Difference("b", Verdict.WRONG, "x", "other"), Difference("c", Verdict.MISSING, "y", None)]


def test_what_stands_in_an_empty_field_of_a_new_record_is_the_platforms_default() -> None:
    assert differences({"a": None}, {"a": "default"}, is_new=True) == [
        Difference("a", Verdict.PLATFORM, None, "default")
    ]


def test_what_stands_in_an_emptied_field_of_an_old_record_is_wrong() -> None:
    assert differences({"a": None}, {"a": "still there"}) == [Difference("a", Verdict.WRONG, None, "still there")]


def test_a_wrong_value_of_a_new_record_is_wrong() -> None:
    assert [one.verdict for one in differences({"a": "x"}, {"a": "y"}, is_new=True)] == [Verdict.WRONG]
