"""Bodies of files: which records have one, and its bytes, by the REST resource of the field that holds them."""

from __future__ import annotations

from collections.abc import Iterator

from migration_pipelines.connectors.base import FileBody
from migration_pipelines.connectors.http import Download
from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.refusals import refusal
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.errors import TransientFailure

PIECE_BYTES = 1 << 20
# object -> the fields of body, size, name and MD5
_HOLDERS = {
    "ContentVersion": ("VersionData", "ContentSize", "PathOnClient", "Checksum"),
    "Attachment": ("Body", "BodyLength", "Name", None),
    "Document": ("Body", "BodyLength", "Name", None),
}


def file_of(record: SourceRecord) -> FileBody | None:
    """The body that a record stands for. A ContentVersion that only links to a web page has none."""
    if record.object not in _HOLDERS or record.values.get("ContentUrl"):
        return None
    _, size, name, md5 = _HOLDERS[record.object]
    checksum = record.values.get(md5) if md5 else None
    return FileBody(
        record.object, record.id, str(record.values.get(name) or ""), int(record.values[size] or 0), checksum or None
    )


def open_file(api: SalesforceApi, body: FileBody) -> Iterator[bytes]:
    """The bytes of a file. It is fetched whole before the first of them is given out.

    Raises:
        Refused: Salesforce does not give it out, or has it no more.
        TransientFailure: it did not arrive.
    """
    try:
        answer = api.http.download(f"{api.base}/sobjects/{body.object}/{body.id}/{_HOLDERS[body.object][0]}")
    except TransientFailure as error:
        raise TransientFailure(f"While the file {body.name!r} ({body.object} {body.id}) was read: {error}") from None
    if not isinstance(answer, Download):
        raise refusal(answer, f"the file {body.name!r} ({body.object} {body.id})")
    with answer:
        while piece := answer.file.read(PIECE_BYTES):
            yield piece
