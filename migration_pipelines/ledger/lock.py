"""One writer an org: a PostgreSQL advisory lock, with an epoch that every batch transaction asserts.

The lock goes with its connection, so it is free as soon as its holder dies. A holder whose connection was cut may not
know yet: its epoch is then an old one, and its next batch transaction refuses.
"""

from __future__ import annotations

import hashlib
import os
import socket

from sqlalchemy import Connection, Engine, text

from migration_pipelines.errors import GateClosed


class OrgLock:
    """Held from the first write to the end of the run.

    Args:
        org: the target org's identity, the same for everybody who writes to it: "kommo:1000".

    Raises:
        GateClosed: somebody else holds it.
    """

    def __init__(self, engine: Engine, org: str) -> None:
        self.org = org
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": advisory_key(org)}):
            holder = self._connection.scalar(text("SELECT holder FROM ledger.org_lock WHERE org = :org"), {"org": org})
            self._connection.close()
            raise GateClosed(
                f"{org} is being written to by another run ({holder or 'unknown'}). Wait until that has ended: "
                "two writers would trample on each other."
            )
        try:
            self.epoch = self._next_epoch()
        except BaseException:
            self.release()  # the pool would keep the connection, and the lock with it
            raise

    def _next_epoch(self) -> int:
        epoch = self._connection.scalar(
            text(
                "INSERT INTO ledger.org_lock AS l (org, epoch, holder) VALUES (:org, 1, :holder) ON CONFLICT (org) "
                "DO UPDATE SET epoch = l.epoch + 1, holder = excluded.holder, taken_at = now() RETURNING epoch"
            ),
            {"org": self.org, "holder": f"process {os.getpid()} on {socket.gethostname()}"},
        )
        return int(epoch or 0)

    def assert_held(self, connection: Connection) -> None:
        """Refuse inside a transaction whose run no longer holds the org."""
        if not connection.scalar(
            text("SELECT 1 FROM ledger.org_lock WHERE org = :org AND epoch = :epoch FOR SHARE"),
            {"org": self.org, "epoch": self.epoch},
        ):
            raise GateClosed(f"{self.org} was taken over by another run, so this one stops before its next write.")

    def release(self) -> None:
        """Idempotent."""
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()


def advisory_key(name: str) -> int:
    """The number that PostgreSQL knows a lock by."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
