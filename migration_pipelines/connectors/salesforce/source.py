"""Salesforce as a source: how each object is counted and read. What an org is, `discovery` says.

A small object is read by query, a large one by a Bulk job. Deleted rows are left out, except where the question is what
changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import httpx

from migration_pipelines.connectors.base import FileBody
from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.salesforce import files
from migration_pipelines.connectors.salesforce.allowance import DEFAULT_RESERVE_PERCENT, Allowance
from migration_pipelines.connectors.salesforce.api import SalesforceApi
from migration_pipelines.connectors.salesforce.bulk import NotByBulk, bulk_pages
from migration_pipelines.connectors.salesforce.discovery import discover
from migration_pipelines.connectors.salesforce.query import fits_a_url, query_pages
from migration_pipelines.connectors.salesforce.sign_in import Credentials, sign_in
from migration_pipelines.connectors.salesforce.soql import STAMPS, Selection, changed, live, one_of
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.errors import PermanentFailure

log = logging.getLogger(__name__)

# A Bulk job costs about five requests (make, ask twice, fetch, delete) and waits for its turn; by query that is the
# price of 10,000 records. Above it the job is cheaper with every page.
BULK_FROM = 10_000

# Objects that are listed only for given ids -> the object whose ids those are, and the field that they are compared with.
_ONLY_BY_ID = {"ContentDocumentLink": ("ContentDocument", "ContentDocumentId")}
_IDS_A_QUERY = 300


class SalesforceSource:
    """A Salesforce org that is read. Implements `connectors.base.Source`.

    Args:
        url: the org's My Domain origin.
        api_version: "62.0".
        reserve_percent: how much of the org's daily API requests stays untouched.
        bulk_from: objects with more records are read by Bulk.
        rows_a_download: how many a Bulk page holds; None goes by the number of fields.
        transport, sleep: for tests.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        api_version: str = "62.0",
        reserve_percent: float = DEFAULT_RESERVE_PERCENT,
        bulk_from: int = BULK_FROM,
        rows_a_download: int | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._api_version = api_version
        self._bulk_from = bulk_from
        self._rows_a_download = rows_a_download
        allowance = Allowance(url, reserve_percent)
        http = HttpClient("Salesforce", url, self._authorise, manners=allowance, transport=transport, sleep=sleep)
        self._http = http
        self.api = SalesforceApi(http, allowance, api_version)

    def close(self) -> None:
        self._http.close()

    def describe(
        self, in_full: Sequence[str], also: Callable[[ObjectSchema], bool] = lambda _found: False
    ) -> OrgSchema:
        return discover(self.api, in_full, self.count, also)

    def count(self, source_object: str) -> int:
        return sum(self._size(one) for one in self._slices(live(source_object)))

    def now(self) -> datetime:
        response = self._http.get(f"{self.api.base}/")
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)

    def read(
        self,
        source_object: str,
        fields: Sequence[str],
        *,
        parent_field: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[list[SourceRecord]]:
        wanted = dict.fromkeys(("Id", *fields, *([parent_field] if parent_field else ())))
        stamp: str | None = next((name for name in STAMPS if name in wanted), None)
        if since is None:
            selection = live(source_object, tuple(wanted))
        else:
            has = {one["name"] for one in self.api.describe(source_object)["fields"]}
            stamp = next((name for name in STAMPS if name in has), None)
            own = {"IsDeleted", "MasterRecordId"} & has
            names = tuple(dict.fromkeys((*wanted, *([stamp] if stamp else ()), *sorted(own))))
            selection = (
                changed(source_object, names, stamp, since, has_bin="IsDeleted" in has)
                if stamp
                else live(source_object, names)
            )
        for one in self._slices(selection):
            for rows in self._pages(one):
                is_exact = list(rows[0]) == list(fields)
                yield [
                    _record(
                        source_object,
                        row,
                        row if is_exact else {name: row[name] for name in fields},
                        stamp,
                        parent_field,
                    )
                    for row in rows
                ]

    def file_of(self, record: SourceRecord) -> FileBody | None:
        return files.file_of(record)

    def open_file(self, body: FileBody) -> Iterator[bytes]:
        return files.open_file(self.api, body)

    def _pages(self, selection: Selection) -> Iterator[list[dict[str, Any]]]:
        """By Bulk where there are many rows, or where the statement is too long for a URL; else, or if Bulk does not take
        it, by query."""
        refused = ""
        fits = fits_a_url(selection)
        if selection.source_object not in _ONLY_BY_ID and (not fits or self._size(selection) > self._bulk_from):
            try:
                yield from bulk_pages(self.api, selection, self._rows_a_download)
                return
            except NotByBulk as error:
                refused = str(error)
                log.info("%s is read by query, since Bulk does not take it: %s", selection.source_object, refused)
        if not fits:
            raise PermanentFailure(
                f"Salesforce reads {selection.source_object} with its {len(selection.fields)} fields neither by Bulk "
                f"({refused}) nor by query, whose statement would be too long. Hide fields that are not needed from the "
                "integration user, then discover and extract again."
            )
        yield from query_pages(self.api, selection)

    def _slices(self, selection: Selection) -> Iterator[Selection]:
        """The selection itself; or, of an object that is listed only for given ids, one for each few hundred of them."""
        if selection.source_object not in _ONLY_BY_ID:
            yield selection
            return
        holder, field = _ONLY_BY_ID[selection.source_object]
        holders = Selection(holder, ("Id",), everything=selection.everything)
        ids = (row["Id"] for rows in self._pages(holders) for row in rows)
        while some := list(islice(ids, _IDS_A_QUERY)):
            yield Selection(
                selection.source_object, selection.fields, (one_of(field, some), *selection.conditions),
                selection.everything, selection.order,
            )  # fmt: skip

    def _size(self, selection: Selection) -> int:
        name = selection.source_object
        answer = self.api.query(selection.counted(), what=f"the number of {name}", everything=selection.everything)
        return int(answer["totalSize"])

    def _authorise(self, renew: bool) -> Mapping[str, str]:
        del renew  # a given token comes back as it is: the second 401 is final
        token = sign_in(self._http.origin, self._credentials, api_version=self._api_version)
        return {"Authorization": f"Bearer {token}"}


def _record(
    source_object: str, row: dict[str, Any], values: dict[str, Any], stamp: str | None, parent_field: str | None
) -> SourceRecord:
    if winner := row.get("MasterRecordId"):  # the record that this one was merged into
        values["MasterRecordId"] = winner
    changed_at = row[stamp] if stamp else None
    return SourceRecord(
        object=source_object,
        id=row["Id"],
        values=values,
        modified_at=datetime.fromisoformat(changed_at) if changed_at else None,
        deleted=bool(row.get("IsDeleted")),
        parent_id=row[parent_field] if parent_field else None,
    )
