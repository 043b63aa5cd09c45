"""Adds entries to the text of a YAML file and leaves every other byte of it as it is: comments, spacing, style, line ends.

Libraries that write YAML write the whole file anew. Here the text is only read, to find the place; what is added is
put there, and the result is read again and compared with what was meant.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from migration_pipelines.errors import InvalidInput

Key = str | int
_STEP = 2
_PLAIN = re.compile(r"[^\W\d_](?:[\w ./%+()-]*[\w./%+()-])?")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True)
class Addition:
    """Entries for the mapping at a path, such as `("routes", 0, "undecided")`; it is made where its parent lacks it.

    `remarks` are comment lines that follow an entry.
    """

    path: tuple[Key, ...]
    entries: Mapping[str, Any]
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)


def add(text: str, additions: Sequence[Addition]) -> str:
    """The text with the entries added.

    Raises:
        InvalidInput: it cannot be done without changing what the text says, or an entry is there already.
    """
    meant = _read(text)
    for one in additions:
        text = _insert(text, one)
        _add_to(meant, one)
    if _read(text) != meant:
        raise InvalidInput(_by_hand(additions))
    return text


def replace_file(path: Path, text: str) -> None:
    """Write a file that is there, whole or not at all; its mode stays."""
    path = path.resolve()
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    shutil.copymode(path, draft)
    draft.replace(path)


def lines_of(entries: Mapping[str, Any], indent: int = 0, remarks: Mapping[str, Sequence[str]] = {}) -> list[str]:
    """Entries as lines of YAML. A mapping of plain values and lists stands in one line, other mappings below their key."""
    lines = []
    for key, value in entries.items():
        start = f"{' ' * indent}{_scalar(key)}:"
        if isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values()):
            lines += [start, *lines_of(value, indent + _STEP, remarks)]
        else:
            lines.append(f"{start} {_in_one_line(value)}")
        lines += [f"{' ' * (indent + _STEP)}# {one}" for one in remarks.get(key, ())]
    return lines


def _in_one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_in_one_line(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_in_one_line, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    written = str(value)
    if _PLAIN.fullmatch(written) and written.isprintable() and written.casefold() not in _WORDS_OF_YAML:
        return written
    return '"' + "".join(map(_escaped, written)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and character != "\ufeff":
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


# What stands where


@dataclass(frozen=True)
class _Node:
    """A node of the text: its first character, the one after its last, and what is in it.

    `style` is "{" for what stands in braces or brackets, "|" for a text that ends with its line, else "".
    """

    start: int
    end: int
    style: str = ""
    value: str | None = None
    entries: tuple[tuple[_Node, _Node], ...] | None = None
    items: tuple[_Node, ...] = ()

    def below(self, key: Key) -> _Node | None:
        if isinstance(key, int):
            return self.items[key] if key < len(self.items) else None
        return next((value for name, value in self.entries or () if name.value == key), None)


def _nodes(text: str) -> _Node | None:
    events = (one for one in _yaml().parse(text) if isinstance(one, NodeEvent | CollectionEndEvent))
    first = next(events, None)
    return _node(text, first, events) if first else None


def _node(text: str, event: Any, events: Iterator[Any], *, in_flow: bool = False) -> _Node:
    """The node that begins with an event."""
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, ScalarEvent):
        if start == end and not in_flow:
            start = end = _end_of_last_line(text[:start])  # an empty value is told where the next one begins
        return _Node(start, end, "|" if event.style in ("|", ">") else "", event.value)
    if not isinstance(event, CollectionStartEvent):
        return _Node(start, end)  # an alias, which cannot be added to
    below: list[_Node] = []
    while not isinstance(inner := next(events), CollectionEndEvent):
        below.append(_node(text, inner, events, in_flow=bool(event.flow_style)))
    if event.flow_style:
        end, style = inner.end_mark.index, "{"
    else:
        end, style = below[-1].end, "|" if below[-1].style == "|" else ""
    if isinstance(event, MappingStartEvent):
        return _Node(start, end, style, entries=tuple(zip(below[::2], below[1::2], strict=True)))
    return _Node(start, end, style, items=tuple(below))


def _insert(text: str, addition: Addition) -> str:
    path, entries, remarks = addition.path, addition.entries, addition.remarks
    root = _nodes(text)
    parent, node = None, root
    for depth, key in enumerate(path):
        below = node.below(key) if node else None
        if node is not None and below is None and node.entries is not None and isinstance(key, str):
            return _insert(text, Addition(path[:depth], {key: _nested(path[depth + 1 :], entries)}, remarks))
        parent, node = node, below
    if node is None or node.entries is None:
        raise InvalidInput(_by_hand([addition]))
    if node.style != "{":
        return _insert_lines(text, node, lines_of(entries, _column(text, node.entries[0][0].start), remarks))
    is_bare = re.fullmatch(r"\{[ \t]*\}", text[node.start : node.end])
    if is_bare and parent is not None and parent.entries is not None and parent.style != "{":
        before = text[: node.start].rstrip(" \t")
        indent = _column(text, parent.entries[0][0].start) + _STEP
        opened = _Node(len(before), len(before))
        return _insert_lines(before + text[node.end :], opened, lines_of(entries, indent, remarks))
    inner = _in_one_line(entries)[1:-1]
    if not node.entries:
        return f"{text[: node.end - 1]}{inner}{text[node.end - 1 :]}"
    name, last = node.entries[-1]
    place = max(name.end, last.end)
    comma = " , " if last.start == last.end else ", "
    return f"{text[:place]}{comma}{inner}{text[place:]}"


def _nested(path: Sequence[Key], entries: Mapping[str, Any]) -> Any:
    for key in reversed(path):
        entries = {str(key): entries}
    return entries


def _insert_lines(text: str, after: _Node, lines: Sequence[str]) -> str:
    """Below the last line of a node."""
    found = re.search(r"\r\n|\n|\r", text)
    line_end = found.group() if found else "\n"
    if after.style == "|":
        start = after.end - _column(text, after.end)
        place = start if not text[start : after.end].strip() else len(text)
    else:
        rest = re.compile(r"\r\n|\n|\r").search(text, after.end)
        place = rest.end() if rest else len(text)
    added = "".join(line + line_end for line in lines)
    return text[:place] + ("" if not place or text[place - 1] in "\r\n" else line_end) + added + text[place:]


def _end_of_last_line(text: str) -> int:
    """Where the last line ends that is neither blank nor a comment."""
    text = text.rstrip()
    while re.match(r"[ \t]*#", text[len(text) - _column(text, len(text)) :]):
        text = text[: len(text) - _column(text, len(text))].rstrip()
    return len(text)


def _column(text: str, index: int) -> int:
    return index - (max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1)


# What it says


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _read(text: str) -> Any:
    try:
        return deepcopy(_yaml().load(text))
    except YAMLError as error:
        raise InvalidInput(f"cannot be added to, since it is no YAML afterwards: {error}") from None


def _add_to(content: Any, addition: Addition) -> None:
    for key in addition.path:
        content = content.setdefault(key, {}) if isinstance(content, dict) else content[key]
    if twice := set(content) & set(addition.entries):
        raise InvalidInput(f"has {', '.join(sorted(twice))} already.")
    content.update(deepcopy(dict(addition.entries)))


def _by_hand(additions: Sequence[Addition]) -> str:
    lines = [
        f"at {'.'.join(map(str, one.path))}:\n" + "\n".join(lines_of(one.entries, _STEP, one.remarks))
        for one in additions
    ]
    return "cannot be added to without changing what it says. Write this into it by hand:\n" + "\n".join(lines)
