"""The road by Bulk: what is chosen when, the same records as by query, and no page that is not whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.connectors.salesforce.query import fits_a_url
from migration_pipelines.connectors.salesforce.soql import Selection
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.errors import PermanentFailure, TransientFailure
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin

GIVEN = Credentials(token="planted-session")
ROWS = 450
NASTY = [
    'He said "no", twice', "two\nlines", "carriage\r\nreturn", "a line\u2028separator", "a\x00NUL", "x" * 31_000,
    "#N/A", " blanks ", "Çelik İnşaat A.Ş. 🏗", "null",
]  # fmt: skip
FIELDS = (
    "Id", "Name", "Description", "AnnualRevenue", "NumberOfEmployees", "IsDeleted", "CreatedDate", "SystemModstamp",
    "ParentId", "Owner.Email", "Parent.Name", "Parent.AnnualRevenue",
)  # fmt: skip


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("org")
    (folder / "rows").mkdir()
    names = "\n".join(f"Account {n}" for n in range(ROWS))
    (folder / "rows" / "Account.csv").write_text(f"Name\n{names}\n", "utf-8")
    with serve_in_thread(build_salesforce_twin(seed=folder, tokens=["planted-session"])) as twin:
        rows: list[dict[str, Any]] = [{"Name": f"Nasty {n}", "Description": text} for n, text in enumerate(NASTY)]
        rows += [{"Name": "Rich", "AnnualRevenue": 1234567.0, "NumberOfEmployees": 50}]
        answer = httpx.post(f"{twin.url}/__twin__/rows", json={"object": "Account", "rows": rows})
        rich = answer.json()["ids"][-1]
        httpx.post(
            f"{twin.url}/__twin__/rows",
            json={"object": "Account", "rows": [{"Name": "Child", "ParentId": rich, "AnnualRevenue": 0}]},
        )
        yield twin.url


class Tampered(httpx.HTTPTransport):
    """Passes everything on to the twin, notes what was asked, and spoils answers about query jobs.

    Args:
        refusal: status and code that every new job is answered with.
        ends: the state that every job is in when it is looked at.
        drops_a_row: the last row of each page is left out.
        locators: page -> what its locator is: "null", that of the "same" page, or that of the page "after" the next.
    """

    def __init__(
        self,
        *,
        refusal: tuple[int, str] | None = None,
        ends: str | None = None,
        drops_a_row: bool = False,
        locators: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._refusal, self._ends, self._drops_a_row = refusal, ends, drops_a_row
        self._locators = locators or {}
        self._page = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/services/data/v62.0")
        self.asked.append(f"{request.method} {path}")
        if path == "/jobs/query" and request.method == "POST" and self._refusal:
            status, code = self._refusal
            return httpx.Response(status, json=[{"errorCode": code, "message": "no"}])
        answer = super().handle_request(request)
        if path.endswith("/results") and answer.status_code == 200:
            return self._spoiled(request, answer)
        if path.startswith("/jobs/query/") and request.method == "GET" and self._ends:
            answer.read()
            return httpx.Response(200, json=answer.json() | {"state": self._ends})
        return answer

    def _spoiled(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        self._page += 1
        answer.read()
        locator = answer.headers["sforce-locator"]
        match self._locators.get(self._page):
            case "same":
                locator = request.url.params["locator"]
            case "after":
                url = request.url.copy_set_param("locator", locator)
                following = super().handle_request(httpx.Request("GET", url, headers=request.headers))
                following.read()
                locator = following.headers["sforce-locator"]
            case "null":
                locator = "null"
        text = answer.content.decode()
        if self._drops_a_row:
            text = "".join(text.splitlines(keepends=True)[:-1])
        number = answer.headers["sforce-numberofrecords"]
        headers = {"Sforce-Locator": locator, "Sforce-NumberOfRecords": number}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(text.encode()))


Build = Callable[..., tuple[SalesforceSource, Tampered]]


@pytest.fixture
def build(org: str) -> Iterator[Build]:
    made: list[SalesforceSource] = []

    def begin(*, bulk_from: int = 0, rows_a_download: int = 200, **options: Any) -> tuple[SalesforceSource, Tampered]:
        bulk = Tampered(**options)
        source = SalesforceSource(
            org, GIVEN, transport=bulk, sleep=lambda _: None, bulk_from=bulk_from, rows_a_download=rows_a_download
        )
        made.append(source)
        return source, bulk

    yield begin
    for source in made:
        source.close()


def read(source: SalesforceSource, fields: tuple[str, ...] = FIELDS) -> dict[str, SourceRecord]:
    return {record.id: record for page in source.read("Account", fields) for record in page}


def jobs(bulk: Tampered) -> list[str]:
    return [one for one in bulk.asked if "/jobs/" in one]


def test_a_record_is_the_same_by_query_and_by_bulk(build: Build) -> None:
    """Whatever stands in its text; the ledger's hash must not depend on the road."""
    (by_query, quiet), (by_bulk, busy) = build(bulk_from=10_000), build()

    expected = read(by_query)

    assert read(by_bulk) == expected
    assert not jobs(quiet)
    assert jobs(busy)
    texts = {record.values["Name"]: record.values["Description"] for record in expected.values()}
    assert [texts[f"Nasty {n}"] for n in range(len(NASTY))] == NASTY
    child = next(record for record in expected.values() if record.values["Name"] == "Child")
    assert (child.values["Parent.Name"], child.values["Parent.AnnualRevenue"]) == ("Rich", 1234567)
    assert child.values["Owner.Email"] == "admin@twin.example"


