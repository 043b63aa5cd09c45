"""Unmodified simple-salesforce works against the twin. It forces https, so its session turns loopback back to http."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from migration_pipelines_tests.twins.salesforce.small_org import Org


class ToTwin(requests.Session):
    """Sends every request to the twin, whatever Salesforce host it was meant for."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._twin = urlsplit(url)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        local = urlsplit(str(url))._replace(scheme="http", netloc=self._twin.netloc)
        return super().request(method, local.geturl(), *args, **kwargs)


@pytest.fixture
def twin(start: Callable[..., Org]) -> Org:
    return start(client_id="app", client_secret="s3cret")


@pytest.fixture
def client(twin: Org) -> Iterator[Salesforce]:
    with ToTwin(str(twin.base_url)) as session:
        yield Salesforce(consumer_key="app", consumer_secret="s3cret", domain="twin", session=session)


def test_it_logs_in_and_reads_limits_and_describes(client: Salesforce) -> None:
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    assert client.api_usage["api-usage"].total == 100_000
    assert "Account" in {entry["name"] for entry in client.describe()["sobjects"]}
    assert client.Contact.describe()["keyPrefix"] == "003"
    assert client.Contact.metadata()["objectDescribe"]["name"] == "Contact"


def test_it_pages_through_query_all(twin: Org, client: Salesforce) -> None:
    ids = twin.put_rows("Contact", *({"LastName": f"N{n}"} for n in range(4_100)))

    answer = client.query_all("SELECT Id, Owner.Name FROM Contact ORDER BY Id")

    assert (answer["totalSize"], answer["done"]) == (4_100, True)
    assert [record["Id"] for record in answer["records"]] == sorted(ids)
    assert {record["Owner"]["Name"] for record in answer["records"]} == {"Ada Admin"}
    assert sum(1 for _ in client.query_all_iter("SELECT Id FROM Contact", include_deleted=True)) == 4_100


def test_it_reads_one_record_and_meets_its_own_exceptions(twin: Org, client: Salesforce) -> None:
    (record_id,) = twin.put_rows("Contact", {"LastName": "One", "Email": "one@x.example"})

    assert client.Contact.get(record_id)["LastName"] == "One"
    assert client.Contact.get_by_custom_id("Email", "one@x.example")["Id"] == record_id
    with pytest.raises(SalesforceResourceNotFound):
        client.Contact.get("003000000000000AAA")
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Nope'"):
        client.query("SELECT Nope FROM Contact")


def test_it_logs_in_again_when_its_session_has_expired(twin: Org, client: Salesforce) -> None:
    first = client.session_id
    twin.clock(advance=2 * 60 * 60)

    assert client.query("SELECT Id FROM User")["totalSize"] == 1
    assert client.session_id != first


def test_a_dead_session_that_was_given_is_its_expired_session(twin: Org) -> None:
    with ToTwin(str(twin.base_url)) as session:
        client = Salesforce(instance_url="https://127.0.0.1", session_id="dead", session=session)
        with pytest.raises(SalesforceExpiredSession):
            client.query("SELECT Id FROM User")
