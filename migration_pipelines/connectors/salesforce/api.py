"""Salesforce's REST API as the other modules of this connector ask it: JSON in our number form, or a refusal in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.salesforce.allowance import Allowance
from migration_pipelines.connectors.salesforce.refusals import refusal
from migration_pipelines.connectors.salesforce.values import number
from migration_pipelines.errors import TransientFailure

Row = Mapping[str, Any]


class SalesforceApi:
    """One org by one version of its API. Describes are asked for once."""

    def __init__(self, http: HttpClient, allowance: Allowance, api_version: str) -> None:
        self.http = http
        self.allowance = allowance
        self.base = f"/services/data/v{api_version}"
        self._described: dict[str, Mapping[str, Any]] = {}

    def get(self, path: str, params: Mapping[str, str] | None = None, *, what: str) -> Any:
        """The JSON of a path, which is relative to the version unless it begins with a slash.

        Args:
            what: what is asked for, as a refusal says it: "the limits".

        Raises:
            Refused: by anything but 200.
        """
        response = self.http.get(path if path.startswith("/") else f"{self.base}/{path}", params)
        if response.status_code != 200:
            raise refusal(response, what)
        return json.loads(response.text, parse_float=number)

    def query(self, soql: str, *, what: str, everything: bool = False) -> Any:
        """The first page that a statement gives."""
        return self.get("queryAll" if everything else "query", {"q": soql}, what=what)

    def rows(self, soql: str, *, what: str, resource: str = "query") -> Iterator[Row]:
        """All rows of a statement whose result is small enough to be asked for at once."""
        page = self.get(resource, {"q": soql}, what=what)
        seen = set()
        while True:
            yield from page["records"]
            if page["done"]:
                return
            following = page["nextRecordsUrl"]
            if following in seen:
                raise TransientFailure(f"Salesforce repeated a page of {what}. Run the same command again.")
            seen.add(following)
            page = self.get(following, what=what)

    def describe(self, source_object: str) -> Mapping[str, Any]:
        """The full describe of an object. Raises Refused where the org shows no such object."""
        if source_object not in self._described:
            found = self.get(f"sobjects/{source_object}/describe", what=f"the fields of {source_object}")
            self._described[source_object] = found
        return self._described[source_object]

    def type_of(self, source_object: str, path: str) -> str:
        """The type of a field, or of a parent's field by its path; "string" where no describe tells."""
        step, _, rest = path.partition(".")
        fields = self.describe(source_object)["fields"]
        if not rest:
            return next((str(one["type"]) for one in fields if one["name"] == step), "string")
        parents = next((one["referenceTo"] for one in fields if one["relationshipName"] == step), ())
        found = (self.type_of(parent, rest) for parent in parents)
        return next((kind for kind in found if kind != "string"), "string")


@contextmanager
def reading(source_object: str, page: int) -> Iterator[None]:
    """A failure in here says which object and which page were being read."""
    try:
        yield
    except TransientFailure as error:
        raise TransientFailure(f"While page {page} of {source_object} was read: {error}") from None
