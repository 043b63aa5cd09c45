"""Owners: every user of the source is matched to a user of the target, by a person's word first, then by e-mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migration_pipelines.core.fingerprint import digest
from migration_pipelines.core.owners import match_owners, queues_of
from migration_pipelines.core.records import HoldReason, Outcome, Problem, SourceRecord
from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.ledger.plans import PlanRow
from migration_pipelines.stages.partition import OpenPartition

NOT_NEEDED = "owns no record in scope"
NO_OWNER = "is no one who can own records"


class Owners:
    """The owners of one plan."""

    def __init__(self, partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> None:
        self._partition = partition
        self._matches = match_owners(
            (*source.users, *queues_of(source)),
            target.users,
            partition.project.owners,
            is_sandbox=bool(source.facts.get("is_sandbox")),
        )
        self._needed: set[str] = set()
        self._records = Counter[str]()
        self._counted: dict[tuple[str, str], str] = {}  # (source object, its field) -> the route that counts it

    def rows(self, compiled: CompiledRoute, page: Sequence[SourceRecord]) -> Iterable[PlanRow]:
        """A plan row for every user or queue: planned where there is a counterpart, else held."""
        route = compiled.key
        for record in page:
            if not record.deleted and not compiled.takes(record):
                yield PlanRow(route, record.id, Outcome.EXCLUDED, problems=[{"message": NO_OWNER}])
                continue
            match = self._matches.get(record.id)
            if record.deleted:
                yield PlanRow(route, record.id, Outcome.DELETED_IN_SOURCE)
            elif match and match.target:
                values = {"name": match.target.name, "email": match.target.email}
                yield PlanRow(route, record.id, Outcome.PLANNED, digest([values, match.target.id]), payload=values)
            else:
                why = match.problem if match else "was not among the users when the source was discovered"
                problem = Problem(HoldReason.OWNER_UNRESOLVED, why or "", value=record.values.get("Email"))
                yield PlanRow(route, record.id, Outcome.HELD, problems=[problem.as_json()])

    def note_needed(self, compiled: CompiledRoute, page: Sequence[SourceRecord]) -> None:
        """Remember the users without whom a record of this page would be held, and how many that would be. Where several
        routes take an object, its records count on the first."""
        source = compiled.route.source
        for row in compiled.route.references.values():
            if row.to != ("users",) or row.if_held != "hold" or not (field := row.from_):
                continue
            self._needed.update(owner for record in page if (owner := record.values.get(field)))
            if self._counted.setdefault((source, field), compiled.key) == compiled.key:
                live = (record for record in page if not record.deleted)
                self._records.update(owner for record in live if (owner := record.values.get(field)))

    def keep(self, plan_id: int, users_routes: Sequence[str]) -> None:
        """Keep the owners, and exclude from the plan those that nothing in scope needs."""
        plans = self._partition.ledger.plans
        for route in users_routes:
            plans.mark_needed_owners(plan_id, self._needed, route, NOT_NEEDED)
        plans.replace_owners(self._as_row(source_id) for source_id in self._matches)

    def figures(self) -> dict[str, Any]:
        """The part of the plan's summary that `owner_figures` reads: how many owners are needed, and who of them is open."""
        needed = [self._as_row(source_id) for source_id in self._matches if source_id in self._needed]
        return {
            "owners_needed": len(needed),
            "owners_open": [
                {name: owner[name] for name in ("source_id", "name", "email", "problem")}
                | {"records": self._records[owner["source_id"]]}
                for owner in needed
                if owner["target_id"] is None
            ],
        }

    def _as_row(self, source_id: str) -> dict[str, Any]:
        match = self._matches[source_id]
        return {
            "source_id": source_id,
            "name": match.source.name,
            "email": match.source.email,
            "is_active": match.source.is_active,
            "target_id": match.target.id if match.target else None,
            "resolved_by": match.resolved_by,
            "problem": match.problem,
            "is_needed": source_id in self._needed,
        }


def owner_figures(partition: OpenPartition) -> dict[str, Any]:
    """What the claim on owners is judged by: the owners as the current plan found them, and the decision as it stands."""
    plan = partition.ledger.plans.current()
    summary: Mapping[str, Any] = plan["summary"] if plan else {}
    open_ = summary.get("owners_open", ())
    return {
        "owners_needed": summary.get("owners_needed", len(open_)),
        "owners_open": open_,
        "unmatched_owner": partition.project.decisions.get("unmatched_owner"),
    }
