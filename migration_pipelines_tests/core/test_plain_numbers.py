"""Numbers that are answered without the library are answered as the library would."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration_pipelines.core.converters.phone import REGIONS
from migration_pipelines.core.converters.plain_numbers import plain_number

KINDS = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)


def by_the_library(typed: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def typed_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A number near one that exists, as somebody may have typed it, and the region where it is dialled."""
    region = draw(st.sampled_from(sorted(REGIONS)))
    example = phonenumbers.example_number_for_type(region, draw(st.sampled_from(range(11))))
    example = example or phonenumbers.example_number(region)
    national = list(phonenumbers.national_significant_number(example))
    for place in draw(st.lists(st.integers(0, len(national) - 1), max_size=2)):
        national[place] = draw(st.sampled_from("0123456789"))
    code = str(example.country_code)
    start = draw(
        st.sampled_from(["", "", "0", "1", "8", "00", "011", code, f"+{code}", f"+{code} 0", "+", "(", "+(", "++"])
    )
    end = draw(st.sampled_from(["", "", "", "1", " x12", "#", " ext 4"]))
    gaps = draw(st.lists(st.sampled_from(["", "", "", " ", "-", ".", "(", ")", "/", "\u00a0"]), min_size=len(national)))
    typed = start + "".join(digit + gap for digit, gap in zip(national, gaps, strict=False)) + end
    return typed, draw(st.sampled_from([region, region, "US", "TR", "GB", "IT"]))


@settings(max_examples=2_000, deadline=None)
@given(typed_numbers())
def test_what_is_answered_without_the_library_is_what_it_would_answer(number: tuple[str, str]) -> None:
    """SF-KOMMO-66."""
    found = plain_number(*number)

    assert found is None or found == by_the_library(*number)


def test_most_numbers_of_most_countries_are_answered_without_it() -> None:
    """Else nothing above is proven, and nothing is gained."""
    asked = answered = 0
    for region in REGIONS:
        for kind in KINDS:
            example = phonenumbers.example_number_for_type(region, kind)
            for form in ("INTERNATIONAL", "E164", "NATIONAL") if example else ():
                typed = phonenumbers.format_number(example, getattr(phonenumbers.PhoneNumberFormat, form))
                asked += 1
                answered += plain_number(typed, region) is not None

    assert answered / asked > 0.8


@pytest.mark.parametrize("typed", ["0532 123 45 67", "+90 532 123 45 67", "532.123.45.67", "+90(532)1234567"])
def test_the_ways_of_writing_one_number_are_one(typed: str) -> None:
    assert plain_number(typed, "TR") == "+905321234567"


@pytest.mark.parametrize(
    "typed", ["", "12", "0532 123 45 67 x3", "tel 0532 123 45 67", "٠٥٣٢١٢٣٤٥٦٧", "+999 123 4567", "+800 1234 5678"]
)
def test_what_has_to_be_interpreted_is_left_to_the_library(typed: str) -> None:
    assert plain_number(typed, "TR") is None
