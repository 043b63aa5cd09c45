"""What is meant: plans are built aside, row by row, and become the current one in a single transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from migration_pipelines.core.records import KnownParent, Outcome, SymbolicReference
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.base import PartitionTables, copy_rows, to_json
from migration_pipelines.ledger.codec import encode_all
from migration_pipelines.ledger.successions import TAKE_OVER

NO_LONGER_NAMED = "the plan has no row for it on this route any more"

_COLUMNS = (
    "plan_id", "route_id", "source_id", "planned", "plan_hash", "problems", "payload", "ref_fields", "ref_routes",
    "ref_ids", "carried_route", "carried_id",
)  # fmt: skip
_KNOWN = """
SELECT p.source_id, p.planned, r.key AS carrier, p.carried_id, CASE WHEN :with_references THEN (
    SELECT array_agg(ARRAY[named.field, route.key, named.id] ORDER BY named.position)
    FROM unnest(p.ref_fields, p.ref_routes, p.ref_ids) WITH ORDINALITY AS named (field, route_id, id, position)
    JOIN ledger.route route ON route.id = named.route_id
) END AS hangs_on
FROM ledger.plan_row p LEFT JOIN ledger.route r ON r.id = p.carried_route
WHERE p.plan_id = :plan AND p.route_id = :route AND p.source_id = ANY(:ids)
"""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What the plan says of one source record on one route. `references` are (field, route, source id)."""

    route: str
    source_id: str
    outcome: Outcome
    plan_hash: bytes | None = None
    problems: Sequence[Mapping[str, Any]] = ()
    payload: Mapping[str, Any] | None = None
    references: Sequence[tuple[str, str, str]] = ()
    carried_by: tuple[str, str] | None = None


