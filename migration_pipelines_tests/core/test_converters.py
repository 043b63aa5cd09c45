"""Converters: one value in, one value or a Problem out, whatever a person typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from migration_pipelines.core.converters import find_converter, made_type
from migration_pipelines.core.converters.dates import day, moment
from migration_pipelines.core.converters.money import decimal, whole_units
from migration_pipelines.core.converters.phone import phone
from migration_pipelines.core.converters.text import first, strip, text
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.errors import MappingError

ANY_TEXT = st.text(st.characters())  # lone surrogates and NUL included
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18)


@pytest.mark.parametrize(
    ("typed", "region", "dialled"),
    [
        pytest.param("0532 123 45 67", "TR", "+905321234567", id="SF-KOMMO-66 national"),
        pytest.param("(415) 555-2671", "US", "+14155552671", id="SF-KOMMO-66 brackets"),
        pytest.param("+49 30 123456", "TR", "+4930123456", id="SF-KOMMO-66 its own country code wins"),
        pytest.param("00 49 30 123456", "TR", "+4930123456", id="SF-KOMMO-66 dialled out of the country"),
    ],
)
def test_a_phone_number_takes_international_form(typed: str, region: str, dialled: str) -> None:
    assert phone(typed, region=region) == dialled


@pytest.mark.parametrize("typed", ["call reception", "12", "+1 415 555 2671 x12", "", "+999999999999"])
def test_a_number_that_nobody_can_dial_is_listed_and_holds_nothing(typed: str) -> None:
    """SF-KOMMO-66: numbers that cannot be normalised are listed; they are still information."""
    found = phone(typed, region="US")

    assert isinstance(found, Problem)
    assert (found.reason, found.value, found.holds) == (HoldReason.BAD_VALUE, typed, False)


@pytest.mark.parametrize("region", ["tr", "Turkey", "", "XX"])
def test_a_region_that_is_no_country_stops_the_run(region: str) -> None:
    """It would make every national number unreadable, and hold nothing."""
    with pytest.raises(MappingError, match="no country"):
        phone("0532 123 45 67", region=region)


@given(ANY_TEXT)
@example("\x00")
@example("\ud800")
@example("+" + "9" * 400)
@example("tel:+1-415-555-2671;ext=5;isub=1")
def test_no_text_breaks_the_phone_converter(typed: str) -> None:
    found = phone(typed, region="TR")

    assert isinstance(found, Problem) or (found.startswith("+") and found[1:].isdecimal())


@given(st.integers(2_000_000, 9_999_999))
def test_a_number_in_international_form_stays_as_it_is(digits: int) -> None:
    once = phone(f"+90212{digits}", region="US")
    if isinstance(once, str):
        assert phone(once, region="DE") == once


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("1500.50", "1500.5"),
        (1500.5, "1500.5"),
        ("100", "100"),
        (100, "100"),
        ("1E+3", "1000"),
        ("0.000", "0"),
        ("-0.0", "0"),
        ("0E+3", "0"),
        ("-12.340", "-12.34"),
        ("0.1", "0.1"),
        (0.1, "0.1"),
        ("12345678901234567890.12", "12345678901234567890.12"),
    ],
)
def test_a_decimal_is_written_without_exponent_and_idle_zeros(given_: Any, written: str) -> None:
    assert decimal(given_) == written


@pytest.mark.parametrize(
    ("amount", "units"),
    [("2.5", 3), ("2.4999", 2), ("-2.5", -3), (1499.5, 1500), (0, 0), ("0.49", 0), ("9" * 35, int("9" * 35))],
)
def test_whole_units_round_half_up(amount: Any, units: int) -> None:
    assert whole_units(amount) == units


@pytest.mark.parametrize("typed", ["1,500.50", "abc", "", "NaN", "Infinity", "-inf", True, "sNaN", "1e999999999"])
@pytest.mark.parametrize("convert", [decimal, whole_units])
def test_what_is_no_amount_is_a_problem(convert: Any, typed: Any) -> None:
    """ "1e999999999" is short to write, and fills the memory when it is written out."""
    found = convert(typed)

    assert isinstance(found, Problem)
    assert (found.reason, found.value, found.holds) == (HoldReason.BAD_VALUE, typed, True)


@given(AMOUNTS)
def test_a_decimal_keeps_its_value(amount: Decimal) -> None:
    written = decimal(str(amount))

    if abs(amount.adjusted()) <= 38:
        assert isinstance(written, str)
        assert Decimal(written) == amount
        assert "E" not in written
        assert written != "-0"
        assert decimal(written) == written


@given(AMOUNTS)
def test_whole_units_are_never_more_than_a_half_away(amount: Decimal) -> None:
    units = whole_units(str(amount))

    if abs(amount.adjusted()) <= 38:
        assert isinstance(units, int)
        assert abs(Decimal(units) - amount) <= Decimal("0.5")


@given(ANY_TEXT)
def test_no_text_breaks_the_number_converters(typed: str) -> None:
    assert isinstance(decimal(typed), str | Problem)
    assert isinstance(whole_units(typed), int | Problem)


@pytest.mark.parametrize(
    ("given_", "utc"),
    [
        ("2022-03-17T16:21:26.000+0300", "2022-03-17T13:21:26Z"),
        ("2022-03-17T13:21:26Z", "2022-03-17T13:21:26Z"),
        ("2022-01-01T00:30:00+01:00", "2021-12-31T23:30:00Z"),
        ("0999-06-01T00:00:00Z", "0999-06-01T00:00:00Z"),
    ],
)
def test_a_moment_is_in_utc_to_the_second(given_: str, utc: str) -> None:
    assert moment(given_) == utc


@pytest.mark.parametrize(
    "given_",
    [
        pytest.param("2022-03-17T16:21:26", id="no zone: guessing one shifts history"),
        pytest.param("2022-03-17", id="no time"),
        pytest.param("17.03.2022", id="no ISO form"),
        pytest.param("0001-01-01T00:00:00+03:00", id="before the first day, as .NET writes for no date"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after the last day"),
    ],
)
def test_what_is_no_moment_is_a_problem(given_: str) -> None:
    found = moment(given_)

    assert isinstance(found, Problem)
    assert (found.reason, found.value) == (HoldReason.BAD_VALUE, given_)


@pytest.mark.parametrize(
    ("given_", "written"),
    [("2026-03-31", "2026-03-31"), ("2026-03-31T23:30:00-02:00", "2026-04-01"), ("0999-06-01T00:00:00Z", "0999-06-01")],
)
def test_a_day_is_a_date_or_the_utc_day_of_a_moment(given_: str, written: str) -> None:
    assert day(given_) == written


@given(st.dates())
def test_a_date_stays_as_it_is(when: date) -> None:
    assert day(when.isoformat()) == when.isoformat()


@given(st.datetimes(timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))))
def test_a_moment_means_the_same_instant(there: datetime) -> None:
    assume(1 < there.year < 9999)

    written = moment(there.isoformat())

    assert isinstance(written, str)
    assert datetime.fromisoformat(written) == there.astimezone(UTC).replace(microsecond=0)
    assert day(there.isoformat()) == written[:10]


@given(ANY_TEXT)
def test_no_text_breaks_the_date_converters(typed: str) -> None:
    assert isinstance(moment(typed), str | Problem)
    assert isinstance(day(typed), str | Problem)


@pytest.mark.parametrize(
    ("value", "written"), [(True, "true"), (False, "false"), (12.0, "12"), (12.5, "12.5"), (7, "7"), ("x", "x")]
)
def test_text_writes_a_value_as_a_person_would(value: Any, written: str) -> None:
    assert text(value) == written


def test_strip_leaves_nothing_of_blanks() -> None:
    assert (strip("  a b "), strip(" \t\n")) == ("a b", None)


def test_first_takes_the_first_field_that_holds_something_and_zero_is_something() -> None:
    assert first([None, "", 0, "later"]) == 0
    assert first([None, ""]) is None


def test_a_converter_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(
        MappingError, match=r"no converter 'fone'; there are: choices, day, decimal, first, moment, phone"
    ):
        find_converter("fone")


@pytest.mark.parametrize("call", ["phone", {"phone": {}}, {"phone": {"country": "TR"}}, {"day": {"zone": "x"}}])
def test_options_that_a_converter_does_not_take_are_refused_before_the_first_record(call: Any) -> None:
    with pytest.raises(MappingError, match=r"converter '(phone|day)'"):
        find_converter(call)


def test_options_are_bound() -> None:
    assert find_converter({"phone": {"region": "TR"}})("0532 123 45 67") == "+905321234567"


@pytest.mark.parametrize(
    ("calls", "made"),
    [([], None), (["strip"], None), (["day", "text"], "text"), (["decimal", "strip"], "decimal"),
     ([{"phone": {"region": "TR"}}], "text")],
)  # fmt: skip
def test_the_last_converter_with_an_opinion_says_what_field_is_made(calls: Any, made: str | None) -> None:
    assert made_type(calls) == made