@pytest.mark.parametrize(("bulk_from", "is_bulk"), [(ROWS + len(NASTY) + 2, False), (ROWS + len(NASTY) + 1, True)])
def test_an_object_with_more_records_than_the_threshold_is_read_by_bulk(
    build: Build, bulk_from: int, is_bulk: bool
) -> None:
    """SF-KOMMO-35. Below it a query of the REST API does."""
    source, bulk = build(bulk_from=bulk_from)

    read(source)

    assert bool(jobs(bulk)) == is_bulk


def left(source: SalesforceSource) -> list[Any]:
    """The jobs that Salesforce still has."""
    return list(source.api.get("jobs/query", {"jobType": "V2Query"}, what="the jobs")["records"])


def test_a_job_is_made_once_paged_and_deleted(build: Build) -> None:
    source, bulk = build(rows_a_download=200)

    assert len(read(source, ("Id",))) == ROWS + len(NASTY) + 2

    (made,) = [one for one in jobs(bulk) if one.startswith("POST")]
    job_id = jobs(bulk)[1].rsplit("/", 1)[1]
    assert made == "POST /jobs/query"
    looks, pages = [f"GET /jobs/query/{job_id}"], [f"GET /jobs/query/{job_id}/results"] * 3
    assert jobs(bulk)[1:] == [*looks, *pages, f"DELETE /jobs/query/{job_id}"]
    assert not left(source)


@pytest.mark.parametrize("status_and_code", [
    (400, "INVALIDENTITY"), (400, "API_ERROR"), (400, "LIMIT_EXCEEDED"), (400, "INVALID_FIELD"),
    (403, "API_DISABLED_FOR_ORG"),
])  # fmt: skip
def test_what_bulk_refuses_is_read_by_query(build: Build, status_and_code: tuple[int, str]) -> None:
    source, bulk = build(refusal=status_and_code)

    assert len(read(source)) == ROWS + len(NASTY) + 2
    assert jobs(bulk) == ["POST /jobs/query"]


def test_a_job_that_fails_before_its_first_row_is_followed_by_a_query(build: Build) -> None:
    source, _ = build(ends="Failed")

    assert len(read(source)) == ROWS + len(NASTY) + 2
    assert not left(source)


def test_a_job_that_somebody_aborts_is_a_sentence(build: Build) -> None:
    source, _ = build(ends="Aborted")

    with pytest.raises(TransientFailure, match=r"Bulk job 750.* Account was ended by somebody.*same command again"):
        read(source)


