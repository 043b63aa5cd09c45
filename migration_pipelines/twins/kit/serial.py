"""Work on a twin's state, one piece at a time: one thread, one SQLite connection, one transaction for each request."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

Result = TypeVar("Result")


class RefusedError(Exception):
    """Raised by a handler: undo what this request wrote, and give this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Call:
    """A request that was read to its end. Chunked and measured bodies look alike here."""

    request: Request
    body: bytes


class Serial:
    """One worker thread that owns the database. What a piece of work wrote is kept if it returns, undone if it raises.

    Args:
        database: ":memory:", or the path of a file, whose data outlives the twin.
    """

    def __init__(self, database: str = ":memory:") -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="twin")
        self.connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA synchronous = OFF")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work on the worker thread as one transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._in_transaction, work)

    def endpoint(self, handler: Callable[[Call], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Make a Starlette endpoint of a plain function."""

        async def answer(request: Request) -> Response:
            call = Call(request, await request.body())
            try:
                return await self.run(lambda: handler(call))
            except RefusedError as refused:
                return refused.response

        return answer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self._executor.shutdown(wait=True)
        self.connection.close()

    def _in_transaction(self, work: Callable[[], Result]) -> Result:
        try:
            with self.transaction():
                return work()
        except StopIteration as stopped:  # a future cannot carry it: the client would wait for ever
            raise RuntimeError("a next() in the twin found nothing") from stopped
