"""Content-addressed store for file bodies and request bodies: a body is kept once, under its SHA-256, compressed."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from pathlib import Path

from migration_pipelines.errors import PermanentFailure


class FileStore:
    """Bodies below one folder. What `put` returned is on disk, also after a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, body: bytes) -> str:
        """Keep a body. Returns its SHA-256 in hexadecimal digits.

        Raises:
            PermanentFailure: the disk is full or the folder cannot be written.
        """
        digest = hashlib.sha256(body).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                try:
                    file.write(gzip.compress(body, mtime=0))
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).rename(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _sync_folder(path.parent)
        except OSError as error:
            raise PermanentFailure(
                f"The file store {self._folder} cannot be written ({error.strerror}). Make room or correct "
                "MIGRATION_FILES, then run the same command again."
            ) from None
        return digest

    def get(self, digest: str) -> bytes:
        """The body with this digest. Raises KeyError where there is none."""
        try:
            return gzip.decompress(self._path(digest).read_bytes())
        except FileNotFoundError:
            raise KeyError(digest) from None

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.gz"


def _sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
