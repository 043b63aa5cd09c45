"""Salesforce as a source: describe, count, and read whole objects over the REST API.

Task and Event are counted and read by queryAll, since plain query hides archived activities; deleted rows are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from simple_salesforce.format import format_soql

from migration_pipelines.connectors.http import HttpClient, exact_number
from migration_pipelines.connectors.salesforce.describe import NEVER_BUSINESS_OBJECTS, object_schema
from migration_pipelines.connectors.salesforce.sign_in import sign_in
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.schema import ObjectSchema, OrgSchema, User
from migration_pipelines.errors import MappingError, PermanentFailure, TransientFailure

_ARCHIVED = frozenset({"Task", "Event"})


class SalesforceSource:
    """A Salesforce org, read over REST. Implements `connectors.base.Source`.

    Args:
        url: the org's My Domain origin.
        token: an access token; or else client_id and client_secret of an app with the client credentials flow.
        api_version: "62.0".
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        api_version: str = "62.0",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._credentials = {"token": token, "client_id": client_id, "client_secret": client_secret}
        self._api_version = api_version
        self._http = HttpClient("Salesforce", url, self._authorise, transport=transport)
        self._base = f"/services/data/v{api_version}"

    def close(self) -> None:
        self._http.close()

    def describe(self, in_full: Sequence[str]) -> OrgSchema:
        names = {one["name"]: one for one in self._get(f"{self._base}/sobjects")["sobjects"] if one["queryable"]}
        if missing := [name for name in in_full if name not in names]:
            raise MappingError(
                f"The Salesforce org shows no object {', '.join(missing)}. Take it out of the mapping, or give the "
                "integration user access to it."
            )
        counts = {one["name"]: one["count"] for one in self._get(f"{self._base}/limits/recordCount")["sObjects"]}
        objects: dict[str, ObjectSchema] = {}
        for name, one in names.items():
            if name in in_full:
                described = object_schema(self._get(f"{self._base}/sobjects/{name}/describe"))
                objects[name] = described.model_copy(update={"records": self.count(name)})
            elif counts.get(name):
                objects[name] = ObjectSchema(
                    name=name,
                    label=one["label"],
                    records=counts[name],
                    is_custom=one["custom"],
                    is_business=name not in NEVER_BUSINESS_OBJECTS,
                )
        organization = self._organization()
        return OrgSchema(
            crm="salesforce", identity=f"salesforce:{organization['Id']}", objects=objects,
            users=tuple(self._users()), facts={
                "stages": self._stages(),
                "currency": self._currency(),
                "is_sandbox": organization["IsSandbox"],
            },
        )  # fmt: skip

    def count(self, source_object: str) -> int:
        return int(self._query(_select("COUNT()", source_object), source_object)["totalSize"])

    def now(self) -> datetime:
        response = self._http.get(f"{self._base}/")
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)

    def read(self, source_object: str, fields: Sequence[str], parent_field: str | None) -> Iterator[list[SourceRecord]]:
        page = self._query(_select(", ".join(fields), source_object) + " ORDER BY Id", source_object)
        read, seen = 0, set[str]()
        while True:
            records = [_source_record(source_object, row, parent_field) for row in page["records"]]
            read += len(records)
            if records:
                yield records
            if page["done"]:
                break
            following = page["nextRecordsUrl"]
            if following in seen or not records:
                raise TransientFailure(f"Salesforce repeated a page of {source_object}. Run the same command again.")
            seen.add(following)
            page = self._get(following)
        if read != page["totalSize"]:
            raise TransientFailure(
                f"Salesforce announced {page['totalSize']} records of {source_object} and gave {read}. "
                "Run the same command again."
            )

    def _organization(self) -> Mapping[str, Any]:
        found = self._query("SELECT Id, Name, IsSandbox FROM Organization", "Organization")["records"]
        return dict(found[0])

    def _currency(self) -> str | None:
        """The org's own currency; None where the org does not tell it."""
        response = self._http.get(
            f"{self._base}/query", {"q": "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"}
        )
        if response.status_code == 200 and (records := response.json()["records"]):
            return str(records[0]["IsoCode"])
        return None

    def _users(self) -> Iterator[User]:
        for page in self.read("User", ["Id", "Name", "Email", "IsActive"], None):
            for record in page:
                row = record.values
                yield User(id=record.id, name=row["Name"] or "", email=row["Email"], is_active=row["IsActive"])

    def _stages(self) -> list[Mapping[str, Any]]:
        """Opportunity stages in order: name, and whether they are closed and won."""
        soql = "SELECT ApiName, IsClosed, IsWon FROM OpportunityStage ORDER BY SortOrder"
        rows = self._query(soql, "OpportunityStage")["records"]
        return [{"name": row["ApiName"], "is_closed": row["IsClosed"], "is_won": row["IsWon"]} for row in rows]

    def _query(self, soql: str, source_object: str) -> Any:
        resource = "queryAll" if source_object in _ARCHIVED else "query"
        return self._get(f"{self._base}/{resource}", {"q": soql})

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        response = self._http.get(path, params)
        if response.status_code != 200:
            raise PermanentFailure(f"Salesforce refused a read: {_in_its_words(response)}")
        return json.loads(response.text, parse_float=exact_number)

    def _authorise(self, renew: bool) -> Mapping[str, str]:
        if renew and self._credentials["token"]:
            return self._authorise(False)  # a given token cannot be renewed: the second 401 is final
        client = sign_in(self._http.origin, api_version=self._api_version, **self._credentials)
        return {"Authorization": f"Bearer {client.session_id}"}


def _select(fields: str, source_object: str) -> str:
    """SOQL over all live records of an object; queryAll is asked for those that are not deleted."""
    soql = format_soql("SELECT {:literal} FROM {:literal}", fields, source_object)
    return soql + " WHERE IsDeleted = false" if source_object in _ARCHIVED else soql


def _source_record(source_object: str, row: Mapping[str, Any], parent_field: str | None) -> SourceRecord:
    values = {name: value for name, value in row.items() if name != "attributes"}
    stamp = values.get("SystemModstamp")
    return SourceRecord(
        object=source_object,
        id=values["Id"],
        values=values,
        modified_at=datetime.fromisoformat(stamp) if stamp else None,
        parent_id=values[parent_field] if parent_field else None,
    )


def _in_its_words(response: httpx.Response) -> str:
    """Salesforce's code and message; never the request, which may carry more than a log should."""
    try:
        first = response.json()[0]
        return f"{first['errorCode']}: {first['message']}"
    except (ValueError, LookupError, TypeError):
        return f"status {response.status_code}"
