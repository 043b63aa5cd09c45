"""Records that people had made in the target and that are records of the source: found by a plan, filled by a load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from migration_pipelines.ledger.base import PartitionTables, to_json
from migration_pipelines.ledger.codec import encode_all

PAGE = 2_000


@dataclass(slots=True)
class Filled:
    """What was ever written of a matched record and not undone: each field as it stood before, and as we last wrote it."""

    before: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)


def written_of(payload: Mapping[str, Any], before: Mapping[str, Any], source_id: str) -> dict[str, Any]:
    """What is written of a matched record: the fields whose values as they stood are kept, and no other.

    Args:
        payload: what the mapping means; a field that it does not fill is the migration key, whose value is the source id.
    """
    return {name: payload.get(name, source_id) for name in before}


class Matches(PartitionTables):
    """The matched records of a partition. Plans are asked about while they are built."""

    def is_any_new(self, plan_id: int, route: str) -> bool:
        """Whether a plan has rows of a route that are to be brought over and have no record in the target."""
        return bool(
            self.scalar(
                "SELECT EXISTS (SELECT 1 FROM ledger.plan_row p LEFT JOIN ledger.entry_status s ON "
                "s.partition_id = :partition AND s.route_id = p.route_id AND s.source_id = p.source_id "
                "WHERE p.plan_id = :plan AND p.route_id = :route AND p.planned = 'planned' AND s.target_id IS NULL "
                "AND p.takes_over IS NULL)",
                plan=plan_id, route=self.route_id(route),
            )
        )  # fmt: skip

    def planned(self, plan_id: int, route: str) -> Iterator[list[Mapping[str, Any]]]:
        """Rows of a plan that are to be brought over, a page at a time: (source_id, payload, is_new)."""
        last = ""
        while rows := self.select(
            "SELECT p.source_id, p.payload, s.target_id IS NULL AND p.takes_over IS NULL AS is_new FROM ledger.plan_row p "
            "LEFT JOIN ledger.entry_status s ON s.partition_id = :partition AND s.route_id = p.route_id "
            "AND s.source_id = p.source_id WHERE p.plan_id = :plan AND p.route_id = :route AND p.planned = 'planned' "
            "AND p.source_id > :last ORDER BY p.source_id LIMIT :limit",
            plan=plan_id, route=self.route_id(route), last=last, limit=PAGE,
        ):  # fmt: skip
            last = rows[-1]["source_id"]
            yield rows

    def ours(self, routes: Sequence[str]) -> set[str]:
        """The target ids of every record that some routes have brought to the target, or hung on one there."""
        rows = self.select(
            "SELECT target_id FROM ledger.entry_status WHERE partition_id = :partition AND route_id = ANY(:routes) "
            "AND target_id IS NOT NULL",
            routes=[self.route_id(route) for route in routes],
        )
        return {row["target_id"] for row in rows}

    def keep(
        self, plan_id: int, route: str, matched: Mapping[str, tuple[str, Mapping[str, Any]]],
        held: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    ) -> None:  # fmt: skip
        """Note what a plan found.

        Args:
            matched: source id -> (target id, evidence).
            held: source id -> (problem, evidence).
        """
        values = {"plan": plan_id, "route": self.route_id(route)}
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE ledger.plan_row p SET matched_id = m.target_id, match = m.match::json "
                    "FROM unnest(CAST(:ids AS text[]), CAST(:targets AS text[]), CAST(:evidence AS text[])) "
                    "AS m(source_id, target_id, match) "
                    "WHERE p.plan_id = :plan AND p.route_id = :route AND p.source_id = m.source_id"
                ),
                values | {"ids": list(matched), "targets": [one for one, _ in matched.values()],
                          "evidence": [to_json(dict(one)) for _, one in matched.values()]},
            )  # fmt: skip
            connection.execute(
                text(
                    "UPDATE ledger.plan_row p SET planned = 'held', plan_hash = NULL, payload = NULL, "
                    "problems = m.problems::json, match = m.match::json "
                    "FROM unnest(CAST(:ids AS text[]), CAST(:problems AS text[]), CAST(:evidence AS text[])) "
                    "AS m(source_id, problems, match) "
                    "WHERE p.plan_id = :plan AND p.route_id = :route AND p.source_id = m.source_id"
                ),
                values | {"ids": list(held), "problems": [to_json(encode_all([one])) for one, _ in held.values()],
                          "evidence": [to_json(dict(one)) for _, one in held.values()]},
            )  # fmt: skip

    def has_any(self, route: str) -> bool:
        """Whether a record of a route was ever matched."""
        return bool(
            self.scalar(
                "SELECT EXISTS (SELECT 1 FROM ledger.ledger_entry WHERE partition_id = :partition AND route_id = :route "
                "AND matched_id IS NOT NULL)",
                route=self.route_id(route),
            )
        )

    def keep_loaded(self, plan_id: int, route: str) -> None:
        """Records that were matched and loaded stay matched with what they hang on."""
        self.execute(
            "UPDATE ledger.plan_row p SET matched_id = s.matched_id, match = s.match FROM ledger.entry_status s "
            "WHERE s.partition_id = :partition AND s.route_id = p.route_id AND s.source_id = p.source_id "
            "AND s.target_id IS NOT NULL AND NOT s.created_by_us AND s.matched_id IS NOT NULL "
            "AND p.plan_id = :plan AND p.route_id = :route AND p.planned = 'planned'",
            plan=plan_id, route=self.route_id(route),
        )  # fmt: skip

    def mean(self, plan_id: int, route: str, decided: str) -> None:
        """Another decision about matched records is another meaning of their rows: their hash says so."""
        self.execute(
            "UPDATE ledger.plan_row SET plan_hash = substring(sha256(plan_hash || convert_to(:decided, 'UTF8')) FOR 16) "
            "WHERE plan_id = :plan AND route_id = :route AND matched_id IS NOT NULL AND planned = 'planned'",
            plan=plan_id, route=self.route_id(route), decided=decided,
        )  # fmt: skip

    def found(self, plan_id: int, route: str) -> Iterator[Mapping[str, Any]]:
        """What a plan matched or held for a match, in order: (source_id, planned, matched_id, match)."""
        last = ""
        while rows := self.select(
            "SELECT source_id, planned, matched_id, match FROM ledger.plan_row WHERE plan_id = :plan AND route_id = :route "
            "AND match IS NOT NULL AND source_id > :last ORDER BY source_id LIMIT :limit",
            plan=plan_id, route=self.route_id(route), last=last, limit=PAGE,
        ):  # fmt: skip
            last = rows[-1]["source_id"]
            yield from rows

    def filled(self, entry_ids: Iterable[int]) -> dict[int, Filled]:
        """Entry -> what we wrote of the matched record, but for what was undone since."""
        filled: dict[int, Filled] = {}
        for row in self.select(
            "SELECT p.entry_id, e.source_id, p.payload AS before, i.payload AS meant FROM ledger.pre_image p "
            "JOIN ledger.ledger_entry e ON e.id = p.entry_id "
            "JOIN ledger.intent i ON i.entry_id = p.entry_id AND i.version = p.version "
            "JOIN ledger.outcome o ON o.entry_id = p.entry_id AND o.batch_id = p.batch_id AND o.result = 'updated' "
            "WHERE p.entry_id = ANY(:ids) AND p.batch_id > coalesce((SELECT max(u.after_batch) FROM ledger.undo u "
            "WHERE u.entry_id = p.entry_id AND u.result = 'undone'), 0) ORDER BY p.batch_id",
            ids=list(entry_ids),
        ):
            one = filled.setdefault(row["entry_id"], Filled())
            one.before = row["before"] | one.before
            one.written |= written_of(row["meant"], row["before"], row["source_id"])
        return filled
