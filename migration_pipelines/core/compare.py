"""Is what was read back what was meant? One field at a time, both in our normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from migration_pipelines.core.transform import is_empty


class Verdict(StrEnum):
    EQUAL = "equal"
    NORMALISED = "equal after normalising"
    PLATFORM = "changed by the platform"
    WRONG = "wrong"
    MISSING = "missing"
    WRONG_REFERENCE = "wrong reference"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field whose value in the target is not what was meant."""

    field: str
    verdict: Verdict
    meant: Any
    found: Any


def differences(meant: Mapping[str, Any], found: Mapping[str, Any], *, is_new: bool = False) -> list[Difference]:
    """Every field that was written and does not read back as meant. Fields that were not written are not looked at.

    Args:
        is_new: the record was created. Its empty fields were left out, so what stands there is the platform's default;
            on an update it would be a field that was not cleared.
    """
    different: list[Difference] = []
    for field, value in meant.items():
        verdict = judge(value, found.get(field))
        if verdict is Verdict.WRONG and is_new and is_empty(value):
            verdict = Verdict.PLATFORM
        if verdict not in (Verdict.EQUAL, Verdict.NORMALISED):
            different.append(Difference(field, verdict, value, found.get(field)))
    return different


def judge(meant: Any, found: Any) -> Verdict:
    """Empty equals empty; numbers by value; text also after blanks at its ends and line ends are made alike; several choices
    in any order."""
    if meant == found or (is_empty(meant) and is_empty(found)):
        return Verdict.EQUAL
    if is_empty(found):
        return Verdict.MISSING
    is_same = _normal(meant) == _normal(found) or _same_number(meant, found)
    return Verdict.NORMALISED if is_same else Verdict.WRONG


def _same_number(meant: Any, found: Any) -> bool:
    """Whether one is a number and the other its text: many CRMs give numbers as text."""
    if isinstance(meant, str) == isinstance(found, str) or isinstance(meant, bool) or isinstance(found, bool):
        return False
    try:
        return Decimal(str(meant)) == Decimal(str(found))
    except InvalidOperation:
        return False


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    if isinstance(value, list):
        normal = [_normal(one) for one in value]
        return sorted(normal) if all(isinstance(one, str) for one in normal) else normal
    if isinstance(value, dict):
        return {name: _normal(one) for name, one in value.items()}
    return value
