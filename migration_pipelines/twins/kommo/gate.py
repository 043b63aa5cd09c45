"""What stands before the API: its pace, the block that follows repeated violations, and the token."""

from collections import deque
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kommo.answers import gateway_page, problem
from migration_pipelines.twins.kommo.switches import Switches


def unauthorized() -> Response:
    return problem(401, "Invalid user name or password")


WINDOW_SECONDS = 0.95
"""A second, less what the network may take from a client that sends exactly 7 evenly spaced requests in it."""


class Gate:
    """Kommo limits: 7 requests a second, 429 above it, 403 for everything once that happens too often."""

    def __init__(self, tokens: Collection[str], switches: Switches, clock: Clock) -> None:
        self._accepted = {f"Bearer {token}" for token in tokens}
        self._switches = switches
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._passed: deque[float] = deque()
        self._violations: deque[float] = deque()
        self._is_blocked = False

    def __call__(self, request: Request) -> Response | None:
        if self._is_blocked:
            return gateway_page(403)
        if self._switches.requests_per_second and self._is_too_fast():
            return gateway_page(429)
        return None if request.headers.get("authorization") in self._accepted else unauthorized()

    def _is_too_fast(self) -> bool:
        now = self._clock.now()
        if self._passed and self._passed[-1] > now:  # the clock was set back
            self._passed.clear()
        _forget(self._passed, now - WINDOW_SECONDS)
        if len(self._passed) < self._switches.requests_per_second:
            self._passed.append(now)
            return False
        _forget(self._violations, now - self._switches.block_window_seconds)
        self._violations.append(now)
        self._is_blocked = 0 < self._switches.block_after <= len(self._violations)
        return True


def _forget(moments: deque[float], before: float) -> None:
    while moments and moments[0] <= before:
        moments.popleft()
