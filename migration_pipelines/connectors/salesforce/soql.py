"""The statements that read an object: what is selected, of which rows, and by which resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simple_salesforce.format import format_soql

# A transaction's stamp is older than its commit: what was committed late is found by looking back.
OVERLAP = timedelta(minutes=5)

# Plain query hides archived activities, so these are always read by queryAll.
ARCHIVED = frozenset({"Task", "Event"})

STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of one object.

    Attributes:
        conditions: joined by AND.
        everything: deleted and archived rows too (queryAll).
        order: what the query resource sorts by; Bulk sorts nothing, since that switches off its chunking.
    """

    source_object: str
    fields: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    everything: bool = False
    order: tuple[str, ...] = ("Id",)

    def unsorted(self) -> str:
        return self._select(", ".join(self.fields))

    def sorted(self) -> str:
        return f"{self.unsorted()} ORDER BY {', '.join(self.order)}"

    def counted(self) -> str:
        return self._select("COUNT()")

    def _select(self, what: str) -> str:
        soql = format_soql("SELECT {:literal} FROM {:literal}", what, self.source_object)
        return " WHERE ".join([soql, " AND ".join(self.conditions)]) if self.conditions else soql


def live(source_object: str, fields: Sequence[str] = ("Id",)) -> Selection:
    """All rows that are not deleted, archived ones included."""
    is_archived = source_object in ARCHIVED
    conditions = ("IsDeleted = false",) if is_archived else ()
    return Selection(source_object, tuple(fields), conditions, everything=is_archived)


def changed(source_object: str, fields: Sequence[str], stamp: str, since: datetime, *, has_bin: bool) -> Selection:
    """Rows whose stamp is no older than `since` less the overlap, deleted ones included."""
    start = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Selection(
        source_object, tuple(fields), (f"{stamp} >= {start}",),
        everything=has_bin or source_object in ARCHIVED, order=(stamp, "Id"),
    )  # fmt: skip


def one_of(field: str, ids: Sequence[str]) -> str:
    return str(format_soql("{:literal} IN {}", field, list(ids)))
