"""Reading an object by the query resource: 2,000 records a request, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from migration_pipelines.connectors.salesforce.api import SalesforceApi, reading
from migration_pipelines.connectors.salesforce.refusals import Refused
from migration_pipelines.connectors.salesforce.soql import Selection
from migration_pipelines.connectors.salesforce.values import from_query
from migration_pipelines.errors import TransientFailure

# Salesforce refuses a request line and headers of more than 16,384 bytes together; the rest is for path and headers.
LONGEST_STATEMENT_BYTES = 14_000


def fits_a_url(selection: Selection) -> bool:
    return len(quote(selection.sorted(), safe="")) <= LONGEST_STATEMENT_BYTES


def query_pages(api: SalesforceApi, selection: Selection) -> Iterator[list[dict[str, Any]]]:
    """All rows of a selection, in pages.

    Raises:
        Refused: Salesforce takes no such statement.
        TransientFailure: a page is lost, repeated, empty or missing.
    """
    name = selection.source_object
    number, read = 1, 0
    with reading(name, number):
        page = api.query(selection.sorted(), what=f"the records of {name}", everything=selection.everything)
    seen = set[str]()
    while True:
        rows = [from_query(row, selection.fields) for row in page["records"]]
        read += len(rows)
        if rows:
            if rows[0]["Id"] in seen:
                raise _repeated(name, number)
            seen.add(rows[0]["Id"])
            yield rows
        if page["done"]:
            break
        following = page["nextRecordsUrl"]
        number += 1
        if following in seen or not rows:
            raise _repeated(name, number)
        seen.add(following)
        with reading(name, number):
            page = _following(api, following, name)
    if read != page["totalSize"]:
        raise TransientFailure(
            f"Salesforce announced {page['totalSize']} records of {name} and gave {read} in {number} pages. "
            "Run the same command again."
        )


def _following(api: SalesforceApi, url: str, name: str) -> Any:
    try:
        return api.get(url, what=f"the records of {name}")
    except Refused as error:
        if error.code == "INVALID_QUERY_LOCATOR":
            raise TransientFailure(
                "Salesforce has forgotten the query, which it does after two days. Run the same command again."
            ) from None
        raise


def _repeated(name: str, number: int) -> TransientFailure:
    return TransientFailure(f"Salesforce repeated a page of {name} (page {number}). Run the same command again.")
