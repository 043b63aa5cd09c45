"""The further ways to sign in: JWT, refresh token, password and SOAP; signing out; https."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.serve import Certificate, serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.applications import Application, Logins, read_logins
from migration_pipelines_tests.twins.salesforce.small_org import ADMIN, NOW, REP, TOKEN, Org
from migration_pipelines_tests.twins.salesforce.test_salesforce_client import ToTwin

Start = Callable[..., Org]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
USERNAME = "admin@twin.example"
PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"


def pem(key: rsa.RSAPrivateKey) -> str:
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, traditional, serialization.NoEncryption()).decode()


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    loopback = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = built.add_extension(loopback, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def logins(key: rsa.RSAPrivateKey) -> Logins:
    applications = (
        Application("jwt-app", certificate=certificate_of(key)),
        Application("web-app", "s3cret", refresh_tokens={"first": USERNAME}),
    )
    return Logins(applications, {USERNAME: "passwordTOKEN"})


@pytest.fixture
def app(start: Start, logins: Logins) -> Org:
    return start(logins=logins)


def token_of(org: Org, **form: str) -> httpx.Response:
    return org.post("/services/oauth2/token", data=form)


def by_jwt(org: Org, key: rsa.RSAPrivateKey, algorithm: str = "RS256", **claims: Any) -> httpx.Response:
    exp = int(NOW.timestamp()) + 180
    told = {"iss": "jwt-app", "sub": USERNAME, "aud": PRODUCTION, "exp": exp} | claims
    return token_of(org, grant_type=JWT_BEARER, assertion=jwt.encode(told, pem(key), algorithm=algorithm))


def who(org: Org, token: str) -> str:
    answer = org.get("/services/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    user_id: str = answer.json()["user_id"]
    return user_id


@pytest.mark.parametrize(
    "exp", [int(NOW.timestamp()) + 180, str(int(NOW.timestamp()) + 180), int(NOW.timestamp()) + 300]
)
def test_a_jwt_signs_in_its_subject(app: Org, key: rsa.RSAPrivateKey, exp: object) -> None:
    answer = by_jwt(app, key, exp=exp)

    assert answer.status_code == 200, answer.text
    assert "refresh_token" not in answer.json()
    assert who(app, answer.json()["access_token"]) == ADMIN


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"iss": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"iss": "web-app"}, "invalid_grant", "invalid assertion"),
        ({"sub": "nobody@twin.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": SANDBOX}, "invalid_grant", "audience is invalid"),
        ({"aud": None}, "invalid_grant", "audience is invalid"),
        ({"exp": int(NOW.timestamp())}, "invalid_grant", "expired authorization code"),
        ({"exp": int(NOW.timestamp()) + 301}, "invalid_grant", "invalid assertion"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_jwt_with_a_wrong_claim_is_refused(
    app: Org, key: rsa.RSAPrivateKey, claims: dict[str, Any], error: str, description: str
) -> None:
    answer = by_jwt(app, key, **claims)

    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_a_jwt_that_another_key_or_algorithm_signed_is_refused(app: Org, key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    for answer in (by_jwt(app, other), by_jwt(app, key, "RS384"), token_of(app, grant_type=JWT_BEARER, assertion="x")):
        assert answer.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}


def test_the_audience_of_a_sandbox_is_the_test_host(
    start: Start, seed: Path, logins: Logins, key: rsa.RSAPrivateKey
) -> None:
    org = start(seed=seed, logins=logins)

    assert by_jwt(org, key, sub="admin@acme.example", aud=SANDBOX).status_code == 200
    assert by_jwt(org, key, sub="admin@acme.example").json()["error_description"] == "audience is invalid"


def test_an_inactive_user_cannot_sign_in(start: Start, seed: Path, logins: Logins, key: rsa.RSAPrivateKey) -> None:
    org = start(seed=seed, logins=logins)

    answer = by_jwt(org, key, sub="rep@acme.example", aud=SANDBOX)

    assert (answer.status_code, answer.json()["error"]) == (400, "inactive_user")


def test_client_credentials_run_as_their_execution_user(start: Start, seed: Path) -> None:
    org = start(seed=seed, logins=Logins((Application("a", "s", run_as="REP@acme.example"),)))
    org.put_rows("User", {"Id": REP, "IsActive": True})

    answer = token_of(org, grant_type="client_credentials", client_id="a", client_secret="s")

    assert who(org, answer.json()["access_token"]) == REP


# --- refresh tokens and passwords


def refresh(org: Org, token: str) -> httpx.Response:
    return token_of(org, grant_type="refresh_token", refresh_token=token, client_id="web-app", client_secret="s3cret")


def test_a_refresh_token_opens_sessions_again_and_again(app: Org) -> None:
    for _ in range(2):
        answer = refresh(app, "first").json()
        assert "refresh_token" not in answer
        assert who(app, answer["access_token"]) == ADMIN


def test_with_rotation_a_refresh_token_is_spent_by_its_use(start: Start, logins: Logins) -> None:
    org = start(logins=logins, switches={"refresh_rotation": True})

    second = refresh(org, "first").json()["refresh_token"]

    assert refresh(org, "first").json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
    assert refresh(org, second).status_code == 200


def test_a_password_signs_in_its_user_and_a_wrong_one_does_not_say_what_is_wrong(app: Org) -> None:
    client = {"grant_type": "password", "client_id": "web-app", "client_secret": "s3cret"}
    answer = token_of(app, **client, username=USERNAME.upper(), password="passwordTOKEN")
    assert who(app, answer.json()["access_token"]) == ADMIN

    for username, password in ((USERNAME, "password"), ("nobody@twin.example", "passwordTOKEN")):
        refused = token_of(app, **client, username=username, password=password)
        assert refused.json() == {"error": "invalid_grant", "error_description": "authentication failure"}


# --- signing out


def test_a_revoked_session_is_over(app: Org) -> None:
    token = refresh(app, "first").json()["access_token"]

    assert app.post("/services/oauth2/revoke", data={"token": token}).status_code == 200

    answer = app.get("limits", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert app.get("/services/oauth2/revoke", params={"token": token}).status_code == 400
    assert app.post("/services/oauth2/revoke", data={"token": "first"}).status_code == 200
    assert refresh(app, "first").status_code == 400


def test_every_session_can_be_ended_in_mid_read(app: Org) -> None:
    token = refresh(app, "first").json()["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    app.put_rows("Contact", *({"LastName": f"N{n}"} for n in range(2_001)))
    page = app.get("query?q=SELECT Id FROM Contact", headers=signed_in).json()

    assert app.post("/__twin__/sessions/revoke").status_code == 204

    assert app.get(page["nextRecordsUrl"], headers=signed_in).status_code == 401
    renewed = {"Authorization": f"Bearer {refresh(app, 'first').json()['access_token']}"}
    assert len(app.get(page["nextRecordsUrl"], headers=renewed).json()["records"]) == 1
    assert app.get("limits").status_code == 401
    app.post("/__twin__/reset")
    assert app.get("limits").status_code == 200


# --- simple-salesforce, unmodified


def test_it_signs_in_by_each_of_its_ways(start: Start, logins: Logins, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    org = start(logins=logins, clock=Clock())
    (tmp_path / "key.pem").write_text(pem(key))
    ways: list[dict[str, str]] = [
        {"username": USERNAME, "password": "password", "security_token": "TOKEN"},
        {"username": USERNAME, "password": "passwordTOKEN", "organizationId": "00Dxx0000000001"},
        {"username": USERNAME, "password": "passwordTOKEN", "consumer_key": "web-app", "consumer_secret": "s3cret"},
        {"username": USERNAME, "consumer_key": "jwt-app", "privatekey_file": str(tmp_path / "key.pem")},
        {"consumer_key": "web-app", "consumer_secret": "s3cret", "domain": "twin.my"},
        {"instance_url": str(org.base_url), "session_id": TOKEN},
    ]
    for way in ways:
        with ToTwin(str(org.base_url)) as session:
            client = Salesforce(**way, session=session)
            assert client.query("SELECT Username FROM User")["records"][0]["Username"] == USERNAME


def test_a_wrong_password_over_soap_is_invalid_login(app: Org) -> None:
    with ToTwin(str(app.base_url)) as session, pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        Salesforce(username=USERNAME, password="wrong", security_token="TOKEN", session=session)


@pytest.mark.parametrize(("version", "switches"), [("65.0", {}), ("64.0", {"soap_login": False}), ("x", {})])
def test_soap_takes_logins_up_to_version_64_where_the_org_does(
    start: Start, logins: Logins, version: str, switches: dict[str, object]
) -> None:
    org = start(logins=logins, switches=switches)

    answer = org.post(f"/services/Soap/u/{version}", content="<login/>", headers={"SOAPAction": "login"})

    assert answer.status_code == 500
    assert "<sf:exceptionCode>UNSUPPORTED_API_VERSION</sf:exceptionCode>" in answer.text


@pytest.mark.parametrize("body", ["", "<x", "<a/>", '<!DOCTYPE x [<!ENTITY e "e">]><login>&e;</login>'])
def test_soap_that_is_no_login_is_a_fault(app: Org, body: str) -> None:
    answer = app.post("/services/Soap/u/60.0", content=body)

    assert (answer.status_code, "exceptionCode" in answer.text) == (500, True)


# --- how the twin is told


def test_logins_are_read_from_a_file(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    (tmp_path / "app.pem").write_text(certificate_of(key))
    (tmp_path / "logins.json").write_text(
        '{"applications": [{"client_id": "a", "certificate_file": "app.pem"}], "passwords": {"u@x.example": "p"}}'
    )

    read = read_logins(tmp_path / "logins.json")

    assert read.passwords == {"u@x.example": "p"}
    assert [application.client_id for application in read.applications] == ["a"]
    assert read.applications[0].public_key().public_numbers() == key.public_key().public_numbers()


@pytest.mark.parametrize(
    "text", ["[", "[]", '{"applications": [{}]}', '{"applications": [{"client_id": "a", "nope": 1}]}',
             '{"applications": [{"client_id": "a", "certificate": "no PEM"}]}']
)  # fmt: skip
def test_a_file_that_describes_no_logins_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "logins.json").write_text(text)

    with pytest.raises(ValueError, match="does not describe logins"):
        read_logins(tmp_path / "logins.json")


def test_it_is_https_when_given_a_certificate(key: rsa.RSAPrivateKey, logins: Logins, tmp_path: Path) -> None:
    certificate = Certificate(tmp_path / "c.pem", tmp_path / "k.pem")
    certificate.certificate.write_text(certificate_of(key))
    certificate.key.write_text(pem(key))
    trusted = ssl.create_default_context(cafile=str(certificate.certificate))
    app = build_salesforce_twin(logins=logins, tokens=[TOKEN])

    with serve_in_thread(app, certificate=certificate) as twin:
        url = twin.url.replace("127.0.0.1", "localhost")
        with httpx.Client(base_url=url, verify=trusted) as client:
            form = {"grant_type": "client_credentials", "client_id": "web-app", "client_secret": "s3cret"}
            answer = client.post("/services/oauth2/token", data=form)

    assert url.startswith("https://")
    assert answer.json()["instance_url"] == url


def test_a_client_learns_what_its_token_is_worth(start: Callable[..., Org]) -> None:
    """RFC 7662. Asking does not prolong the session."""
    org = start(client_id="app", client_secret="s3cret")
    token = org.post(
        "/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=("app", "s3cret")
    ).json()["access_token"]

    def introspect(asked: str) -> Any:
        return org.post("/services/oauth2/introspect", data={"token": asked}, auth=("app", "s3cret")).json()

    alive = introspect(token)
    assert (alive["active"], alive["username"]) == (True, "admin@twin.example")
    assert alive["exp"] - alive["iat"] == 2 * 60 * 60
    org.clock(advance=2 * 60 * 60)
    assert introspect(token) == introspect("nonsense") == {"active": False}
    refused = org.post("/services/oauth2/introspect", data={"token": token}, auth=("app", "wrong"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")
