"""The pilot: in production five deals go first, with what they hang on and what hangs on them; then a person looks.

Nothing that reaches a customer by mistake can be taken back, and no twin shows which automations an account has. So the
first load of a production partition stops after the pilot, until somebody has looked at it in the target and said so.
Until then each apply brings it as the newest plan means it: what was wrong can be mended and looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.core.records import Outcome
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.batches import Entry
from migration_pipelines.stages.partition import PRODUCTION, OpenPartition
from migration_pipelines.stages.progress import Report
from migration_pipelines.stages.record_names import name_in_target
from migration_pipelines.stages.sending import Sender
from migration_pipelines.stages.verify import verify_route

RECORDS = 5
Chosen = dict[str, list[str]]
"""Route -> source ids."""


def require_pilot(partition: OpenPartition, plan_id: int, report: Report) -> None:
    """In production: load the pilot as far as it is not there as meant, and stop until a person has looked at it.

    Raises:
        GateClosed: nobody has looked at it yet.
    """
    if partition.environment != PRODUCTION or _said(partition, "pilot seen"):
        return
    chosen = _kept(partition) or _choose(partition)
    if not chosen:
        return
    for compiled in _written_routes(partition):
        if entries := partition.ledger.batches.to_send_of(compiled.key, chosen.get(compiled.key, ())):
            for _ in Sender(partition, plan_id, compiled).send([entries]):
                pass
            verify_route(partition, compiled, only_unverified=True, report=report)
    if not _said(partition, "pilot loaded"):
        _say(partition, "pilot loaded", {"records": chosen})
    there = "\n".join(_in_words(partition, chosen))
    raise GateClosed(
        f"{partition.key}: the pilot is in the target, and nothing else of this plan:\n{there}\n"
        "Look at these records there, and for messages that should not have gone out. Then run: "
        f"crm-migrate confirm {partition.key} --pilot, and apply again. To take it back: crm-migrate rollback {partition.key}"
    )


def see_pilot(partition: OpenPartition, *, who: str) -> None:
    """A person's word that the pilot was looked at and is as it should be.

    Raises:
        GateClosed: there is no pilot to look at.
    """
    if not _said(partition, "pilot loaded"):
        raise GateClosed(
            f"{partition.key}: no pilot has been loaded. It comes with the first apply to an environment named {PRODUCTION}."
        )
    _say(partition, "pilot seen", {}, who=who)


def _choose(partition: OpenPartition) -> Chosen:
    """Up to five records of the last object that others hang on, their parents, and up to five of each kind on them."""
    batches, routes = partition.ledger.batches, {one.key: one for one in _written_routes(partition)}
    chosen: Chosen = {}
    for key in _anchors(routes):
        if entries := next(batches.to_send(key), [])[:RECORDS]:
            _take(partition, entries, key, chosen)
            break
    for key in routes:
        if key not in chosen and (entries := _hanging_on(chosen, key, batches.to_send(key))):
            _take(partition, entries, key, chosen)
    if chosen:
        _say(partition, "pilot chosen", {"records": chosen})
    return chosen


def _anchors(routes: Mapping[str, CompiledRoute]) -> list[str]:
    """Routes that other CRM objects refer to, the last one in load order first: deals before contacts before companies."""
    named = {
        (_crm_object(key), to.partition(">")[0])
        for key, compiled in routes.items()
        for row, _ in compiled.references.values()
        if row.through is None
        for to in row.to
    }
    parents = {parent for child, parent in named if child != parent}
    return [key for key in reversed(list(routes)) if _crm_object(key) in parents]


def _crm_object(route: str) -> str:
    return route.partition("/")[0]


def _take(partition: OpenPartition, entries: Sequence[Entry], key: str, chosen: Chosen) -> None:
    """Choose entries, and whatever they refer to that is not in the target yet."""
    chosen.setdefault(key, []).extend(entry.source_id for entry in entries)
    needed: Chosen = {}
    for entry in entries:
        for _, route, source_id, target_id in entry.references:
            if target_id is None and source_id not in chosen.get(route, ()):
                needed.setdefault(route, []).append(source_id)
    for route, source_ids in needed.items():
        parents = partition.ledger.batches.to_send_of(route, list(dict.fromkeys(source_ids)))
        _take(partition, parents, route, chosen)


def _hanging_on(chosen: Chosen, key: str, pages: Iterable[Sequence[Entry]]) -> list[Entry]:
    """Up to five entries of a route that refer to chosen ones, and to nothing else that is not in the target but what
    comes with them: the file that is to hang on a card."""
    found: list[Entry] = []
    for page in pages:
        for entry in page:
            open_ = [
                (route, source_id)
                for _, route, source_id, target_id in entry.references
                if target_id is None and _crm_object(route) != _crm_object(key)
            ]
            if open_ and all(source_id in chosen.get(route, ()) for route, source_id in open_):
                found.append(entry)
                if len(found) == RECORDS:
                    return found
    return found


def _written_routes(partition: OpenPartition) -> list[CompiledRoute]:
    return [
        compiled for crm_object, compiled in partition.routes if crm_object != "users" and not compiled.route.carried_by
    ]


def _in_words(partition: OpenPartition, chosen: Chosen) -> Iterator[str]:
    """What of the pilot is there, by name and id, links by their number; and what is not, with the reason."""
    routes, anchor = {one.key: one for one in _written_routes(partition)}, next(iter(chosen))
    for key in (key for key in chosen if key in routes):
        there, missing = [], []
        for row in partition.ledger.batches.standing_of(key, chosen[key]):
            name = name_in_target(row["payload"] or {})
            if row["outcome"] == Outcome.LOADED:
                there.append(f"{name} ({row['target_id']})" if name else row["target_id"])
            else:
                problems = [row["problem"]] if row["problem"] else row["problems"] or ()
                why = "; ".join(problem["message"] for problem in problems) or "no reason is kept"
                missing.append(f"    not there: {name or 'unnamed'} ({row['source_id']}), {row['outcome']}: {why}")
        few = " (the plan has no more)" if key == anchor and len(chosen[key]) < RECORDS else ""
        listed = f": {', '.join(there)}" if there and routes[key].route.fields else ""
        yield "\n".join([f"  {len(there)} x {routes[key].route.target}{few}{listed}", *missing])


def _kept(partition: OpenPartition) -> Chosen | None:
    event = _said(partition, "pilot chosen")
    return event["detail"]["records"] if event else None


def _said(partition: OpenPartition, kind: str) -> dict[str, Any] | None:
    """The last event of a kind for this target org, unless everything was rolled back after it."""
    target = partition.schema("target").identity
    for event in reversed(partition.ledger.events(kind, "rolled back")):
        if event["kind"] == "rolled back":
            return None
        if event["detail"]["target"] == target:
            return dict(event)
    return None


def _say(partition: OpenPartition, kind: str, detail: Mapping[str, Any], *, who: str | None = None) -> None:
    target = partition.schema("target").identity
    partition.ledger.add_event(kind, who=who, detail={"target": target, **detail})
