"""The Kommo twin put together: its routes, its gate, its faults, its state."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.app import TwinApp, twin_app
from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.control import CONTROL_PATH
from migration_pipelines.twins.kit.faults import FaultPlan
from migration_pipelines.twins.kit.serial import Call, Serial
from migration_pipelines.twins.kit.statistics import Statistics
from migration_pipelines.twins.kommo import automation, notes, person, seeding, snapshot
from migration_pipelines.twins.kommo.answers import gateway_page, problem
from migration_pipelines.twins.kommo.asking import array_length
from migration_pipelines.twins.kommo.gate import Gate, unauthorized
from migration_pipelines.twins.kommo.oauth import Application, Grants, consent
from migration_pipelines.twins.kommo.routes import every_route
from migration_pipelines.twins.kommo.shapes import LARGEST
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import Switches, switches_from
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Handler, Kommo


def build_kommo_twin(
    *,
    seed: Mapping[str, Any] | None = None,
    switches: Mapping[str, object] | None = None,
    database: str = ":memory:",
    tokens: Collection[str] = ("twin-token",),
    application: Application | None = None,
    clock: Clock | None = None,
) -> TwinApp:
    """Build a twin that is ready to be served.

    Args:
        seed: see README; what it leaves out is taken from the default seed.
        switches: by name, see README.
        database: ":memory:" or a file. A file that already holds an account is left as it is.
        tokens: the long-lived Bearer tokens that are honoured.
        application: the integration that may sign in by OAuth, and whose scopes every token has.

    Raises:
        ValueError: an unknown switch, or a seed that Kommo would refuse.
    """
    serial = Serial(database)
    twin = Kommo(Store(serial.connection), clock or Clock(), switches_from(switches or {}))
    grants = Grants(application or Application(), tokens, twin.switches, twin.clock)
    gate = Gate(grants, twin.switches, twin.clock)
    with serial.transaction():
        if twin.store.is_empty():
            seeding.fill(twin, seed or {})

    def reset() -> None:
        gate.reset()
        grants.forget()
        twin.store.clear()
        seeding.fill(twin, seed or {})

    def control(method: str, path: str, handler: Handler) -> Route:
        return Route(CONTROL_PATH + path, serial.endpoint(partial(handler, twin)), methods=[method])

    return twin_app(
        name="kommo",
        routes=[
            *_sign_in_routes(grants, twin, serial),
            *(_route(serial, twin, *route) for route in every_route()),
        ],
        clock=twin.clock,
        statistics=Statistics(),
        faults=FaultPlan(),
        serial=serial,
        reset=reset,
        snapshot=lambda: snapshot.take(twin),
        render_fault=partial(_render_fault, twin.switches),
        gate=gate,
        control_routes=[
            control("POST", "remove", person.remove),
            control("POST", "edit", person.edit),
            control("GET", "feed", notes.feed),
            control("GET", "automations", automation.show),
            *_support_routes(gate, grants),
        ],
    )


def _route(serial: Serial, twin: Kommo, method: str, path: str, handler: Handler) -> Route:
    if path.startswith("/"):
        return Route(path, serial.endpoint(_as_context_user(twin, handler)), methods=[method])
    answer = _within_the_ceiling(twin.switches, _as_context_user(twin, handler))
    return Route(f"/api/v4/{path}", serial.endpoint(answer), methods=[method])


def _as_context_user(twin: Kommo, handler: Handler) -> Callable[[Call], Response]:
    """Where a request names a user in `X-Context-User-ID`, the token acts as that user."""

    def answer(call: Call) -> Response:
        if any(isinstance(value, int) and value > LARGEST for value in call.request.path_params.values()):
            return problem(404, "Not found")
        told = call.request.headers.get("x-context-user-id")
        if told is None or twin.switches.context_user == "ignored":
            return handler(twin, call)
        user = twin.store.document("users", told) if told.isdecimal() else None
        if user is None or not user["rights"]["is_active"]:
            return problem(403, "Access denied")
        return handler(replace(twin, acts_as=user["id"]), call)

    return answer


def _within_the_ceiling(switches: Switches, answer: Callable[[Call], Response]) -> Callable[[Call], Response]:
    """Kommo limits: too many items give 504. It comes from the gateway, so the array may even have been applied."""

    def answer_or_time_out(call: Call) -> Response:
        if array_length(call) <= switches.array_ceiling:
            return answer(call)
        if switches.over_ceiling_applies:
            answer(call)
        return gateway_page(504)

    return answer_or_time_out


def _sign_in_routes(grants: Grants, twin: Kommo, serial: Serial) -> list[Route]:
    async def ask_consent(request: Request) -> Response:
        return consent(grants, request)

    async def give_token(request: Request) -> Response:
        try:
            told = json.loads(await request.body())
        except ValueError:
            return problem(400, "Request body is not valid JSON")
        return grants.exchange(told, request.url.netloc)

    async def find_account(request: Request) -> Response:
        """Kommo OAuth 2.0: where the account of a refresh token lives now."""
        if not grants.knows_refresh_token(request.headers.get("x-refresh-token")):
            return unauthorized()
        subdomain = await serial.run(lambda: twin.account()["subdomain"])
        host = request.url.netloc
        return JSONResponse({"id": ACCOUNT_ID, "subdomain": subdomain, "domain": host, "top_level_domain": host})

    return [
        Route("/oauth", ask_consent, methods=["GET"]),
        Route("/oauth2/access_token", give_token, methods=["POST"]),
        Route("/oauth2/account/current/subdomain", find_account, methods=["GET"]),
    ]


def _support_routes(gate: Gate, grants: Grants) -> list[Route]:
    async def unblock(_: Request) -> Response:
        """Kommo's support lifts a block."""
        gate.reset()
        return Response(status_code=204)

    async def code(_: Request) -> Response:
        """An administrator consents, without the browser."""
        return JSONResponse({"code": grants.code()})

    async def revoke(_: Request) -> Response:
        """An administrator takes every token's access away."""
        grants.revoke_all()
        return Response(status_code=204)

    async def scopes(request: Request) -> Response:
        """{"scopes": ["crm"]}: an administrator says anew what every token may reach."""
        match await request.json():
            case {"scopes": [*scopes]}:
                grants.narrow(scopes)
            case _:
                raise ValueError('say {"scopes": ["crm"]}')
        return Response(status_code=204)

    table = (("unblock", unblock), ("code", code), ("revoke", revoke), ("scopes", scopes))
    return [Route(CONTROL_PATH + path, answer, methods=["POST"]) for path, answer in table]


def _render_fault(switches: Switches, kind: str, request: Request) -> Response | None:
    """Kommo's own words. It has no locked rows: that fault passes without effect."""
    match kind:
        case "429" | "500" | "503" | "504":
            return gateway_page(int(kind))
        case "expired_token":
            return unauthorized()
        case "not_found":
            return problem(404, "Not found")
        case "method_not_allowed":
            status = int(switches.delete_status) if request.method == "DELETE" else 405
            return problem(status, {404: "Not found", 403: "Access denied"}.get(status, "Method not allowed"))
    return None
