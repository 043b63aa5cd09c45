"""Lists for people who open them in a spreadsheet: CSV that no cell of can act as a formula."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a list whole or not at all, in UTF-8 with the mark that spreadsheets look for. Its owner alone can read it.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; None is an empty cell.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # 0600 from the start
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([_cell(value) for value in row] for row in rows)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value).replace("\0", "\ufffd")
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) and not is_number else text
