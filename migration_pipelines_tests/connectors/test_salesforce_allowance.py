"""The org's daily API requests: a reserve is left to others, and what is used up is a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.connectors.salesforce.allowance import Allowance
from migration_pipelines.errors import PermanentFailure
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin

GIVEN = Credentials(token="planted-session")


@pytest.fixture
def org() -> Iterator[str]:
    with serve_in_thread(build_salesforce_twin(tokens=["planted-session"], switches={"daily_requests": 10})) as twin:
        yield twin.url


@pytest.mark.parametrize(("reserve", "ours"), [(20, 8), (0, 10), (50, 5), (95, 1)])
def test_the_reserve_is_not_touched(org: str, reserve: int, ours: int) -> None:
    """Of ten requests a day, a reserve of 20 % leaves eight to us; the first answer tells that there are ten."""
    source = SalesforceSource(org, GIVEN, reserve_percent=reserve)
    for _ in range(ours):
        source.count("Account")

    with pytest.raises(
        PermanentFailure,
        match=rf"{ours} of 10 API requests .* {reserve} % are kept .* again in a few hours, at the latest on 20",
    ):
        source.count("Account")

    others = httpx.get(f"{org}/services/data/v62.0/limits", headers={"Authorization": "Bearer planted-session"})
    assert others.status_code == (200 if ours < 10 else 403)
    source.close()


def test_an_org_whose_requests_are_used_up_is_a_sentence_and_not_asked_again(org: str) -> None:
    for _ in range(10):
        httpx.get(f"{org}/services/data/v62.0/limits", headers={"Authorization": "Bearer planted-session"})
    source = SalesforceSource(org, GIVEN, sleep=lambda _: None)
    httpx.post(f"{org}/__twin__/statistics/reset")

    with pytest.raises(
        PermanentFailure, match=r"takes no more API requests \(REQUEST_LIMIT_EXCEEDED.*run the same command again"
    ):
        source.count("Account")

    assert source.api.allowance.sent == 1
    source.close()


@pytest.mark.parametrize(
    ("status", "code", "message", "passes"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", True),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", True),
        (400, "QUERY_TIMEOUT", "Your query request was running for too long.", True),
        (503, "SERVER_UNAVAILABLE", "Server unavailable", True),
        (400, "INVALID_FIELD", "No such column 'X' on entity 'Y'", False),
    ],
)
def test_a_refusal_that_passes_by_itself_is_told_from_one_that_does_not(
    status: int, code: str, message: str, passes: bool
) -> None:
    answer = httpx.Response(status, json=[{"errorCode": code, "message": message}])

    assert Allowance("https://acme.example").after(answer) is passes


def test_the_use_by_a_single_app_is_not_taken_for_the_orgs() -> None:
    allowance = Allowance("https://acme.example")

    allowance.after(
        httpx.Response(200, headers={"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=x)"})
    )

    assert (allowance.used, allowance.most) == (18, 5000)
