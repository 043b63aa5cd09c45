"""A run's sign of life: a PostgreSQL advisory lock that goes with the run's process, however that ends."""

from __future__ import annotations

from sqlalchemy import Engine, text

from migration_pipelines.ledger.lock import advisory_key


class LifeSign:
    """Held from a run's first question to the ledger until its end. Several processes of one run may hold it."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": _key(run_id)})

    def release(self) -> None:
        """Idempotent."""
        if not self._connection.closed:
            self._connection.invalidate()  # closing alone would give it back to the pool, lock and all
            self._connection.close()


def shows_life(engine: Engine, run_id: str) -> bool:
    """Whether a process of a run holds its sign. A run whose connection to the database was cut shows none either."""
    with engine.connect() as connection:
        found = connection.scalar(
            text(
                "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' "
                "AND datname = current_database() AND granted AND objsubid = 1 "
                "AND (classid::bigint << 32 | objid::bigint) = :key LIMIT 1"
            ),
            {"key": _key(run_id)},
        )
    return found is not None


def _key(run_id: str) -> int:
    return advisory_key(f"run:{run_id}")
