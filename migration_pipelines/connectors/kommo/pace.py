"""How fast we may go: our own ceiling, and half of it, and half again, where others use the same window.

Kommo allows 7 requests a second, counted by address or by integration, and blocks an account that goes over it too often
(Kommo limits). A 429 therefore says that somebody else is there: we slow down at once and speed up slowly. Each request
waits a little longer than its turn, by chance: two clients that are evenly spaced can fall into step, and then all the
refusals are the other one's, while both of us get blocked for them. A request that is late makes up for a turn, and no more:
a rest is no credit. Nobody knows when a request arrives, only that it has
by its answer: the eighth is sent a second after the first was answered, so that no second at Kommo's end holds eight.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable

import httpx

SLOWEST_SECONDS = 2.0
REST_SECONDS = 1.0
CLEAN_SECONDS = 10.0
STEP = 1.1  # faster by this factor after so many clean seconds
CEILING = 7
SECOND = 1.0
WINDOW_SECONDS = 1.05  # a second, and what the network may take from it


class Pace:
    """Turns of all threads, one after another. Implements `connectors.http.Manners`.

    Args:
        requests_per_second: never more than this.
        chance: between 0 and 1, how much longer a request waits of what it may.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._fastest = 1 / requests_per_second
        self.interval_seconds = self._fastest
        self._sleep = sleep
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._next_at = clock()
        self._last_at = self._next_at - SLOWEST_SECONDS
        self._arrived: deque[float] = deque(maxlen=CEILING)  # when each of the last ones had arrived at the latest
        self._clean_since = clock()

    def before(self) -> None:
        with self._lock:
            now = self._clock()
            due = max(self._next_at, now - self.interval_seconds)
            delayed = due + self._chance() * self._longest_delay_seconds()
            start = max(now, delayed, self._last_at + min(self.interval_seconds, SECOND / CEILING))
            self._next_at, self._last_at = due + self.interval_seconds, start
            if len(self._arrived) == CEILING and self._fastest >= SECOND / CEILING:  # a twin may be told to take more
                start = max(start, self._arrived[0] + SECOND)
            self._arrived.append(start)
        if start > now:
            self._sleep(start - now)

    def _longest_delay_seconds(self) -> float:
        """Half a turn, where the ceiling's worth of requests still takes more than a second then."""
        return max(0.0, min(self.interval_seconds / 2, CEILING * self.interval_seconds - WINDOW_SECONDS))

    def after(self, response: httpx.Response) -> bool:
        now = self._clock()
        with self._lock:
            if self._arrived:
                self._arrived[-1] = now
            if response.status_code == 429:
                self.interval_seconds = max(self._fastest, min(self.interval_seconds * 2, SLOWEST_SECONDS))
                self._next_at = max(self._next_at, now + _rest_seconds(response))
                self._clean_since = now
            elif now - self._clean_since >= CLEAN_SECONDS:
                self.interval_seconds = max(self._fastest, self.interval_seconds / STEP)
                self._clean_since = now
        return response.status_code == 429


def _rest_seconds(response: httpx.Response) -> float:
    """What the answer asks for where it does, up to a minute; else a second, after which the window is empty."""
    told = response.headers.get("retry-after", "")
    return min(float(told), 60.0) if told.isdigit() else REST_SECONDS
