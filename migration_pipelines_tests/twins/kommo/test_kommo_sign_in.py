"""Signing in: consent, codes, access tokens that end, refresh tokens that work once, scopes, acting as a user."""

import base64
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines.twins.kommo.oauth import Application

NOW = 1_800_000_000
CLIENT = {"client_id": "twin-client", "client_secret": "twin-secret", "redirect_uri": "https://example.com/back"}


def ask(kommo, **told):
    return kommo.post("/oauth2/access_token", json=CLIENT | told, headers={"Authorization": ""})


def with_code(kommo, code=None):
    return ask(kommo, grant_type="authorization_code", code=code or kommo.post("/__twin__/code").json()["code"])


def with_refresh(kommo, token):
    return ask(kommo, grant_type="refresh_token", refresh_token=token)


def status(kommo, token):
    return httpx.get(f"{kommo.base_url}/api/v4/account", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.fixture
def at_noon(kommo):
    kommo.clock(set=NOW)
    return kommo


def test_consent_sends_the_browser_back_with_a_code_for_tokens_of_a_day(at_noon):
    page = at_noon.get("/oauth?client_id=twin-client&state=s1&mode=popup", headers={"Authorization": ""})
    told = parse_qs(urlsplit(page.headers["location"]).query)
    assert (page.status_code, told["state"], told["client_id"]) == (302, ["s1"], ["twin-client"])
    assert told["referer"] == [at_noon.base_url.netloc.decode()]

    answer = with_code(at_noon, told["code"][0])

    assert answer.status_code == 200
    assert set(answer.json()) == {"token_type", "expires_in", "access_token", "refresh_token"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 86400)
    claims = answer.json()["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["account_id"] == 1000
    assert status(at_noon, answer.json()["access_token"]) == 200


def test_who_declines_consent_is_sent_back_with_an_error(at_noon):
    page = at_noon.get("/oauth?client_id=twin-client&decline=1")

    assert parse_qs(urlsplit(page.headers["location"]).query)["error"] == ["access_denied"]
    assert at_noon.get("/oauth?client_id=other").status_code == 400


def test_a_code_works_once_and_for_twenty_minutes(at_noon):
    code = at_noon.post("/__twin__/code").json()["code"]
    late = at_noon.post("/__twin__/code").json()["code"]

    assert with_code(at_noon, code).status_code == 200
    assert with_code(at_noon, code).status_code == 401
    at_noon.clock(advance=20 * 60)
    assert with_code(at_noon, late).status_code == 401


def test_an_access_token_ends_after_a_day_and_a_refresh_brings_a_new_pair(at_noon):
    first = with_code(at_noon).json()
    at_noon.clock(advance=86399)
    assert status(at_noon, first["access_token"]) == 200
    at_noon.clock(advance=1)
    assert status(at_noon, first["access_token"]) == 401

    second = with_refresh(at_noon, first["refresh_token"]).json()

    assert status(at_noon, second["access_token"]) == 200
    assert second["refresh_token"] != first["refresh_token"]


def test_a_refresh_token_that_was_used_is_refused_with_a_hint(at_noon):
    token = with_code(at_noon).json()["refresh_token"]
    assert with_refresh(at_noon, token).status_code == 200

    again = with_refresh(at_noon, token)

    assert again.status_code == 401
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["hint"] == "Token has been revoked"


def test_a_refresh_whose_answer_was_lost_has_spent_the_token(at_noon):
    token = with_code(at_noon).json()["refresh_token"]
    at_noon.post("/__twin__/faults", json={"kind": "cut_after", "endpoint": "POST /oauth2/access_token"})
    with pytest.raises(httpx.TransportError):
        with_refresh(at_noon, token)

    assert with_refresh(at_noon, token).status_code == 401


def test_a_refresh_token_ends_after_three_months_unused(at_noon):
    token = with_code(at_noon).json()["refresh_token"]
    at_noon.clock(advance=91 * 86400)

    assert with_refresh(at_noon, token).status_code == 401


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"redirect_uri": "https://example.com/other"}, 400),
        ({"grant_type": "password"}, 400),
        ({"code": "wrong"}, 401),
    ],
)
def test_the_token_endpoint_checks_client_address_and_grant(at_noon, told, expected):
    code = at_noon.post("/__twin__/code").json()["code"]

    assert ask(at_noon, **{"grant_type": "authorization_code", "code": code} | told).status_code == expected


