"""Query locators: where a client that reads a query's pages has got to."""

import itertools
import json
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.errors import Refusal
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.results import Results, beginning
from migration_pipelines.twins.salesforce.soql.compiler import Statement
from migration_pipelines.twins.salesforce.store import Store

LARGEST_PAGE = 2_000
SMALLEST_PAGE = 200


@dataclass(frozen=True)
class Cursor:
    locator: str
    results: Results
    record: str
    page_size: int
    opened_at: float


class Cursors:
    def __init__(self, store: Store, life_seconds: float) -> None:
        self._store = store
        self._life_seconds = life_seconds
        self._numbers = itertools.count(1)
        self._open: dict[str, Cursor] = {}

    def answer(self, statement: Statement, page_size: int, version: str, now: float) -> bytes:
        """Run a query and give its first page, as JSON. Rows are put aside only if they do not fit on it.

        Args:
            version: of the API, as nextRecordsUrl names it.

        Raises:
            Refusal: an aggregate query with more rows than a page.
        """
        if statement.counts_only:
            (total,) = self._store.run(statement.sql, statement.binds).fetchone()
            return _page([], total, None)
        most = LARGEST_PAGE if statement.is_aggregate else page_size
        records = beginning(self._store, statement, most + 1)
        if len(records) <= most:
            return _page(records, len(records), None)
        if statement.is_aggregate:
            raise Refusal(
                400,
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
            )
        results = Results.of(self._store, statement)
        cursor = Cursor(make_id("01g", next(self._numbers)), results, statement.record, page_size, now)
        self._open[cursor.locator] = cursor
        return self._next(cursor, 0, page_size, version)

    def more(self, locator: str, page_size: int | None, version: str, now: float) -> bytes:
        """A further page. `locator` is the last part of nextRecordsUrl: `01g...-2000`.

        Raises:
            Refusal: INVALID_QUERY_LOCATOR: never given out, or too old.
        """
        for old in [cursor for cursor in self._open.values() if now - cursor.opened_at >= self._life_seconds]:
            del self._open[old.locator]
            old.results.drop()
        name, _, offset = locator.partition("-")
        cursor = self._open.get(name)
        if cursor is None or not (offset.isascii() and offset.isdecimal()) or int(offset[:12]) > cursor.results.total:
            raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._next(cursor, int(offset), page_size or cursor.page_size, version)

    def forget(self) -> None:
        for cursor in self._open.values():
            cursor.results.drop()
        self._open.clear()

    def _next(self, cursor: Cursor, offset: int, size: int, version: str) -> bytes:
        records = cursor.results.rendered(cursor.record, offset, size)
        reached = offset + len(records)
        is_last = reached >= cursor.results.total
        url = None if is_last else f"/services/data/v{version}/query/{cursor.locator}-{reached}"
        return _page(records, cursor.results.total, url)


def _page(records: list[bytes], total: int, next_url: str | None) -> bytes:
    more = f',"nextRecordsUrl":{json.dumps(next_url)}' if next_url else ""
    head = f'{{"totalSize":{total},"done":{json.dumps(next_url is None)}{more},"records":['
    return b"".join((head.encode(), b",".join(records), b"]}"))
