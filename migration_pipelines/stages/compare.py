"""What was read back against what was written: one record, its fields and its references."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from migration_pipelines.connectors.base import Found
from migration_pipelines.core.compare import Verdict, differences
from migration_pipelines.ledger.proof import Written


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as meant. `field` is empty where the whole record is missing."""

    entry_id: int
    field: str
    verdict: Verdict
    meant: Any
    found: Any

    def in_words(self) -> str:
        if not self.field:
            return "it is not there"
        return f"{self.field} was meant {self.meant!r} and is {self.found!r}"


def findings_of(written: Written, found: Found | None, *, ignored: Collection[str] = ()) -> list[Finding]:
    """Everything that is different in a record.

    Args:
        ignored: fields and references that the target is known not to keep.
    """
    if found is None:
        return [Finding(written.entry_id, "", Verdict.MISSING, written.target_id, None)]
    if written.result == "unchanged":  # matched: we wrote none of its fields
        return []
    findings = [
        Finding(written.entry_id, one.field, one.verdict, one.meant, one.found)
        for one in differences(written.payload, found.values, is_new=written.result == "created")
        if one.field not in ignored
    ]
    meant: dict[str, list[str]] = {}
    for field, target_id in written.references:
        if target_id is not None and field not in ignored:
            meant.setdefault(field, []).append(target_id)
    for field, ids in meant.items():
        there = list(found.references.get(field, ()))
        if ids[:1] != there[:1] or set(ids) != set(there):
            findings.append(Finding(written.entry_id, field, Verdict.WRONG_REFERENCE, ids, there))
    return findings
