"""Content-addressed store for file bodies and request bodies: a body is kept once, under its SHA-256, compressed.

A folder of this machine, or any URL that fsspec knows (`s3://bucket/files`, with that file system's own package
installed and its credentials in its own environment variables).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import fsspec

from migration_pipelines.errors import InvalidInput, PermanentFailure

CHUNK_BYTES = 1 << 20
_GZIP = 31


@dataclass(frozen=True, slots=True)
class Stored:
    """One body that is kept: SHA-256 in hexadecimal digits, its size, and the MD5 that CRMs give for comparison."""

    digest: str
    size_bytes: int
    md5: str


class FileStore:
    """Bodies below one folder or URL. What `put` returned is there for good: on disk, also after a power cut.

    Raises:
        InvalidInput: the URL names a file system that is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        self._place: _Place = _Remote(str(place)) if "://" in str(place) else _Folder(Path(place))

    def put(self, body: bytes) -> str:
        """Keep a body. Returns its SHA-256 in hexadecimal digits. Raises as `put_stream`."""
        digest = hashlib.sha256(body).hexdigest()
        with self._explained():
            known = self._place.has(_name(digest))
        return digest if known else self.put_stream([body]).digest

    def put_stream(self, chunks: Iterable[bytes]) -> Stored:
        """Keep a body that comes in pieces; never more than one piece is in memory.

        What the pieces' source raises goes through, and nothing is kept then.

        Raises:
            PermanentFailure: the disk is full, or the place cannot be written.
        """
        sha, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        packer = zlib.compressobj(level=1, wbits=_GZIP)
        with self._scratch() as file:
            for piece in chunks:
                sha.update(piece)
                md5.update(piece)
                size += len(piece)
                with self._explained():
                    file.write(packer.compress(piece))
            with self._explained():
                file.write(packer.flush())
                file.flush()
                os.fsync(file.fileno())
                self._place.keep(Path(file.name), _name(sha.hexdigest()))
        return Stored(sha.hexdigest(), size, md5.hexdigest())

    def get(self, digest: str) -> bytes:
        """The body with this digest. Raises KeyError where there is none."""
        return b"".join(self.read(digest))

    def read(self, digest: str) -> Iterator[bytes]:
        """The body with this digest, in pieces. Raises KeyError where there is none."""
        try:
            file = self._place.open(_name(digest))
        except FileNotFoundError:
            raise KeyError(digest) from None
        with file, gzip.GzipFile(fileobj=file) as body:
            while piece := body.read(CHUNK_BYTES):
                yield piece

    @contextmanager
    def _scratch(self) -> Iterator[BinaryIO]:
        """A file beside the place where it will stay; gone afterwards unless it was kept."""
        with self._explained():
            file = tempfile.NamedTemporaryFile(dir=self._place.scratch(), delete=False)  # noqa: SIM115
        try:
            yield cast(BinaryIO, file)
        finally:
            with suppress(OSError):  # what a full disk did not take is asked of it once more
                file.close()
            Path(file.name).unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PermanentFailure(
                f"The file store {self._place} cannot be written ({error.strerror or type(error).__name__}). Make room "
                "or correct MIGRATION_FILES, then run the same command again."
            ) from None


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest}.gz"


class _Place(Protocol):
    """Where bodies stay, by name. All may raise OSError."""

    def scratch(self) -> Path | None:
        """The local folder for a body on its way; None is the system's."""

    def has(self, name: str) -> bool: ...

    def keep(self, scratch: Path, name: str) -> None:
        """Move a finished file to its name, in one step; harmless where it is there already."""

    def open(self, name: str) -> BinaryIO: ...


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def scratch(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder

    def has(self, name: str) -> bool:
        return (self._folder / name).exists()

    def keep(self, scratch: Path, name: str) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        scratch.rename(path)
        _sync_folder(path.parent)
        _sync_folder(self._folder)

    def open(self, name: str) -> BinaryIO:
        return (self._folder / name).open("rb")


class _Remote:
    def __init__(self, url: str) -> None:
        self._url = url.split("://", 1)[0] + "://"
        try:
            self._system, self._root = fsspec.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise InvalidInput(
                f"MIGRATION_FILES names a file system that is not there ({error}). Install its package, or name a folder."
            ) from None

    def __str__(self) -> str:
        return self._url  # the rest may hold a password

    def scratch(self) -> None:
        return None

    def has(self, name: str) -> bool:
        return bool(self._system.exists(f"{self._root}/{name}"))

    def keep(self, scratch: Path, name: str) -> None:
        if self.has(name):
            return
        path, halfway = f"{self._root}/{name}", f"{self._root}/{name}.{uuid.uuid4().hex}"
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with scratch.open("rb") as body, self._system.open(halfway, "wb") as there:
            shutil.copyfileobj(body, there, CHUNK_BYTES)
        self._system.mv(halfway, path)

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self._system.open(f"{self._root}/{name}", "rb"))


def _sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
