"""What the target does for one kind of record. Each kind is one object of this protocol; `target` holds the table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from migration_pipelines.connectors.base import Batch, Found, WriteResult
from migration_pipelines.core.schema import ObjectSchema

ROLLED_BACK = "rolled back"
FIRST_ARRAY = 50  # what Kommo recommends; grown to what it allows while that goes well
LONGEST_ARRAY = 250
ARRAYS_UNTIL_FORGIVEN = 20


class Kind(Protocol):
    """The parts of `connectors.base.Target` that differ from kind to kind; arguments and results are as there."""

    @property
    def group_by(self) -> str | None: ...

    def schema(self) -> ObjectSchema: ...

    def batch_size(self) -> int: ...

    def high_water(self) -> str | None: ...

    def render(self, batch: Batch) -> bytes: ...

    def write(self, batch: Batch) -> Sequence[WriteResult | None]: ...

    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        """What stands in the account of a batch whose answer was lost, as it looks now."""

    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]: ...

    def undone(self, found: Found) -> Found | None: ...

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]: ...


class ArraySize:
    """How many items the next array carries: twice as many after each that went well, half after a lost answer.

    A long array whose answer was lost says that the account's ceiling is lower: that length is left alone for a while.
    """

    def __init__(self) -> None:
        self.now = FIRST_ARRAY
        self._limit = LONGEST_ARRAY
        self._good = 0

    def went_well(self) -> None:
        self._good += 1
        if self._good >= ARRAYS_UNTIL_FORGIVEN:
            self._limit = LONGEST_ARRAY
        self.now = min(self.now * 2, self._limit)

    def was_lost(self, length: int) -> None:
        self._good = 0
        if length > FIRST_ARRAY:
            self._limit = min(self._limit, max(FIRST_ARRAY, length - 1))
        self.now = max(1, min(self.now, length // 2))


def marked(name: str | None, limit: int | None = None) -> str:
    """A text that says it was rolled back. Marking again changes nothing."""
    mark = f"[{ROLLED_BACK}]"
    return name if name and name.startswith(mark) else f"{mark} {name or ''}".strip()[:limit]
