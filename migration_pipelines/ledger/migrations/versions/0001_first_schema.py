"""The first schema of the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ENTRY_STATUS = """
CREATE VIEW ledger.entry_status AS
SELECT e.id AS entry_id, e.partition_id, e.route_id, e.source_id, e.version, e.plan_id, e.planned, e.problems,
       e.carried_route, e.carried_id, e.matched_id, e.match, e.former_id,
       o.batch_id, o.version AS sent_version, o.result, o.created_by_us, o.ref_target_ids, o.problem,
       -- a matched record that was rolled back is nobody's any more
       CASE WHEN u.result = 'undone' AND NOT o.created_by_us THEN NULL ELSE o.target_id END AS target_id,
       u.result AS undone, u.detail AS undo_detail,
       CASE
         WHEN e.planned <> 'planned' THEN e.planned
         WHEN u.result = 'undone' AND u.after_batch = o.batch_id THEN 'rolled back'
         WHEN o.batch_id IS NULL OR o.version < e.version THEN 'planned'
         WHEN o.result IN ('created', 'updated', 'unchanged') THEN 'loaded'
         ELSE o.result
       END AS outcome
FROM ledger.ledger_entry e
LEFT JOIN LATERAL (
  SELECT * FROM ledger.outcome x WHERE x.entry_id = e.id ORDER BY x.batch_id DESC LIMIT 1
) o ON true
LEFT JOIN LATERAL (
  SELECT * FROM ledger.undo x WHERE x.entry_id = e.id ORDER BY x.after_batch DESC LIMIT 1
) u ON NOT EXISTS (  -- it stands until the target takes the record again; a refused attempt leaves it undone
  SELECT 1 FROM ledger.outcome y
  WHERE y.entry_id = e.id AND y.batch_id > u.after_batch AND y.result IN ('created', 'updated', 'unchanged'))
"""


def upgrade() -> None:

    op.create_table(
        "finding",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("meant", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("found", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "field", name=op.f("finding_pkey")),
        schema="ledger",
    )
    op.create_table(
        "intent",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("ref_fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ref_routes", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("ref_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "version", name=op.f("intent_pkey")),
        schema="ledger",
    )
    op.create_table(
        "org_lock",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("org", name=op.f("org_lock_pkey")),
        schema="ledger",
    )
    op.create_table(
        "outcome",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("created_by_us", sa.Boolean(), nullable=False),
        sa.Column("ref_target_ids", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("problem", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", "batch_id", name=op.f("outcome_pkey")),
        schema="ledger",
    )
    op.create_table(
        "partition",
        sa.Column("id", sa.SmallInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("partition_pkey")),
        sa.UniqueConstraint("key", name=op.f("partition_key_key")),
        schema="ledger",
    )
    op.create_table(
        "plan_row",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("route_id", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("planned", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.LargeBinary(), nullable=True),
        sa.Column("problems", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("ref_fields", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("ref_routes", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("ref_ids", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("carried_route", sa.SmallInteger(), nullable=True),
        sa.Column("carried_id", sa.Text(), nullable=True),
        sa.Column("matched_id", sa.Text(), nullable=True),
        sa.Column("match", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("takes_over", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("plan_id", "route_id", "source_id", name=op.f("plan_row_pkey")),
        schema="ledger",
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "pre_image",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "batch_id", name=op.f("pre_image_pkey")),
        schema="ledger",
    )
    op.create_table(
        "route",
        sa.Column("id", sa.SmallInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("route_pkey")),
        sa.UniqueConstraint("key", name=op.f("route_key_key")),
        schema="ledger",
    )
    op.create_table(
        "source_object",
        sa.Column("id", sa.SmallInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("source_object_pkey")),
        sa.UniqueConstraint("name", name=op.f("source_object_name_key")),
        schema="ledger",
    )
    op.create_table(
        "undo",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("after_batch", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "after_batch", name=op.f("undo_pkey")),
        schema="ledger",
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("route_id", sa.SmallInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("versions", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=True),
        sa.Column("high_water", sa.Text(), nullable=True),
        sa.Column("remote_job", sa.Text(), nullable=True),
        sa.Column("prepared_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("batch_partition_id_fkey")),
        sa.ForeignKeyConstraint(["route_id"], ["ledger.route.id"], name=op.f("batch_route_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("batch_pkey")),
        schema="ledger",
    )
    op.create_index(
        "batch_open",
        "batch",
        ["partition_id"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state = 'prepared'"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("event_partition_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("event_pkey")),
        schema="ledger",
    )
    op.create_table(
        "extraction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("object_id", sa.SmallInteger(), nullable=False),
        sa.Column("high_water", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_count", sa.BigInteger(), nullable=True),
        sa.Column("extracted", sa.BigInteger(), nullable=True),
        sa.Column("profile", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["object_id"], ["ledger.source_object.id"], name=op.f("extraction_object_id_fkey")),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("extraction_partition_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("extraction_pkey")),
        schema="ledger",
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("route_id", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("planned", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.LargeBinary(), nullable=True),
        sa.Column("problems", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("carried_route", sa.SmallInteger(), nullable=True),
        sa.Column("carried_id", sa.Text(), nullable=True),
        sa.Column("matched_id", sa.Text(), nullable=True),
        sa.Column("match", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("former_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("ledger_entry_partition_id_fkey")),
        sa.ForeignKeyConstraint(["route_id"], ["ledger.route.id"], name=op.f("ledger_entry_route_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_entry_pkey")),
        sa.UniqueConstraint(
            "partition_id",
            "route_id",
            "source_id",
            name=op.f("ledger_entry_partition_id_key"),
            deferrable=True,
            initially="IMMEDIATE",
        ),
        schema="ledger",
    )
    op.create_table(
        "owner",
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("is_needed", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("owner_partition_id_fkey")),
        sa.PrimaryKeyConstraint("partition_id", "source_id", name=op.f("owner_pkey")),
        schema="ledger",
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("summary", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partition_id"], ["ledger.partition.id"], name=op.f("plan_partition_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("plan_pkey")),
        schema="ledger",
    )
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("crm_object", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("figures", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["ledger.partition.id"], name=op.f("reconciliation_partition_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_pkey")),
        schema="ledger",
    )
    op.create_table(
        "schema_snapshot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["ledger.partition.id"], name=op.f("schema_snapshot_partition_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("schema_snapshot_pkey")),
        schema="ledger",
    )
    op.create_table(
        "source_record",
        sa.Column("partition_id", sa.SmallInteger(), nullable=False),
        sa.Column("object_id", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["ledger.source_object.id"], name=op.f("source_record_object_id_fkey")),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["ledger.partition.id"], name=op.f("source_record_partition_id_fkey")
        ),
        sa.PrimaryKeyConstraint("partition_id", "object_id", "source_id", name=op.f("source_record_pkey")),
        schema="ledger",
    )
    op.create_index(
        "source_record_by_parent",
        "source_record",
        ["partition_id", "object_id", "parent_id"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )

    op.execute(ENTRY_STATUS)
