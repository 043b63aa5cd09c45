"""The Kommo twin put together: its routes, its gate, its faults, its state."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.app import TwinApp, twin_app
from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.control import CONTROL_PATH
from migration_pipelines.twins.kit.faults import FaultPlan
from migration_pipelines.twins.kit.serial import Call, Serial
from migration_pipelines.twins.kit.statistics import Statistics
from migration_pipelines.twins.kommo import (
    account,
    fields,
    links,
    loss_reasons,
    person,
    pipelines,
    reading,
    seeding,
    snapshot,
    tags,
    writing,
)
from migration_pipelines.twins.kommo.answers import gateway_page, problem
from migration_pipelines.twins.kommo.entities import ENTITIES
from migration_pipelines.twins.kommo.gate import Gate, unauthorized
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import switches_from
from migration_pipelines.twins.kommo.twin import EntityHandler, Handler, Kommo, RouteTable

OF_EVERY_ENTITY: tuple[tuple[str, str, EntityHandler], ...] = (
    ("GET", "", reading.get_records),
    ("POST", "", writing.post_records),
    ("PATCH", "", writing.patch_records),
    ("GET", "/{id:int}", reading.get_record),
    ("PATCH", "/{id:int}", writing.patch_record),
    ("GET", "/custom_fields", fields.get_fields),
    ("POST", "/custom_fields", fields.post_fields),
    ("PATCH", "/custom_fields", fields.patch_fields),
    ("GET", "/custom_fields/{id:int}", fields.get_field),
    ("PATCH", "/custom_fields/{id:int}", fields.patch_field),
    ("DELETE", "/custom_fields/{id:int}", fields.delete_field),
    ("GET", "/tags", tags.get_tags),
    ("POST", "/tags", tags.post_tags),
    ("GET", "/{id:int}/links", links.get_links),
    ("POST", "/{id:int}/link", links.post_link),
    ("POST", "/{id:int}/unlink", links.post_unlink),
    ("GET", "/links", links.get_mass_links),
    ("POST", "/link", links.post_mass_link),
    ("POST", "/unlink", links.post_mass_unlink),
)
"""Method, path under /api/v4/{entity}, handler. No DELETE: Kommo keeps leads, contacts and companies."""

OF_THE_ACCOUNT: RouteTable = (*account.ROUTES, *pipelines.ROUTES, *loss_reasons.ROUTES)


def build_kommo_twin(
    *,
    seed: Mapping[str, Any] | None = None,
    switches: Mapping[str, object] | None = None,
    database: str = ":memory:",
    tokens: Collection[str] = ("twin-token",),
    clock: Clock | None = None,
) -> TwinApp:
    """Build a twin that is ready to be served.

    Args:
        seed: see README; what it leaves out is taken from the default seed.
        switches: by name, see README.
        database: ":memory:" or a file. A file that already holds an account is left as it is.
        tokens: the long-lived Bearer tokens that are honoured.

    Raises:
        ValueError: an unknown switch, or a seed that Kommo would refuse.
    """
    serial = Serial(database)
    twin = Kommo(Store(serial.connection), clock or Clock(), switches_from(switches or {}))
    gate = Gate(tokens, twin.switches, twin.clock)
    with serial.transaction():
        if twin.store.is_empty():
            seeding.fill(twin, seed or {})

    def reset() -> None:
        gate.reset()
        twin.store.clear()
        seeding.fill(twin, seed or {})

    async def unblock(_: Request) -> Response:
        """Kommo's support lifts a block."""
        gate.reset()
        return Response(status_code=204)

    return twin_app(
        name="kommo",
        routes=list(_routes(serial, twin)),
        clock=twin.clock,
        statistics=Statistics(),
        faults=FaultPlan(),
        serial=serial,
        reset=reset,
        snapshot=lambda: snapshot.take(twin),
        render_fault=_render_fault,
        gate=gate,
        control_routes=[
            _route(serial, twin, "POST", CONTROL_PATH + "remove", person.remove),
            _route(serial, twin, "POST", CONTROL_PATH + "edit", person.edit),
            Route(CONTROL_PATH + "unblock", unblock, methods=["POST"]),
        ],
    )


def _routes(serial: Serial, twin: Kommo) -> Iterator[Route]:
    for method, path, handler in OF_THE_ACCOUNT:
        yield _route(serial, twin, method, f"/api/v4/{path}", handler)
    for entity in ENTITIES.values():
        for method, path, of_entity in OF_EVERY_ENTITY:
            yield _route(serial, twin, method, f"/api/v4/{entity.name}{path}", _for(entity.name, of_entity))


def _route(serial: Serial, twin: Kommo, method: str, path: str, handler: Handler) -> Route:
    return Route(path, serial.endpoint(partial(handler, twin)), methods=[method])


def _for(entity: str, handler: EntityHandler) -> Handler:
    def answer(twin: Kommo, call: Call) -> Response:
        return handler(twin, ENTITIES[entity], call)

    return answer


def _render_fault(kind: str, _: Request) -> Response | None:
    """Kommo's own words. It has no locked rows: that fault passes without effect."""
    match kind:
        case "429" | "500" | "503" | "504":
            return gateway_page(int(kind))
        case "expired_token":
            return unauthorized()
        case "not_found":
            return problem(404, "Not found")
        case "method_not_allowed":
            return problem(405, "Method not allowed")
    return None
