"""A twin's application: the vendor's routes, with statistics, faults and the control endpoints around them."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.control import CONTROL_PATH, control_app
from migration_pipelines.twins.kit.faults import Fault, FaultPlan
from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.kit.statistics import NO_ANSWER, Statistics

CONNECTION = "twin.connection"
"""Where `kit.serve` puts the connection, among a request's ASGI extensions."""
FAULT = "twin.fault"
"""Where a handler finds, in `request.scope`, the fault that `render_fault` left to it."""
logger = logging.getLogger(__name__)


class Connection(Protocol):
    def cut(self) -> None:
        """Drop the connection at once; what was not sent is lost."""

    def hang_up(self) -> None:
        """Send what is written, then close."""


RenderFault = Callable[[str, Request], Response | None]
Gate = Callable[[Request], Response | None]


class TwinApp:
    """An ASGI application. See `twin_app`."""

    def __init__(
        self,
        *,
        vendor: Starlette,
        control: Starlette,
        clock: Clock,
        statistics: Statistics,
        faults: FaultPlan,
        serial: Serial,
        render_fault: RenderFault,
        gate: Gate | None,
    ) -> None:
        self._vendor = vendor
        self._control = control
        self.clock = clock
        self._statistics = statistics
        self._faults = faults
        self._serial = serial
        self._render_fault = render_fault
        self._gate = gate

    def close(self) -> None:
        """Let go of the database. The server that ran the application calls this."""
        self._serial.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].startswith(CONTROL_PATH):
            await self._control(scope, receive, send)
            return
        at = self.clock.now()
        status = NO_ANSWER

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"date", formatdate(at, usegmt=True).encode())]
            await send(message)

        fault = self._faults.match(scope["method"], scope["path"])
        try:
            if fault is None:
                await self._answer(scope, receive, counted)
            else:
                await self._go_wrong(fault, scope, receive, counted)
        finally:
            self._statistics.record(scope["method"], _template(scope), status, at)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._gate(Request(scope, receive)) if self._gate else None
        try:
            await (refusal or self._vendor)(scope, receive, send)
        except Exception:  # Starlette has answered 500 by now; raising it further would cost the client its connection
            logger.exception("the twin failed on %s %s", scope["method"], scope["path"])

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        # The body is read first, so that the client always gets as far as waiting for the answer.
        whole = _replay(await Request(scope, receive).body(), receive)
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self._answer(scope, whole, send)
            case "cut_before":
                await _cut(scope, receive)
            case "cut_after":
                await self._apply(scope, whole)
                await _cut(scope, receive)
            case "truncated":
                await _send_half(await self._apply(scope, whole), scope, receive, send)
            case "504_after_apply":
                await self._apply(scope, whole)
                await self._show("504", scope, whole, send)
            case kind:
                scope[FAULT] = fault
                await self._show(kind, scope, whole, send)

    async def _show(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._render_fault(kind, Request(scope, receive))
        await (response(scope, receive, send) if response else self._answer(scope, receive, send))

    async def _apply(self, scope: Scope, receive: Receive) -> list[Message]:
        """Run the request to its end and keep the answer."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._answer(scope, receive, keep)
        return messages


def twin_app(
    *,
    name: str,
    routes: Sequence[BaseRoute],
    clock: Clock,
    statistics: Statistics,
    faults: FaultPlan,
    serial: Serial,
    reset: Callable[[], None],
    snapshot: Callable[[], Mapping[str, object]],
    render_fault: RenderFault,
    gate: Gate | None = None,
    control_routes: Sequence[BaseRoute] = (),
) -> TwinApp:
    """Put a vendor's routes behind the kit.

    Args:
        name: what /__twin__/health calls the twin.
        routes: the vendor's. Their endpoints are best made by `serial.endpoint`.
        serial: where reset and snapshot run as well.
        reset: back to the state in which the twin was built.
        snapshot: the full state as JSON, readable and stable.
        render_fault: the vendor's own answer for "429", "500", "503", "504", "expired_token" and "locked_row",
            and for "not_found" and "method_not_allowed" where no route answers. None leaves the fault to the
            handler, which finds it in `request.scope[FAULT]`.
        gate: asked before every request of the vendor's API; an answer from it is final. For pace and authorisation.
        control_routes: more under /__twin__/, with their full path.
    """

    def unrouted(kind: str) -> Callable[[Request, Exception], Response]:
        return lambda request, _: render_fault(kind, request) or Response(status_code=404)

    return TwinApp(
        vendor=Starlette(
            routes=list(routes),
            exception_handlers={404: unrouted("not_found"), 405: unrouted("method_not_allowed")},
        ),
        control=control_app(name, clock, statistics, faults, serial, reset, snapshot, control_routes),
        clock=clock,
        statistics=statistics,
        faults=faults,
        serial=serial,
        render_fault=render_fault,
        gate=gate,
    )


async def _cut(scope: Scope, receive: Receive) -> None:
    _connection(scope).cut()
    await _gone(receive)


async def _send_half(messages: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
    start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    promised = max(len(body), 1)
    await send({**start, "headers": [*headers, (b"content-length", str(promised).encode())]})
    await send({"type": "http.response.body", "body": body[: promised // 2], "more_body": True})
    _connection(scope).hang_up()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed the cut; an application that returns earlier would be answered for with 500."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _connection(scope: Scope) -> Connection:
    connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        raise RuntimeError("a connection can be cut only where kit.serve runs the twin")
    return connection


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give out a body that was already read; afterwards whatever else the client sends."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _template(scope: Scope) -> str:
    """The route's path with its parameters' names; the path itself where no route matched."""
    route = scope.get("route")
    return re.sub(r":\w+}", "}", str(route.path if route else scope["path"]))
