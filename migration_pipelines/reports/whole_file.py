"""Files that are there whole or not at all, and that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from migration_pipelines.errors import refused_by_machine


@contextmanager
def whole_file(path: Path, *, encoding: str = "utf-8", newline: str | None = None) -> Iterator[TextIO]:
    """A file to write, which takes its place at the end; what stood there stays if anything fails before.

    What the encoding cannot hold becomes a question mark.

    Raises:
        PermanentFailure: the disk is full, or the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # 0600 from the start
        try:
            with os.fdopen(descriptor, "w", encoding=encoding, errors="replace", newline=newline) as file:
                yield file
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise refused_by_machine(error, str(path)) from None
