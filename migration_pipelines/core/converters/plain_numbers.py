"""Telephone numbers that need no interpreting: the digits of a national number, alone or after "+" and a country's code.

What libphonenumber says of these follows from a few of its own tables, which takes a third of the time. Whatever else a
person may have typed, and whatever is not plainly right, is the library's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, region_code_for_country_code
from phonenumbers.phonemetadata import PhoneNumberDesc

_PLAIN = re.compile(r"\+?\(?[0-9][0-9 ().-]{5,28}")
_SEPARATORS = str.maketrans("", "", "+ ().-")
_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
)  # fmt: skip


def plain_number(value: str, region: str) -> str | None:
    """E.164 form of a number that is valid as it stands; None where the library has to look.

    Args:
        region: of a number without country code, one of libphonenumber's.
    """
    if not _PLAIN.fullmatch(value):
        return None
    digits = value.translate(_SEPARATORS)
    dialled = _abroad(digits) if value[0] == "+" else _at_home(digits, region)
    if dialled is None:
        return None
    code, national, where = dialled
    if where.prefix and (prefix := where.prefix.match(national)):
        if where.prefix.groups or where.numbers.could_be(national):
            return None
        national = national[prefix.end() :]
    if national[:1] in ("", "0") or not where.numbers.could_be(national) or not _is_valid(code, national):
        return None
    return f"+{code}{national}"


@dataclass(frozen=True)
class _Numbers:
    """Which national numbers a region has: those of its general form that are of some kind as well."""

    general: _Form | None
    kinds: Sequence[_Form]

    def could_be(self, national: str) -> bool:
        return self.general is not None and self.general.fits(national)

    def has(self, national: str) -> bool:
        return self.could_be(national) and any(kind.fits(national) for kind in self.kinds)


@dataclass(frozen=True)
class _Form:
    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def fits(self, national: str) -> bool:
        return (not self.lengths or len(national) in self.lengths) and bool(self.pattern.fullmatch(national))


@dataclass(frozen=True)
class _Region:
    """One region's way of dialling: how a number for abroad begins, and what stands before a national one."""

    code: str
    abroad: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    numbers: _Numbers


@cache
def _region(name: str) -> _Region:
    found: Any = PhoneMetadata.metadata_for_region(name, None)  # the library names its own regions
    forms = [_form(getattr(found, kind)) for kind in _KINDS]
    return _Region(
        str(found.country_code), _compiled(found.international_prefix), _compiled(found.national_prefix_for_parsing),
        _compiled(found.leading_digits), _Numbers(_form(found.general_desc), [form for form in forms if form]),
    )  # fmt: skip


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _form(desc: PhoneNumberDesc | None) -> _Form | None:
    if desc is None or not desc.national_number_pattern:
        return None
    return _Form(frozenset(desc.possible_length), re.compile(desc.national_number_pattern))


def _abroad(digits: str) -> tuple[str, str, _Region] | None:
    """Country code, the rest, and the region that the code stands for first; None of a code that is no country's."""
    for length in (1, 2, 3):
        if digits[0] != "0" and int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            name = region_code_for_country_code(int(digits[:length]))
            return (digits[:length], digits[length:], _region(name)) if name.isalpha() else None
    return None


def _at_home(digits: str, region: str) -> tuple[str, str, _Region] | None:
    """None where the number may begin with a country code, by whatever is dialled before one there."""
    here = _region(region)
    if digits.startswith(here.code) or (here.abroad and here.abroad.match(digits)):
        return None
    return here.code, digits, here


def _is_valid(code: str, national: str) -> bool:
    """Whether the first of the code's regions that claims the number has such numbers."""
    regions = [_region(name) for name in COUNTRY_CODE_TO_REGION_CODE[int(code)]]
    if len(regions) == 1:
        return regions[0].numbers.has(national)
    for one in regions:
        if one.leading.match(national) if one.leading else one.numbers.has(national):
            return one.numbers.has(national)
    return False
