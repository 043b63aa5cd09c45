"""The account, its users and its webhooks: read only here, set by the seed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, hal, nothing, problem
from migration_pipelines.twins.kommo.asking import link_to, origin, page_links, page_of, wanted
from migration_pipelines.twins.kommo.twin import Kommo, RouteTable

EXTRAS = ("amojo_id", "amojo_rights", "version", "entity_names", "uuid", "invoices_settings")
"""Keys of the stored account that are shown only when `with=` asks for them."""
EMBEDDED = ("task_types", "users_groups")
USER_EXTRAS = ("role", "group", "uuid", "amojo_id", "user_rank", "phone_number")


def get_account(twin: Kommo, call: Call) -> Response:
    account = twin.account()
    withs = wanted(call)
    timezone = account.pop("timezone")
    embedded = {key: rows for key in EMBEDDED if (rows := account.pop(key)) is not None and key in withs}
    shown = {key: value for key, value in account.items() if key not in EXTRAS or key in withs}
    if "datetime_settings" in withs:
        shown["datetime_settings"] = _datetime_settings(timezone, twin.now())
    if "drive_url" in withs:
        shown["drive_url"] = origin(call.request)
    if "is_api_filter_enabled" in withs:
        shown["is_api_filter_enabled"] = twin.switches.custom_field_filter
    return hal({**shown, "_links": link_to(call.request, "account"), "_embedded": embedded})


def get_users(twin: Kommo, call: Call) -> Response:
    page = page_of(call)
    users = twin.store.documents("users")
    shown = users[page.offset : page.offset + page.limit]
    if not shown:
        return nothing()
    page_count = -(-len(users) // page.limit)
    return hal(
        {
            "_total_items": len(users),
            "_page": page.number,
            "_page_count": page_count,
            "_links": page_links(call.request, page, has_next=page.number < page_count),
            "_embedded": {"users": [_user(user, call) for user in shown]},
        }
    )


def get_user(twin: Kommo, call: Call) -> Response:
    user = twin.store.document("users", call.request.path_params["id"])
    return hal(_user(user, call)) if user else problem(404, "User not found")


def get_webhooks(twin: Kommo, _: Call) -> Response:
    webhooks = twin.store.documents("webhooks")
    return hal({"_total_items": len(webhooks), "_embedded": {"webhooks": webhooks}}) if webhooks else nothing()


def _user(user: Json, call: Call) -> Json:
    withs = wanted(call)
    extras = {key: user.get(key) for key in USER_EXTRAS if key in withs}
    shown = {key: value for key, value in user.items() if key not in USER_EXTRAS}
    return {**shown, **extras, "_links": link_to(call.request, f"users/{user['id']}")}


def _datetime_settings(timezone: str, now: int) -> Json:
    offset = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(timezone)).strftime("%z")
    return {
        "date_pattern": "d.m.Y H:i",
        "short_date_pattern": "d.m.Y",
        "short_time_pattern": "H:i",
        "date_formant": "d.m.Y",
        "time_format": "H:i:s",
        "timezone": timezone,
        "timezone_offset": f"{offset[:3]}:{offset[3:]}",
    }


ROUTES: RouteTable = (
    ("GET", "account", get_account),
    ("GET", "users", get_users),
    ("GET", "users/{id:int}", get_user),
    ("GET", "webhooks", get_webhooks),
)
