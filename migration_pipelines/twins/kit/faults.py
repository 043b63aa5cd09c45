"""The fault plan: which requests are to go wrong, and how. Deciding only; `kit.app` carries it out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase

KINDS = (
    "429",
    "500",
    "503",
    "504",
    "504_after_apply",
    "cut_before",
    "cut_after",
    "truncated",
    "expired_token",
    "locked_row",
    "slow",
)


@dataclass(frozen=True)
class Fault:
    """One planned fault.

    Attributes:
        endpoint: pattern on "METHOD /path", as in "POST /api/v4/leads" or "* /api/*"; None is any request.
        ordinal: the first request to be hit, counting from 1 those that match after the fault was set.
        times: how many matching requests in a row are hit.
        seconds: how long a slow answer waits.
    """

    kind: str
    endpoint: str | None = None
    ordinal: int = 1
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}; known: {', '.join(KINDS)}")
        if self.ordinal < 1 or self.times < 1 or self.seconds < 0:
            raise ValueError("a fault's ordinal and times start at 1, and seconds cannot be negative")

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "Fault":
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown keys of a fault: {', '.join(sorted(unknown))}")
        return cls(**data)  # type: ignore[arg-type]


class FaultPlan:
    """Planned faults, each with its own count of the requests that matched it."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._matched: list[int] = []

    def add(self, fault: Fault) -> None:
        self._planned.append(fault)
        self._matched.append(0)

    def clear(self) -> None:
        self._planned.clear()
        self._matched.clear()

    def match(self, method: str, path: str) -> Fault | None:
        """Count this request against every fault, and return the first that is due."""
        due: Fault | None = None
        for index, fault in enumerate(self._planned):
            if fault.endpoint is not None and not fnmatchcase(f"{method} {path}", fault.endpoint):
                continue
            self._matched[index] += 1
            if due is None and fault.ordinal <= self._matched[index] < fault.ordinal + fault.times:
                due = fault
        return due

    def as_list(self) -> list[dict[str, object]]:
        return [
            asdict(fault) | {"matched": matched} for fault, matched in zip(self._planned, self._matched, strict=True)
        ]
