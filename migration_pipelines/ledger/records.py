"""What the source gave: extractions and source records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg2.errors import UniqueViolation
from sqlalchemy import Connection, text

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.ledger.base import PartitionTables, copy_rows, to_json
from migration_pipelines.ledger.owned import OwnedRecords

PAGE = 2_000
SAMPLES = 3
HASH_BYTES = 16
Row = tuple[Any, ...]
_COLUMNS = (
    "partition_id", "object_id", "source_id", "parent_id", "payload", "content_hash", "modified_at", "deleted",
)  # fmt: skip


class Extraction:
    """One reading of one source object. Pages are durable as they come; `finish` closes it with the counts."""

    def __init__(self, tables: PartitionTables, connection: Connection, object_id: int, extraction_id: int) -> None:
        self._tables = tables
        self._connection = connection
        self._object_id = object_id
        self._id = extraction_id
        with connection.begin():
            self._is_first = not connection.scalar(
                text(
                    "SELECT EXISTS (SELECT 1 FROM ledger.source_record "
                    "WHERE partition_id = :partition AND object_id = :object)"
                ),
                {"partition": tables.id, "object": object_id},
            )
        self._filled: Counter[str] = Counter()
        self._samples: dict[str, list[Any]] = {}

    def store(self, records: Sequence[SourceRecord]) -> int:
        """Keep a page; rows whose content is the same stay untouched. Returns how many were new or different."""
        self._profile(records)
        rows = [self._row(record) for record in records]
        with self._connection.begin():
            self._connection.execute(text("SET LOCAL synchronous_commit = off"))
            return len(rows) if self._is_first and self._add(rows) else self._merge(rows)

    def _add(self, rows: Sequence[Row]) -> bool:
        """The straight way into an object that had no rows. False where the source gave one of these before."""
        try:
            with self._connection.begin_nested():
                copy_rows(self._connection, "ledger.source_record", _COLUMNS, rows)
        except UniqueViolation:
            return False
        return True

    def _merge(self, rows: Sequence[Row]) -> int:
        columns = ", ".join(_COLUMNS)
        self._connection.execute(text("TRUNCATE page"))
        copy_rows(self._connection, "page", _COLUMNS, rows)
        changed = self._connection.execute(
            text(
                f"INSERT INTO ledger.source_record AS old ({columns}) "  # noqa: S608
                f"SELECT DISTINCT ON (source_id) {columns} FROM page ORDER BY source_id, modified_at DESC "
                "ON CONFLICT (partition_id, object_id, source_id) DO UPDATE SET parent_id = excluded.parent_id, "
                "payload = excluded.payload, content_hash = excluded.content_hash, "
                "modified_at = excluded.modified_at, deleted = excluded.deleted "
                "WHERE old.content_hash <> excluded.content_hash"
            )
        ).rowcount
        self._connection.execute(text("INSERT INTO seen SELECT source_id FROM page ON CONFLICT DO NOTHING"))
        return int(changed)

    def _row(self, record: SourceRecord) -> Row:
        payload = to_json(dict(record.values))
        whole = f"{payload}\n{record.deleted}\n{record.parent_id}"
        content = sha256(whole.encode(errors="surrogatepass")).digest()[:HASH_BYTES]
        return (
            self._tables.id, self._object_id, record.id, record.parent_id, payload, content, record.modified_at,
            record.deleted,
        )  # fmt: skip

    def _profile(self, records: Sequence[SourceRecord]) -> None:
        """Count which fields hold something; False, zero and empty text say nothing."""
        for name in records[0].values if records else ():
            column = [record.values[name] for record in records]
            if not any(column):
                continue
            self._filled[name] += sum(map(bool, column))
            samples = self._samples.setdefault(name, [])
            for value in column if len(samples) < SAMPLES else ():
                if value and value not in samples and len(samples) < SAMPLES:
                    samples.append(value)

    def finish(self, source_count: int) -> int:
        """Close a full reading: rows that the source no longer gives are marked as deleted there.

        Returns:
            how many live records of the object the ledger now holds.
        """
        with self._connection.begin():
            values = {
                "partition": self._tables.id,
                "object": self._object_id,
                "id": self._id,
                "count": source_count,
                "profile": to_json({"filled": self._filled, "samples": self._samples}),
            }
            if not self._is_first:
                self._connection.execute(
                    text(
                        "UPDATE ledger.source_record r SET deleted = true, content_hash = '\\x00' "
                        "WHERE partition_id = :partition AND object_id = :object AND NOT deleted "
                        "AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.source_id = r.source_id)"
                    ),
                    values,
                )
            extracted = self._connection.scalar(
                text(
                    "UPDATE ledger.extraction SET finished_at = now(), source_count = :count, profile = :profile, "
                    "extracted = (SELECT count(*) FROM ledger.source_record "
                    "WHERE partition_id = :partition AND object_id = :object AND NOT deleted) WHERE id = :id RETURNING extracted"
                ),
                values,
            )
        return int(extracted or 0)


class Records(OwnedRecords):
    """The source records of a partition."""

    @contextmanager
    def extraction(self, object_name: str, high_water: datetime | None) -> Iterator[Extraction]:
        """Read one source object in full."""
        object_id = self.object_id(object_name)
        with self.engine.connect() as connection:
            with connection.begin():
                extraction_id = connection.scalar(
                    text(
                        "INSERT INTO ledger.extraction (partition_id, object_id, high_water) "
                        "VALUES (:partition, :object, :high_water) RETURNING id"
                    ),
                    {"partition": self.id, "object": object_id, "high_water": high_water},
                )
                connection.execute(text("CREATE TEMP TABLE page (LIKE ledger.source_record INCLUDING DEFAULTS)"))
                connection.execute(text("CREATE TEMP TABLE seen (source_id text PRIMARY KEY)"))
            try:
                yield Extraction(self, connection, object_id, int(extraction_id or 0))
            finally:
                connection.rollback()
                with connection.begin():
                    connection.execute(text("DROP TABLE IF EXISTS pg_temp.page, pg_temp.seen"))

    def last_extraction(self, object_name: str) -> Mapping[str, Any] | None:
        """The last finished reading: high_water, source_count, extracted, finished_at, and `profile`: how
        many records fill which field, with a few samples."""
        found = self.select(
            "SELECT id, high_water, source_count, extracted, profile, finished_at FROM ledger.extraction "
            "WHERE partition_id = :partition AND object_id = :object AND finished_at IS NOT NULL "
            "ORDER BY id DESC LIMIT 1",
            object=self.object_id(object_name),
        )
        return found[0] if found else None

    def count(self, object_name: str) -> int:
        """Live records that the ledger holds now."""
        return int(
            self.scalar(
                "SELECT count(*) FROM ledger.source_record "
                "WHERE partition_id = :partition AND object_id = :object AND NOT deleted",
                object=self.object_id(object_name),
            )
        )

    def pages(self, object_name: str, children: Sequence[str] = (), limit: int = PAGE) -> Iterator[list[SourceRecord]]:
        """All records of an object in order of id, a page at a time, each with its child rows."""
        last = ""
        while True:
            rows = self.select(
                "SELECT source_id, parent_id, payload, modified_at, deleted FROM ledger.source_record "
                "WHERE partition_id = :partition AND object_id = :object AND source_id > :last "
                "ORDER BY source_id LIMIT :limit",
                object=self.object_id(object_name), last=last, limit=limit,
            )  # fmt: skip
            if not rows:
                return
            last = rows[-1]["source_id"]
            below = {child: self._children(child, [row["source_id"] for row in rows]) for child in children}
            yield [
                SourceRecord(
                    object_name, row["source_id"], row["payload"], row["modified_at"], row["deleted"], row["parent_id"],
                    {child: found.get(row["source_id"], []) for child, found in below.items()},
                )
                for row in rows
            ]  # fmt: skip

    def with_children(self, child: str, parent_ids: Sequence[str]) -> list[str]:
        """Those ids that a live row of the child object hangs below, in order."""
        found = self.select(
            "SELECT DISTINCT parent_id FROM ledger.source_record WHERE partition_id = :partition "
            "AND object_id = :object AND parent_id = ANY(:parents) AND NOT deleted ORDER BY parent_id",
            object=self.object_id(child), parents=list(parent_ids),
        )  # fmt: skip
        return [row["parent_id"] for row in found]

    def _children(self, child: str, parent_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.select(
            "SELECT parent_id, payload FROM ledger.source_record WHERE partition_id = :partition "
            "AND object_id = :object AND parent_id = ANY(:parents) AND NOT deleted ORDER BY source_id",
            object=self.object_id(child), parents=list(parent_ids),
        ):  # fmt: skip
            found.setdefault(row["parent_id"], []).append(row["payload"])
        return found