@pytest.mark.parametrize("content", [b"{", b"[]", b""])
def test_the_token_endpoint_answers_a_body_that_is_no_object_with_400(at_noon, content):
    assert at_noon.post("/oauth2/access_token", content=content).status_code == 400


def test_spent_token_status(kommo_with):
    assert with_code(kommo_with(spent_token_status="400"), "wrong").status_code == 400


def test_where_the_account_lives_is_told_to_a_refresh_token(at_noon):
    token = with_code(at_noon).json()["refresh_token"]
    path = "/oauth2/account/current/subdomain"

    told = at_noon.get(path, headers={"X-Refresh-Token": token}).json()

    assert (told["id"], told["subdomain"], told["domain"]) == (1000, "acme", at_noon.base_url.netloc.decode())
    assert at_noon.get(path, headers={"X-Refresh-Token": "wrong"}).status_code == 401


def test_a_revoked_integration_loses_every_token_until_reset(at_noon):
    pair = with_code(at_noon).json()
    at_noon.post("/__twin__/revoke")

    assert status(at_noon, "twin-token") == status(at_noon, pair["access_token"]) == 401
    assert with_refresh(at_noon, pair["refresh_token"]).status_code == 401
    at_noon.post("/__twin__/reset")
    assert status(at_noon, "twin-token") == 200


@pytest.mark.parametrize(
    ("scopes", "api", "drive", "deleting"),
    [(("crm",), 200, 403, 403), (("crm", "files"), 200, 204, 403), (("files",), 403, 204, 403)],
)
def test_a_token_reaches_only_what_its_scopes_name(scopes, api, drive, deleting):
    app = build_kommo_twin(switches={"requests_per_second": 0}, application=Application(scopes=scopes))
    with (
        serve_in_thread(app) as twin,
        httpx.Client(base_url=twin.url, headers={"Authorization": "Bearer twin-token"}) as client,
    ):
        refused = client.request("DELETE", "/v1.0/files", json=[{"uuid": "x"}])
        assert client.get("/api/v4/account").status_code == api
        assert client.get("/v1.0/files").status_code == drive

    assert refused.status_code == deleting
    assert refused.json()["detail"] == "Client doesn't have the required scope"


def test_scopes_are_taken_from_tokens_that_were_given_out_and_given_back(at_noon):
    def allow(*scopes):
        return at_noon.post("/__twin__/scopes", json={"scopes": scopes}).status_code

    assert allow("files") == 204
    assert status(at_noon, "twin-token") == 403
    assert allow("crm", "mail") == 400
    assert at_noon.post("/__twin__/scopes", json={}).status_code == 400
    assert status(at_noon, "twin-token") == 403
    assert allow("crm") == 204
    assert status(at_noon, "twin-token") == 200
    allow()
    at_noon.post("/__twin__/reset")
    assert status(at_noon, "twin-token") == 200


def test_a_context_user_owns_what_is_made_and_sets_up_nothing(kommo):
    as_selim = {"X-Context-User-ID": "5002"}
    made = kommo.post("leads", json=[{}], headers=as_selim).json()["_embedded"]["leads"][0]["id"]

    lead = kommo.read(f"leads/{made}")
    assert (lead["created_by"], lead["responsible_user_id"]) == (5002, 5002)
    assert kommo.get("account", headers=as_selim).json()["current_user_id"] == 5002
    field = [{"name": "F", "type": "text"}]
    assert kommo.post("leads/custom_fields", json=field, headers=as_selim).status_code == 403
    assert kommo.delete("leads/pipelines/7001", headers=as_selim).status_code == 403
    assert kommo.post("leads/custom_fields", json=field, headers={"X-Context-User-ID": "5001"}).status_code == 201
    assert kommo.get("account", headers={"X-Context-User-ID": "1"}).status_code == 403


def test_context_user_ignored(kommo_with):
    kommo = kommo_with(context_user="ignored")

    assert kommo.get("account", headers={"X-Context-User-ID": "5002"}).json()["current_user_id"] == 5001
