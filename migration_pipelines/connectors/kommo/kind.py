"""What the target does for one kind of record. Each kind is one object of this class; `target` holds the table of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.base import Batch, Found, Joined, WriteResult
from migration_pipelines.core.provisioning import Wanted
from migration_pipelines.core.schema import ObjectSchema

ROLLED_BACK = "rolled back"
MARK = f"[{ROLLED_BACK}]"


class Kind(ABC):
    """The parts of `connectors.base.Target` that differ from kind to kind; arguments and results are as there.

    Attributes:
        may_ignore, undoing_needs: as the target's methods of these names say.
    """

    may_ignore: frozenset[str] = frozenset()
    undoing_needs: Wanted = Wanted((), ())

    @abstractmethod
    def schema(self) -> ObjectSchema: ...

    @abstractmethod
    def batch_size(self) -> int: ...

    def group_by(self) -> str | None:
        return None

    def high_water(self) -> str | None:
        return None

    @abstractmethod
    def render(self, batch: Batch) -> bytes: ...

    @abstractmethod
    def write(self, batch: Batch, body: bytes) -> Sequence[WriteResult | None]: ...

    @abstractmethod
    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        """What stands in the account of a batch whose answer was lost, as it looks now."""

    @abstractmethod
    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]: ...

    def standing(self) -> Iterator[tuple[str, str, Found]]:
        raise NotImplementedError(f"{type(self).__name__} are not looked up")

    def fillable(self, found: Found, fields: Collection[str]) -> frozenset[str]:
        del found, fields
        return frozenset()

    def restore(self, records: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        raise NotImplementedError(f"{type(self).__name__} that people made are never written")

    def joined(self, batch: Batch) -> Sequence[Joined | None]:
        return [None] * len(batch.records)

    def undone(self, found: Found) -> Found | None:
        del found
        return None

    @abstractmethod
    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]: ...

    def rolled_back(self) -> Iterable[tuple[str, str]]:
        """Migration key and id of each record that stands there rolled back; a key that has doubles comes several times."""
        return ()


def marked(name: str | None, limit: int | None = None) -> str:
    """A text that says it was rolled back. Marking again changes nothing."""
    return name if name and is_marked(name) else f"{MARK} {name or ''}".strip()[:limit]


def is_marked(text: str | None) -> bool:
    return (text or "").startswith(MARK)
