"""The endpoints under /__twin__/: how whoever rehearses looks into a twin, resets it and plans its faults."""

import json
from collections.abc import Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.faults import Fault, FaultPlan
from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.kit.statistics import Statistics

CONTROL_PATH = "/__twin__/"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class LocalHostsOnly:
    """Refuses a foreign Host header: a web page in somebody's browser must not steer a twin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Request(scope).url.hostname not in LOOPBACK_HOSTS:
            refusal = JSONResponse({"error": "control endpoints answer to a loopback Host only"}, status_code=403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def control_app(
    name: str,
    clock: Clock,
    statistics: Statistics,
    faults: FaultPlan,
    serial: Serial,
    reset: Callable[[], None],
    snapshot: Callable[[], Mapping[str, object]],
    more: Sequence[BaseRoute],
) -> Starlette:
    async def get_health(_: Request) -> Response:
        return JSONResponse({"twin": name, "status": "ok"})

    async def post_reset(_: Request) -> Response:
        await serial.run(reset)
        statistics.reset()
        faults.clear()
        clock.real()
        return Response(status_code=204)

    async def get_snapshot(_: Request) -> Response:
        return JSONResponse(await serial.run(snapshot))

    async def get_state(_: Request) -> Response:
        return Response(await serial.save(), media_type="application/vnd.sqlite3")

    async def put_state(request: Request) -> Response:
        """The faults, the statistics and the clock stay as they are."""
        await serial.load(await request.body())
        return Response(status_code=204)

    async def get_statistics(_: Request) -> Response:
        return JSONResponse(statistics.as_dict())

    async def reset_statistics(_: Request) -> Response:
        statistics.reset()
        return Response(status_code=204)

    async def get_clock(_: Request) -> Response:
        return JSONResponse(clock.as_dict())

    async def move_clock(request: Request) -> Response:
        match await request.json():
            case {"set": int() | float() as epoch}:
                clock.set(epoch)
            case {"advance": int() | float() as seconds}:
                clock.advance(seconds)
            case {"real": True}:
                clock.real()
            case _:
                raise ValueError('say {"set": epoch}, {"advance": seconds} or {"real": true}')
        return JSONResponse(clock.as_dict())

    async def get_faults(_: Request) -> Response:
        return JSONResponse(faults.as_list())

    async def add_faults(request: Request) -> Response:
        """One fault, or a list of them."""
        told = await request.json()
        for fault in [Fault.from_dict(data) for data in (told if isinstance(told, list) else [told])]:
            faults.add(fault)
        return JSONResponse(faults.as_list(), status_code=201)

    async def clear_faults(_: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def misunderstood(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, status_code=400)

    table = (
        ("GET", "health", get_health),
        ("POST", "reset", post_reset),
        ("GET", "snapshot", get_snapshot),
        ("GET", "state", get_state),
        ("PUT", "state", put_state),
        ("GET", "statistics", get_statistics),
        ("POST", "statistics/reset", reset_statistics),
        ("GET", "clock", get_clock),
        ("POST", "clock", move_clock),
        ("GET", "faults", get_faults),
        ("POST", "faults", add_faults),
        ("DELETE", "faults", clear_faults),
    )
    return Starlette(
        routes=[*(Route(CONTROL_PATH + path, answer, methods=[method]) for method, path, answer in table), *more],
        middleware=[Middleware(LocalHostsOnly)],
        exception_handlers=dict.fromkeys((ValueError, TypeError, json.JSONDecodeError), misunderstood),
    )
