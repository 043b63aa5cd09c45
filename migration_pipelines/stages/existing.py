"""Records that people had made in the target: looked up when a plan is made, attached to and filled when it is loaded.

What people wrote is never overwritten: of a matched record we write the migration key where it is blank and, by decision,
mapped fields that are blank there; how each of them stood is in the ledger before the request goes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from migration_pipelines.connectors.base import Batch, Found
from migration_pipelines.core.compare import differences
from migration_pipelines.core.matching import BY_WORD, Candidate, Doubt, Hit, Keys, Match, Standing, match
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.transform import CompiledRoute, is_empty
from migration_pipelines.errors import MappingError
from migration_pipelines.ledger.batches import Entry, Result, as_written
from migration_pipelines.ledger.matches import Filled
from migration_pipelines.stages.partition import OpenPartition

ATTACH, FILL = "match and attach", "match and fill blanks"
MOST = 1_000_000
"""The most records of one object that people may have made in a target whose records are looked up."""


def is_matching(partition: OpenPartition, compiled: CompiledRoute) -> bool:
    """Whether records of a route are looked up among those that people have made."""
    _, value = partition.project.existing.get(compiled.route.target, ("", ""))
    return bool(compiled.route.matched_by) and value in (ATTACH, FILL)


def require_keys(partition: OpenPartition) -> None:
    """Raises MappingError where a decision is to match records that no route says how to identify."""
    for target_object, (decision, value) in partition.project.existing.items():
        routes = [one for _, one in partition.routes if one.route.target == target_object and not one.route.carried_by]
        if value in (ATTACH, FILL) and routes and not any(one.route.matched_by for one in routes):
            raise MappingError(
                f"{partition.key}: decision {decision} is {value!r}, and no route to {target_object} says matched_by: which "
                "fields identify a record."
            )


def migration_key(partition: OpenPartition, target_object: str) -> str:
    """The field of an object that the migration key stands in."""
    return next(one.name for one in partition.target.migration_fields().fields if one.object == target_object)


@dataclass
class LookUp:
    """The look-ups of one plan. The target is read once for each object, and only where a record is to be brought over."""

    partition: OpenPartition
    plan_id: int
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    _standing: dict[str, Standing] = field(default_factory=dict)
    _taken: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, crm_object: str, compiled: CompiledRoute) -> Iterator[bytes]:
        """Look up the planned rows of a route, note what was found, and yield what the plan's fingerprint has to cover."""
        matches, name = self.partition.ledger.matches, compiled.route.target
        is_asked, has_any = is_matching(self.partition, compiled), matches.has_any(compiled.key)
        if not is_asked and not has_any:
            return
        decision, value = self.partition.project.existing.get(name, ("", ""))
        if has_any:  # whatever is decided by now: what people made stays theirs
            matches.keep_loaded(self.plan_id, compiled.key)
        if is_asked and matches.is_any_new(self.plan_id, compiled.key):
            self._look_up(crm_object, compiled)
        matches.mean(self.plan_id, compiled.key, value)
        figures: dict[str, Any] = {
            "decision": decision,
            "value": value,
            "matched": 0,
            "held": 0,
            "by_key": {},
            "first": [],
        }
        for row in matches.found(self.plan_id, compiled.key):
            is_held = row["matched_id"] is None
            figures["held" if is_held else "matched"] += 1
            by_key = figures["by_key"].setdefault(row["match"]["key"], {"matched": 0, "held": 0})
            by_key["held" if is_held else "matched"] += 1
            if len(figures["first"]) < 20:
                figures["first"].append({"source_id": row["source_id"], "target_id": row["matched_id"], **row["match"]})
            yield f"{row['source_id']}\0{row['matched_id'] or ''}\0{value}\0".encode("utf-8", "surrogatepass")
        standing = self._standing.get(name)
        self.figures[compiled.key] = figures | {"looked_at": len(standing.by_id) if standing else None}

    def _look_up(self, crm_object: str, compiled: CompiledRoute) -> None:
        standing = self._read(compiled)
        taken = self._taken.setdefault(compiled.route.target, {})
        hits: dict[str, Hit] = {}
        asked: set[str] = set()
        decided = self.partition.project.matches.get(crm_object, {})
        for page in self.partition.ledger.matches.planned(self.plan_id, compiled.key):
            for row in page:
                if hit := standing.hit(row["payload"]):
                    hits[row["source_id"]] = hit
                if row["is_new"] and (hit or row["source_id"] in decided):
                    asked.add(row["source_id"])
        found = match(standing, hits, asked, decided, taken)
        matched = {one: said for one, said in found.items() if isinstance(said, Match)}
        doubts = {one: said for one, said in found.items() if isinstance(said, Doubt)}
        taken.update((said.target_id, source_id) for source_id, said in matched.items())
        self.partition.ledger.matches.keep(
            self.plan_id, compiled.key,
            {one: (said.target_id, said.as_json()) for one, said in matched.items()},
            {one: (said.problem.as_json(), said.as_json()) for one, said in doubts.items()},
        )  # fmt: skip

    def _read(self, compiled: CompiledRoute) -> Standing:
        """The records of an object that are not ours, by the keys of a route."""
        name, partition = compiled.route.target, self.partition
        keys = _keys(partition, compiled)
        if (known := self._standing.get(name)) and known.keys == keys:
            return known
        ours = partition.ledger.matches.ours([one.key for _, one in partition.routes if one.route.target == name])
        standing, own_key = Standing(keys), migration_key(partition, name)
        fields = [own_key, *dict.fromkeys(one for key in compiled.route.matched_by for one in key)]
        for target_id, called, found in partition.target.standing(name, fields):
            if target_id not in ours:
                standing.add(Candidate(target_id, called, found.values.get(own_key)), found.values)
            if len(standing.by_id) > MOST:
                raise MappingError(
                    f"{partition.key}: people have made more than {MOST:,} {name} in the target, more than can be looked up."
                )
        self._standing[name] = standing
        return standing


