"""Users: listing, adding, activating. Nobody is deleted over the API."""

import re

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, problem, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, listing, page_of, request_ids, wanted
from migration_pipelines.twins.kommo.twin import Kommo, RouteTable, for_admins

EXTRAS = ("uuid", "amojo_id", "user_rank", "phone_number")
"""Keys that only `with=` shows."""
MOST_AT_ONCE = 10
MOST_USERS = 100
"""Kommo limits: users in one request; users in an account, but for Pro and Enterprise."""
NAME = re.compile(r"[\w .@\-]{1,50}")
PASSWORD = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{6,}")
FULL_RIGHTS = dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")


def make_user(twin: Kommo, told: Json) -> Json:
    rights = {
        **dict.fromkeys(("leads", "contacts", "companies"), FULL_RIGHTS),
        "tasks": {"edit": "A", "delete": "A"},
        "mail_access": False,
        "catalog_access": True,
        "status_rights": [],
        "is_admin": told.get("is_admin", False),
        "is_free": False,
        "is_active": told.get("is_active", True),
        "group_id": told.get("group_id", 0),
        "role_id": None,
        **(told.get("rights") or {}),
    }
    user_id = told.get("id") or twin.store.next_id("users")
    twin.store.keep_past("users", user_id)
    user = {
        "id": user_id,
        "name": told["name"],
        "email": told["email"],
        "lang": told.get("lang", "en"),
        "rights": rights,
    }
    twin.store.put_document("users", user)
    return user


def _get_users(twin: Kommo, call: Call) -> Response:
    page = page_of(call, twin.switches)
    users = twin.store.documents("users")
    shown = [_shown(twin, user, call) for user in page.of(users)]
    return listing(call, page, "users", shown, len(users), has_next=page.number < page.count(len(users)))


def _get_user(twin: Kommo, call: Call) -> Response:
    user = twin.store.document("users", call.request.path_params["id"])
    return hal(_shown(twin, user, call)) if user else problem(404, "User not found")


def _post_users(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: name, e-mail and a password of six letters with a digit and both cases."""
    items = _few(array_body(call))
    emails = {user["email"] for user in twin.store.documents("users")}
    if len(emails) + len(items) > MOST_USERS and twin.switches.plan not in ("pro", "enterprise"):
        raise refuse(402, f"An account has at most {MOST_USERS} users")
    made = []
    for item, request_id in zip(items, request_ids(items), strict=True):
        faults = [Complaint("FieldMissing", key) for key in ("name", "email", "password") if not item.get(key)]
        if not faults:
            wrong = {
                "name": not NAME.fullmatch(item["name"]),
                "password": not PASSWORD.fullmatch(str(item["password"])),
                "email": "@" not in str(item["email"]),
                "rights": not isinstance(item.get("rights") or {}, dict),
            }
            faults = [Complaint("InvalidType", key) for key, is_wrong in wrong.items() if is_wrong]
            faults += [Complaint("NotUnique", "email")] * (item["email"] in emails)
        if faults:
            raise invalid(*faults, request_id=request_id)
        emails.add(item["email"])
        told = {key: item[key] for key in ("name", "email", "lang", "rights") if item.get(key) is not None}
        made.append({**_shown(twin, make_user(twin, told), call), "request_id": request_id})
    links = link_to(call.request, "users")
    return hal({"_total_items": len(made), "_links": links, "_embedded": {"users": made}}, 201)


def _activate(twin: Kommo, call: Call, *, is_active: bool) -> Response:
    """Kommo REST v4: on Pro and Enterprise only, ten at once, and not administrators."""
    if twin.switches.plan in ("base", "advanced"):
        raise refuse(402, "Not available in your plan")
    for index, item in enumerate(_few(array_body(call))):
        user = twin.store.document("users", item.get("id") or 0)
        if user is None or user["rights"]["is_admin"]:
            raise invalid(Complaint("NotSupportedChoice", "id"), request_id=str(index))
        user["rights"]["is_active"] = is_active
        twin.store.put_document("users", user)
    return Response(status_code=202)


def _few(items: list[Json]) -> list[Json]:
    if len(items) > MOST_AT_ONCE:
        raise refuse(400, f"At most {MOST_AT_ONCE} users in one request")
    return items


def _shown(twin: Kommo, user: Json, call: Call) -> Json:
    withs = wanted(call)
    extras: Json = {key: user.get(key) for key in EXTRAS if key in withs}
    embedded: Json = {}
    if "role" in withs:
        role = twin.store.document("roles", user["rights"]["role_id"] or 0)
        embedded["roles"] = [{"id": role["id"], "name": role["name"]}] if role else []
    if "group" in withs:
        groups = twin.account()["users_groups"]
        embedded["groups"] = [
            {"id": one["id"], "name": one["name"]} for one in groups if one["id"] == user["rights"]["group_id"]
        ]
    links = {"_links": link_to(call.request, f"users/{user['id']}")}
    plain = {key: value for key, value in user.items() if key not in EXTRAS}
    return plain | extras | links | ({"_embedded": embedded} if embedded else {})


ROUTES: RouteTable = (
    ("GET", "users", _get_users),
    ("POST", "users", for_admins(_post_users)),
    ("GET", "users/{id:int}", _get_user),
    ("POST", "users/activate", for_admins(lambda twin, call: _activate(twin, call, is_active=True))),
    ("POST", "users/deactivate", for_admins(lambda twin, call: _activate(twin, call, is_active=False))),
)
