"""An uploaded CSV file: what makes all of it unusable, and its rows."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migration_pipelines.twins.salesforce.jobs.telling import DELIMITERS

LARGEST_BYTES = 150 * 1000 * 1000 * 3 // 4
"""The platform keeps 150 MB of an upload in base64."""
BLOCK_BYTES = 1 << 20
csv.field_size_limit(1 << 30)  # a cell that is too long for its field is that row's error, not the parser's


class UploadError(Exception):
    """The file cannot be used; the message is the job's errorMessage."""


@dataclass(frozen=True)
class Upload:
    """One uploaded file.

    Attributes:
        delimiter, line_ending: by their names in a job, COMMA and LF.
        inner_endings: whether line breaks inside quoted cells must be of that kind, too.
        accepts_bom: whether a byte order mark is left out, or taken for a part of the first column's name.
    """

    path: Path
    delimiter: str
    line_ending: str
    inner_endings: bool
    accepts_bom: bool

    def check(self) -> None:
        """Raises UploadError: there is nothing in it, or its lines end otherwise than the job says."""
        lines, breaks, first = 0, 0, None
        with self.path.open("rb") as file:
            before = b""
            while block := file.read(BLOCK_BYTES):
                joined = before[-1:] + block
                breaks += joined.count(b"\r\n")
                lines += block.count(b"\n")
                if first is None and (end := joined.find(b"\n")) > 0:
                    first = joined[end - 1 : end] == b"\r"
                before = block
        if not lines and not before.strip():
            raise UploadError("ClientInputError : Unable to find any data to create batch")
        wanted = lines if self.line_ending == "CRLF" else 0
        is_wrong = breaks != wanted if self.inner_endings else bool(first) != (self.line_ending == "CRLF")
        if lines and is_wrong:
            raise UploadError(
                "ClientInputError : LineEnding is invalid on user data. "
                f"Current LineEnding setting is {self.line_ending}"
            )

    @contextmanager
    def rows(self) -> Iterator[Iterator[list[str]]]:
        """The header, then the rows, each with as many cells as the header; read to the end within the block.

        Raises:
            UploadError: while reading: it is not UTF-8, not CSV, or a row has another number of cells.
        """
        encoding = "utf-8-sig" if self.accepts_bom else "utf-8"
        with self.path.open(encoding=encoding, newline="") as file:
            yield self._checked(csv.reader(file, delimiter=DELIMITERS[self.delimiter], strict=True))

    def _checked(self, lines: Iterator[list[str]]) -> Iterator[list[str]]:
        header = 0
        try:
            for line in lines:
                if not line:
                    continue
                header = header or len(line)
                if len(line) != header:
                    raise UploadError(
                        f"InvalidBatch : Failed to parse CSV. A row has {len(line)} columns, the header has {header}"
                    )
                yield line
        except csv.Error as error:
            raise UploadError(f"InvalidBatch : Failed to parse CSV. {error}") from error
        except UnicodeDecodeError as error:
            raise UploadError("InvalidBatch : Failed to parse CSV. The data is not UTF-8") from error
