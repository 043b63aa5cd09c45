"""Whose records the source gave: asked by the plan as things stand now, and by the report as of its own moment."""

from __future__ import annotations

from migration_pipelines.ledger.base import PartitionTables

_UNHOLDABLE = r"E'(?<!\\\\)((\\\\\\\\)*)\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', E'\\1\\\\ufffd', 'g'"


def readable(column: str) -> str:
    """SQL for a `json` column that every operator can take apart: U+FFFD stands for what PostgreSQL's text cannot hold."""
    return (
        f"(CASE WHEN position(E'\\\\u' IN {column}::text) = 0 THEN {column} "
        f"ELSE regexp_replace({column}::text, {_UNHOLDABLE})::json END)"
    )


class OwnedRecords(PartitionTables):
    """The one question that both ask."""

    def owned_in_source(self, source_object: str, field: str) -> dict[str, int]:
        """Owner's source id -> live records of an object."""
        rows = self.select(
            f"SELECT p.payload ->> :field AS owner, count(*) AS rows FROM ledger.source_record r "  # noqa: S608
            f"CROSS JOIN LATERAL (SELECT {readable('r.payload')} AS payload) p "
            "WHERE r.partition_id = :partition AND r.object_id = :object AND NOT r.deleted GROUP BY 1",
            object=self.object_id(source_object),
            field=field,
        )
        return {row["owner"]: row["rows"] for row in rows if row["owner"]}
