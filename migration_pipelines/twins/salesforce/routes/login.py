"""Signing in and out by OAuth, and asking who one is: userinfo and the identity URL."""

import base64
import hmac
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.applications import Application
from migration_pipelines.twins.salesforce.errors import OAuthRefusal, answer, not_found
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.moments import parse_moment
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.paths import both, origin
from migration_pipelines.twins.salesforce.sessions import bearer


def login_routes(org: Org) -> list[Route]:
    def token(call: Call) -> Response:
        form = _form(call)
        grant = org.grants.grant(form, call.request.headers.get("Authorization"), origin(call))
        with org.acting(grant.person.user_id):
            identity, issued_at = identity_url(org, call), str(int(org.clock.now() * 1000))
        body = {
            "access_token": org.sessions.issue(grant.person.user_id),
            "signature": _signature(grant.application, identity + issued_at),
            "scope": "api",
            "instance_url": origin(call),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        if grant.refresh_token:
            body["refresh_token"] = grant.refresh_token
        return answer(body, headers={"Cache-Control": "no-store"})

    def revoke(call: Call) -> Response:
        token = call.request.query_params.get("token") or _form(call).get("token", "")
        if not (org.sessions.revoke(token) or org.grants.revoke(token)):
            raise OAuthRefusal(400, "unsupported_token_type", "this token type is not supported")
        return Response(status_code=200)

    def introspect(call: Call) -> Response:
        """RFC 7662: what a client may know of a token; asking is no use of it."""
        form = _form(call)
        application = org.grants.application(form, call.request.headers.get("Authorization"))
        token = form.get("token", "")
        ends_at = org.sessions.ends_at(token)
        if ends_at is None:
            return answer({"active": False})
        with org.acting(org.sessions.user_of(token)):
            return answer(
                {
                    "active": True,
                    "scope": "api",
                    "client_id": application.client_id,
                    "username": org.user()["Username"],
                    "sub": identity_url(org, call),
                    "token_type": "access_token",
                    "exp": int(ends_at),
                    "iat": int(org.clock.now()),
                    "nbf": int(org.clock.now()),
                }
            )

    def userinfo(call: Call) -> Response:
        refused = _token_refusal(org, call)
        return refused or answer(_userinfo(org, call))

    def identity(call: Call) -> Response:
        refused = _token_refusal(org, call)
        if refused:
            return refused
        user, organization = org.user(), org.organization()
        named = (call.request.path_params["organization"], call.request.path_params["user"])
        if (canonical(named[0]), canonical(named[1])) != (organization["Id"], user["Id"]):
            raise not_found()
        return answer(_identity(org, call))

    return [
        *both(org, "/services/oauth2/token", token, ("POST",)),
        *both(org, "/services/oauth2/revoke", revoke, ("GET", "POST")),
        *both(org, "/services/oauth2/introspect", introspect, ("POST",)),
        *both(org, "/services/oauth2/userinfo", userinfo, ("GET", "POST")),
        *both(org, "/id/{organization}/{user}", identity),
    ]


def _form(call: Call) -> dict[str, str]:
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    except UnicodeDecodeError as error:
        raise OAuthRefusal(400, "invalid_request", "the body is not a form") from error


def _signature(application: Application, signed: str) -> str:
    secret = application.client_secret or ""
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), "sha256")).decode()


def identity_url(org: Org, call: Call) -> str:
    return f"{origin(call)}/id/{org.organization()['Id']}/{org.user()['Id']}"


def _token_refusal(org: Org, call: Call) -> Response | None:
    """The identity services say it in one bare word, not in the REST list."""
    token = bearer(call.request.headers.get("Authorization"))
    if org.sessions.is_valid(token):
        return None
    return Response("Bad_OAuth_Token" if token else "Missing_OAuth_Token", 403, media_type="text/html")


def _common(org: Org, call: Call) -> dict[str, Any]:
    user, organization, base = org.user(), org.organization(), origin(call)
    data = f"{base}/services/data/v{{version}}"
    return {
        "user_id": user["Id"],
        "organization_id": organization["Id"],
        "email": user["Email"],
        "active": bool(user["IsActive"]),
        "user_type": "STANDARD",
        "language": user["LanguageLocaleKey"],
        "locale": user["LocaleSidKey"],
        "utcOffset": 0,
        "urls": {
            "rest": f"{data}/",
            "sobjects": f"{data}/sobjects/",
            "query": f"{data}/query/",
            "profile": f"{base}/{user['Id']}",
            "custom_domain": base,
        },
    }


def _userinfo(org: Org, call: Call) -> dict[str, Any]:
    user = org.user()
    return {
        "sub": identity_url(org, call),
        "preferred_username": user["Username"],
        "nickname": user["CommunityNickname"],
        "name": user["Name"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "updated_at": parse_moment(str(user["SystemModstamp"])).isoformat(),
        **_common(org, call),
    }


def _identity(org: Org, call: Call) -> dict[str, Any]:
    user = org.user()
    return {
        "id": identity_url(org, call),
        "asserted_user": True,
        "username": user["Username"],
        "nick_name": user["CommunityNickname"],
        "display_name": user["Name"],
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "last_modified_date": user["LastModifiedDate"],
        **_common(org, call),
    }
