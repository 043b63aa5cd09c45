"""Record ids: 15 case-sensitive base62 characters, 18 with three check characters that survive a loss of case.

Check characters: cut the 15 into three groups of five; in each, position k adds 2^k if it holds a capital letter;
the sum is an index into A-Z0-5.
"""

import re
import string
from functools import lru_cache

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECK = string.ascii_uppercase + "012345"
_PAIRS = [high + low for high in BASE62 for low in BASE62]
_RUN = 62**3
"""Numbers whose ids differ in the last three characters only."""
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def make_id(prefix: str, n: int, instance: str = "Tw") -> str:
    """The n-th id of a key prefix, in 18 characters: `make_id("003", 1)` is `003Tw0000000001AAA` with its check."""
    digits = ""
    while n:
        n, digit = divmod(n, 62)
        digits = BASE62[digit] + digits
    return to_18(f"{prefix}{instance}{digits:0>10}")


def id_run(prefix: str, first: int, count: int, instance: str = "Tw") -> list[str]:
    """The ids that `make_id` would make of `count` successive numbers."""
    ids: list[str] = []
    while count > 0:
        head, place = divmod(first, _RUN)
        here = min(count, _RUN - place)
        start = make_id(prefix, head * _RUN, instance)[:12]
        group, check = start[10:], _check(start[:5]) + _check(start[5:10])
        for n in range(place, place + here):
            tail = BASE62[n // 3844] + _PAIRS[n % 3844]
            ids.append(start + tail + check + _check(group + tail))
        first, count = first + here, count - here
    return ids


def to_18(id15: str) -> str:
    """Append the check characters to 15 characters."""
    return id15 + _check(id15[:5]) + _check(id15[5:10]) + _check(id15[10:])


def canonical(text: str) -> str | None:
    """The 18-character form of an id given in 15 or 18; None for what is not an id.

    An 18-character id that was put into one case is restored by its check characters.
    """
    if text[15:] == _check(text[:5]) + _check(text[5:10]) + _check(text[10:15]) and text.isalnum() and text.isascii():
        return text if len(text) == 18 else None
    if not _ID.fullmatch(text):
        return None
    if len(text) == 15:
        return to_18(text)
    check = text[15:].upper()
    if text not in (text.lower(), text.upper()) or not all(character in CHECK for character in check):
        return None
    id15 = "".join(
        _recase(text[5 * group : 5 * group + 5], CHECK.index(character)) for group, character in enumerate(check)
    )
    return id15 + check if to_18(id15) == id15 + check else None


@lru_cache(maxsize=100_000)
def _check(five: str) -> str:
    return CHECK[sum(1 << k for k, character in enumerate(five) if "A" <= character <= "Z")]


def _recase(five: str, capitals: int) -> str:
    return "".join(c.upper() if capitals >> k & 1 else c.lower() for k, c in enumerate(five))
