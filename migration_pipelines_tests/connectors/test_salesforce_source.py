"""Salesforce as a source, against its twin: signed in, described, counted, and read to the last page or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.connectors.salesforce.sign_in import ATTEMPTS
from migration_pipelines.errors import MappingError, MigrationError, PermanentFailure, TransientFailure
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin

SECRET, TOKEN = "planted-client-secret", "planted-session"
ROWS = 4_321
APP, GIVEN = Credentials(client_id="app", client_secret=SECRET), Credentials(token=TOKEN)


@pytest.fixture(scope="module")
def big_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An org with three pages of accounts, and activities of which some are archived and one is deleted."""
    folder = tmp_path_factory.mktemp("big")
    (folder / "rows").mkdir()
    names = "\n".join(f"Account {n}" for n in range(ROWS))
    (folder / "rows" / "Account.csv").write_text(f"Name\n{names}\n", "utf-8")
    old, new = "2020-01-01", "2026-11-01"
    tasks = "\n".join(f"Task {n},Completed,{old if n < 7 else new}" for n in range(10))
    (folder / "rows" / "Task.csv").write_text(f"Subject,Status,ActivityDate\n{tasks}\n", "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="app", client_secret=SECRET, tokens=[TOKEN])
    with serve_in_thread(app) as twin:
        yield twin.url


@pytest.fixture
def control(big_org: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{big_org}/__twin__/") as control:
        control.delete("faults")
        control.post("statistics/reset")
        yield control
        control.delete("faults")


@pytest.fixture
def source(big_org: str, control: httpx.Client) -> Iterator[SalesforceSource]:
    source = SalesforceSource(big_org, APP)
    source.now()
    control.post("statistics/reset")
    yield source
    source.close()


def ids(source: SalesforceSource, name: str = "Account") -> list[str]:
    return [record.id for page in source.read(name, ["Id"]) for record in page]


# Sign in


def test_it_signs_in_by_client_credentials_and_by_a_token(big_org: str) -> None:
    for credentials in (APP, GIVEN):
        source = SalesforceSource(big_org, credentials)
        assert source.count("Account") == ROWS
        source.close()


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(client_id="app", client_secret="wr0ng-secret"),
        Credentials(client_id="nobody", client_secret="wr0ng-secret"),
        Credentials(token="wr0ng-secret"),
    ],
)
def test_wrong_credentials_are_a_sentence_without_them(big_org: str, credentials: Credentials) -> None:
    source = SalesforceSource(big_org, credentials)

    with pytest.raises(PermanentFailure, match=r"refuses.*environment variables") as refused:
        source.count("Account")

    assert "wr0ng-secret" not in str(refused.value)
    source.close()


@pytest.mark.parametrize("kind", ["500", "503", "504", "truncated", "cut_before", "cut_after"])
def test_a_sign_in_that_fails_is_tried_again_and_then_is_a_sentence_without_the_secret(
    big_org: str, control: httpx.Client, kind: str
) -> None:
    for times in (1, 2 * ATTEMPTS):
        control.post("faults", json={"kind": kind, "endpoint": "POST /services/oauth2/token", "times": times})
        source = SalesforceSource(big_org, APP)
        with closing(source):
            if times == 1 and kind != "truncated":
                assert source.count("Account") == ROWS
                continue
            with pytest.raises(MigrationError, match="Salesforce at") as failed:
                source.count("Account")
        assert SECRET not in str(failed.value)
        control.delete("faults").raise_for_status()


def test_an_org_that_cannot_be_reached_is_a_sentence() -> None:
    source = SalesforceSource("http://127.0.0.1:1", APP)

    with pytest.raises(TransientFailure, match=r"cannot be reached.*Check the URL"):
        source.count("Account")

    source.close()


# Reading


def test_all_pages_are_followed(source: SalesforceSource) -> None:
    """SF-KOMMO-65."""
    pages = list(source.read("Account", ["Id", "Name", "SystemModstamp"]))

    assert [len(page) for page in pages] == [2_000, 2_000, 321]
    names = [record.values["Name"] for page in pages for record in page]
    assert sorted(names) == sorted(f"Account {n}" for n in range(ROWS))
    assert source.count("Account") == ROWS
    assert all(record.modified_at and record.modified_at.tzinfo for record in pages[0])


@pytest.mark.parametrize("ordinal", [1, 2, 3])
@pytest.mark.parametrize("kind", ["expired_token", "truncated", "cut_after", "503"])
def test_a_reading_goes_on_over_a_lost_answer_and_an_expired_token(
    source: SalesforceSource, control: httpx.Client, kind: str, ordinal: int
) -> None:
    control.post("faults", json={"kind": kind, "endpoint": "GET *", "ordinal": ordinal})

    found = ids(source)

    assert len(found) == len(set(found)) == ROWS


def test_a_given_token_that_expired_is_final(big_org: str, control: httpx.Client) -> None:
    source = SalesforceSource(big_org, GIVEN)
    control.post("faults", json={"kind": "expired_token", "endpoint": "GET *", "times": 2})

    with pytest.raises(PermanentFailure, match="refuses our credentials"):
        ids(source)
    source.close()