def test_a_statement_too_long_for_a_url_goes_by_bulk_whatever_the_size(build: Build) -> None:
    """Salesforce refuses more than 16,384 bytes of request line and headers."""
    source, bulk = build(bulk_from=10_000, refusal=(400, "INVALIDENTITY"))
    long = ("Id", *(f"Parent.Parent.Parent.Parent.Custom_Field_With_A_Long_Name_{n}__c" for n in range(250)))

    with pytest.raises(
        PermanentFailure, match=r"Account with its 251 fields neither by Bulk \(INVALIDENTITY: no\) nor by query"
    ):
        read(source, long)
    assert jobs(bulk) == ["POST /jobs/query"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"drops_a_row": True}, "Page 1 of Account holds 199 of 200 records"),
        ({"locators": {2: "same"}}, r"repeated a page of Account \(page 2\)"),
        ({"locators": {1: "null"}}, "announced 462 records of Account and gave 200"),
        ({"locators": {1: "after"}}, "announced 462 records of Account and gave 262"),
    ],
    ids=["a row is missing", "a page comes again", "the last page comes early", "a page is left out"],
)
def test_a_page_that_is_not_what_it_should_be_raises(build: Build, wrong: dict[str, Any], says: str) -> None:
    """COMMON-30: what is read is all there is, or the reading fails."""
    source, _ = build(**wrong)

    with pytest.raises(TransientFailure, match=says):
        read(source, ("Id",))
    assert not left(source), "the job is deleted all the same"


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_a_statement_is_measured_as_it_travels(spare: int, fits: bool) -> None:
    """A space is three bytes of a URL: "SELECT%20" + field + "%20FROM%20Account%20ORDER%20BY%20Id" is 44 and the field."""
    field = "x" * (14_000 - 44 - spare)

    assert fits_a_url(Selection("Account", (field,))) is fits


def test_a_job_whose_answer_was_lost_is_taken_away(build: Build, org: str) -> None:
    source, bulk = build()
    source.api.describe("Account")
    httpx.post(f"{org}/__twin__/faults", json={"kind": "cut_after", "endpoint": "POST */jobs/query"})

    assert len(read(source, ("Id",))) == ROWS + len(NASTY) + 2
    assert [one for one in jobs(bulk) if one.startswith("POST")] == ["POST /jobs/query"] * 2
    assert not left(source)


def test_a_reading_that_is_given_up_leaves_no_thread_and_no_job(build: Build) -> None:
    source, _ = build(rows_a_download=50)
    source.count("Account")
    pages = source.read("Account", ("Id",))
    next(pages)
    assert bulk_threads()

    pages.close()  # type: ignore[attr-defined]

    assert not bulk_threads()
    assert not left(source)


def test_a_reading_that_fails_leaves_no_thread_and_no_job(build: Build, org: str) -> None:
    source, _ = build(rows_a_download=50)
    pages = source.read("Account", ("Id",))
    next(pages)
    httpx.post(f"{org}/__twin__/faults", json={"kind": "503", "endpoint": "GET */results", "ordinal": 2, "times": 6})

    with pytest.raises(TransientFailure, match=r"While page \d of Account was read.*same command again"):
        list(pages)

    httpx.delete(f"{org}/__twin__/faults")
    assert not bulk_threads()
    assert not left(source)


def bulk_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("salesforce-bulk")]


def test_a_job_that_does_not_end_is_given_up_after_two_hours_and_aborted() -> None:
    waited: list[float] = []
    never = {"bulk_query_delay_seconds": 1e9}
    with serve_in_thread(build_salesforce_twin(tokens=["planted-session"], switches=never)) as twin:
        httpx.post(f"{twin.url}/__twin__/rows", json={"object": "Account", "rows": [{"Name": "Acme"}]})
        source = SalesforceSource(twin.url, GIVEN, sleep=waited.append, bulk_from=0)

        with pytest.raises(TransientFailure, match="not done after 2 hours"):
            read(source)

        assert not left(source)
        source.close()
    assert waited == sorted(waited)
    assert 7_200 <= sum(waited) < 7_221
