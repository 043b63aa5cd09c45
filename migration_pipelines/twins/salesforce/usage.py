"""API requests of a rolling 24 hours, counted by the hour of the twin's clock."""

from collections import Counter

HOUR, DAY = 3_600, 86_400


class Usage:
    def __init__(self, most: int) -> None:
        self.most = most
        self._by_hour: Counter[int] = Counter()

    def count(self, now: float) -> bool:
        """Count a request. False where the limit is used up; such a request does not count."""
        if self.used(now) >= self.most:
            return False
        self._by_hour[int(now // HOUR)] += 1
        return True

    def used(self, now: float) -> int:
        first = int((now - DAY) // HOUR) + 1
        for hour in [hour for hour in self._by_hour if hour < first]:
            del self._by_hour[hour]
        return sum(count for hour, count in self._by_hour.items() if hour <= now // HOUR)

    def forget(self) -> None:
        self._by_hour.clear()
