"""The ledger's tables. The rule behind them: insert, do not update; what an entry's status is, the view
`entry_status` says (see the migrations).

All live in the schema `ledger`, beside Dagster's own tables in the same database. Texts and payloads go through
`codec`, since PostgreSQL's text cannot hold everything that a CRM can. Changing a table means a new migration under
`migrations/versions`; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

SCHEMA = "ledger"
metadata = MetaData(
    schema=SCHEMA,
    naming_convention={"pk": "%(table_name)s_pkey", "uq": "%(table_name)s_%(column_0_name)s_key", "ix": "ix_%(column_0_label)s",
                       "fk": "%(table_name)s_%(column_0_name)s_fkey"},
)  # fmt: skip


def _partition() -> Column[int]:
    return Column("partition_id", SmallInteger, ForeignKey("ledger.partition.id"), nullable=False)


def _moment(name: str, *, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=func.now() if now else None)


# Names that rows point at by a small number. Numbers are never reused.
partition = Table(
    "partition", metadata,
    Column("id", SmallInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    _moment("created_at", now=True),
)  # fmt: skip
source_object = Table(
    "source_object", metadata,
    Column("id", SmallInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)  # fmt: skip
route = Table(
    "route", metadata,
    Column("id", SmallInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
)  # fmt: skip

# What the source gave. Overwritten only where the content hash differs.
source_record = Table(
    "source_record", metadata,
    _partition(),
    Column("object_id", SmallInteger, ForeignKey("ledger.source_object.id"), nullable=False),
    Column("source_id", Text, nullable=False),
    Column("parent_id", Text),
    Column("payload", JSON, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    _moment("modified_at"),
    Column("deleted", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("partition_id", "object_id", "source_id"),
)  # fmt: skip
Index(
    "source_record_by_parent", source_record.c.partition_id, source_record.c.object_id, source_record.c.parent_id,
    postgresql_where=source_record.c.parent_id.is_not(None),
)  # fmt: skip
extraction = Table(
    "extraction", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("object_id", SmallInteger, ForeignKey("ledger.source_object.id"), nullable=False),
    _moment("high_water"),
    Column("source_count", BigInteger),
    Column("extracted", BigInteger),
    Column("profile", JSON),
    _moment("started_at", now=True),
    _moment("finished_at"),
)  # fmt: skip
schema_snapshot = Table(
    "schema_snapshot", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("side", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    _moment("taken_at", now=True),
)  # fmt: skip

# What is meant. A plan is built in plan_row and switched in one transaction.
plan = Table(
    "plan", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("state", Text, nullable=False),
    Column("fingerprint", Text),
    Column("summary", JSON),
    _moment("created_at", now=True),
)  # fmt: skip
plan_row = Table(
    "plan_row", metadata,
    Column("plan_id", BigInteger, nullable=False),
    Column("route_id", SmallInteger, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("planned", Text, nullable=False),
    Column("plan_hash", LargeBinary),
    Column("problems", JSON),
    Column("payload", JSON),
    Column("ref_fields", ARRAY(Text)),
    Column("ref_routes", ARRAY(SmallInteger)),
    Column("ref_ids", ARRAY(Text)),
    Column("carried_route", SmallInteger),
    Column("carried_id", Text),
    Column("matched_id", Text),
    Column("match", JSON),
    Column("takes_over", BigInteger),
    PrimaryKeyConstraint("plan_id", "route_id", "source_id"),
    prefixes=["UNLOGGED"],
)  # fmt: skip
ledger_entry = Table(
    "ledger_entry", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("route_id", SmallInteger, ForeignKey("ledger.route.id"), nullable=False),
    Column("source_id", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("plan_id", BigInteger, nullable=False),
    Column("planned", Text, nullable=False),
    Column("plan_hash", LargeBinary),
    Column("problems", JSON),
    Column("carried_route", SmallInteger),
    Column("carried_id", Text),
    Column("matched_id", Text),
    Column("match", JSON),
    Column("former_id", Text),
    # Entries may change places within one statement.
    UniqueConstraint("partition_id", "route_id", "source_id", deferrable=True, initially="IMMEDIATE"),
)  # fmt: skip
intent = Table(
    "intent", metadata,
    Column("entry_id", BigInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("ref_fields", ARRAY(Text), nullable=False),
    Column("ref_routes", ARRAY(SmallInteger), nullable=False),
    Column("ref_ids", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("entry_id", "version"),
)  # fmt: skip
owner = Table(
    "owner", metadata,
    _partition(),
    Column("source_id", Text, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("is_active", Boolean, nullable=False),
    Column("target_id", Text),
    Column("resolved_by", Text),
    Column("problem", Text),
    Column("is_needed", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("partition_id", "source_id"),
)  # fmt: skip

# What was done, and what was seen.
batch = Table(
    "batch", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("route_id", SmallInteger, ForeignKey("ledger.route.id"), nullable=False),
    Column("plan_id", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("entry_ids", ARRAY(BigInteger), nullable=False),
    Column("versions", ARRAY(SmallInteger), nullable=False),
    Column("body_digest", Text),
    Column("high_water", Text),
    Column("remote_job", Text),
    _moment("prepared_at", now=True),
    _moment("settled_at"),
    _moment("verified_at"),
)  # fmt: skip
Index("batch_open", batch.c.partition_id, postgresql_where=batch.c.state == "prepared")
outcome = Table(
    "outcome", metadata,
    Column("entry_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("target_id", Text),
    Column("created_by_us", Boolean, nullable=False),
    Column("ref_target_ids", ARRAY(Text)),
    Column("problem", JSON),
    PrimaryKeyConstraint("entry_id", "batch_id"),
)  # fmt: skip
pre_image = Table(
    "pre_image", metadata,
    Column("entry_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("payload", JSON, nullable=False),
    PrimaryKeyConstraint("entry_id", "batch_id"),
)  # fmt: skip
finding = Table(
    "finding", metadata,
    Column("entry_id", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("meant", JSON),
    Column("found", JSON),
    _moment("found_at", now=True),
    PrimaryKeyConstraint("entry_id", "field"),
)  # fmt: skip
undo = Table(
    "undo", metadata,
    Column("entry_id", BigInteger, nullable=False),
    Column("after_batch", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("detail", Text),
    _moment("at", now=True),
    PrimaryKeyConstraint("entry_id", "after_batch"),
)  # fmt: skip
reconciliation = Table(
    "reconciliation", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    Column("crm_object", Text, nullable=False),
    Column("plan_id", BigInteger),
    Column("passed", Boolean, nullable=False),
    Column("figures", JSON, nullable=False),
    _moment("at", now=True),
)  # fmt: skip
event = Table(
    "event", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _partition(),
    _moment("at", now=True),
    Column("kind", Text, nullable=False),
    Column("who", Text),
    Column("detail", JSON, nullable=False),
)  # fmt: skip
org_lock = Table(
    "org_lock", metadata,
    Column("org", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    _moment("taken_at", now=True),
)  # fmt: skip