def _keys(partition: OpenPartition, compiled: CompiledRoute) -> Keys:
    return Keys(compiled.route.matched_by, str(partition.project.decisions.get("phone_region", "")))


@dataclass(frozen=True)
class Readied:
    """Matched entries as they stand now: those of which something is to be written, and what became of the others."""

    to_write: Sequence[Entry]
    settled: Sequence[Result]


def make_ready(partition: OpenPartition, compiled: CompiledRoute, entries: Sequence[Entry]) -> Readied:
    """Read the target's records of matched entries, and find what of each is to be written: never what people wrote."""
    name = compiled.route.target
    ids = {entry.entry_id: entry.matched_id or "" for entry in entries}
    there = partition.target.read_back(name, list(dict.fromkeys(ids.values())))
    filled = partition.ledger.matches.filled(ids)
    own_key = migration_key(partition, name)
    to_write, settled = [], []
    for entry in entries:
        found = there.get(ids[entry.entry_id])
        if found is None or (why := _changed(partition, compiled, entry, found, own_key)):
            why = f"{entry.matched_id} is not in the target any more" if found is None else why
            problem = Problem(HoldReason.MATCH_CHANGED, why, value=entry.matched_id)
            settled.append(Result(entry, "held", entry.target_id, problem=problem.as_json()))
            continue
        earlier = filled.get(entry.entry_id, Filled())
        before = {one: found.values.get(one) for one in _to_write(partition, compiled, entry, found, earlier, own_key)}
        if before:
            to_write.append(as_written(entry, before))
        else:
            settled.append(Result(replace(entry, references=_unused(entry)), "unchanged", entry.matched_id))
    return Readied(to_write, settled)


def _changed(partition: OpenPartition, compiled: CompiledRoute, entry: Entry, found: Found, own_key: str) -> str:
    """Why a record is not any more what the plan matched with; empty where it is."""
    bears = found.values.get(own_key)
    if not is_empty(bears) and bears != entry.source_id:
        return f"{entry.matched_id} bears the migration key of {bears} by now"
    if entry.target_id is None and entry.matched_key != BY_WORD:
        keys = _keys(partition, compiled)
        meant = {term for term in keys.terms(entry.payload) if keys.label(term[0]) == entry.matched_key}
        if not meant & set(keys.terms(found.values)):
            return f"{entry.matched_id} has another {entry.matched_key} by now, or none"
    return ""


def _to_write(
    partition: OpenPartition, compiled: CompiledRoute, entry: Entry, found: Found, earlier: Filled, own_key: str
) -> list[str]:
    """The fields to write: blank ones, and those that we filled before and that still hold what we wrote."""
    names = [own_key] if is_empty(found.values.get(own_key)) else []
    if partition.project.existing.get(compiled.route.target, ("", ""))[1] != FILL:
        return names
    blank = partition.target.fillable(compiled.route.target, found, list(entry.payload))
    for name, meant in entry.payload.items():
        stood = found.values.get(name)
        is_ours = name in earlier.written and not differences({name: earlier.written[name]}, {name: stood})
        is_to_fill = (name in blank and not is_empty(meant)) or is_ours
        if is_to_fill and differences({name: meant}, {name: stood}):
            names.append(name)
    return names


def _unused(entry: Entry) -> Sequence[tuple[str, str, str, None]]:
    return tuple((name, route, source_id, None) for name, route, source_id, _ in entry.references)


def joined_by_people(partition: OpenPartition, batch: Batch, entries: Sequence[Entry]) -> Mapping[int, Result]:
    """Of links between records that people made, those that people made as well: entry id -> what becomes of it."""
    results: dict[int, Result] = {}
    for entry, there in zip(entries, partition.target.joined(batch), strict=True):
        if there is None:
            continue
        if there.is_as_meant:
            results[entry.entry_id] = Result(entry, "unchanged", there.id)
        else:
            why = f"people have made {there.id} of it in the target, and it takes one such link"
            problem = Problem(HoldReason.LINKED_ELSEWHERE, why, value=there.id)
            results[entry.entry_id] = Result(entry, "held", entry.target_id, problem=problem.as_json())
    return results