class Plans(PartitionTables):
    """The plans of a partition."""

    def begin(self) -> int:
        """Start a new plan; whatever an interrupted one left behind is dropped."""
        with self.engine.begin() as connection:
            values = {"partition": self.id}
            discarded = connection.scalars(
                text(
                    "UPDATE ledger.plan SET state = 'discarded' "
                    "WHERE partition_id = :partition AND state = 'building' RETURNING id"
                ),
                values,
            ).all()
            connection.execute(
                text("DELETE FROM ledger.plan_row WHERE plan_id = ANY(:plans)"), {"plans": list(discarded)}
            )
            number = connection.scalar(
                text("INSERT INTO ledger.plan (partition_id, state) VALUES (:partition, 'building') RETURNING id"),
                values,
            )
        return int(number or 0)

    def add(self, plan_id: int, rows: Iterable[PlanRow]) -> None:
        """Keep a chunk of rows. Raises GateClosed where another plan was begun since."""
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            self._assert_building(connection, plan_id)
            copy_rows(connection, "ledger.plan_row", _COLUMNS, (self._as_fields(plan_id, row) for row in rows))

    def _assert_building(self, connection: Connection, plan_id: int) -> None:
        if not connection.scalar(
            text("SELECT 1 FROM ledger.plan WHERE id = :plan AND state = 'building' FOR SHARE"), {"plan": plan_id}
        ):
            raise GateClosed(f"{self.key}: another plan was begun meanwhile, so this one ends here. Plan again.")

    def _as_fields(self, plan_id: int, row: PlanRow) -> Sequence[Any]:
        carried_route, carried_id = row.carried_by or (None, None)
        return (
            plan_id, self.route_id(row.route), row.source_id, str(row.outcome), row.plan_hash,
            to_json(encode_all(row.problems)) if row.problems else None,
            None if row.payload is None else to_json(dict(row.payload)),
            [field for field, _, _ in row.references],
            [self.route_id(route) for _, route, _ in row.references],
            [source_id for _, _, source_id in row.references],
            None if carried_route is None else self.route_id(carried_route), carried_id,
        )  # fmt: skip

    def known(
        self,
        plan_id: int,
        named: Iterable[tuple[str, str]],
        routes: Mapping[str, Sequence[str]],
        *,
        with_references: bool = False,
    ) -> dict[tuple[str, str], KnownParent]:
        """What this plan has made of the parents that a chunk names.

        Args:
            named: (CRM object, source id).
            routes: CRM object -> its routes, first the one that makes the record itself.
            with_references: also what they hang on themselves.
        """
        wanted: dict[str, set[str]] = {}
        for crm_object, source_id in named:
            wanted.setdefault(crm_object, set()).add(source_id)
        known: dict[tuple[str, str], KnownParent] = {}
        for crm_object, source_ids in wanted.items():
            keys = list(routes.get(crm_object, ()))
            for key in reversed(keys):  # the first route of the object wins
                for row in self.select(
                    _KNOWN,
                    plan=plan_id,
                    route=self.route_id(key),
                    ids=list(source_ids),
                    with_references=with_references,
                ):
                    carried_by = (row["carrier"], row["carried_id"]) if row["carrier"] else None
                    hangs_on = tuple(SymbolicReference(*one) for one in row["hangs_on"] or ())
                    known[crm_object, row["source_id"]] = KnownParent(
                        key, Outcome(row["planned"]), carried_by, hangs_on
                    )
        return known

    def mark_needed_owners(self, plan_id: int, needed: set[str], users_route: str, not_needed: str) -> None:
        """Users that no record in scope needs are excluded rather than held."""
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE ledger.plan_row SET planned = 'excluded', problems = :why WHERE plan_id = :plan "
                    "AND route_id = :route AND planned = 'held' AND NOT source_id = ANY(:needed)"
                ),
                {"plan": plan_id, "route": self.route_id(users_route), "needed": list(needed),
                 "why": to_json([{"message": not_needed}])},
            )  # fmt: skip

    def replace_owners(self, owners: Iterable[Mapping[str, Any]]) -> None:
        columns = ("source_id", "name", "email", "is_active", "target_id", "resolved_by", "problem", "is_needed")
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM ledger.owner WHERE partition_id = :partition"), {"partition": self.id})
            copy_rows(
                connection, "ledger.owner", ("partition_id", *columns),
                ((self.id, *(owner[column] for column in columns)) for owner in owners),
            )  # fmt: skip

    def tally(self, plan_id: int) -> list[Mapping[str, Any]]:
        """(route, planned, rows, to_create, to_match, to_update) of a plan that is being built, against the current entries."""
        return self.select(
            """
            SELECT r.key AS route, p.planned, count(*) AS rows,
                   count(*) FILTER (WHERE p.planned = 'planned' AND s.target_id IS NULL
                       AND p.matched_id IS NULL AND p.takes_over IS NULL) AS to_create,
                   count(*) FILTER (WHERE p.planned = 'planned' AND s.target_id IS NULL
                       AND p.matched_id IS NOT NULL) AS to_match,
                   count(*) FILTER (WHERE p.planned = 'planned' AND (p.takes_over IS NOT NULL OR s.target_id IS NOT NULL
                       AND (s.undone = 'undone' OR i.plan_hash IS DISTINCT FROM p.plan_hash))) AS to_update
            FROM ledger.plan_row p JOIN ledger.route r ON r.id = p.route_id
            LEFT JOIN ledger.entry_status s
              ON s.partition_id = :partition AND s.route_id = p.route_id AND s.source_id = p.source_id
            LEFT JOIN ledger.ledger_entry i ON i.id = s.entry_id
            WHERE p.plan_id = :plan GROUP BY p.route_id, r.key, p.planned ORDER BY p.route_id, p.planned
            """,
            plan=plan_id,
        )

    def distinct_parents(self, plan_id: int, route: str, field: str) -> int:
        """How many parents the planned rows of a route hang below."""
        return int(
            self.scalar(
                "SELECT count(DISTINCT ref_ids[array_position(ref_fields, :field)]) FROM ledger.plan_row "
                "WHERE plan_id = :plan AND route_id = :route AND planned = 'planned'",
                plan=plan_id,
                route=self.route_id(route),
                field=field,
            )
        )

    def problems(self, plan_id: int) -> list[Mapping[str, Any]]:
        """Why rows are held or listed: (route, planned, reason, field, holds, rows, example), most frequent first."""
        return self.select(
            """
            SELECT r.key AS route, p.planned, q->>'reason' AS reason, q->>'field' AS field,
                   (q->>'holds')::boolean AS holds, count(*) AS rows, min(p.source_id) AS example,
                   (array_agg(q->>'message' ORDER BY p.source_id))[1] AS message
            FROM ledger.plan_row p JOIN ledger.route r ON r.id = p.route_id
            CROSS JOIN LATERAL json_array_elements(p.problems) q
            WHERE p.plan_id = :plan AND q->>'reason' IS NOT NULL
            GROUP BY r.key, p.planned, q->>'reason', q->>'field', (q->>'holds') ORDER BY count(*) DESC, r.key, 3, 4
            """,
            plan=plan_id,
        )

    def switch(self, plan_id: int, plan_fingerprint: str, summary: Mapping[str, Any]) -> None:
        """Make a built plan the current one, in one transaction. Entries that say the same are not touched; those
        that the plan no longer names are excluded, or an older plan would still be sent.

        Raises:
            GateClosed: batches of the plan before are not settled, or another plan was begun since.
        """
        values = {"partition": self.id, "plan": plan_id, "left_out": to_json([{"message": NO_LONGER_NAMED}])}
        with self.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7177, CAST(:partition AS int))"), values)
            self._assert_building(connection, plan_id)
            connection.execute(  # `prepare` holds it too: a batch is either counted here, or refused there
                text("SELECT id FROM ledger.plan WHERE partition_id = :partition AND state = 'current' FOR UPDATE"),
                values,
            )
            unsettled = connection.scalar(
                text("SELECT count(*) FROM ledger.batch WHERE partition_id = :partition AND state = 'prepared'"), values
            )
            if unsettled:
                raise GateClosed(
                    f"{self.key}: {unsettled} batches of the plan before are not settled, so no new plan can take its "
                    f"place. Run: crm-migrate apply {self.key}"
                )
            for statement in (*TAKE_OVER, *_SWITCH):
                connection.execute(text(statement), values)
            connection.execute(
                text(
                    "UPDATE ledger.plan SET state = 'current', fingerprint = :fingerprint, summary = :summary "
                    "WHERE id = :plan"
                ),
                values | {"fingerprint": plan_fingerprint, "summary": to_json(dict(summary))},
            )
        # A load that begins before PostgreSQL has looked at the new rows by itself would run for hours.
        self.execute("ANALYZE ledger.ledger_entry, ledger.intent")

    def current(self) -> Mapping[str, Any] | None:
        """The current plan: id, fingerprint, summary, created_at; None before the first."""
        found = self.select(
            "SELECT id, fingerprint, summary, created_at FROM ledger.plan "
            "WHERE partition_id = :partition AND state = 'current'"
        )
        return found[0] if found else None


