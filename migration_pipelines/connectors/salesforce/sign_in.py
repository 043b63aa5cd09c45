"""Signing in to Salesforce, by simple-salesforce. The token stays in memory."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from migration_pipelines.errors import PermanentFailure, TransientFailure

TIMEOUT_SECONDS = 60


class OneOrigin(requests.Session):
    """Sends every request to one origin: simple-salesforce insists on https and on hosts of its own making."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self._origin = urlsplit(origin)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(url.decode() if isinstance(url, bytes) else url)
        here = urlunsplit((self._origin.scheme, self._origin.netloc, parts.path, parts.query, ""))
        options.setdefault("timeout", TIMEOUT_SECONDS)
        options["allow_redirects"] = False  # the secret goes to no other host
        response = super().request(method, here, *args, **options)
        if response.status_code >= 500:  # simple-salesforce takes any body for an answer about credentials
            response.raise_for_status()
        return response


def sign_in(
    origin: str, *, token: str | None, client_id: str | None, client_secret: str | None, api_version: str
) -> Salesforce:
    """A signed-in client: by a given token, else by the OAuth client credentials flow (Salesforce OAuth 2.0).

    Raises:
        PermanentFailure: Salesforce refuses the credentials.
        TransientFailure: the org cannot be reached.
    """
    session = OneOrigin(origin)
    host = urlsplit(origin).netloc
    try:
        if token:
            return Salesforce(instance_url=origin, session_id=token, session=session, version=api_version)
        return Salesforce(
            consumer_key=client_id,
            consumer_secret=client_secret,
            domain=host.removesuffix(".salesforce.com"),
            session=session,
            version=api_version,
        )
    except SalesforceError as error:
        raise PermanentFailure(
            f"Salesforce at {origin} refuses to sign us in ({getattr(error, 'message', None) or type(error).__name__}). "
            "Check the client id and secret in the environment variables that project.yaml names, and that the app's "
            "client credentials flow has a user to run as."
        ) from None
    except requests.RequestException as error:
        raise TransientFailure(
            f"Salesforce at {origin} cannot be reached ({type(error).__name__}). Check the URL and the network, then run "
            "the same command again."
        ) from None
