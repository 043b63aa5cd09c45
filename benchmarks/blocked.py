"""Time blocked on HTTP: what a piece of work waited for servers, told from what it did itself.

Python's own sockets carry nothing but HTTP here: the database is spoken to by a library of its own. The main thread is
blocked while it waits on a socket, and while it waits for another thread that waits on one.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

Span = tuple[float, float]

_WAITS_ON_A_SERVER = ("connect", "recv", "recv_into", "send", "sendall")


class Blocked:
    """Gathers the waits of every thread since it was made."""

    def __init__(self) -> None:
        self.on_sockets: list[Span] = []  # of the main thread
        self.on_threads: list[Span] = []  # of the main thread
        self.of_lanes: list[Span] = []  # other threads, on sockets

    def seconds(self) -> float:
        return _length(self.on_sockets) + _length(_common(self.on_threads, _united(self.of_lanes)))


@contextmanager
def watching() -> Iterator[Blocked]:
    """Notes waits while it is open."""
    noted = Blocked()

    def timed(wait: Callable[..., Any], spans: Callable[[bool], list[Span] | None]) -> Callable[..., Any]:
        def waiting(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return wait(*args, **kwargs)
            finally:
                into = spans(threading.current_thread() is threading.main_thread())
                if into is not None:
                    into.append((begin, time.perf_counter()))

        return waiting

    before = {name: getattr(socket.socket, name) for name in _WAITS_ON_A_SERVER}
    result = Future.result
    for name, wait in before.items():
        setattr(socket.socket, name, timed(wait, lambda is_main: noted.on_sockets if is_main else noted.of_lanes))
    Future.result = timed(result, lambda is_main: noted.on_threads if is_main else None)  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        for name, wait in before.items():
            setattr(socket.socket, name, wait)
        Future.result = result  # type: ignore[method-assign]


def _length(spans: Sequence[Span]) -> float:
    return sum(end - begin for begin, end in spans)


def _united(spans: Sequence[Span]) -> list[Span]:
    united: list[Span] = []
    for begin, end in sorted(spans):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return united


def _common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What two lists of spans, each in order and without overlap, share."""
    common, at = list[Span](), 0
    for begin, end in some:
        while at < len(others) and others[at][1] <= begin:
            at += 1
        each = at
        while each < len(others) and others[each][0] < end:
            common.append((max(begin, others[each][0]), min(end, others[each][1])))
            each += 1
    return common
