"""Salesforce keeps the contract of a source on both roads: by query, and by Bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.connectors.contract_source import SourceContract

ROWS = 4_321
APP = Credentials(client_id="app", client_secret="planted-client-secret")


class Org:
    """A twin with three pages of accounts. Implements `contract_source.OrgUnderTest`."""

    object = "Account"
    fields: Sequence[str] = ("Id", "Name", "CreatedDate")

    def __init__(self, url: str, source: SalesforceSource, requests: int) -> None:
        self.source, self.requests = source, requests
        self.control = httpx.Client(base_url=f"{url}/__twin__/")

    def _put(self, **row: str) -> str:
        answer = self.control.post("rows", json={"object": self.object, "rows": [row]})
        return str(answer.json()["ids"][0])

    def add(self) -> str:
        return self._put(Name="One more")

    def change(self, record_id: str) -> None:
        self._put(Id=record_id, Name="Another name")

    def delete(self, record_id: str) -> None:
        assert self.control.post("remove", json={"object": self.object, "id": record_id}).status_code == 204

    def let_an_hour_pass(self) -> None:
        assert self.control.post("clock", json={"advance": 3_600}).is_success

    def fail(self, kind: str, ordinal: int, times: int = 1) -> None:
        self.control.delete("faults")
        fault = {"kind": kind, "endpoint": "* /services/data/*", "ordinal": ordinal, "times": times}
        assert self.control.post("faults", json=fault).is_success


@pytest.fixture
def switches() -> Mapping[str, object]:
    return {}


@pytest.fixture
def url(tmp_path: Path, switches: Mapping[str, object]) -> Iterator[str]:
    (tmp_path / "rows").mkdir()
    names = "\n".join(f"Account {n}" for n in range(ROWS))
    (tmp_path / "rows" / "Account.csv").write_text(f"Name\n{names}\n", "utf-8")
    app = build_salesforce_twin(
        seed=tmp_path, client_id="app", client_secret="planted-client-secret", switches=switches
    )
    with serve_in_thread(app) as twin:
        yield twin.url


class TestByQuery(SourceContract):
    @pytest.fixture
    def org(self, url: str) -> Iterator[Org]:
        source = SalesforceSource(url, APP, sleep=lambda _: None)
        org = Org(url, source, requests=4)  # the count, and three pages
        yield org
        org.control.close()
        source.close()


class TestByBulk(SourceContract):
    @pytest.fixture(params=[True, False], ids=["header on every page", "header on the first page"])
    def switches(self, request: pytest.FixtureRequest) -> Mapping[str, object]:
        return {"bulk_header_on_every_page": request.param}

    @pytest.fixture
    def org(self, url: str) -> Iterator[Org]:
        source = SalesforceSource(url, APP, bulk_from=0, sleep=lambda _: None, rows_a_download=2_000)
        source.api.describe("Account")
        org = Org(url, source, requests=6)  # the count, the job, a look at it, and three pages; not its deletion
        yield org
        org.control.close()
        source.close()
