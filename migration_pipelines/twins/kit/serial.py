"""Work on a twin's state, one piece at a time: one thread, one SQLite connection, one transaction for each request."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar

from starlette.requests import Request
from starlette.responses import Response

Result = TypeVar("Result")
logger = logging.getLogger(__name__)
_TABLES = "SELECT sql FROM sqlite_master ORDER BY name"
LARGEST_IN_MEMORY = 1 << 20
"""A longer body, in bytes, waits in a temporary file."""


class RefusedError(Exception):
    """Raised by a handler: undo what this request wrote, and give this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Call:
    """A request that was read to its end. Chunked and measured bodies look alike here.

    Attributes:
        file: the body, at its start. Past 1 MB it is a temporary file, which is gone when the request is answered.
    """

    request: Request
    file: IO[bytes]

    @cached_property
    def body(self) -> bytes:
        """The body in memory. Uploads are read from `file`."""
        self.file.seek(0)
        return self.file.read()


class Serial:
    """One worker thread that owns the database. What a piece of work wrote is kept if it returns, undone if it raises.

    Args:
        database: ":memory:", or the path of a file, whose data outlives the twin.
    """

    def __init__(self, database: str = ":memory:") -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="twin")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA synchronous = OFF")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work on the worker thread as one transaction."""
        self._loop = asyncio.get_running_loop()
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._in_transaction, work)

    def endpoint(self, handler: Callable[[Call], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Make a Starlette endpoint of a plain function."""

        async def answer(request: Request) -> Response:
            with SpooledTemporaryFile(LARGEST_IN_MEMORY) as file:
                async for chunk in request.stream():
                    file.write(chunk)
                file.seek(0)
                call = Call(request, file)
                try:
                    return await self.run(lambda: handler(call))
                except RefusedError as refused:
                    return refused.response

        return answer

    def in_background(self, steps: Iterator[float]) -> None:
        """Work on while other requests are answered. To be called from a handler.

        Args:
            steps: each step is a transaction; it gives the seconds to wait before the next.
        """
        assert self._loop is not None  # a handler runs in it
        asyncio.run_coroutine_threadsafe(self._work_off(steps), self._loop)

    async def _work_off(self, steps: Iterator[float]) -> None:
        try:
            while (pause := await self.run(lambda: next(steps, None))) is not None:
                await asyncio.sleep(pause)
        except Exception:
            logger.exception("the twin failed in the background")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    async def save(self) -> bytes:
        """The whole state, as the bytes of an SQLite file."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.connection.serialize)

    async def load(self, state: bytes) -> None:
        """Put another's state in the place of this one. Raises ValueError where the bytes are none."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._load, state)

    def _load(self, state: bytes) -> None:
        with closing(sqlite3.connect(":memory:")) as other:
            try:
                other.deserialize(state)
                same = other.execute(_TABLES).fetchall() == [tuple(row) for row in self.connection.execute(_TABLES)]
            except sqlite3.DatabaseError:
                same = False
            if not same:
                raise ValueError("this is no state that a twin of this kind and version has saved")
            other.backup(self.connection)

    def close(self) -> None:
        self._executor.shutdown(wait=True)
        self.connection.close()

    def _in_transaction(self, work: Callable[[], Result]) -> Result:
        try:
            with self.transaction():
                return work()
        except StopIteration as stopped:  # a future cannot carry it: the client would wait for ever
            raise RuntimeError("a next() in the twin found nothing") from stopped
