"""The pair of tokens that stands for an administrator's consent, and the file that keeps it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from migration_pipelines.errors import InvalidInput, PermanentFailure


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Attributes: expires_at, Unix seconds at which the access token ends."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


class TokenStore(Protocol):
    """Where the pair is kept. What `save` returned from is there for good."""

    def load(self) -> TokenPair | None:
        """None where nobody has signed in yet."""

    def save(self, pair: TokenPair) -> None: ...

    def turn(self) -> AbstractContextManager[None]:
        """Only one of all who share the store is inside. Raises PermanentFailure where nothing can be kept."""


class TokenFile:
    """A file that only its owner can read, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> TokenPair | None:
        """Raises InvalidInput where the file is there and no pair is in it."""
        try:
            told = json.loads(self._path.read_text("utf-8"))
            return TokenPair(str(told["access_token"]), str(told["refresh_token"]), float(told["expires_at"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError):
            raise InvalidInput(f"{self._path} holds no Kommo tokens. Remove it, and sign in again.") from None

    def save(self, pair: TokenPair) -> None:
        """Raises PermanentFailure where nothing can be written."""
        with self._in_words():
            folder = self._folder()
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=self._path.name)  # 0600 from the start
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(asdict(pair), file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _make_durable(folder)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._in_words():
            lock = os.open(self._folder() / f"{self._path.name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _folder(self) -> Path:
        for folder in (self._path.parent.parent, self._path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._path.parent

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PermanentFailure(
                f"Kommo's tokens cannot be kept in {self._path.parent}: {error.strerror}. Mend that, then sign in again."
            ) from None


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
