"""What stands before the API: its pace, the block that follows repeated violations, the token and its scopes."""

from collections import deque

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kommo.answers import gateway_page, problem
from migration_pipelines.twins.kommo.oauth import Grants
from migration_pipelines.twins.kommo.switches import Switches

WITHOUT_TOKEN = ("/oauth", "/oauth2/access_token", "/oauth2/account/current/subdomain")
DRIVE = ("/v1.0/", "/download/")
WINDOW_SECONDS = 0.95
"""A second, less what the network may take from a client that sends exactly 7 evenly spaced requests in it."""
EVERYONE = ""


def unauthorized() -> Response:
    return problem(401, "Invalid user name or password")


class Gate:
    """Kommo limits: 7 requests a second, 429 above it, 403 for everything once that happens too often."""

    def __init__(self, grants: Grants, switches: Switches, clock: Clock) -> None:
        self._grants = grants
        self._switches = switches
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._passed: dict[str, deque[float]] = {}
        self._violations: deque[float] = deque()
        self._is_blocked = False

    def __call__(self, request: Request) -> Response | None:
        token = _bearer(request.headers.get("authorization"))
        is_drive = request.url.path.startswith(DRIVE)
        if self._is_blocked:
            return gateway_page(403)
        if (self._switches.drive_counts or not is_drive) and self._is_too_fast(token or EVERYONE):
            wait = self._switches.retry_after_seconds
            return gateway_page(429, {"Retry-After": str(wait)} if wait else None)
        if request.url.path in WITHOUT_TOKEN or (
            request.url.path.startswith("/download/") and self._switches.open_downloads
        ):
            return None
        if token is None or not self._grants.is_valid(token):
            return unauthorized()
        return None if self._is_in_scope(request) else problem(403, "Client doesn't have the required scope")

    def _is_in_scope(self, request: Request) -> bool:
        scopes, path = self._grants.scopes, request.url.path
        if not path.startswith(DRIVE):
            return "crm" in scopes
        is_deleting = request.method == "DELETE"
        return "files" in scopes and (not is_deleting or "files_delete" in scopes)

    def _is_too_fast(self, token: str) -> bool:
        now = self._clock.now()
        windows = [(EVERYONE, self._switches.requests_per_second)]
        if self._switches.pace_of == "token":
            windows = [
                (f"token {token}", self._switches.requests_per_second),
                (EVERYONE, self._switches.requests_per_second_of_all),
            ]
        passed = [(self._recent(whose, now), most) for whose, most in windows if most]
        if all(len(recent) < most for recent, most in passed):
            for recent, _ in passed:
                recent.append(now)
            return False
        _forget(self._violations, now - self._switches.block_window_seconds)
        self._violations.append(now)
        self._is_blocked = 0 < self._switches.block_after <= len(self._violations)
        return True

    def _recent(self, whose: str, now: float) -> deque[float]:
        passed = self._passed.setdefault(whose, deque())
        if passed and passed[-1] > now:  # the clock was set back
            passed.clear()
        _forget(passed, now - WINDOW_SECONDS)
        return passed


def _bearer(authorization: str | None) -> str | None:
    kind, _, token = (authorization or "").partition(" ")
    return token if kind == "Bearer" and token else None


def _forget(moments: deque[float], before: float) -> None:
    while moments and moments[0] <= before:
        moments.popleft()
