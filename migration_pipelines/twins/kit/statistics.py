"""What a twin was asked and what it answered: counts, the highest rate, and a log of the latest requests."""

from bisect import bisect_right, insort
from collections import Counter, deque
from dataclasses import asdict, dataclass

LOG_LENGTH = 10_000
NO_ANSWER = 0
"""The status recorded where the connection was cut and no answer was given."""


@dataclass(frozen=True)
class LoggedRequest:
    ordinal: int
    method: str
    path: str
    status: int


class Statistics:
    """Counts of requests, in the order in which they were answered."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._by_endpoint: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._highest_per_second = 0
        self._last_second: list[float] = []
        self._log: deque[LoggedRequest] = deque(maxlen=LOG_LENGTH)
        self._requests = 0

    def record(self, method: str, template: str, status: int, at: float) -> None:
        """Count one request.

        Args:
            template: the route's path with its parameters' names, "/api/v4/leads/{id}".
            status: NO_ANSWER where the connection was cut.
            at: when it arrived, by the twin's clock, in epoch seconds.
        """
        self._requests += 1
        self._by_endpoint[f"{method} {template}"] += 1
        self._by_status[status] += 1
        self._log.append(LoggedRequest(self._requests, method, template, status))
        insort(self._last_second, at)
        del self._last_second[: bisect_right(self._last_second, self._last_second[-1] - 1)]
        self._highest_per_second = max(self._highest_per_second, len(self._last_second))

    def log(self) -> list[LoggedRequest]:
        return list(self._log)

    def as_dict(self) -> dict[str, object]:
        return {
            "requests": self._requests,
            "by_endpoint": dict(sorted(self._by_endpoint.items())),
            "by_status": {str(status): count for status, count in sorted(self._by_status.items())},
            "refusals": sum(count for status, count in self._by_status.items() if status >= 400),
            "highest_per_second": self._highest_per_second,
            "log": [asdict(logged) for logged in self._log],
        }
