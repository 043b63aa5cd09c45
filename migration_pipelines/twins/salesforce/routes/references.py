"""`@{ref.id}` in a subrequest: a value out of the answer of an earlier one."""

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"@\{(?P<name>\w+)(?P<path>[^}]*)\}")
_STEP = re.compile(r"\.?(?:\[(?P<index>\d+)\]|(?P<key>\w+))")


class UnknownReferenceError(LookupError):
    """A reference names no earlier subrequest, or nothing in its answer."""


def referenced(value: Any) -> set[str]:
    """The reference ids that a url or body names."""
    if isinstance(value, str):
        return {match["name"] for match in _REFERENCE.finditer(value)}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in inner for name in referenced(one)}


def substituted(value: Any, answers: Mapping[str, Any]) -> Any:
    """The value with every reference in its place; one that is all of a text keeps its type.

    Raises:
        UnknownReferenceError: see there.
    """
    if isinstance(value, dict):
        return {key: substituted(inner, answers) for key, inner in value.items()}
    if isinstance(value, list):
        return [substituted(inner, answers) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _found(whole, answers)
    return _REFERENCE.sub(lambda match: str(_found(match, answers)), value)


def _found(match: re.Match[str], answers: Mapping[str, Any]) -> Any:
    value = answers.get(match["name"])
    for step in _STEP.finditer(match["path"]):
        value = _step(value, step)
        if value is None:
            break
    if value is None or isinstance(value, dict | list):
        path = match["path"].removeprefix(".")
        raise UnknownReferenceError(f"Invalid reference specified. No value for {path} found in {match['name']}")
    return value


def _step(value: Any, step: re.Match[str]) -> Any:
    if step["index"] is not None:
        index = int(step["index"])
        return value[index] if isinstance(value, list) and index < len(value) else None
    if not isinstance(value, dict):
        return None
    return value.get(step["key"], next((value[key] for key in value if key.lower() == step["key"].lower()), None))
