"""Keep a file: copy the body that a source record stands for into the file store, and compare it with what the source says."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, cast

from migration_pipelines.connectors.base import FileBody, Source
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.errors import TransientFailure
from migration_pipelines.files import CHUNK_BYTES, FileStore, Stored

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BODY_DIGEST = "Body.digest"
"""The field of an extracted record that says under which digest its body is kept; None where it has none."""


def keep_file(source: Source, files: FileStore, body: FileBody) -> Stored:
    """The file as it is kept now, under its SHA-256. Of one that broke off nothing is kept.

    Raises:
        TransientFailure: it did not arrive, or is not what the source says it is.
    """
    stored = files.put_stream(source.open_file(body))
    named = f"The file {body.name!r} ({body.object} {body.id})"
    if stored.size_bytes != body.size_bytes:
        raise TransientFailure(
            f"{named} has {stored.size_bytes} bytes, and the source says {body.size_bytes}. It may have been replaced "
            "meanwhile: run extract again."
        )
    if body.md5 and stored.md5 != body.md5.lower():
        raise TransientFailure(
            f"{named} has another checksum than the source says. It may have been replaced meanwhile: run extract again."
        )
    return stored


class Keeper:
    """Keeps the bodies of an object's records. One that an earlier extraction kept is not fetched again, if its checksum
    is the same."""

    def __init__(self, source: Source, files: FileStore, before: Iterable[Sequence[SourceRecord]]) -> None:
        self._source = source
        self._files = files
        self._kept: Mapping[FileBody, str] = {
            body: digest
            for page in before
            for record in page
            if (digest := record.values.get(BODY_DIGEST)) and (body := source.file_of(record)) and body.md5
        }

    def keep(self, record: SourceRecord) -> SourceRecord:
        """The record with the digest of its body, which is in the file store. Raises as `keep_file`."""
        body = self._source.file_of(record)
        digest = body and (self._kept.get(body) or keep_file(self._source, self._files, body).digest)
        return replace(record, values={**record.values, BODY_DIGEST: digest})


def kept_file(files: FileStore, digest: str) -> BinaryIO:
    """A body that was kept, to be read from its beginning; never more than a piece of it is in memory.

    Raises:
        KeyError: there is none of this digest; at the first reading.
    """
    return cast(BinaryIO, io.BufferedReader(_Pieces(files.read(digest)), CHUNK_BYTES))


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer).cast("B")
        self._rest = self._rest or memoryview(next(self._pieces, b""))
        part, self._rest = self._rest[: len(room)], self._rest[len(room) :]
        room[: len(part)] = part
        return len(part)
