"""Rules of files: what each is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

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
