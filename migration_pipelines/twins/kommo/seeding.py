"""Filling a new twin: the account with its presets, then users, pipelines, fields and records that a seed names."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migration_pipelines.twins.kit.serial import RefusedError
from migration_pipelines.twins.kommo import link_store, writing
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.entities import ENTITIES
from migration_pipelines.twins.kommo.fields import make_field
from migration_pipelines.twins.kommo.loss_reasons import make_loss_reason
from migration_pipelines.twins.kommo.pipelines import make_pipeline
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo

DEFAULT_SEED = Path(__file__).parent / "seed" / "default.json"
KEYS = ("account", "users", "pipelines", "loss_reasons", "custom_fields", "webhooks", *ENTITIES, "links")

_PHONE = ("PHONE", "Phone", "multitext", ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"))
_EMAIL = ("EMAIL", "Email", "multitext", ("WORK", "PRIV", "OTHER"))
PRESETS: Mapping[str, Sequence[tuple[str, str, str, Sequence[str]]]] = {
    "leads": [(f"UTM_{part}", f"utm_{part.lower()}", "tracking_data", ()) for part in ("SOURCE", "MEDIUM", "CAMPAIGN")],
    "contacts": [("POSITION", "Position", "text", ()), _PHONE, _EMAIL],
    "companies": [_PHONE, _EMAIL, ("WEB", "Web", "url", ()), ("ADDRESS", "Address", "textarea", ())],
}
"""Fields that every account has: code, name, type, enums."""

FULL_RIGHTS = dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")


def read_seed(path: Path) -> Json:
    seed: Json = json.loads(path.read_text(encoding="utf-8"))
    return seed


def fill(twin: Kommo, seed: Mapping[str, Any]) -> None:
    """Fill an empty store. What the seed leaves out is taken from the default one.

    Raises:
        ValueError: the seed has a key that is not one of KEYS, or names something that Kommo would refuse.
    """
    default = read_seed(DEFAULT_SEED)
    if unknown := set(seed) - set(KEYS):
        raise ValueError(f"unknown keys in the seed: {', '.join(sorted(unknown))}; known: {', '.join(KEYS)}")
    told: Json = {**default, **seed, "account": {**default["account"], **seed.get("account", {})}}
    try:
        _fill(twin, told)
    except RefusedError as refused:
        raise ValueError(f"the seed was refused: {bytes(refused.response.body).decode()}") from refused


def _fill(twin: Kommo, told: Json) -> None:
    users = [_user(twin, user) for user in told["users"]]
    twin.store.put_document("account", _account(twin, told["account"], users[0]["id"]))
    for pipeline in told["pipelines"]:
        make_pipeline(twin, pipeline)
    for reason in told["loss_reasons"]:
        make_loss_reason(twin, reason)
    for entity in ENTITIES.values():
        for code, name, field_type, enums in PRESETS[entity.name]:
            if entity.name == "companies" and field_type == "multitext" and not twin.switches.company_phone_email:
                continue
            item = {"code": code, "name": name, "type": field_type, "enums": [{"value": enum} for enum in enums]}
            make_field(twin, entity, item, is_predefined=True)
        for item in told.get("custom_fields", {}).get(entity.name, []):
            make_field(twin, entity, item)
    for webhook in told.get("webhooks", []):
        _webhook(twin, webhook, users[0]["id"])
    for entity in ENTITIES.values():
        items = told.get(entity.name, [])
        ids = [item.get("id") for item in items]
        twin.store.keep_past(entity.name, max((brought for brought in ids if brought), default=0))
        writing.create(twin, entity, items, ids)
    for link in told.get("links", []):
        one, other = (link["entity"], link["id"]), (link["to_entity"], link["to_id"])
        link_store.join(twin.store, one, other, is_main=link.get("is_main", False))


def _account(twin: Kommo, told: Json, user_id: int) -> Json:
    return {
        "id": ACCOUNT_ID,
        "created_at": twin.now(),
        "created_by": 0,
        "updated_at": twin.now(),
        "updated_by": 0,
        "current_user_id": user_id,
        "customers_mode": "disabled",
        "is_unsorted_on": True,
        "is_loss_reason_enabled": twin.switches.loss_reasons_endpoint,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "version": 12,
        "uuid": "00000000-0000-4000-8000-000000001000",
        "amojo_id": "00000000-0000-4000-8000-000000002000",
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "entity_names": {"leads": {"en": {"singular": "Lead", "plural": "Leads"}}},
        "invoices_settings": None,
        "task_types": [
            {"id": 1, "name": "Follow-up", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
            {"id": 2, "name": "Meeting", "color": None, "icon_id": None, "code": "MEETING"},
        ],
        "users_groups": [{"id": 0, "name": "Sales", "uuid": None}],
        **told,
    }


def _user(twin: Kommo, told: Json) -> Json:
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
        **told.get("rights", {}),
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


def _webhook(twin: Kommo, told: Json, user_id: int) -> None:
    webhook = {
        "id": twin.store.next_id("webhooks"),
        "destination": told["destination"],
        "created_at": twin.now(),
        "updated_at": twin.now(),
        "account_id": ACCOUNT_ID,
        "created_by": user_id,
        "sort": 1,
        "disabled": told.get("disabled", False),
        "settings": told.get("settings", []),
    }
    twin.store.put_document("webhooks", webhook)
