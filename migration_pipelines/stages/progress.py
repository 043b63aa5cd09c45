"""Progress of long work: done, total, rate and remaining time, in a line that whoever listens may show or skip."""

from __future__ import annotations

import time
from collections.abc import Callable

Report = Callable[[str], None]
WARM_UP_SECONDS = 5
"""How long nobody is told how long it will take: the first requests say little about the others."""


class Progress:
    """Counts records of one piece of work.

    Args:
        what: how the line begins: "contacts/Contact>contacts: written".
        total: how many there will be; 0 where nobody knows.
    """

    def __init__(self, report: Report, what: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._what = what
        self._total = total
        self._clock = clock
        self._started = clock()
        self._done = 0

    def add(self, records: int) -> None:
        self._done += records
        seconds = self._clock() - self._started
        line = f"{self._what} {self._done}" + (f" of {self._total}" if self._total else "")
        if seconds > 0 and self._done:
            rate = self._done / seconds
            line += f", {rate:.0f} a second"
            if self._total > self._done and seconds >= WARM_UP_SECONDS:
                line += f", about {_in_words((self._total - self._done) / rate)} left"
        self._report(line)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
