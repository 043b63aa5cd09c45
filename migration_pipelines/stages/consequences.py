"""Consequences: what every decision is about in this org, taken or open, in numbers of records.

Most decisions say in the pair which records they concern. What no selection of records shows, of people and of the target
account, is said here by the decision's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.registry import record_ceilings
from migration_pipelines.core.concerns import Concern
from migration_pipelines.core.exchange import exchange_between
from migration_pipelines.core.owners import match_owners, queues_of
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.pairs import Decision
from migration_pipelines.stages.counting import Counted, count
from migration_pipelines.stages.partition import OpenPartition

_NAMED = 5
_Said = Callable[[OpenPartition, OrgSchema, OrgSchema], Iterator[str]]


def concerns_of_decisions(partition: OpenPartition) -> list[Concern]:
    """What the decisions that this org asks for are about, in the pair's order."""
    return [one for decision in _asked(partition).values() for one in decision.concerns]


def consequences(partition: OpenPartition, counts: Sequence[Counted] | None = None) -> list[dict[str, Any]]:
    """A row for every decision that this org asks for, in the pair's order.

    Args:
        counts: of `concerns_of_decisions`, where they are there already.

    Shape: {decision, meaning, value (None while it is open), values: {value: what it does}, takes, concerns: [{records,
    number (None where it is not known), why, objects}], says: [sentence], remarks: [what a person should look at]}.

    Before discovery and extraction numbers are unknown, and each says why.
    """
    project = partition.project
    source, target = partition.ledger.schema("source"), partition.ledger.schema("target")
    counted = iter(count(partition, concerns_of_decisions(partition)) if counts is None else counts)
    rows = []
    for name, decision in _asked(partition).items():
        of_account = _SAID.get(name) if source and target else None
        rows.append({
            "decision": name, "meaning": decision.meaning, "value": project.decisions.get(name),
            "values": dict(decision.allowed), "takes": decision.explain(),
            "concerns": [next(counted).as_json() for _ in decision.concerns],
            "says": list(of_account(partition, source, target)) if of_account and source and target else [],
            "remarks": list(_remarks(name, project.decisions, target)),
        })  # fmt: skip
    return rows


def _asked(partition: OpenPartition) -> dict[str, Decision]:
    project, source = partition.project, partition.ledger.schema("source")
    facts = source.facts if source else {}
    return {
        name: decision
        for name, decision in project.pair.decisions.items()
        if decision.is_asked(project.decisions, facts)
    }


def _remarks(name: str, decisions: Mapping[str, Any], target: OrgSchema | None) -> Iterator[str]:
    zone, own = decisions.get(name), target.facts.get("time_zone") if target else None
    if name == "time_zone" and zone and own and zone != own:
        yield f"{zone} is not the zone of the target account, {own}: people there will see other hours and, at night, other days"


def _owners(partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    matches = match_owners(
        (*source.users, *queues_of(source)),
        target.users,
        partition.project.owners,
        is_sandbox=bool(source.facts.get("is_sandbox")),
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


def _already_there(name: str) -> _Said:
    """Of the decision about the records that a target object holds already."""

    def said(_partition: OpenPartition, _source: OrgSchema, target: OrgSchema) -> Iterator[str]:
        held = name in target.objects and target.objects[name].records
        yield f"the target held {'some' if held else 'no'} {name} when it was discovered"

    return said


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


def _rates(_partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> Iterator[str]:
    exchange = exchange_between(source, target)
    if exchange is None:
        yield f"the source has no active rate for the target's currency, {target.facts.get('currency')}: nothing can be converted"
        return
    own = exchange.rates[exchange.into]
    others = {code: rate / own for code, rate in exchange.rates.items() if code != exchange.into}
    equals = ", ".join(f"{rate.normalize():.6g} {code}" for code, rate in others.items())
    yield f"1 {exchange.into} is {equals}, by the rates of the discovery" if others else "one currency is active"
    inactive = [one["code"] for one in source.facts["currencies"] if one["code"] not in exchange.rates]
    if inactive:
        yield f"inactive or without a rate: {', '.join(inactive)}"
    if any(one.name == "dated exchange rates" and one.state == "available" for one in source.capabilities):
        yield "dated rates of the org are not used: every deal is converted by the rate of the discovery, whatever its date"


def _gaps(_partition: OpenPartition, source: OrgSchema, _target: OrgSchema) -> Iterator[str]:
    yield from source.gaps or ["nothing that is known of is hidden"]


def _refusals(partition: OpenPartition, source: OrgSchema, _target: OrgSchema) -> Iterator[str]:
    sizes = {name: source.objects[name].records or 0 for name in partition.source_objects if name in source.objects}
    if sizes:
        largest = max(sizes, key=sizes.__getitem__)
        yield f"the largest object is {largest}, with {_many(sizes[largest], 'record')}"


_SAID: Mapping[str, _Said] = {
    "unmatched_owner": _owners,
    "existing_companies": _already_there("companies"),
    "existing_contacts": _already_there("contacts"),
    "existing_deals": _already_there("leads"),
    "kommo_plan": _ceilings,
    "kommo_seats": _seats,
    "live_webhooks": _webhooks,
    "currency_differs": _currencies,
    "multi_currency": _rates,
    "visibility_gap": _gaps,
    "failed_allowed": _refusals,
}
SAID = frozenset(_SAID)
"""The decisions whose consequence is said here."""


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