# An entry whose plan hash is another one gets a new version and a new intent; a held one keeps the version it had.
_SWITCH = (
    """
    CREATE TEMP TABLE switched ON COMMIT DROP AS
    SELECT p.*, e.id AS entry_id, e.version AS old_version,
           p.planned = 'planned' AND (e.plan_hash IS DISTINCT FROM p.plan_hash) AS is_new_version
    FROM ledger.plan_row p
    LEFT JOIN ledger.ledger_entry e
      ON e.partition_id = :partition AND e.route_id = p.route_id AND e.source_id = p.source_id
    WHERE p.plan_id = :plan
    """,
    """
    UPDATE ledger.ledger_entry e
    SET planned = s.planned, problems = s.problems, plan_id = :plan, plan_hash = coalesce(s.plan_hash, e.plan_hash),
        carried_route = s.carried_route, carried_id = s.carried_id, matched_id = s.matched_id, match = s.match,
        version = e.version + CASE WHEN s.is_new_version THEN 1 ELSE 0 END
    FROM switched s
    WHERE e.id = s.entry_id AND (s.is_new_version OR e.planned <> s.planned OR e.problems::text IS DISTINCT FROM
          s.problems::text OR e.carried_route IS DISTINCT FROM s.carried_route OR
          e.carried_id IS DISTINCT FROM s.carried_id OR e.matched_id IS DISTINCT FROM s.matched_id OR
          e.match::text IS DISTINCT FROM s.match::text)
    """,
    """
    UPDATE ledger.ledger_entry e
    SET planned = 'excluded', problems = :left_out, plan_id = :plan, carried_route = NULL, carried_id = NULL
    WHERE e.partition_id = :partition AND e.planned <> 'excluded'
      AND NOT EXISTS (SELECT 1 FROM switched s WHERE s.entry_id = e.id)
    """,
    """
    INSERT INTO ledger.ledger_entry
      (partition_id, route_id, source_id, version, plan_id, planned, plan_hash, problems, carried_route, carried_id,
       matched_id, match)
    SELECT :partition, route_id, source_id, CASE WHEN is_new_version THEN 1 ELSE 0 END, :plan, planned, plan_hash,
           problems, carried_route, carried_id, matched_id, match
    FROM switched WHERE entry_id IS NULL ORDER BY route_id, source_id
    """,
    """
    INSERT INTO ledger.intent (entry_id, version, payload, ref_fields, ref_routes, ref_ids)
    SELECT e.id, e.version, s.payload, s.ref_fields, s.ref_routes, s.ref_ids
    FROM switched s
    JOIN ledger.ledger_entry e
      ON e.partition_id = :partition AND e.route_id = s.route_id AND e.source_id = s.source_id
    WHERE s.is_new_version
    """,
    "UPDATE ledger.plan SET state = 'superseded' WHERE partition_id = :partition AND state = 'current'",
    "DELETE FROM ledger.plan_row WHERE plan_id = :plan",
)
