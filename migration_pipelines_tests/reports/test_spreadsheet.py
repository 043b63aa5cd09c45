"""Lists that people open in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration_pipelines.errors import PermanentFailure
from migration_pipelines.reports.spreadsheet import write_csv


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-2", "@SUM(A1)", "\t=1", "\r=1", "|cmd"])
def test_no_text_can_act_as_a_formula(tmp_path: Path, text: str) -> None:
    assert read(write_csv(tmp_path / "list.csv", ["name"], [[text]]))[1] == [f"'{text}"]


def test_numbers_blanks_and_odd_characters_come_as_they_are(tmp_path: Path) -> None:
    rows = [[-5, None, 'Ünlü, "A"\nŞti.', "a\0b", "\ud800x"]]
    assert read(write_csv(tmp_path / "new" / "list.csv", list("abcde"), rows))[1] == [
        "-5", "", "Ünlü, \"A\"\nŞti.", "a\ufffdb", "?x",
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_comes_back_and_none_of_it_begins_a_formula(texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        (cells,) = read(write_csv(Path(folder) / "list.csv", ["a"] * len(texts), [texts]))[1:]

    assert not any(cell.startswith(tuple("=+-@\t\r\n|")) for cell in cells)
    assert [text.replace("\0", "\ufffd") for text in texts] == [
        cell.removeprefix("'") if not text.startswith("'") else cell for text, cell in zip(texts, cells, strict=True)
    ]


def test_a_list_is_its_owners_alone_and_an_older_one_stays_if_it_cannot_be_written(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "list.csv", ["name"], [["first"]])
    assert path.stat().st_mode & 0o077 == 0

    def rows() -> object:
        yield ["second"]
        raise OSError(28, "No space left on device")

    with pytest.raises(PermanentFailure, match=r"list\.csv \(No space left on device\)\. Make room"):
        write_csv(path, ["name"], rows())  # type: ignore[arg-type]
    assert read(path) == [["name"], ["first"]]
    assert list(tmp_path.iterdir()) == [path]
