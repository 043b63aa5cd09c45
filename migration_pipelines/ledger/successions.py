"""Records that became others in the source after they were loaded: what they made in the target goes with them.

An entry is the history of one record in the target. So the entry moves: from the record that was to the record that it
became, with its target id, all outcomes, and what is undone of it. A plan finds which; its switch moves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from migration_pipelines.ledger.base import PartitionTables


@dataclass(frozen=True, slots=True)
class Succession:
    """Records of `source_object` on route `former` become those on route `route` that the field names."""

    source_object: str
    former: str
    field: str
    route: str


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A record in the target of one that became another, which has a record of its own there, or none.

    `became` is the source id of the other, `stands_as` its id in the target.
    """

    entry_id: int
    source_id: str
    target_id: str
    became: str
    stands_as: str | None


# Made by us, in the target, not rolled back, and not known to be gone from there.
_STANDING = """
    SELECT s.entry_id, s.source_id, s.target_id, r.payload ->> :field AS became
    FROM ledger.entry_status s
    JOIN ledger.source_record r ON r.partition_id = s.partition_id AND r.object_id = :object AND r.source_id = s.source_id
    WHERE s.partition_id = :partition AND s.route_id = :former AND s.target_id IS NOT NULL AND s.created_by_us
    AND s.undone IS DISTINCT FROM 'undone' AND NOT r.deleted AND r.payload ->> :field IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM ledger.finding f WHERE f.entry_id = s.entry_id AND f.field = '')
"""
_FIND = f"""
    UPDATE ledger.plan_row p SET takes_over = found.entry_id
    FROM (SELECT DISTINCT ON (became) became, entry_id FROM ({_STANDING}) standing ORDER BY became, entry_id) found
    WHERE p.plan_id = :plan AND p.route_id = :route AND p.source_id = found.became AND p.planned IN ('planned', 'held')
    AND NOT EXISTS (
      SELECT 1 FROM ledger.entry_status t WHERE t.partition_id = :partition AND t.route_id = p.route_id
      AND t.source_id = p.source_id AND t.target_id IS NOT NULL)
    RETURNING p.source_id, p.takes_over
"""  # noqa: S608  the parts are ours
_LEFT_BEHIND = f"""
    SELECT standing.*, t.target_id AS stands_as FROM ({_STANDING}) standing
    LEFT JOIN ledger.entry_status t
      ON t.partition_id = :partition AND t.route_id = :route AND t.source_id = standing.became
    ORDER BY standing.source_id
"""  # noqa: S608  the parts are ours

# Part of a plan's switch. An entry that stood there already, of a record never loaded, changes places with the one that comes.
TAKE_OVER = (
    """
    CREATE TEMP TABLE moved ON COMMIT DROP AS
    WITH taken AS (
      SELECT p.route_id, p.source_id, e.id, e.route_id AS old_route, e.source_id AS old_id, there.id AS displaced
      FROM ledger.plan_row p JOIN ledger.ledger_entry e ON e.id = p.takes_over
      LEFT JOIN ledger.ledger_entry there
        ON there.partition_id = :partition AND there.route_id = p.route_id AND there.source_id = p.source_id
      WHERE p.plan_id = :plan AND p.takes_over IS NOT NULL
      -- a load may have come between
      AND NOT EXISTS (SELECT 1 FROM ledger.outcome o WHERE o.entry_id = there.id AND o.target_id IS NOT NULL)
    )
    SELECT id, route_id, source_id, old_id AS former_id FROM taken
    UNION ALL SELECT displaced, old_route, old_id, NULL FROM taken WHERE displaced IS NOT NULL
    """,
    """
    UPDATE ledger.ledger_entry e
    SET route_id = moved.route_id, source_id = moved.source_id, former_id = moved.former_id
    FROM moved WHERE e.id = moved.id
    """,
)


class Successions(PartitionTables):
    """The successions of a partition."""

    def find(self, plan_id: int, one: Succession) -> Sequence[tuple[str, int]]:
        """Note in a plan that is being built which of its rows take over what another record made; those that have a record
        of their own in the target do not. Returns (source id, entry), in order."""
        with self.engine.begin() as connection:
            rows = connection.execute(text(_FIND), {"plan": plan_id, **self._values(one)})
            return sorted((row.source_id, row.takes_over) for row in rows)

    def left_behind(self, one: Succession) -> Sequence[LeftBehind]:
        """Records in the target of records that became others and were not taken over, as far as they are known to be there."""
        return [LeftBehind(**row) for row in self.select(_LEFT_BEHIND, **self._values(one))]

    def _values(self, one: Succession) -> dict[str, object]:
        return {
            "partition": self.id, "object": self.object_id(one.source_object), "field": one.field,
            "former": self.route_id(one.former), "route": self.route_id(one.route),
        }  # fmt: skip
