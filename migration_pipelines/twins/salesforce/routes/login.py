"""Logging in and asking who one is: the token endpoint, userinfo and the identity URL."""

from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import OAuthRefusal, answer, not_found
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.moments import parse_moment
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.paths import both, origin
from migration_pipelines.twins.salesforce.sessions import bearer


def login_routes(org: Org) -> list[Route]:
    def token(call: Call) -> Response:
        try:
            form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        except UnicodeDecodeError as error:
            raise OAuthRefusal(400, "invalid_request", "the body is not a form") from error
        issued = org.sessions.login(form, call.request.headers.get("Authorization"))
        identity, issued_at = identity_url(org, call), str(int(org.clock.now() * 1000))
        return answer(
            {
                "access_token": issued,
                "signature": org.sessions.signature(identity + issued_at),
                "scope": "api",
                "instance_url": origin(call),
                "id": identity,
                "token_type": "Bearer",
                "issued_at": issued_at,
            },
            headers={"Cache-Control": "no-store"},
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
        *both(org, "/services/oauth2/userinfo", userinfo, ("GET", "POST")),
        *both(org, "/id/{organization}/{user}", identity),
    ]


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
