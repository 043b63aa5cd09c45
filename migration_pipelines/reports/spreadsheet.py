"""Lists for people who open them in a spreadsheet: CSV that no cell of can act as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from migration_pipelines.reports.whole_file import whole_file

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a list whole or not at all, in UTF-8 with the mark that spreadsheets look for. Its owner alone can read it.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; None is an empty cell.
    """
    with whole_file(path, encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)
    return path


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value).replace("\0", "\ufffd")
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) and not is_number else text
