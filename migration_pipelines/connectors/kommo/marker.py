"""The marker that notes, tasks and files carry, since they have no fields of ours: "[SF:<key>]", last in the text.

It is taken off whatever is read, so that nobody compares it, and found again exactly, never as a part of another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_AT_THE_END = re.compile(r"\s*\[SF:([^\[\]]+)\]\s*$")


def with_marker(text: str | None, key: str) -> str:
    return f"{text or ''}\n[SF:{key}]".lstrip("\n")


def key_in(text: str | None) -> str | None:
    """The key that a text is marked with; None where it is not marked."""
    found = _AT_THE_END.search(text or "")
    return found[1] if found else None


def without_marker(text: str | None) -> str:
    return _AT_THE_END.sub("", text or "")


def in_file_name(name: str, key: str) -> str:
    """ "Offer.pdf" -> "Offer [SF:<key>].pdf": the extension stays last, or the file would open nowhere."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem} [SF:{key}].{extension}" if dot and stem else f"{name} [SF:{key}]"


def key_in_file_name(name: str) -> str | None:
    stem, _, extension = name.rpartition(".")
    return key_in(name) or (key_in(stem) if extension else None)


def without_marker_in_file_name(name: str) -> str:
    if key_in(name):
        return without_marker(name)
    stem, dot, extension = name.rpartition(".")
    return f"{without_marker(stem)}{dot}{extension}" if key_in(stem) else name


@dataclass(frozen=True)
class Marker:
    """One way to carry the key: how it is put on, found and taken off."""

    put: Callable[[str, str], str]
    key: Callable[[str], str | None]
    off: Callable[[str], str]


IN_TEXT = Marker(with_marker, key_in, without_marker)
IN_FILE_NAME = Marker(in_file_name, key_in_file_name, without_marker_in_file_name)
