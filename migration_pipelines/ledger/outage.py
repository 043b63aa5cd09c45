"""What it means that the database cannot do now what it is asked: a sentence in place of a traceback."""

from __future__ import annotations

from psycopg2.errors import DiskFull

from migration_pipelines.errors import TransientFailure


def outage(error: BaseException) -> TransientFailure:
    """The error for no connection, a connection that was lost, or a full disk.

    Args:
        error: the driver's own.
    """
    words = str(error).strip().splitlines()
    reason = words[0] if words else type(error).__name__
    if isinstance(error, DiskFull):
        return TransientFailure(
            f"The disk of the ledger's database is full ({reason}). Make room on it, and run the same command again: nothing "
            "is lost."
        )
    return TransientFailure(
        f"The ledger's database does not answer ({reason}). Start it, or correct MIGRATION_DATABASE_URL, and run the same "
        "command again: nothing is lost."
    )
