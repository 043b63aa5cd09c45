"""People in the report: who takes over from whom, by what rule or whose word, and what was confirmed by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from migration_pipelines.stages.partition import OpenPartition

_WORDS = {
    "confirmed": "confirmed the mapping, decisions and owners",
    "vouched": "vouched for what only a person can see to in the target",
    "plan approved": "approved this plan",
    "pilot seen": "looked at the pilot",
}


def owners_of(partition: OpenPartition) -> list[dict[str, Any]]:
    """Every source user who owns something in scope: counterpart, rule, and how many records in source and target."""
    owned, arrived = _owned(partition)
    there = {user.id: user for user in partition.schema("target").users}
    said = _who_decided(partition)
    owners = []
    for one in partition.ledger.owners():
        rows = owned[one["source_id"]]
        if not rows and not one["is_needed"]:
            continue
        counterpart = there.get(one["target_id"] or "")
        if one["resolved_by"] == "decision":
            who = next((said[name] for name in _names(one) if name in said), None)
            rule = f"named in owners.yaml, confirmed by {who}" if who else "named in owners.yaml"
        else:
            rule = "same e-mail address" if one["resolved_by"] else "nobody yet"
        owners.append({
            "source_id": one["source_id"], "name": one["name"], "email": one["email"], "is_active": one["is_active"],
            "counterpart": counterpart and {"id": counterpart.id, "name": counterpart.name, "email": counterpart.email},
            "rule": rule, "problem": one["problem"], "owned": rows, "arrived": arrived[one["source_id"]],
        })  # fmt: skip
    return sorted(owners, key=lambda one: (one["counterpart"] is not None, -one["owned"], one["source_id"]))


def words_given(partition: OpenPartition, plan: str) -> list[dict[str, Any]]:
    """Who gave which word, and when; the newest of each person for each kind, oldest first."""
    given: dict[tuple[str, str], dict[str, Any]] = {}
    for event in partition.ledger.events(*_WORDS):
        if event["kind"] == "plan approved" and event["detail"]["plan"] != plan:
            continue
        key = (event["kind"], event["who"])
        given.pop(key, None)
        at = event["at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        given[key] = {"who": event["who"], "what": _WORDS[event["kind"]], "at": at}
    return list(given.values())


def _owned(partition: OpenPartition) -> tuple[Counter[str], Counter[str]]:
    """Owner -> live source records, and -> records that were given to the counterpart. Each record counts once."""
    owned, arrived, asked = Counter[str](), Counter[str](), set[tuple[str, str]]()
    for _, compiled in partition.routes:
        source = compiled.route.source
        for field, row in compiled.route.references.items():
            if row.to != ("users",) or row.if_held != "hold" or row.from_ is None:
                continue
            arrived.update(partition.ledger.report.owned_in_target(compiled.key, field))
            if (source, row.from_) not in asked:
                asked.add((source, row.from_))
                owned.update(partition.ledger.report.owned_in_source(source, row.from_))
    return owned, arrived


def _who_decided(partition: OpenPartition) -> dict[str, str]:
    """A user's name as it stands in owners.yaml, in small letters -> who confirmed that row as it stands."""
    rows, said = partition.rows(), dict[str, str]()
    for event in partition.ledger.events("confirmed"):
        for name in partition.project.owners:
            if event["detail"]["rows"].get(f"owner {name}") == rows[f"owner {name}"]:
                said[name.strip().casefold()] = event["who"]
    return said


def _names(owner: Mapping[str, Any]) -> list[str]:
    """How owners.yaml may name a user: by id, or by e-mail address, without what a sandbox adds to it; a queue by its name."""
    email = (owner["email"] or "").strip().casefold()
    by_name = [] if email else [(owner["name"] or "").strip().casefold()]
    return [owner["source_id"].casefold(), email, email.removesuffix(".invalid"), *by_name]
