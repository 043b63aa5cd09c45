"""Roll back: the ledger read backwards. What people changed since is listed and left alone, unless forced.

Safe to kill and repeat: every record is looked at before it is touched, and one that is undone already is only noted. A
target that cannot delete keeps our records, marked and out of the way; its administrator gets a list of all of them. What
people had made there is only emptied again where we filled it (`restore`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from migration_pipelines.connectors.base import Found, Target
from migration_pipelines.core.compare import Verdict, differences
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import GateClosed, OutcomeUnknown, TransientFailure
from migration_pipelines.ledger.batches import Entry
from migration_pipelines.reports.spreadsheet import write_csv
from migration_pipelines.stages.canary import ignored_fields
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Report
from migration_pipelines.stages.record_names import name_in_target
from migration_pipelines.stages.restore import GONE, restore_page
from migration_pipelines.stages.sending import settle_leftovers

PAGE = 200
ATTEMPTS = 3


@dataclass
class RolledBack:
    """Route -> how many were undone and how many left alone, with the reason for each of those.

    `admin_list` names the file that lists every record of ours that is still in the target; None where there is none.
    """

    undone: dict[str, int] = field(default_factory=dict)
    left: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    admin_list: Path | None = None


def preview(partition: OpenPartition) -> dict[str, int]:
    """Route -> how many records a roll back would touch, last loaded first. Reads only the ledger."""
    keys = [compiled.key for _, compiled in reversed(partition.routes)]
    return {key: count for key in keys if (count := partition.ledger.batches.count_to_undo(key))}


def roll_back(partition: OpenPartition, *, force: bool = False, report: Report = lambda _line: None) -> RolledBack:
    """Undo what this project did in the target, in reverse order, and verify each undoing by reading back.

    Raises:
        GateClosed: another run holds the org, or nothing was ever loaded.
        TransientFailure: the target stopped answering; the same call continues.
    """
    partition.lock()
    settle_leftovers(partition, report)
    if not any(partition.ledger.proof.was_ever_loaded(compiled.key) for _, compiled in partition.routes):
        raise GateClosed(f"{partition.key}: there is nothing to roll back; no record of this project was ever loaded.")
    for _, compiled in partition.routes:
        if partition.ledger.batches.count_to_undo(compiled.key):
            _make_room(partition, compiled.route.target)
    partition.ledger.add_event("rolled back", detail={"force": force})
    done = RolledBack()
    for _, compiled in reversed(partition.routes):
        for page in partition.ledger.batches.to_undo(compiled.key, PAGE):
            ours = [entry for entry in page if entry.created_by_us]
            theirs = [entry for entry in page if not entry.created_by_us]
            results = _undo_page(partition, compiled, ours, force=force) if ours else []
            results += restore_page(partition, compiled, theirs) if theirs else []
            partition.ledger.batches.record_undo(partition.lock(), results)
            for entry, result, why in results:
                if result == "undone":
                    done.undone[compiled.key] = done.undone.get(compiled.key, 0) + 1
                else:
                    done.left.setdefault(compiled.key, []).append((entry.source_id, why))
            report(
                f"{compiled.key}: {done.undone.get(compiled.key, 0)} undone, {len(done.left.get(compiled.key, ()))} left"
            )
    partition.reach("rolled back")
    done.admin_list = write_admin_list(partition)
    return done


def write_admin_list(partition: OpenPartition) -> Path | None:
    """List every record that this project made and that the target still holds, for whoever may delete there."""
    rows = _still_there(partition)
    first = next(rows, None)
    if first is None:
        return None
    header = ("object", "id in the target", "name", "source object", "source id", "state", "why")
    return write_csv(partition.review / "made in the target.csv", header, chain([first], rows))


def _still_there(partition: OpenPartition) -> Iterator[Sequence[object]]:
    for _, compiled in reversed(partition.routes):
        for row in partition.ledger.batches.made_by_us(compiled.key):
            if row["detail"] != GONE:
                state = "rolled back" if row["undone"] == "undone" else "left as it is"
                name, route = name_in_target(row["payload"] or {}), compiled.route
                yield route.target, row["target_id"], name, route.source, row["source_id"], state, row["detail"]


def _make_room(partition: OpenPartition, target_object: str) -> None:
    """Make what the target needs to hold rolled back records.

    Raises:
        GateClosed: something of somebody else's stands there under the same name.
    """
    needs = partition.target.undoing_needs(target_object)
    if not needs.pipelines:
        return
    there = {one["name"]: set(one["stages"]) for one in partition.target.describe().facts.get("pipelines", ())}
    for wanted in needs.pipelines:
        if wanted.name in there and not set(wanted.stages) <= there[wanted.name]:
            raise GateClosed(
                f"{partition.key}: pipeline {wanted.name!r} in the target is not ours, and rolled back records need one of "
                "that name. Rename it there, then roll back again."
            )
    partition.target.provision(needs)


def _undo_page(
    partition: OpenPartition, compiled: CompiledRoute, page: list[Entry], *, force: bool
) -> list[tuple[Entry, str, str]]:
    target, name = partition.target, compiled.route.target
    ignored = ignored_fields(partition, name)
    by_id = {entry.target_id or "": entry for entry in page}
    refused: Mapping[str, str] = {}
    there: Mapping[str, Found] = {}
    to_touch: dict[str, Found] = {}
    left: dict[str, str] = {}
    for attempt in range(ATTEMPTS):
        there = target.read_back(name, list(by_id))
        to_touch = {}
        for target_id, entry in by_id.items():
            if (
                target_id in left
                or target_id in refused
                or target_id not in there
                or _is_undone(target, name, there[target_id])
            ):
                continue
            changed = [one for one in _changed_since(entry, there[target_id]) if one not in ignored]
            if changed and not force and attempt == 0:
                left[target_id] = f"changed since in the target: {', '.join(changed)}"
            else:
                to_touch[target_id] = there[target_id]
        if not to_touch:
            break
        try:
            refused = {**refused, **target.undo(name, to_touch)}
        except OutcomeUnknown:
            continue  # undoing is safe to repeat: look again, and touch only what is not undone
    else:
        raise TransientFailure(
            f"{partition.key}: {len(to_touch)} records of {name} could not be undone in {ATTEMPTS} attempts. "
            f"Run again: crm-migrate rollback {partition.key}"
        )
    return [
        (entry, "left", left.get(target_id) or refused[target_id])
        if target_id in left or target_id in refused
        else (entry, "undone", "" if target_id in there else GONE)
        for target_id, entry in by_id.items()
    ]


def _is_undone(target: Target, name: str, found: Found) -> bool:
    after = target.undone(name, found)
    return after is not None and not differences(after.values, found.values)


def _changed_since(entry: Entry, found: Found) -> list[str]:
    """Fields and references that people changed after we wrote them, whatever a plan has come to mean since."""
    sent = entry.payload if entry.previous is None else entry.previous
    changed = [one.field for one in differences(sent, found.values) if one.verdict is not Verdict.PLATFORM]
    if sent != entry.payload:
        return changed
    meant: dict[str, set[str]] = {}
    for field_name, _, _, target_id in entry.references:
        if target_id is not None:
            meant.setdefault(field_name, set()).add(target_id)
    # An undoing that was interrupted took links away. What is there and was not meant, a person has set.
    return changed + [name for name, ids in meant.items() if set(found.references.get(name, ())) - ids]
