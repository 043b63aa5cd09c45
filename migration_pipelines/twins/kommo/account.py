"""The account: one, read only here, set by the seed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, hal
from migration_pipelines.twins.kommo.asking import link_to, origin, wanted
from migration_pipelines.twins.kommo.twin import Kommo, RouteTable

EXTRAS = ("amojo_id", "amojo_rights", "version", "entity_names", "uuid", "invoices_settings")
"""Keys of the stored account that are shown only when `with=` asks for them."""
EMBEDDED = ("task_types", "users_groups")


def get_account(twin: Kommo, call: Call) -> Response:
    account = twin.account() | {"current_user_id": twin.me()}
    withs = wanted(call)
    timezone = account.pop("timezone")
    embedded = {key: rows for key in EMBEDDED if (rows := account.pop(key)) is not None and key in withs}
    shown = {key: value for key, value in account.items() if key not in EXTRAS or key in withs}
    if "datetime_settings" in withs:
        shown["datetime_settings"] = _datetime_settings(timezone, twin.now())
    if "drive_url" in withs:
        # One server is enough: the drive's paths begin with /v1.0, the API's with /api.
        shown["drive_url"] = origin(call.request)
    if "is_api_filter_enabled" in withs:
        shown["is_api_filter_enabled"] = twin.switches.custom_field_filter
    return hal({**shown, "_links": link_to(call.request, "account"), "_embedded": embedded})


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


ROUTES: RouteTable = (("GET", "account", get_account),)
