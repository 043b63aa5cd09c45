"""Bodies of files, in a folder: rows hold only which one is theirs. None is ever whole in memory but one sent as base64."""

import base64
import binascii
import hashlib
import io
import itertools
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

CHUNK = 1 << 20
AT = "@"
"""Before a path: a seed's way to say that a body stands in a file of its folder."""


class Body(NamedTuple):
    """A body as a row names it.

    Attributes:
        size: in bytes.
        md5: in hexadecimal.
    """

    number: int
    size: int
    md5: str

    @classmethod
    def read(cls, name: object) -> "Body | None":
        """The body of a stored value; None where the row has none."""
        if not name:
            return None
        number, size, md5 = str(name).split("-")
        return cls(int(number), int(size), md5)

    def __str__(self) -> str:
        return f"{self.number}-{self.size}-{self.md5}"


class Bodies:
    """The folder.

    Args:
        folder: where they are kept; None makes a temporary folder, which goes with the process or before.
        seed: the folder that a seed's `@files/a.pdf` is relative to.
    """

    def __init__(self, folder: Path | None, seed: Path | None) -> None:
        self._folder = folder
        self._seed = seed
        self._numbers = itertools.count(1)

    def keep(self, source: IO[bytes], size: int | None = None) -> Body:
        """Copy a body, or the next `size` bytes of one, into the folder."""
        folder = self._made()
        number = next(number for number in self._numbers if not (folder / str(number)).exists())
        md5, total = hashlib.md5(usedforsecurity=False), 0
        with (folder / str(number)).open("wb") as target:
            while chunk := source.read(CHUNK if size is None else min(CHUNK, size - total)):
                target.write(chunk)
                md5.update(chunk)
                total += len(chunk)
        return Body(number, total, md5.hexdigest())

    def path(self, body: Body) -> Path:
        return self._made() / str(body.number)

    def take(self, values: Sequence[object], *, is_seed: bool = False) -> tuple[list[object], list[int]]:
        """Keep the bodies of a column: base64 text, a body that was uploaded apart, or a seed's `@path`.

        Returns:
            the column as rows hold it, and the positions of what is none of these.
        """
        taken: list[object] = []
        misfits: list[int] = []
        for value in values:
            try:
                taken.append(self._take(value, is_seed=is_seed) if isinstance(value, str) and value else value)
            except (ValueError, OSError):
                misfits.append(len(taken))
                taken.append(value)
        return taken, misfits

    def clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, text: str, *, is_seed: bool) -> str:
        if is_seed and text.startswith(AT) and self._seed is not None:
            with (self._seed / text.removeprefix(AT)).open("rb") as file:
                return str(self.keep(file))
        if "-" in text:
            body = Body.read(text)
            if body is None or not self.path(body).is_file():
                raise ValueError("no such body")
            return text
        return str(self.keep(io.BytesIO(_decoded(text))))

    def _made(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="salesforce-twin-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder


def _decoded(text: str) -> bytes:
    """Base64 with or without line breaks."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
