"""One org: its describes, rows, sessions, open queries and clock, and what holds for every request to it."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.serial import Call, Serial
from migration_pipelines.twins.salesforce import errors
from migration_pipelines.twins.salesforce.cursors import Cursors
from migration_pipelines.twins.salesforce.derived import Row
from migration_pipelines.twins.salesforce.describe import Catalogue
from migration_pipelines.twins.salesforce.sessions import Sessions, bearer
from migration_pipelines.twins.salesforce.soql.conditions import Now
from migration_pipelines.twins.salesforce.soql.shape import Style
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.usage import Usage

OLDEST_VERSION, NEWEST_VERSION = 50, 67
RETIRED_VERSIONS = range(21, 31)
VERSIONED = "/services/data/v"
SMALLEST_COMPRESSED = 2_048


@dataclass
class Org:
    serial: Serial
    store: Store
    sessions: Sessions
    cursors: Cursors
    usage: Usage
    clock: Clock
    switches: Switches
    described_at: float
    _background_day: str = ""

    @property
    def catalogue(self) -> Catalogue:
        return self.store.catalogue

    def organization(self) -> Row:
        return next(self.store.rows(self.catalogue["Organization"]))

    def user(self) -> Row:
        """The user that sessions run as."""
        user = self.store.row(self.catalogue["User"], self.store.user_id)
        if user is None:
            raise LookupError("the org has no user")
        return user

    def now(self) -> Now:
        """Date literals go by the user's time zone."""
        try:
            zone = ZoneInfo(str(self.user()["TimeZoneSidKey"]))
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        return Now(self.clock.now(), zone)

    def style(self, request: Request) -> Style:
        return Style(version_of(request), self.catalogue, self.switches.polymorphic_type)

    def endpoint(self, handler: Callable[[Call], Response]) -> Callable[[Request], object]:
        """Make an endpoint of a plain function that may raise a Refusal; what it wrote is then undone."""

        def work(call: Call) -> Response:
            self.run_background()
            return handler(call)

        answer = self.serial.endpoint(work)

        async def endpoint(request: Request) -> Response:
            try:
                response = await answer(request)
            except errors.Refusal as refusal:
                response = errors.refuse(refusal)
            return self.with_usage(_compressed(response, request))

        return endpoint

    def gate(self, request: Request) -> Response | None:
        """What every request of the versioned API is asked: length, version, session, daily limit. In this order."""
        path, query = request.url.path, request.url.query
        if len(path) + len(query) > self.switches.uri_bytes:
            return Response("<h1>URI Too Long</h1>", 414, media_type="text/html")
        if not path.startswith(VERSIONED):
            return None
        refusal = _version_refusal(path.removeprefix(VERSIONED).split("/")[0])
        if refusal is None and not self.sessions.is_valid(bearer(request.headers.get("Authorization"))):
            refusal = errors.session_invalid()
        if refusal is None and not self.usage.count(self.clock.now()):
            refusal = errors.limit_exceeded()
        return errors.refuse(refusal) if refusal else None

    def with_usage(self, response: Response) -> Response:
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.usage.used(self.clock.now())}/{self.usage.most}"
        return response

    def run_background(self) -> None:
        """The platform's daily run: old activities are archived, once for each day of the clock."""
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        today = now.date().isoformat()
        if today != self._background_day:
            self._background_day = today
            self.store.archive((now - timedelta(self.switches.archive_days)).date().isoformat())

    def forget(self) -> None:
        """Everything but rows: sessions, open queries, counters."""
        self.sessions.forget()
        self.cursors.forget()
        self.usage.forget()
        self._background_day = ""


def _compressed(response: Response, request: Request) -> Response:
    if "gzip" in request.headers.get("Accept-Encoding", "") and len(response.body) > SMALLEST_COMPRESSED:
        response.body = gzip.compress(bytes(response.body), compresslevel=1)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def version_of(request: Request) -> str:
    return str(request.path_params["version"])


def _version_refusal(version: str) -> errors.Refusal | None:
    whole, _, fraction = version.partition(".")
    if fraction != "0" or not whole.isdecimal():
        return errors.not_found()
    number = int(whole)
    if number in RETIRED_VERSIONS:
        return errors.Refusal(410, "UNSUPPORTED_API_VERSION", f"API version {version} is retired")
    return None if OLDEST_VERSION <= number <= NEWEST_VERSION else errors.not_found()
