"""The canary: the first record of each kind goes alone and is read back, before the rest of them goes.

A target may take a date or an author and not keep it, and nothing tells so beforehand. What the canary shows is kept in
the ledger, for that target org: such a field is not compared any more, and every report says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.transform import CompiledRoute, is_empty
from migration_pipelines.errors import ProofFailed
from migration_pipelines.ledger.batches import Entry
from migration_pipelines.ledger.proof import Written
from migration_pipelines.stages.compare import findings_of
from migration_pipelines.stages.partition import OpenPartition


def ignored_fields(partition: OpenPartition, target_object: str) -> frozenset[str]:
    """Fields and references of an object that this target is known not to keep."""
    event = _event(partition, target_object)
    return frozenset(event["ignored"]) if event else frozenset()


def is_needed(partition: OpenPartition, target_object: str) -> bool:
    """Whether no record of this kind has shown yet what the target keeps."""
    return _event(partition, target_object) is None


def choose(partition: OpenPartition, target_object: str, entries: Sequence[Entry]) -> Entry:
    """The entry that fills most of the fields that the target may not keep."""
    uncertain = partition.target.may_ignore(target_object)
    return max(entries, key=lambda entry: len(_filled(entry, uncertain)))


def look(partition: OpenPartition, compiled: CompiledRoute) -> bool:
    """Read back one record of a route that is in the target, and keep what it shows. False where there is none yet.

    Raises:
        ProofFailed: it is not what was meant, in a field that the target must keep.
    """
    name = compiled.route.target
    page: list[Written] = next(partition.ledger.proof.written(compiled.key, only_unverified=False, only_ours=True), [])
    if not page:
        return False
    uncertain = partition.target.may_ignore(name)
    written = max(page, key=lambda one: len(set(one.payload) & uncertain))
    found = partition.target.read_back(name, [written.target_id]).get(written.target_id)
    different = [one for one in findings_of(written, found) if one.verdict is not Verdict.PLATFORM]
    if wrong := [one for one in different if one.field not in uncertain]:
        raise ProofFailed(
            f"{partition.key}: the first record of {name} ({written.source_id}, target id {written.target_id}) came back "
            f"otherwise than it was meant: {'; '.join(one.in_words() for one in wrong)}. No other was sent. Mend it there "
            "if somebody changed it; else the mapping or this system is wrong about the target. Then apply again."
        )
    detail = {
        "target": partition.schema("target").identity, "object": name, "source_id": written.source_id,
        "target_id": written.target_id, "ignored": sorted(one.field for one in different),
    }  # fmt: skip
    partition.ledger.add_event("canary", detail=detail)
    return True


def _event(partition: OpenPartition, target_object: str) -> Any:
    target = partition.schema("target").identity
    for event in reversed(partition.ledger.events("canary")):
        if event["detail"]["target"] == target and event["detail"]["object"] == target_object:
            return event["detail"]
    return None


def _filled(entry: Entry, fields: frozenset[str]) -> set[str]:
    values = {name for name, value in entry.payload.items() if not is_empty(value)}
    return (values | {one[0] for one in entry.references}) & fields
