"""Rules of files: what each is called, which e-mail it belongs to, and what a card says of one that stays where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any
from urllib.parse import quote

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import RuleBook

ATTACHMENTS = RuleBook()


@ATTACHMENTS.rule(reads=("Title", "PathOnClient", "FileExtension"))
def file_name(record: SourceRecord, _decisions: Mapping[str, Any]) -> str | None:
    """The name that the file was uploaded under; the title and the extension where there is none.

    A note is kept as HTML under an extension that nothing opens.
    """
    values = record.values
    extension = "html" if values["FileExtension"] == "snote" else values["FileExtension"]
    uploaded = PureWindowsPath(values["PathOnClient"] or "").name  # of a path from any system
    if uploaded and extension != "html":
        return uploaded
    title = values["Title"] or PureWindowsPath(uploaded).stem
    return f"{title}.{extension}" if title and extension else title or None


@ATTACHMENTS.rule(reads=("LinkedEntityId", "LinkedEntity.Type"))
def email_of_link(record: SourceRecord, _decisions: Mapping[str, Any]) -> Sequence[str]:
    """The e-mail that a file is on; none where it is on a card itself."""
    return [record.values["LinkedEntityId"]] if record.values["LinkedEntity.Type"] == "EmailMessage" else []


@ATTACHMENTS.rule(reads=("ParentId", "Parent.Type"))
def email_of_attachment(record: SourceRecord, _decisions: Mapping[str, Any]) -> Sequence[str]:
    """The same of an attachment in the older form."""
    return [record.values["ParentId"]] if record.values["Parent.Type"] == "EmailMessage" else []


_DOCUMENT = ("Title", "FileExtension", "ContentSize", "LatestPublishedVersion.Checksum")


@ATTACHMENTS.rule(reads=("ContentDocumentId", *(f"ContentDocument.{field}" for field in _DOCUMENT)), makes="textarea")
def linked_file(record: SourceRecord, decisions: Mapping[str, Any]) -> str:
    """ "[File] offer.pdf, 12,345 bytes", its address and its MD5, which is what Salesforce knows of it (SF-KOMMO-73)."""
    values = record.values
    title, extension, size, md5 = (values[f"ContentDocument.{field}"] for field in _DOCUMENT)
    ending = f".{extension}" if extension and not str(title or "").endswith(f".{extension}") else ""
    text = _linked(f"{title or 'file'}{ending}", size, values["ContentDocumentId"], decisions)
    return f"{text}\nMD5 {md5}" if md5 else text


@ATTACHMENTS.rule(reads=("Name", "BodyLength"), makes="textarea")
def linked_attachment(record: SourceRecord, decisions: Mapping[str, Any]) -> str:
    """The same of an attachment in the older form, of which Salesforce keeps no checksum."""
    return _linked(record.values["Name"] or "file", record.values["BodyLength"], record.id, decisions)


def _linked(name: str, size_bytes: int | None, source_id: str, decisions: Mapping[str, Any]) -> str:
    address = decisions["file_address"].replace("{id}", source_id).replace("{name}", quote(name, safe=""))
    return f"[File] {name}, {size_bytes or 0:,} bytes\n{address}"
