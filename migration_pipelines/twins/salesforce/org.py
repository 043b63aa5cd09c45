"""One org: its describes, rows, sessions, open queries and clock, and what holds for every request to it."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.serial import Call, Serial
from migration_pipelines.twins.salesforce import errors
from migration_pipelines.twins.salesforce.applications import Logins
from migration_pipelines.twins.salesforce.computed import Computed
from migration_pipelines.twins.salesforce.cursors import Cursors
from migration_pipelines.twins.salesforce.describe import Catalogue, SObject
from migration_pipelines.twins.salesforce.grants import PRODUCTION, SANDBOX, Grants, Person
from migration_pipelines.twins.salesforce.hidden import Hidden
from migration_pipelines.twins.salesforce.ingest.job import Pace
from migration_pipelines.twins.salesforce.jobs.lifecycle import Jobs
from migration_pipelines.twins.salesforce.sessions import Sessions, bearer
from migration_pipelines.twins.salesforce.soql.asking import Asking, Now
from migration_pipelines.twins.salesforce.soql.names import quoted
from migration_pipelines.twins.salesforce.store import Row, Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.usage import Usage
from migration_pipelines.twins.salesforce.visibility import API_ENABLED, Permissions, Visibility
from migration_pipelines.twins.salesforce.writing import Writer

OLDEST_VERSION, NEWEST_VERSION = 50, 67
RETIRED_VERSIONS = range(21, 31)
VERSIONED = "/services/data/v"
SHARED_WITH_TOOLING = frozenset(
    {"ApexClass", "ApexTrigger", "EntityDefinition", "FieldDefinition", "Organization", "RecordType", "User"}
)
"""Objects that stand in the Tooling API too, beside its own."""
SMALLEST_COMPRESSED = 2_048


@dataclass
class Org:
    """See the module.

    Attributes:
        described_at: when a describe last changed, in epoch seconds.
        hidden_from_start: what the seed hides.
        handlers: the plain function behind each endpoint, for requests inside of others.
        tooling: the objects of the Tooling API.
    """

    serial: Serial
    store: Store
    sessions: Sessions
    logins: Logins
    cursors: Cursors
    usage: Usage
    jobs: Jobs
    query_jobs: Usage
    bulk_batches: Usage
    ingest_pace: Pace
    clock: Clock
    switches: Switches
    described_at: float
    hidden_from_start: Hidden
    hidden: Hidden = field(init=False)
    grants: Grants = field(init=False)
    permissions: Permissions = field(init=False)
    computed: Computed = field(init=False)
    tooling: Catalogue = field(init=False)
    writer: Writer = field(init=False)
    handlers: dict[object, Callable[[Call], Response]] = field(default_factory=dict)
    _background_day: str = ""

    def __post_init__(self) -> None:
        self.hidden = self.hidden_from_start
        self.grants = Grants(self.logins, self.clock, self.switches, self.person, self.login_origin)
        self.permissions = Permissions(self.store)
        self.computed = Computed(self.store, self.permissions)
        self.tooling = self.catalogue.tooling(SHARED_WITH_TOOLING)
        self.writer = Writer(self.store, self.switches, self.clock)

    @property
    def catalogue(self) -> Catalogue:
        return self.store.catalogue

    def organization(self) -> Row:
        return next(self.store.rows(self.catalogue["Organization"]))

    def user(self) -> Row:
        """The user of the session that is being served; outside requests the administrator."""
        user = self.store.row(self.catalogue["User"], self.store.user_id)
        if user is None:
            raise LookupError("the org has no user")
        return user

    def person(self, username: str | None) -> Person | None:
        """The user of a username, in any case; the administrator for None."""
        users = self.catalogue["User"]
        wanted = ('"Id"', self.store.user_id) if username is None else ('"Username"', username)
        user = next(self.store.rows(users, f"WHERE {wanted[0]} = ?", (wanted[1],)), None)
        return Person(str(user["Id"]), bool(user["IsActive"])) if user else None

    def login_origin(self) -> str:
        return SANDBOX if self.organization()["IsSandbox"] else PRODUCTION

    @contextmanager
    def acting(self, user_id: str | None) -> Iterator[None]:
        """Whatever is done within is done by this user; None leaves it at who acts already."""
        before = self.store.user_id
        self.store.user_id = user_id or before
        try:
            yield
        finally:
            self.store.user_id = before

    def visibility(self) -> Visibility:
        """What the acting user sees."""
        user_id = self.store.user_id
        return Visibility(user_id, self.permissions.of(user_id), self.computed.prepare)

    def sees(self, obj: SObject, record_id: str) -> bool:
        """Whether the acting user sees this row."""
        table = quoted(obj.name)
        condition = self.visibility().condition(obj, table)
        asked = f'SELECT 1 FROM {table} WHERE "Id" = ? AND {condition}'  # noqa: S608 - names are the catalogue's
        return condition is None or self.store.run(asked, (record_id,)).fetchone() is not None

    def hide(self, hidden: Hidden) -> None:
        """Hide this and nothing else.

        Raises:
            ValueError: the org lacks something of it, or it cannot be hidden.
        """
        hidden.hide_in(self.catalogue)
        self.hidden = hidden
        self.described_at = self.clock.now()

    def now(self) -> Now:
        """Date literals go by the user's time zone."""
        try:
            zone = ZoneInfo(str(self.user()["TimeZoneSidKey"]))
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        organization = self.organization()
        return Now(
            self.clock.now(),
            zone,
            fiscal_month=int(str(organization.get("FiscalYearStartMonth") or 1)),
            fiscal_year_by_start=bool(organization.get("UsesStartDateAsFiscalYearName")),
        )

    def asking(self, request: Request, *, everything: bool) -> Asking:
        """What a request's statements depend on.

        Args:
            everything: as queryAll: deleted rows and archived activities too.
        """
        return Asking(
            catalogue=self.catalogue,
            now=self.now(),
            base=f"{VERSIONED}{version_of(request)}/sobjects",
            user_id=self.store.user_id,
            everything=everything,
            polymorphic_type=self.switches.polymorphic_type,
            sees=self.visibility(),
        )

    def endpoint(self, handler: Callable[[Call], Response]) -> Callable[[Request], object]:
        """Make an endpoint of a plain function that may raise a Refusal; what it wrote is then undone."""

        def work(call: Call) -> Response:
            self.run_background()
            with self.acting(self.sessions.user_of(bearer(call.request.headers.get("Authorization")))):
                is_versioned = call.request.url.path.startswith(VERSIONED)
                if is_versioned and API_ENABLED not in self.permissions.of(self.store.user_id):
                    raise errors.api_disabled()
                return handler(call)

        answer = self.serial.endpoint(work)

        async def endpoint(request: Request) -> Response:
            try:
                response = await answer(request)
            except errors.Refusal as refusal:
                response = errors.refuse(refusal)
            return self.with_usage(_compressed(response, request))

        self.handlers[endpoint] = handler
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
        """Everything but rows: sessions, open queries, counters, what was hidden since."""
        self.sessions.forget()
        self.grants.forget()
        self.hide(self.hidden_from_start)
        self.cursors.forget()
        self.usage.forget()
        self.jobs.forget()
        self.query_jobs.forget()
        self.bulk_batches.forget()
        self._background_day = ""


def _compressed(response: Response, request: Request) -> Response:
    if (
        "gzip" in request.headers.get("Accept-Encoding", "")
        and len(getattr(response, "body", b"")) > SMALLEST_COMPRESSED
    ):
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
