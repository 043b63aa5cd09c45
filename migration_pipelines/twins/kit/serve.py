"""Running a twin with uvicorn: in a thread for tests, or in the foreground for the command line."""

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from migration_pipelines.twins.kit.app import CONNECTION, TwinApp


@dataclass(frozen=True)
class RunningTwin:
    url: str
    app: TwinApp
    stop: Callable[[], None]


@dataclass(frozen=True)
class Certificate:
    """What makes it https: PEM files of a certificate and its private key."""

    certificate: Path
    key: Path


@contextmanager
def serve_in_thread(
    app: TwinApp, host: str = "127.0.0.1", port: int = 0, certificate: Certificate | None = None
) -> Iterator[RunningTwin]:
    """Serve until the block ends; port 0 picks a free one. The application is closed with its server."""
    listener = _listen(host, port, anywhere=False)
    server = _Server(app, certificate)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    thread.start()
    try:
        server.listening.wait()
        yield RunningTwin(_url(listener, certificate), app, stop)
    finally:
        stop()
        listener.close()
        app.close()


def serve(
    app: TwinApp,
    host: str,
    port: int,
    *,
    anywhere: bool = False,
    certificate: Certificate | None = None,
    on_listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        anywhere: allow addresses that other machines can reach.
        certificate: for https; None is plain http.
        on_listening: told the URL as soon as the twin answers.
    """
    with _listen(host, port, anywhere=anywhere) as listener:
        server = _Server(app, certificate, lambda: on_listening(_url(listener, certificate)))
        try:
            server.run(sockets=[listener])
        finally:
            app.close()


class _Server(uvicorn.Server):
    """Uvicorn that says when it listens, and lets a request cut its own connection."""

    def __init__(
        self, app: TwinApp, certificate: Certificate | None, on_listening: Callable[[], None] = lambda: None
    ) -> None:
        config = uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            date_header=False,  # `TwinApp` gives the date of the twin's own clock
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate.certificate if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        config.load()
        config.http_protocol_class = _cuttable(config.http_protocol_class)  # type: ignore[assignment]
        super().__init__(config)
        self.listening = threading.Event()
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and be done. Uvicorn's own would raise it again afterwards, and the process die of it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass(frozen=True)
class _Connection:
    protocol: Any

    def cut(self) -> None:
        self.protocol.transport.abort()

    def hang_up(self) -> None:
        self.protocol.transport.close()


def _cuttable(protocol_class: Any) -> Callable[..., Any]:
    """Make each of uvicorn's connections known to the requests that come over it."""

    def build(**arguments: Any) -> Any:
        protocol = protocol_class(**arguments)
        app = protocol.app

        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = _Connection(protocol)
            await app(scope, receive, send)

        protocol.app = with_connection
        return protocol

    return build


def _listen(host: str, port: int, *, anywhere: bool) -> socket.socket:
    # A twin's authorisation keeps nobody out: other machines reach it only where somebody said so.
    is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    if not (is_loopback or anywhere):
        raise ValueError(f"{host} is not a loopback address; say --anywhere to let other machines reach the twin")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def _url(listener: socket.socket, certificate: Certificate | None) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if certificate else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
