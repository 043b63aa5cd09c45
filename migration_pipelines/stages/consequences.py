"""Consequences: what every decision is about in this org, taken or open, in numbers of records.

Most decisions say in the pair which records they concern. What no selection of records shows, of people and of the target
account, is said here by the decision's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migration_pipelines.connectors.registry import record_ceilings
from migration_pipelines.core.owners import match_owners
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.stages.counting import count
from migration_pipelines.stages.partition import OpenPartition

_NAMED = 5


def consequences(partition: OpenPartition) -> list[dict[str, Any]]:
    """A row for every decision that this org asks for, in the pair's order.

    Shape: {decision, meaning, value (None while it is open), values: {value: what it does}, takes, concerns: [{records,
    number (None where it is not known), why, objects}], says: [sentence], remarks: [what a person should look at]}.

    Before discovery and extraction numbers are unknown, and each says why.
    """
    project = partition.project
    source, target = partition.ledger.schema("source"), partition.ledger.schema("target")
    asked = {
        name: decision
        for name, decision in project.pair.decisions.items()
        if decision.asked_where is None or (source and source.facts.get(decision.asked_where))
    }
    counted = iter(count(partition, [one for decision in asked.values() for one in decision.concerns]))
    rows = []
    for name, decision in asked.items():
        of_account = _SAID.get(name) if source and target else None
        rows.append({
            "decision": name, "meaning": decision.meaning, "value": project.decisions.get(name),
            "values": dict(decision.allowed), "takes": decision.explain(),
            "concerns": [next(counted).as_json() for _ in decision.concerns],
            "says": list(of_account(partition, source, target)) if of_account and source and target else [],
            "remarks": list(_remarks(name, project.decisions, target)),
        })  # fmt: skip
    return rows


def _remarks(name: str, decisions: Mapping[str, Any], target: OrgSchema | None) -> Iterator[str]:
    zone, own = decisions.get(name), target.facts.get("time_zone") if target else None
    if name == "time_zone" and zone and own and zone != own:
        yield f"{zone} is not the zone of the target account, {own}: people there will see other hours and, at night, other days"


def _owners(partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    matches = match_owners(
        source.users, target.users, partition.project.owners, is_sandbox=bool(source.facts.get("is_sandbox"))
    )
    owned, unread = _owned(partition)
    open_ = {key: rows for key, rows in owned.most_common() if key in matches and matches[key].target is None}
    names = [f"{matches[key].source.name}, {_many(rows, 'record')}" for key, rows in list(open_.items())[:_NAMED]]
    yield (
        f"{_many(sum(open_.values()), 'record')} of {_many(len(open_), 'owner')} without a counterpart in the target"
        + (f": {'; '.join(names)}{' ...' if len(open_) > _NAMED else ''}" if names else "")
    )
    if unread:
        yield f"not counted, since not extracted yet: {', '.join(unread)}"


def _owned(partition: OpenPartition) -> tuple[Counter[str], list[str]]:
    """User -> records that would be held without a counterpart; and the objects that nobody has extracted yet."""
    records, owned, unread = partition.ledger.records, Counter[str](), list[str]()
    asked = {
        (compiled.route.source, row.from_): None
        for _, compiled in partition.routes
        for row in compiled.route.references.values()
        if row.to == ("users",) and row.if_held == "hold" and row.from_
    }
    for source_object, field in asked:
        if records.last_extraction(source_object) is None:
            unread.append(source_object)
        else:
            owned.update(records.owned_in_source(source_object, field))
    return owned, list(dict.fromkeys(unread))


def _already_there(partition: OpenPartition, _source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    objects = dict.fromkeys(compiled.route.target for _, compiled in partition.routes)
    there = [name for name in objects if name in target.objects and target.objects[name].records]
    yield (
        f"the target held {', '.join(there)} when it was discovered"
        if there
        else "the target was empty when it was discovered"
    )


def _ceilings(partition: OpenPartition, _source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    for plan in partition.project.pair.decisions["kommo_plan"].allowed:
        decided = {**partition.project.decisions, "kommo_plan": plan}
        limits = record_ceilings(partition.project.file.target, decided, target)
        if limits:
            yield f"{plan}: " + ", ".join(f"{most:,} {' and '.join(names)}" for names, most in limits.items())


def _seats(_partition: OpenPartition, _source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    yield f"the account has {_many(sum(user.is_active for user in target.users), 'active user')}"


def _webhooks(_partition: OpenPartition, _source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    hooks = target.facts.get("webhooks", ())
    yield _many(len(hooks), "webhook") + (f": {', '.join(hooks)}" if hooks else "")


def _currencies(_partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    ours, theirs = source.facts.get("currency"), target.facts.get("currency")
    if ours and theirs:
        yield f"both count in {ours}" if ours == theirs else f"the source counts in {ours}, the target in {theirs}"


def _gaps(_partition: OpenPartition, source: OrgSchema, _target: OrgSchema) -> Iterator[str]:
    yield from source.gaps or ["nothing that is known of is hidden"]


def _refusals(partition: OpenPartition, source: OrgSchema, _target: OrgSchema) -> Iterator[str]:
    sizes = {name: source.objects[name].records or 0 for name in partition.source_objects if name in source.objects}
    if sizes:
        largest = max(sizes, key=sizes.__getitem__)
        yield f"the largest object is {largest}, with {_many(sizes[largest], 'record')}"


_Said = Callable[[OpenPartition, OrgSchema, OrgSchema], Iterator[str]]
_SAID: Mapping[str, _Said] = {
    "unmatched_owner": _owners,
    "existing_records": _already_there,
    "kommo_plan": _ceilings,
    "kommo_seats": _seats,
    "live_webhooks": _webhooks,
    "currency_differs": _currencies,
    "visibility_gap": _gaps,
    "failed_allowed": _refusals,
}
SAID = frozenset(_SAID)
"""The decisions whose consequence is said here."""


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
