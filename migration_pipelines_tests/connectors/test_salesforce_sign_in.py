"""Signing in by a signed assertion, and sessions that end in mid-read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from migration_pipelines.connectors.registry import open_source
from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.errors import InvalidInput, PermanentFailure
from migration_pipelines.project import SourceConnection
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.applications import Application, Logins

ADMIN = "admin@twin.example"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def org(key: rsa.RSAPrivateKey) -> Iterator[str]:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    logins = Logins((Application("app", "planted-client-secret", certificate=public),))
    with serve_in_thread(build_salesforce_twin(logins=logins)) as twin:
        yield twin.url


@pytest.fixture
def jwt(key: rsa.RSAPrivateKey) -> Credentials:
    return Credentials(client_id="app", username=ADMIN, private_key=pem(key))


def test_an_assertion_signed_with_the_apps_key_signs_in(org: str, jwt: Credentials) -> None:
    source = SalesforceSource(org, jwt)
    assert source.count("User") == 1
    source.close()


@pytest.mark.parametrize(
    "change",
    [{"username": "nobody@twin.example"}, {"client_id": "other"}, {"audience": "test"}],
    ids=["a user who is not approved", "another app", "a sandbox's audience"],
)
def test_an_assertion_that_is_refused_is_a_sentence_that_says_what_to_check(
    org: str, jwt: Credentials, change: dict[str, str]
) -> None:
    wrong = Credentials(
        **{"client_id": jwt.client_id, "username": jwt.username, "private_key": jwt.private_key, **change}  # type: ignore[arg-type]
    )
    source = SalesforceSource(org, wrong)

    with pytest.raises(
        PermanentFailure, match=r"refuses to sign us in.*certificate.*audience: is test for a sandbox"
    ) as refused:
        source.count("User")

    assert "PRIVATE KEY" not in str(refused.value)
    source.close()


def test_a_key_of_somebody_else_is_refused(org: str) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    source = SalesforceSource(org, Credentials(client_id="app", username=ADMIN, private_key=pem(other)))

    with pytest.raises(PermanentFailure, match="refuses to sign us in"):
        source.count("User")
    source.close()


@pytest.mark.parametrize("kind", ["a file that is not there", "no key", "an elliptic curve"])
def test_a_private_key_that_is_none_is_a_sentence_that_quotes_nothing(org: str, kind: str) -> None:
    text = {
        "a file that is not there": "/nowhere/planted.pem",
        "no key": "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----",
        "an elliptic curve": pem(ec.generate_private_key(ec.SECP256R1())),
    }[kind]
    source = SalesforceSource(org, Credentials(client_id="app", username=ADMIN, private_key=text))

    with pytest.raises(InvalidInput, match="must hold an RSA key in PEM form") as refused:
        source.count("User")

    assert "planted" not in str(refused.value)
    source.close()


@pytest.mark.parametrize("in_a_file", [True, False])
def test_the_key_comes_from_the_environment_as_text_or_as_a_path(
    org: str, key: rsa.RSAPrivateKey, tmp_path: Path, in_a_file: bool
) -> None:
    held = pem(key)
    if in_a_file:
        (tmp_path / "key.pem").write_text(held, "ascii")
        held = os.fspath(tmp_path / "key.pem")
    connection = SourceConnection(url="SF_URL", client_id="SF_APP", username="SF_USER", private_key="SF_KEY")

    source = open_source("salesforce", connection, {"SF_URL": org, "SF_APP": "app", "SF_USER": ADMIN, "SF_KEY": held})

    assert source.count("User") == 1
    source.close()


def test_a_session_that_ends_in_mid_read_is_signed_in_anew(org: str, jwt: Credentials) -> None:
    """Every session of the org is ended between two requests."""
    source = SalesforceSource(org, jwt)
    assert source.count("User") == 1

    httpx.post(f"{org}/__twin__/sessions/revoke").raise_for_status()

    assert [record.values["Username"] for page in source.read("User", ["Username"]) for record in page] == [ADMIN]
    source.close()


def test_a_given_token_that_is_revoked_is_final(org: str) -> None:
    answer = httpx.post(
        f"{org}/services/oauth2/token",
        data={"grant_type": "client_credentials", "client_id": "app", "client_secret": "planted-client-secret"},
    )
    token = answer.json()["access_token"]
    source = SalesforceSource(org, Credentials(token=token))
    assert source.count("User") == 1
    httpx.post(f"{org}/__twin__/sessions/revoke").raise_for_status()

    with pytest.raises(PermanentFailure, match=r"refuses our credentials\. Make a new token") as refused:
        source.count("User")

    assert token not in str(refused.value)
    source.close()
