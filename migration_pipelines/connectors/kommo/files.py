"""Files: a body on Kommo's drive. Rolled back means in the drive's trash, from where no card shows it.

A file has no field of ours, so its name carries the marker, before the extension. After a lost answer the file of that
name and size is looked for. Which cards it is on, `card_files` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.kommo.drive import Bodies, Drive, Refused, SessionEnded
from migration_pipelines.connectors.kommo.kind import Kind
from migration_pipelines.connectors.kommo.marker import in_file_name, without_marker_in_file_name
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.errors import MappingError, OutcomeUnknown

FILES = "files"
SESSION_ATTEMPTS = 3
LARGEST_BYTES = 314_572_800  # Kommo limits: 300 MB a file
_FIELDS = (
    FieldSchema(name="name", label="Name", max_length=255, required=True),
    FieldSchema(name="size_bytes", label="Size", type="integer", required=True, max_value=LARGEST_BYTES),
    FieldSchema(name="body", label="Body, by its SHA-256", is_business=False),
    FieldSchema(name="content_type", label="Type"),
)


class Files(Kind):
    """One file a request."""

    may_ignore = frozenset({"content_type"})

    def __init__(self, drive: Drive, bodies: Bodies | None) -> None:
        self._drive = drive
        self._bodies = bodies

    def schema(self) -> ObjectSchema:
        return ObjectSchema(name=FILES, label="Files", fields={one.name: one for one in _FIELDS})

    def batch_size(self) -> int:
        return 1

    def render(self, batch: Batch) -> bytes:
        """The request that opens the session; the body itself is in the file store."""
        record = batch.records[0]
        session = {"file_name": _name(record), "file_size": record.values["size_bytes"]}
        if content_type := record.values.get("content_type"):
            session["content_type"] = content_type
        return json.dumps(session).encode()

    def write(self, batch: Batch, session: bytes) -> Sequence[WriteResult | None]:
        (record,) = batch.records
        if record.target_id is not None and (not record.is_adopted or self._drive.restore(record.target_id)):
            return [WriteResult("unchanged", record.target_id)]  # a body that differs is another file
        try:
            return [WriteResult("created", self._upload(session, record)["uuid"])]
        except Refused as refused:
            return [WriteResult("failed", message=str(refused))]

    def _upload(self, session: bytes, record: Record) -> Mapping[str, Any]:
        if self._bodies is None:
            raise MappingError("Files are to be loaded, and the target was opened without a store to take them from.")
        if record.values["size_bytes"] > LARGEST_BYTES:
            raise Refused(f"the file has {record.values['size_bytes']} bytes; Kommo takes {LARGEST_BYTES}")
        for _ in range(SESSION_ATTEMPTS):
            with self._bodies(record.values["body"]) as body:
                try:
                    return self._drive.upload(session, body)
                except SessionEnded:
                    pass
            if file := self._uploaded(record):
                return file
        raise OutcomeUnknown(f"Kommo: {SESSION_ATTEMPTS} uploads of {record.key} were cut off")

    # Settling

    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        (record,) = batch.records
        if record.target_id is not None and (not record.is_adopted or self._drive.has(record.target_id)):
            return [WriteResult("unchanged", record.target_id)]
        file = self._uploaded(record)
        return [WriteResult("created", file["uuid"]) if file else None]

    def _uploaded(self, record: Record) -> Mapping[str, Any] | None:
        size = record.values["size_bytes"]
        return next((one for one in self._drive.named(_name(record)) if one["size"] == size), None)

    # Reading back, rolling back

    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]:
        return {one["uuid"]: self._found(one) for one in self._drive.by_uuid(target_ids)}

    def _found(self, file: Mapping[str, Any]) -> Found:
        return Found(
            {
                "name": without_marker_in_file_name(file["name"]),
                "size_bytes": file["size"],
                "body": self._drive.digest(file),
                "content_type": file["metadata"]["mime_type"],
            }
        )

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        """A file in the trash shows on no card."""
        return {uuid: words for uuid in records if (words := self._drive.remove(uuid))}


def _name(record: Record) -> str:
    return in_file_name(record.values["name"], record.key)
