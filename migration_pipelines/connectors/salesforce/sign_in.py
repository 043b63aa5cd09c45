"""Signing in to Salesforce, by simple-salesforce: a given token, client credentials, or a signed assertion (JWT bearer).

The token stays in memory. All three flows go to the org's own origin, through a session that rewrites the hosts that
simple-salesforce makes up.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from urllib3 import Retry

from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure

TIMEOUT_SECONDS = 60
ATTEMPTS = 4
PASSING = frozenset({429, 500, 502, 503, 504})
"""Statuses that say nothing about our credentials."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What identifies us: a token; or a client id with its secret; or a client id, a user name and a private key.

    Attributes:
        private_key: RSA key in PEM form, or the path of a file that holds it.
        audience: whom the assertion is made out to: "login", or "test" for a sandbox.
    """

    token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)
    audience: str = "login"


class OneOrigin(requests.Session):
    """Sends every request to one origin: simple-salesforce insists on https and on hosts of its own making."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self._origin = urlsplit(origin)
        again = Retry(
            ATTEMPTS - 1, backoff_factor=0.25, status_forcelist=PASSING, allowed_methods=None, raise_on_status=False
        )
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=again))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(url.decode() if isinstance(url, bytes) else url)
        here = urlunsplit((self._origin.scheme, self._origin.netloc, parts.path, parts.query, ""))
        options.setdefault("timeout", TIMEOUT_SECONDS)
        options["allow_redirects"] = False  # the secret goes to no other host
        response = super().request(method, here, *args, **options)
        # simple-salesforce takes any body for an answer about credentials
        if response.status_code in PASSING or not isinstance(response.json(), dict):
            raise requests.HTTPError(f"status {response.status_code}")
        return response


def sign_in(origin: str, credentials: Credentials, *, api_version: str) -> str:
    """An access token (Salesforce OAuth 2.0: client credentials flow, JWT bearer flow); a given one is handed back.

    Raises:
        InvalidInput: the private key is none.
        PermanentFailure: Salesforce refuses the credentials.
        TransientFailure: the org cannot be reached.
    """
    if credentials.token:
        return credentials.token
    session = OneOrigin(origin)
    try:
        if credentials.private_key is None:
            own_domain = urlsplit(origin).netloc.removesuffix(".salesforce.com")
            client = Salesforce(
                consumer_key=credentials.client_id, consumer_secret=credentials.client_secret, domain=own_domain,
                session=session, version=api_version,
            )  # fmt: skip
        else:
            with warnings.catch_warnings():  # it prints the client id, and the refusal below says the same
                warnings.simplefilter("ignore", UserWarning)
                client = Salesforce(
                    username=credentials.username, consumer_key=credentials.client_id,
                    privatekey=_pem(credentials.private_key), domain=credentials.audience,
                    session=session, version=api_version,
                )  # fmt: skip
        return str(client.session_id)
    except SalesforceError as error:
        raise PermanentFailure(
            f"Salesforce at {origin} refuses to sign us in ({getattr(error, 'message', None) or type(error).__name__}). "
            + _advice(credentials)
        ) from None
    except requests.RequestException as error:
        raise TransientFailure(
            f"Salesforce at {origin} cannot be reached ({_said(error)}). Check the URL and the network, then run "
            "the same command again."
        ) from None
    finally:
        session.close()


def _said(error: requests.RequestException) -> str:
    """What came instead of an answer, without the address, which may hold a secret."""
    return str(error) if type(error) is requests.HTTPError else type(error).__name__


def _advice(credentials: Credentials) -> str:
    if credentials.private_key is None:
        return (
            "Check the client id and secret in the environment variables that project.yaml names, and that the app's "
            "client credentials flow has a user to run as."
        )
    return (
        "Check the client id, the user name and the private key in the environment variables that project.yaml names, "
        "that the app holds the key's certificate, that an administrator has approved the app for this user, and that "
        "audience: is test for a sandbox and login for any other org."
    )


def _pem(private_key: str) -> str:
    """The key's text. Raises InvalidInput, which quotes nothing, where it is no RSA key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        text = private_key if "-----BEGIN" in private_key else Path(private_key).expanduser().read_text("ascii")
        key: object = load_pem_private_key(text.encode("ascii"), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise InvalidInput(
            "The private key for Salesforce cannot be read. The environment variable that private_key: names must hold "
            "an RSA key in PEM form without a password, or the path of a file that does."
        )
    return text
