"""Customers: the mode in which the account keeps them. Their records are cards like leads, their lists are kept lists."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, hal, invalid
from migration_pipelines.twins.kommo.asking import object_body
from migration_pipelines.twins.kommo.kept import make
from migration_pipelines.twins.kommo.kept_lists import CUSTOMER_STATUSES, without_customers
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Handler, Kommo, RouteTable, for_admins

MODES = ("segments", "periodicity")


def enabled(handler: Handler) -> Handler:
    """A handler of /customers, which answers where the account has them switched on."""
    return lambda twin, call: without_customers(twin) or handler(twin, call)


def _patch_mode(twin: Kommo, call: Call) -> Response:
    item = object_body(call)
    if not isinstance(item.get("is_enabled"), bool):
        raise invalid(Complaint("FieldMissing" if "is_enabled" not in item else "InvalidType", "is_enabled"))
    if item["is_enabled"] and item.get("mode") not in MODES:
        raise invalid(Complaint("NotSupportedChoice", "mode"))
    mode = item["mode"] if item["is_enabled"] else "disabled"
    twin.store.put_document("account", {**twin.account(), "id": ACCOUNT_ID, "customers_mode": mode})
    if item["is_enabled"] and not twin.store.documents(CUSTOMER_STATUSES.kind):
        make(twin, CUSTOMER_STATUSES, {"name": "New"})
    return hal({"mode": mode, "is_enabled": item["is_enabled"]})


ROUTES: RouteTable = (("PATCH", "customers/mode", for_admins(_patch_mode)),)
