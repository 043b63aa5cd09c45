"""Phone numbers in international form."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from migration_pipelines.core.converters.plain_numbers import plain_number
from migration_pipelines.core.converters.registry import converter
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.errors import MappingError

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


@converter(makes="text")
@lru_cache(maxsize=100_000)
def phone(value: str, *, region: str) -> str | Problem:
    """E.164 form of one phone number: "0532 123 45 67" in TR -> "+905321234567".

    Args:
        value: one number as a person typed it; an extension ("x12") is not part of E.164 and makes a Problem.
        region: the two letters of the country where a number without country code is dialled.

    Returns:
        The number, or a Problem that does not hold the record: a number nobody can dial is still information.

    Raises:
        MappingError: there is no such region, so that every national number would be unreadable.

    Source: ITU-T E.164, by libphonenumber's rules for the region (SF-KOMMO-66).
    """
    if region not in REGIONS:
        raise MappingError(f"phone: {region!r} is no country; write its two capital letters, such as TR")
    if plain := plain_number(value, region):
        return plain
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return _unreadable(value, region)
    if not phonenumbers.is_valid_number(number) or number.extension:
        return _unreadable(value, region)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _unreadable(value: str, region: str) -> Problem:
    return Problem(
        HoldReason.BAD_VALUE,
        f"{value!r} is no phone number in international form or in {region}",
        value=value,
        holds=False,
    )
