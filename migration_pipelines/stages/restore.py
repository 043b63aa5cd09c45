"""Restore: what roll back does with records that people had made: fields that we filled stand again as they stood before.

A field that no longer holds what we wrote is somebody's own by now. It is left, and listed, forced or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.base import Found
from migration_pipelines.core.compare import differences
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import OutcomeUnknown, TransientFailure
from migration_pipelines.ledger.batches import Entry
from migration_pipelines.ledger.matches import Filled
from migration_pipelines.stages.partition import OpenPartition

GONE = "no longer in the target"
ATTEMPTS = 3


def restore_page(
    partition: OpenPartition, compiled: CompiledRoute, page: Sequence[Entry]
) -> list[tuple[Entry, str, str]]:
    """Give back to matched records what we filled, and verify it by reading back.

    Returns:
        for each entry "undone" or "left", and why.

    Raises:
        TransientFailure: the target does not do it, however often it is asked.
    """
    target, name = partition.target, compiled.route.target
    filled = partition.ledger.matches.filled(entry.entry_id for entry in page)
    by_id = {entry.target_id or entry.matched_id or "": filled.get(entry.entry_id, Filled()) for entry in page}
    refused: Mapping[str, str] = {}
    for _ in range(ATTEMPTS):
        there = target.read_back(name, list(by_id))
        to_restore = {
            target_id: values
            for target_id, found in there.items()
            if target_id not in refused and (values := _ours_still(by_id[target_id], found))
        }
        if not to_restore:
            return [(entry, *_came_to(entry, filled, there, refused)) for entry in page]
        try:
            refused = {**refused, **target.restore(name, to_restore)}
        except OutcomeUnknown:
            continue  # restoring is safe to repeat: look again
    raise TransientFailure(
        f"{partition.key}: {len(to_restore)} records of {name} that people had made could not be given back what they held in "
        f"{ATTEMPTS} attempts. Run again: crm-migrate rollback {partition.key}"
    )


def _ours_still(filled: Filled, found: Found) -> dict[str, Any]:
    """Fields that hold what we wrote, with what they held before."""
    return {
        name: before
        for name, before in filled.before.items()
        if not differences({name: filled.written[name]}, found.values) and differences({name: before}, found.values)
    }


def _came_to(
    entry: Entry, filled: Mapping[int, Filled], there: Mapping[str, Found], refused: Mapping[str, str]
) -> tuple[str, str]:
    target_id = entry.target_id or entry.matched_id or ""
    if target_id in refused:
        return "left", refused[target_id]
    if target_id not in there:
        return "undone", GONE
    changed = [one.field for one in differences(filled.get(entry.entry_id, Filled()).before, there[target_id].values)]
    return ("left", f"changed since in the target: {', '.join(changed)}") if changed else ("undone", "")
