"""The twin put together."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from migration_pipelines.twins.kit.app import TwinApp, twin_app
from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.faults import FaultPlan
from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.kit.statistics import Statistics
from migration_pipelines.twins.salesforce import seed as seeding
from migration_pipelines.twins.salesforce.control import control_routes, snapshot
from migration_pipelines.twins.salesforce.cursors import Cursors
from migration_pipelines.twins.salesforce.describe import load_catalogue
from migration_pipelines.twins.salesforce.faults import render_fault
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.discovery import discovery_routes
from migration_pipelines.twins.salesforce.routes.login import login_routes
from migration_pipelines.twins.salesforce.routes.queries import query_routes
from migration_pipelines.twins.salesforce.routes.records import record_routes
from migration_pipelines.twins.salesforce.sessions import Sessions
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.usage import Usage


def build_salesforce_twin(
    *,
    seed: Path | None = None,
    switches: Mapping[str, object] | None = None,
    database: str = ":memory:",
    client_id: str | None = None,
    client_secret: str | None = None,
    tokens: Iterable[str] = (),
    clock: Clock | None = None,
) -> TwinApp:
    """Build one org.

    Args:
        seed: folder with describes and rows (see `seed`); None is a bare org.
        switches: those that differ from `Switches`' defaults.
        database: ":memory:" or a file, whose rows are kept and not seeded again.
        client_id: the application that may log in by client credentials.
        tokens: session ids that are valid from the start and never expire.

    Raises:
        ValueError: a switch, describe or seed file cannot be used.
    """
    set_switches = Switches().but(switches or {})
    clock = clock or Clock()
    catalogue = load_catalogue(seed / "describe" if seed else None, multi_currency=set_switches.multi_currency)
    serial = Serial(database)
    store = Store(serial.connection, catalogue)
    org = Org(
        serial=serial,
        store=store,
        sessions=Sessions.build(clock, set_switches.session_seconds, client_id, client_secret, tokens),
        cursors=Cursors(store, set_switches.locator_seconds),
        usage=Usage(set_switches.daily_requests),
        clock=clock,
        switches=set_switches,
        described_at=clock.now(),
    )

    def fill() -> None:
        store.clear()
        seeding.fill(store, seed, clock.now())
        org.run_background()

    def reset() -> None:
        org.forget()
        fill()

    try:
        with serial.transaction():
            if store.is_empty("Organization"):
                fill()
            store.user_id = seeding.administrator(store)
    except BaseException:
        serial.close()
        raise
    return twin_app(
        name="salesforce",
        routes=[*login_routes(org), *discovery_routes(org), *query_routes(org), *record_routes(org)],
        clock=clock,
        statistics=Statistics(),
        faults=FaultPlan(),
        serial=serial,
        reset=reset,
        snapshot=lambda: snapshot(org),
        render_fault=render_fault,
        gate=org.gate,
        control_routes=control_routes(org),
    )
