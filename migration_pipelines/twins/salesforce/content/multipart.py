"""Reading a multipart body out of its file, part by part, without having it in memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import IO

_END_OF_HEADERS = b"\r\n\r\n"
LONGEST_HEADERS = 16_384
PIECE = 1 << 20


class MultipartError(ValueError):
    """The body is not what its Content-Type says."""


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name, filename: as its Content-Disposition says.
        start, size: where its content stands in the whole body, in bytes.
    """

    name: str
    filename: str | None
    content_type: str
    start: int
    size: int


def parts_of(file: IO[bytes], content_type: str) -> list[Part]:
    """The parts of a body that stands in a file.

    Raises:
        MultipartError: there is no boundary, or no end.
    """
    boundary = _parameters("Content-Type", content_type).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise MultipartError("the Content-Type names no boundary")
    return list(_parts(_Scanned(file), b"--" + boundary.encode("latin-1")))


@dataclass(frozen=True)
class _Scanned:
    """A file that is searched a piece at a time."""

    file: IO[bytes]

    def find(self, wanted: bytes, start: int) -> int:
        """Where `wanted` occurs first, from `start` on; -1 where it does not."""
        at, kept = start, b""
        self.file.seek(start)
        while piece := self.file.read(PIECE):
            window = kept + piece
            found = window.find(wanted)
            if found >= 0:
                return at - len(kept) + found
            at += len(piece)
            kept = window[-(len(wanted) - 1) :]
        return -1

    def read(self, start: int, end: int) -> bytes:
        self.file.seek(start)
        return self.file.read(end - start)


def _parts(body: _Scanned, delimiter: bytes) -> Iterator[Part]:
    at = body.find(delimiter, 0)
    if at < 0:
        raise MultipartError("the boundary does not occur in the body")
    while body.read(at + len(delimiter), at + len(delimiter) + 2) != b"--":
        line_end = body.find(b"\r\n", at + len(delimiter))
        headers_end = body.find(_END_OF_HEADERS, line_end) if line_end >= 0 else -1
        if not 0 <= headers_end - line_end <= LONGEST_HEADERS:
            raise MultipartError("a part has no headers")
        start = headers_end + len(_END_OF_HEADERS)
        # The line end before the boundary is not the content's; of an empty content it ends the headers as well.
        end = body.find(b"\r\n" + delimiter, start - 2)
        if end < 0:
            raise MultipartError("a part has no end")
        yield _part(body.read(line_end + 2, headers_end + 2), start, max(end - start, 0))
        at = end + 2


def _part(headers: bytes, start: int, size: int) -> Part:
    told = BytesHeaderParser().parsebytes(headers)
    disposition = _parameters("Content-Disposition", str(told.get("Content-Disposition", "")))
    name = disposition.get_param("name", header="Content-Disposition")
    filename = re.search(r'filename="([^"]*)"', str(told.get("Content-Disposition", "")))
    return Part(str(name or ""), filename[1] if filename else None, told.get_content_type(), start, size)


def _parameters(header: str, value: str) -> Message:
    message = Message()
    message[header] = value
    return message
