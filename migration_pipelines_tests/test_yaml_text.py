"""Adding to a YAML file: what was there stays byte by byte, and the result says the old and the new."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from migration_pipelines.errors import InvalidInput
from migration_pipelines.yaml_text import Addition, add, replace_file

FIELD = {"type": "select", "samples": ["EMEA", "a: b"], "suggestion": {"REGION": {"from": "Region__c"}}}
FILE = """\
# Account -> company
routes:
  - source:   Account      # odd spacing
    fields:
      name:       {from: Name}
      PHONE:      {rule: company_phones}   # aligned
    lost: {Type: not used,
           Rating: "nobody's"}             # in two lines

  # the second route
  - {source: Contact, lost: {}}
tables:
  stages: {}    # filled by map
  kinds: {Meeting: Meeting}
"""


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_entries_stand_below_the_last_line_of_their_mapping_and_nothing_else_changes(line_end: str) -> None:
    before = FILE.replace("\n", line_end)
    after = add(before, [Addition(("routes", 0, "undecided"), {"Region__c": FIELD}, {"Region__c": ["or lost"]})])

    added = """\
    undecided:
      Region__c:
        type: select
        samples: [EMEA, "a: b"]
        suggestion:
          REGION: {from: Region__c}
        # or lost
"""
    place = before.index(line_end + "  # the second route")
    assert after == before[:place] + added.replace("\n", line_end) + before[place:]


def test_an_empty_table_takes_lines_and_one_in_braces_stays_in_braces() -> None:
    after = add(
        FILE, [Addition(("tables", "stages"), {"Won - Closed": "won"}), Addition(("tables", "kinds"), {"*": "x"})]
    )

    assert "  stages:    # filled by map\n    Won - Closed: won\n" in after
    assert '  kinds: {Meeting: Meeting, "*": x}\n' in after


def test_a_mapping_that_is_missing_is_made_also_in_braces() -> None:
    after = add(FILE, [Addition(("routes", 1, "undecided"), {"A__c": {"type": "date"}})])

    assert "  - {source: Contact, lost: {}, undecided: {A__c: {type: date}}}\n" in after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("a: &x {b: c}\nd: *x\n", ("d",), id="an alias, whose other place would change as well"),
        pytest.param("a: [1]\n", ("a", 0), id="no mapping"),
        pytest.param("a: {b: c}\n", ("a",), id="is there already"),
        pytest.param("a: |\n  text", (), id="a text whose line end would become part of it"),
    ],
)
def test_what_cannot_be_added_is_an_error_that_says_what_to_write(text: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"by hand|already"):
        add(text, [Addition(path, {"b": "new"})])


def test_a_file_is_replaced_whole_and_keeps_its_mode_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_bytes(b"a: 1\r\n")
    path.chmod(0o640)

    replace_file(path, "a: 1\r\nb: 2\r\n")

    assert path.read_bytes() == b"a: 1\r\nb: 2\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["accounts.yaml"]


# Files as people write them: a tree of mappings and lists, each line with a style of its own.

keys = st.sampled_from(["name", "Region__c", "PHONE", '"quoted: key"', "'it''s'", "Aksu", "şehir", "x y"])
scalars = st.sampled_from(
    ["Name", '"a: b # c"', "'it''s'", "12", "true", "", "Kommo has none", "2026-01-31", "[a,  b]", "{from:   Name}",
     "{from: Name,   # why\n   convert: day}", "{a: }", "{a}", "{a: 1,}", "{ }", "plain\n   goes on", "🥜", "~"]
)  # fmt: skip
blocks = st.sampled_from(["|\n", "|-\n", ">\n", "|+\n"])
spaces, comments = st.sampled_from([" ", "   "]), st.sampled_from(["", "  # why", "   #"])
between = st.sampled_from(["", "", "\n", "# a line\n", "      # deep\n", "\n\n  # x\n"])


@st.composite
def block(draw: st.DrawFn, indent: int, depth: int) -> tuple[list[str], list[tuple[str | int, ...]]]:
    """Lines of a mapping at this column, and the paths of the mappings in it, its own first."""
    lines: list[str] = []
    paths: list[tuple[str | int, ...]] = [()]
    pad = " " * indent
    for key in draw(st.lists(keys, min_size=1, max_size=4, unique=True)):
        name, what = (
            read(key),
            draw(st.sampled_from(["scalar", "scalar", "text", "mapping", "list"][: 5 if depth else 3])),
        )
        lines += [one for one in [draw(between)] if one]
        if what == "scalar":
            value = draw(scalars)
            lines.append(f"{pad}{key}:{draw(spaces)}{value.replace(chr(10), chr(10) + pad)}{draw(comments)}\n")
            if read(f"a: {value}") and isinstance(read(f"a: {value}")["a"], dict):
                paths.append((name,))
        elif what == "text":
            lines.append(
                f"{pad}{key}: {draw(blocks)}{pad}  some text: # not a comment\n{draw(st.sampled_from(['', chr(10)]))}"
            )
        elif what == "mapping":
            inner = indent + draw(st.integers(1, 4))
            below, deeper = draw(block(inner, depth - 1))
            lines += [f"{pad}{key}:{draw(comments)}\n", *below]
            paths += [(name, *path) for path in deeper]
        else:
            dash = draw(st.sampled_from(["- ", "-   "]))
            lead = indent + draw(st.integers(0, 2))
            lines.append(f"{pad}{key}:\n")
            for number in range(draw(st.integers(1, 2))):
                below, deeper = draw(block(lead + len(dash), depth - 1))
                text = "".join(below).lstrip("\n")
                while text.lstrip(" ").startswith("#"):
                    text = text.partition("\n")[2].lstrip("\n")
                lines.append(" " * lead + dash + text.lstrip(" "))
                paths += [(name, number, *path) for path in deeper]
    return lines, paths


@st.composite
def files(draw: st.DrawFn) -> tuple[str, tuple[str | int, ...]]:
    lines, paths = draw(block(0, 3))
    text = "".join(lines)
    if draw(st.booleans()) and not text.rstrip("\n").endswith("# not a comment"):
        text = text.rstrip("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text, draw(st.sampled_from(paths))


names = st.text(min_size=1, max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(files(), st.dictionaries(names.map("new ".__add__), values, min_size=1, max_size=3), st.booleans())
def test_the_result_says_old_and_new_and_every_old_byte_is_there(
    file: tuple[str, tuple[str | int, ...]], entries: dict[str, Any], is_missing: bool
) -> None:
    text, path = file
    path = (*path, "undecided") if is_missing else path
    meant = read(text)
    place = meant
    for key in path:
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    place.update(entries)

    after = add(text, [Addition(path, entries)])

    assert read(after) == meant
    filled = (text[: one.start()] + text[one.end() :] for one in re.finditer(r"[ \t]*\{[ \t]*\}", text))
    assert any(_is_within(old, after) for old in (text, *filled)), (
        "not a byte is gone, but for empty braces that are filled"
    )


def _is_within(old: str, new: str) -> bool:
    """Whether one insertion makes the new text of the old."""
    start = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
    return any(new.endswith(old[n:]) for n in range(start + 1))
