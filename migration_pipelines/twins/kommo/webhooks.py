"""Subscriptions to webhooks: which address is told of which events. The twin keeps them and calls nobody."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import filters_of, object_body, several
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo, RouteTable, for_admins

MOST_WEBHOOKS = 100
"""Kommo limits: webhooks in an account."""


def make_webhook(twin: Kommo, told: Json) -> Json:
    """Subscribe an address; one that is known gets the new events."""
    known = _of(twin, str(told["destination"]))
    webhook = {
        "id": known["id"] if known else twin.store.next_id("webhooks"),
        "destination": told["destination"],
        "created_at": known["created_at"] if known else twin.now(),
        "updated_at": twin.now(),
        "account_id": ACCOUNT_ID,
        "created_by": twin.me(),
        "sort": told.get("sort") or 1,
        "disabled": told.get("disabled", False),
        "settings": told.get("settings") or [],
    }
    twin.store.put_document("webhooks", webhook)
    return webhook


def _get_webhooks(twin: Kommo, call: Call) -> Response:
    webhooks = twin.store.documents("webhooks")
    filters = filters_of(call)
    if "destination" in filters:
        webhooks = [one for one in webhooks if one["destination"] in several(filters["destination"])]
    return hal({"_total_items": len(webhooks), "_embedded": {"webhooks": webhooks}}) if webhooks else nothing()


def _post_webhook(twin: Kommo, call: Call) -> Response:
    item = object_body(call)
    faults = [Complaint("FieldMissing", key) for key in ("destination", "settings") if not item.get(key)]
    if faults:
        raise invalid(*faults)
    if not str(item["destination"]).startswith(("http://", "https://")):
        raise invalid(Complaint("InvalidType", "destination"))
    if not isinstance(item["settings"], list) or not all(isinstance(one, str) for one in item["settings"]):
        raise invalid(Complaint("InvalidType", "settings"))
    if not _of(twin, str(item["destination"])) and len(twin.store.documents("webhooks")) >= MOST_WEBHOOKS:
        raise refuse(400, f"An account has at most {MOST_WEBHOOKS} webhooks")
    return hal(make_webhook(twin, {**item, "disabled": False}), 201)


def _delete_webhook(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: a subscription is ended by its address."""
    webhook = _of(twin, str(object_body(call).get("destination")))
    if webhook is None:
        raise refuse(404, "Webhook not found")
    twin.store.drop_document("webhooks", webhook["id"])
    return nothing()


def _of(twin: Kommo, destination: str) -> Json | None:
    return next((one for one in twin.store.documents("webhooks") if one["destination"] == destination), None)


ROUTES: RouteTable = (
    ("GET", "webhooks", _get_webhooks),
    ("POST", "webhooks", for_admins(_post_webhook)),
    ("DELETE", "webhooks", for_admins(_delete_webhook)),
)