def test_a_reading_whose_page_fails_for_good_raises_and_does_not_end(
    source: SalesforceSource, control: httpx.Client
) -> None:
    """A failed read is never an empty read, nor a short one."""
    control.post("faults", json={"kind": "503", "endpoint": "GET *", "ordinal": 3, "times": 20})
    pages = source.read("Account", ["Id"])
    next(pages)

    with pytest.raises(TransientFailure, match="While page 2 of Account was read"):
        next(pages)


class Changed(httpx.HTTPTransport):
    """Passes everything on, and changes what a query answers."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if "/query" not in request.url.path:
            return answer
        answer.read()
        content = answer.json()
        self._change(content)
        return httpx.Response(200, json=content)


def drop_records(content: dict[str, Any]) -> None:
    content["records"] = content["records"][:-1]


def repeat_page(content: dict[str, Any]) -> None:
    if not content["done"]:
        content["nextRecordsUrl"] = content["nextRecordsUrl"].rsplit("-", 1)[0] + "-2000"


def end_early(content: dict[str, Any]) -> None:
    content["done"] = True


def empty_page(content: dict[str, Any]) -> None:
    content["records"] = []


@pytest.mark.parametrize("change", [drop_records, repeat_page, end_early, empty_page])
def test_a_page_that_is_cut_short_repeated_or_empty_raises(big_org: str, change: Any) -> None:
    """COMMON-30: what is read is all there is, or the reading fails."""
    source = SalesforceSource(big_org, GIVEN, transport=Changed(change))

    with pytest.raises(TransientFailure, match=r"repeated a page|announced 4321 records of Account"):
        ids(source)
    source.close()


def test_archived_activities_are_counted_and_read_and_deleted_ones_are_not(
    source: SalesforceSource, control: httpx.Client
) -> None:
    """Plain query hides what is older than a year."""
    found = ids(source, "Task")
    assert len(found) == source.count("Task") == 10
    assert source.api.query("SELECT COUNT() FROM Task", what="tasks")["totalSize"] == 3

    created = control.post("rows", json={"object": "Task", "rows": [{"Subject": "x"}]}).json()["ids"]
    control.post("remove", json={"object": "Task", "id": created[0]})
    assert source.count("Task") == 10
    assert ids(source, "Task") == found


def test_an_amount_keeps_every_digit(source: SalesforceSource, control: httpx.Client) -> None:
    row = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Amount": 1234.56}
    (made,) = control.post("rows", json={"object": "Opportunity", "rows": [row]}).json()["ids"]

    found = {record.id: record for page in source.read("Opportunity", ["Id", "Amount"]) for record in page}

    assert found[made].values["Amount"] == 1234.56


# Describing


def test_an_org_is_described_with_counts_users_stages_and_types(source: SalesforceSource) -> None:
    """SF-KOMMO-36, SF-KOMMO-38: counts by object, fields from the describe call."""
    schema = source.describe(["Account", "Opportunity"])

    assert schema.identity.startswith("salesforce:00D")
    assert schema.objects["Account"].records == ROWS
    assert schema.objects["Task"].records
    assert not schema.objects["Task"].fields
    types = {name: field.type for name, field in schema.objects["Account"].fields.items()}
    expected = {
        "Name": "text", "Website": "url", "Industry": "select", "Description": "textarea", "OwnerId": "reference",
        "Id": "id", "CreatedDate": "datetime", "AnnualRevenue": "decimal", "NumberOfEmployees": "integer", "Phone": "text",
        "IsDeleted": "boolean",
    }  # fmt: skip
    assert {name: types.get(name) for name in expected} == expected
    assert "BillingAddress" not in types, "a compound cannot be selected as a plain value"
    deal = schema.objects["Opportunity"].fields
    assert (deal["CloseDate"].type, deal["Amount"].type) == ("date", "decimal")
    assert deal["StageName"].required
    assert [one["name"] for one in schema.facts["stages"] if one["is_won"]] == ["Closed Won"]
    assert schema.users


def test_an_object_that_the_org_does_not_have_is_named(source: SalesforceSource) -> None:
    with pytest.raises(MappingError, match="shows no object Nothing__c"):
        source.describe(["Account", "Nothing__c"])


@pytest.mark.parametrize("version", ["57.0", "62.0"])
def test_the_version_of_the_api_is_a_setting(big_org: str, version: str) -> None:
    """SF-KOMMO-40."""
    source = SalesforceSource(big_org, GIVEN, api_version=version)

    assert source.describe(["Account"]).objects["Account"].fields["Name"].required
    source.close()


def test_a_version_that_the_org_does_not_have_is_a_sentence(big_org: str) -> None:
    source = SalesforceSource(big_org, GIVEN, api_version="99.0")

    with pytest.raises(PermanentFailure, match="Salesforce refused a read"):
        source.describe(["Account"])
    source.close()


def test_the_clock_is_the_orgs_own(source: SalesforceSource) -> None:
    assert abs((source.now() - datetime.now(UTC)).total_seconds()) < 60
