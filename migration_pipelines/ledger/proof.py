"""What was read back, and how it all adds up: entries to verify, findings, figures, reconciliation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import text

from migration_pipelines.ledger.base import PartitionTables, copy_rows, to_json
from migration_pipelines.ledger.matches import written_of

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as it was last written: what was meant, and the target ids its references had then.

    Of a matched record `payload` is what was blank there and was filled, and nothing else.
    """

    entry_id: int
    source_id: str
    target_id: str
    payload: Mapping[str, Any]
    references: Sequence[tuple[str, str | None]]
    result: str


class Proof(PartitionTables):
    """Verification and reconciliation of a partition."""

    def written(self, route: str, *, only_unverified: bool, only_ours: bool = False) -> Iterator[list[Written]]:
        """Loaded entries of a route, a page at a time; only those of batches that nobody has read back yet, and only those
        that we made, if asked."""
        last = 0
        while True:
            rows = self.select(
                "SELECT s.entry_id, s.source_id, s.target_id, s.result, i.payload, i.ref_fields, s.ref_target_ids, "
                "pre.payload AS before FROM ledger.entry_status s "
                "JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.sent_version "
                "JOIN ledger.batch b ON b.id = s.batch_id "
                "LEFT JOIN ledger.pre_image pre ON pre.entry_id = s.entry_id AND pre.batch_id = s.batch_id "
                "WHERE s.partition_id = :partition AND s.route_id = :route AND s.outcome = 'loaded' "
                "AND s.entry_id > :last AND (NOT :unverified OR b.verified_at IS NULL) AND (NOT :ours OR s.created_by_us) "
                "ORDER BY s.entry_id LIMIT :limit",
                route=self.route_id(route), last=last, unverified=only_unverified, ours=only_ours, limit=PAGE,
            )  # fmt: skip
            if not rows:
                return
            last = rows[-1]["entry_id"]
            yield [
                Written(
                    row["entry_id"], row["source_id"], row["target_id"],
                    row["payload"] if row["before"] is None
                    else written_of(row["payload"], row["before"], row["source_id"]),
                    tuple(zip(row["ref_fields"], row["ref_target_ids"] or [], strict=True)),
                    row["result"],
                )
                for row in rows
            ]  # fmt: skip

    def keep_findings(self, entry_ids: Sequence[int], findings: Sequence[tuple[int, str, str, Any, Any]]) -> None:
        """Replace what is known against these entries by (entry, field, verdict, meant, found)."""
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM ledger.finding WHERE entry_id = ANY(:ids)"), {"ids": list(entry_ids)})
            copy_rows(
                connection, "ledger.finding", ("entry_id", "field", "verdict", "meant", "found"),
                ((entry, field, verdict, to_json(meant), to_json(found)) for entry, field, verdict, meant, found in findings),
            )  # fmt: skip

    def mark_verified(self, route: str) -> None:
        """Every settled batch of a route has been read back."""
        self.execute(
            "UPDATE ledger.batch SET state = 'verified', verified_at = now() "
            "WHERE partition_id = :partition AND route_id = :route AND state IN ('settled', 'verified')",
            route=self.route_id(route),
        )

    def was_ever_loaded(self, route: str) -> bool:
        """Whether any record of a route was ever brought to the target."""
        return bool(
            self.scalar(
                "SELECT EXISTS (SELECT 1 FROM ledger.entry_status WHERE partition_id = :partition "
                "AND route_id = :route AND target_id IS NOT NULL)",
                route=self.route_id(route),
            )
        )

    def read_back_at(self, route: str) -> str | None:
        """When batches of a route were last read back, in UTC to the minute; None for never."""
        found = self.scalar(
            "SELECT max(verified_at) FROM ledger.batch WHERE partition_id = :partition AND route_id = :route",
            route=self.route_id(route),
        )
        return None if found is None else found.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

    def outcomes(self, route: str) -> dict[str, int]:
        """How many entries of a route have which outcome."""
        return {
            row["outcome"]: row["rows"]
            for row in self.select(
                "SELECT outcome, count(*) AS rows FROM ledger.entry_status "
                "WHERE partition_id = :partition AND route_id = :route GROUP BY outcome ORDER BY outcome",
                route=self.route_id(route),
            )
        }

    def unverified(self, route: str) -> int:
        """Loaded entries of a route that nobody has read back since they were written."""
        return int(
            self.scalar(
                "SELECT count(*) FROM ledger.entry_status s JOIN ledger.batch b ON b.id = s.batch_id "
                "WHERE s.partition_id = :partition AND s.route_id = :route AND s.outcome = 'loaded' "
                "AND b.verified_at IS NULL",
                route=self.route_id(route),
            )
        )

    def unaccounted(self, source_object: str, routes: Sequence[str]) -> int:
        """Source records of an object that have no entry on any of its routes."""
        return int(
            self.scalar(
                "SELECT count(*) FROM ledger.source_record r WHERE r.partition_id = :partition AND r.object_id = :object "
                "AND NOT EXISTS (SELECT 1 FROM ledger.ledger_entry e WHERE e.partition_id = :partition "
                "AND e.route_id = ANY(:routes) AND e.source_id = r.source_id)",
                object=self.object_id(source_object),
                routes=[self.route_id(route) for route in routes],
            )
        )

    def without_record(self, source_object: str, routes: Sequence[str]) -> int:
        """Entries on the routes of an object whose source record is not in the ledger any more."""
        return int(
            self.scalar(
                "SELECT count(*) FROM ledger.ledger_entry e WHERE e.partition_id = :partition AND e.route_id = ANY(:routes) "
                "AND NOT EXISTS (SELECT 1 FROM ledger.source_record r WHERE r.partition_id = :partition "
                "AND r.object_id = :object AND r.source_id = e.source_id)",
                object=self.object_id(source_object),
                routes=[self.route_id(route) for route in routes],
            )
        )

    def findings(self, route: str, limit: int = 20) -> list[Mapping[str, Any]]:
        """What read back differently: (source_id, target_id, field, verdict, meant, found)."""
        return self.select(
            "SELECT s.source_id, s.target_id, f.field, f.verdict, f.meant, f.found FROM ledger.finding f "
            "JOIN ledger.entry_status s ON s.entry_id = f.entry_id "
            "WHERE s.partition_id = :partition AND s.route_id = :route AND s.outcome = 'loaded' "
            "ORDER BY s.source_id, f.field LIMIT :limit",
            route=self.route_id(route), limit=limit,
        )  # fmt: skip

    def finding_counts(self, route: str) -> dict[str, int]:
        """Verdict -> entries that have at least one such finding."""
        return {
            row["verdict"]: row["rows"]
            for row in self.select(
                "SELECT f.verdict, count(DISTINCT f.entry_id) AS rows FROM ledger.finding f "
                "JOIN ledger.entry_status s ON s.entry_id = f.entry_id "
                "WHERE s.partition_id = :partition AND s.route_id = :route AND s.outcome = 'loaded' "
                "GROUP BY f.verdict",
                route=self.route_id(route),
            )
        }

    def gone(self, route: str) -> int:
        """Loaded entries whose record did not answer when it was last asked for."""
        return self._entries_with(route, "f.field = ''")

    def wrong_fields(self, route: str) -> int:
        """Loaded entries with a field that is wrong or missing in a record that answered."""
        return self._entries_with(route, "f.field <> '' AND f.verdict IN ('wrong', 'missing')")

    def _entries_with(self, route: str, condition: str) -> int:
        return int(
            self.scalar(
                "SELECT count(DISTINCT f.entry_id) FROM ledger.finding f JOIN ledger.entry_status s "  # noqa: S608
                "ON s.entry_id = f.entry_id WHERE s.partition_id = :partition AND s.route_id = :route "
                f"AND s.outcome = 'loaded' AND {condition}",
                route=self.route_id(route),
            )
        )

    def count_loaded(self, routes: Sequence[str]) -> int:
        """How many records of one source object stand in the target, each counted once on whatever routes."""
        return int(
            self.scalar(
                "SELECT count(DISTINCT source_id) FROM ledger.entry_status WHERE partition_id = :partition "
                "AND route_id = ANY(:routes) AND outcome = 'loaded'",
                routes=[self.route_id(route) for route in routes],
            )
        )

    def not_loaded(self, route: str, limit: int = 20) -> list[Mapping[str, Any]]:
        """Held and failed entries with their problems: (source_id, outcome, problems, problem)."""
        return self.select(
            "SELECT source_id, outcome, problems, problem FROM ledger.entry_status "
            "WHERE partition_id = :partition AND route_id = :route AND outcome IN ('held', 'failed', 'conflict') "
            "ORDER BY outcome, source_id LIMIT :limit",
            route=self.route_id(route), limit=limit,
        )  # fmt: skip

    def keep_reconciliation(
        self, crm_object: str, plan_id: int | None, *, passed: bool, figures: Mapping[str, Any]
    ) -> None:
        self.execute(
            "INSERT INTO ledger.reconciliation (partition_id, crm_object, plan_id, passed, figures) "
            "VALUES (:partition, :crm_object, :plan, :passed, :figures)",
            crm_object=crm_object, plan=plan_id, passed=passed, figures=to_json(dict(figures)),
        )  # fmt: skip

    def reconciliation(self, crm_object: str) -> Mapping[str, Any] | None:
        """The newest figures of a CRM object: plan_id, passed, figures, at."""
        found = self.select(
            "SELECT plan_id, passed, figures, at FROM ledger.reconciliation "
            "WHERE partition_id = :partition AND crm_object = :crm_object ORDER BY id DESC LIMIT 1",
            crm_object=crm_object,
        )
        return found[0] if found else None
