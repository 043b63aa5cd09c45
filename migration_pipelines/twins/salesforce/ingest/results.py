"""The three result files of a job, written while it is worked off."""

import csv
import io
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from random import Random

from migration_pipelines.twins.salesforce.jobs.telling import DELIMITERS, LINE_ENDINGS
from migration_pipelines.twins.salesforce.writing import Outcome, RowError


class Kind(Enum):
    """Each with the columns that it has before those of the upload."""

    SUCCESSFUL = ("sf__Id", "sf__Created")
    FAILED = ("sf__Id", "sf__Error")
    UNPROCESSED = ()


class Results:
    """Result files in a folder of their own.

    Args:
        delimiter, line_ending: by their names in a job.
        order: shuffles each chunk's rows, since their order is nowhere promised; None leaves them in the upload's.
    """

    def __init__(self, folder: Path, delimiter: str, line_ending: str, order: Random | None) -> None:
        self._folder = folder
        self._delimiter = DELIMITERS[delimiter]
        self._line_ending = LINE_ENDINGS[line_ending]
        self._order = order

    def path(self, kind: Kind) -> Path:
        return self._folder / kind.name.lower()

    def begin(self, header: Sequence[str]) -> None:
        """Give every file its header. What each kind adds is quoted, the rest stands as it was sent."""
        for kind in Kind:
            added = [f'"{name}"' for name in kind.value]
            buffer = io.StringIO()
            csv.writer(buffer, delimiter=self._delimiter, lineterminator=self._line_ending).writerow(header)
            self.path(kind).write_bytes(self._delimiter.join([*added, buffer.getvalue()]).encode())

    def add(self, rows: Sequence[Sequence[str]], outcomes: Sequence[Outcome]) -> None:
        pairs = list(zip(rows, outcomes, strict=True))
        if self._order:
            self._order.shuffle(pairs)
        done = [
            [outcome.id or "", "true" if outcome.created else "false", *row]
            for row, outcome in pairs
            if not outcome.errors
        ]
        failed = [[outcome.id or "", _error(outcome.errors), *row] for row, outcome in pairs if outcome.errors]
        self._append(Kind.SUCCESSFUL, done)
        self._append(Kind.FAILED, failed)

    def leave(self, rows: Sequence[Sequence[str]]) -> None:
        """These were not processed."""
        self._append(Kind.UNPROCESSED, rows)

    def read(self, kind: Kind) -> Iterator[bytes]:
        """The file in blocks; nothing where the job never got as far as a header."""
        if self.path(kind).exists():
            with self.path(kind).open("rb") as file:
                while block := file.read(1 << 18):
                    yield block

    def _append(self, kind: Kind, rows: Sequence[Sequence[str]]) -> None:
        if rows:
            with self.path(kind).open("ab") as file:
                file.write("".join(map(self._line, rows)).encode())

    def _line(self, cells: Sequence[str]) -> str:
        """Every cell in quotes. A tenth of what `csv` takes, as hardly a cell has a quote of its own."""
        between = f'"{self._delimiter}"'
        line = between.join(cells)
        if line.count('"') > 2 * (len(cells) - 1):
            line = between.join(cell.replace('"', '""') for cell in cells)
        return f'"{line}"{self._line_ending}'


def _error(errors: Sequence[RowError]) -> str:
    """`CODE:message:fields --` of each error, one after the other."""
    return "".join(
        f"{error.code}:{error.message}:{','.join(error.fields)}{' ' if error.fields else ''}--" for error in errors
    )
