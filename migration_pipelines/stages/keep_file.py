"""Keep a file: copy the body that a source record stands for into the file store, and compare it with what the source says."""

from __future__ import annotations

from migration_pipelines.connectors.base import FileBody, Source
from migration_pipelines.errors import TransientFailure
from migration_pipelines.files import FileStore, Stored


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
