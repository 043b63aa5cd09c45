"""Logging in, sessions and their end, who one is, and the limits that every request meets."""

# ruff: noqa: S608 - this is SOQL, and the test's own

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ADMIN, Org

ORGANIZATION = make_id("00D", 1)
TWO_HOURS = 2 * 60 * 60
Start = Callable[..., Org]
SESSION_INVALID = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]


def login(org: Org, **form: str) -> httpx.Response:
    return org.post("/services/oauth2/token", data={"grant_type": "client_credentials"} | form)


@pytest.fixture
def app(start: Start) -> Org:
    return start(client_id="app", client_secret="s3cret")


def test_client_credentials_work_as_basic_and_as_form_fields(app: Org) -> None:
    for answer in (
        app.post("/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=("app", "s3cret")),
        login(app, client_id="app", client_secret="s3cret"),
    ):
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"access_token", "instance_url", "id", "token_type", "issued_at", "signature", "scope"}
        assert (body["token_type"], body["instance_url"]) == ("Bearer", str(app.base_url).rstrip("/"))
        assert body["issued_at"] == "1781562600000"  # epoch milliseconds as a string: 2026-06-15T22:30:00Z
        signed_in = {"Authorization": f"Bearer {body['access_token']}"}
        assert app.get("limits", headers=signed_in).status_code == 200
        assert (
            app.get(body["id"], headers=signed_in).json()["user_id"]
            == app.get("query?q=SELECT Id FROM User").json()["records"][0]["Id"]
        )


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "app", "client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "other", "client_secret": "s3cret"}, "invalid_client_id"),
        ({}, "invalid_client_id"),
        ({"client_id": "app", "client_secret": "s3cret", "grant_type": "magic"}, "unsupported_grant_type"),
        ({"client_id": "app", "client_secret": "s3cret", "grant_type": ""}, "invalid_request"),
    ],
)
def test_a_refused_login_is_400_with_an_object_not_a_list(app: Org, form: dict[str, str], error: str) -> None:
    answer = login(app, **form)

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert set(answer.json()) == {"error", "error_description"}


def test_a_twin_without_an_application_refuses_every_login(start: Start) -> None:
    assert login(start(), client_id="", client_secret="").json()["error"] == "invalid_client_id"


@pytest.mark.parametrize("authorization", [None, "Bearer nobody", "Basic given-token", "Bearer"])
def test_without_a_valid_session_the_answer_is_401_with_a_list(org: Org, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for path in ("limits", "sobjects/Account", "query?q=SELECT Id FROM Account", "no/such/thing", ""):
        answer = httpx.get(f"{org.base_url}/services/data/v60.0/{path}", headers=headers)
        assert (answer.status_code, answer.json()) == (401, SESSION_INVALID)


def test_a_session_ends_two_hours_after_its_last_use_and_a_given_token_never(app: Org) -> None:
    token = login(app, client_id="app", client_secret="s3cret").json()["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    for _ in range(2):
        app.clock(advance=TWO_HOURS - 1)
        assert app.get("limits", headers=signed_in).status_code == 200

    app.clock(advance=TWO_HOURS)

    answer = app.get("limits", headers=signed_in)
    assert (answer.status_code, answer.json()) == (401, SESSION_INVALID)
    assert app.get("limits").status_code == 200


def test_the_length_of_a_session_is_a_switch(start: Start) -> None:
    org = start(client_id="app", client_secret="s", switches={"session_seconds": "60"})
    token = login(org, client_id="app", client_secret="s").json()["access_token"]
    org.clock(advance=60)

    assert org.get("limits", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_userinfo_and_the_identity_url_say_who_one_is(org: Org) -> None:
    info = org.get("/services/oauth2/userinfo").json()
    assert (info["user_id"], info["preferred_username"]) == (ADMIN, "admin@acme.example")
    assert info["organization_id"] == ORGANIZATION

    identity = org.get(org.get("").json()["identity"]).json()
    assert (identity["user_id"], identity["organization_id"], identity["username"]) == (
        ADMIN,
        ORGANIZATION,
        "admin@acme.example",
    )


def test_the_identity_services_refuse_with_one_word(org: Org) -> None:
    bad = org.get("/services/oauth2/userinfo", headers={"Authorization": "Bearer nobody"})
    assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")
    assert httpx.get(f"{org.base_url}/services/oauth2/userinfo").text == "Missing_OAuth_Token"
    assert org.get(f"/id/{ORGANIZATION}/{make_id('005', 9)}").status_code == 404


def test_every_answer_tells_the_use_of_the_daily_limit_which_refuses_with_403(start: Start) -> None:
    org = start(switches={"daily_requests": 2})

    assert org.get("limits").headers["Sforce-Limit-Info"] == "api-usage=1/2"
    assert org.get("limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 0}
    refused = org.get("limits")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert refused.json()[0]["message"] == "TotalRequests Limit exceeded."

    org.clock(advance=24 * 60 * 60)  # the limit is of a rolling 24 hours
    assert org.get("limits").status_code == 200


def test_an_over_long_uri_is_414(org: Org) -> None:
    names = ", ".join(["Description"] * 2_000)

    assert org.get("query", params={"q": f"SELECT {names} FROM Account"}).status_code == 414


def test_switches_are_checked(start: Start) -> None:
    for wrong in ({"sesion_seconds": 1}, {"polymorphic_type": "x"}, {"multi_currency": "perhaps"}):
        with pytest.raises(ValueError, match=r"switch|polymorphic_type|neither true nor false"):
            start(switches=wrong)


def test_a_polymorphic_parents_type_is_a_switch(start: Start, seed: Any) -> None:
    soql = "SELECT Who.Name FROM Task WHERE Who.Name != null LIMIT 1"
    for switch, shown in (("concrete", "Contact"), ("Name", "Name")):
        (record,) = start(seed=seed, switches={"polymorphic_type": switch}).ask(soql)["records"]
        assert record["Who"]["attributes"]["type"] == shown
        assert "/sobjects/Contact/003" in record["Who"]["attributes"]["url"]
