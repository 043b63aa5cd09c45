"""The twin put together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from migration_pipelines.twins.kit.app import TwinApp, twin_app
from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.faults import FaultPlan
from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.kit.statistics import Statistics
from migration_pipelines.twins.salesforce import seed as seeding
from migration_pipelines.twins.salesforce.applications import Application, Logins
from migration_pipelines.twins.salesforce.content.bodies import Bodies
from migration_pipelines.twins.salesforce.control import control_routes, snapshot
from migration_pipelines.twins.salesforce.cursors import Cursors
from migration_pipelines.twins.salesforce.describe_files import load_catalogue
from migration_pipelines.twins.salesforce.faults import render_fault
from migration_pipelines.twins.salesforce.hidden import Hidden
from migration_pipelines.twins.salesforce.ingest.job import Pace
from migration_pipelines.twins.salesforce.jobs.lifecycle import Jobs
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.bulk_ingest import bulk_ingest_routes
from migration_pipelines.twins.salesforce.routes.bulk_query import bulk_query_routes
from migration_pipelines.twins.salesforce.routes.changes import change_routes
from migration_pipelines.twins.salesforce.routes.collections import collection_routes
from migration_pipelines.twins.salesforce.routes.composite import composite_routes
from migration_pipelines.twins.salesforce.routes.content import content_routes
from migration_pipelines.twins.salesforce.routes.discovery import discovery_routes
from migration_pipelines.twins.salesforce.routes.inside import Inside
from migration_pipelines.twins.salesforce.routes.login import login_routes
from migration_pipelines.twins.salesforce.routes.queries import query_routes
from migration_pipelines.twins.salesforce.routes.records import record_routes
from migration_pipelines.twins.salesforce.routes.soap import soap_routes
from migration_pipelines.twins.salesforce.routes.tooling import tooling_routes
from migration_pipelines.twins.salesforce.routes.tree import tree_routes
from migration_pipelines.twins.salesforce.routes.writes import write_routes
from migration_pipelines.twins.salesforce.sessions import Sessions
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.usage import Usage
from migration_pipelines.twins.salesforce.writing.audit import grant_audit_fields


def build_salesforce_twin(
    *,
    seed: Path | None = None,
    switches: Mapping[str, object] | None = None,
    database: str = "",
    client_id: str | None = None,
    client_secret: str | None = None,
    logins: Logins | None = None,
    tokens: Iterable[str] = (),
    clock: Clock | None = None,
) -> TwinApp:
    """Build one org.

    Args:
        seed: folder with describes and rows (see `seed`); None is a bare org.
        switches: those that differ from `Switches`' defaults.
        database: a file, whose rows are kept and not seeded again; ":memory:"; or "", a private temporary file.
        client_id: an application that may log in by client credentials, beside those of `logins`.
        tokens: session ids that are valid from the start and never expire.

    Raises:
        ValueError: a switch, describe or seed file cannot be used.
    """
    logins = logins or Logins()
    if client_id:
        own = Application(client_id, client_secret or "")
        logins = replace(logins, applications=(own, *logins.applications))
    set_switches = Switches().but(switches or {})
    clock = clock or Clock()
    catalogue = load_catalogue(seed / "describe" if seed else None, set_switches.features)
    if set_switches.audit_fields:
        grant_audit_fields(catalogue)
    hidden = Hidden.of_seed(seed)
    serial = Serial(database)
    store = Store(serial.connection, catalogue, Bodies(_bodies_of(database), seed))
    org = Org(
        serial=serial,
        store=store,
        sessions=Sessions(clock, set_switches.session_seconds, tokens),
        logins=logins,
        cursors=Cursors(store, set_switches.locator_seconds),
        usage=Usage(set_switches.daily_requests),
        jobs=Jobs(),
        query_jobs=Usage(set_switches.daily_query_jobs),
        bulk_batches=Usage(set_switches.daily_bulk_batches),
        ingest_pace=Pace(set_switches.bulk_rows_per_second),
        clock=clock,
        switches=set_switches,
        described_at=clock.now(),
        hidden_from_start=hidden,
    )

    def fill() -> None:
        store.clear()
        seeding.fill(org.writer, store, seed)
        org.run_background()

    def reset() -> None:
        org.forget()
        fill()

    try:
        with serial.transaction():
            if store.is_empty("Organization"):
                fill()
            store.user_id = seeding.administrator(store)
            org.hide(org.hidden_from_start)
    except BaseException:
        serial.close()
        raise
    single = [
        *discovery_routes(org),
        *query_routes(org),
        *content_routes(org),
        *change_routes(org),
        *record_routes(org),
        *write_routes(org),
        *collection_routes(org),
    ]
    return twin_app(
        name="salesforce",
        routes=[
            *login_routes(org),
            *soap_routes(org),
            *single,
            *composite_routes(org, Inside(org, single)),
            *tree_routes(org),
            *tooling_routes(org),
            *bulk_query_routes(org),
            *bulk_ingest_routes(org),
        ],
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


def _bodies_of(database: str) -> Path | None:
    """Where files are kept: beside a database that outlives the twin."""
    return Path(f"{database}.files") if database not in ("", ":memory:") else None
