"""Filling a new twin: the account with its presets, then users, pipelines, fields and records that a seed names."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from migration_pipelines.twins.kit.serial import RefusedError
from migration_pipelines.twins.kommo import link_store, writing
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.entities import (
    CARDS,
    TASKS,
    Entity,
    FieldOwner,
    elements_of,
    fields_of_catalog,
    notes_of,
)
from migration_pipelines.twins.kommo.fields import make_field
from migration_pipelines.twins.kommo.kept import make
from migration_pipelines.twins.kommo.kept_lists import CUSTOMER_STATUSES, SEEDED
from migration_pipelines.twins.kommo.pipelines import make_pipeline
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo
from migration_pipelines.twins.kommo.users import make_user
from migration_pipelines.twins.kommo.webhooks import make_webhook

DEFAULT_SEED = Path(__file__).parent / "seed" / "default.json"
KEYS = (
    *("account", "users", "pipelines", *SEEDED, "custom_fields", "webhooks", *CARDS),
    *("catalog_elements", "links", "tasks", "notes"),
)

Preset = tuple[str, str, str, Sequence[str]]
"""Code, name, type, enums."""
_PHONE = ("PHONE", "Phone", "multitext", ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"))
_EMAIL = ("EMAIL", "Email", "multitext", ("WORK", "PRIV", "OTHER"))
PRESETS: Mapping[str, Sequence[Preset]] = {
    "leads": [(f"UTM_{part}", f"utm_{part.lower()}", "tracking_data", ()) for part in ("SOURCE", "MEDIUM", "CAMPAIGN")],
    "contacts": [("POSITION", "Position", "text", ()), _PHONE, _EMAIL],
    "companies": [_PHONE, _EMAIL, ("WEB", "Web", "url", ()), ("ADDRESS", "Address", "textarea", ())],
    "customers": [],
}
"""Fields that every account has."""
PRODUCT_FIELDS: Sequence[Preset] = [
    ("SKU", "SKU", "text", ()),
    ("DESCRIPTION", "Description", "textarea", ()),
    ("PRICE", "Price", "price", ()),
    ("GROUP", "Group", "category", ()),
    ("UNIT", "Unit", "text", ()),
    ("EXTERNAL_ID", "External ID", "text", ()),
]
"""Fields of the list of products."""


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
        _fill(replace(twin, by_person=True), told)
        twin.store.sql("DELETE FROM automation")
    except RefusedError as refused:
        raise ValueError(f"the seed was refused: {bytes(refused.response.body).decode()}") from refused


def _fill(twin: Kommo, told: Json) -> None:
    users = [make_user(twin, user) for user in told["users"]]
    twin.store.put_document("account", _account(twin, told["account"], users[0]["id"]))
    for pipeline in told["pipelines"]:
        make_pipeline(twin, pipeline)
    for name, kept in SEEDED.items():
        for item in told.get(name, []):
            make(twin, kept, item)
    if twin.account()["customers_mode"] != "disabled":
        make(twin, CUSTOMER_STATUSES, {"name": "New"})
    _make_fields(twin, told.get("custom_fields", {}))
    for webhook in told.get("webhooks", []):
        make_webhook(twin, webhook)
    for card in CARDS.values():
        _make_records(twin, card, told.get(card.name, []))
    for catalog_id, elements in _by(told.get("catalog_elements", []), "catalog_id"):
        _make_records(twin, elements_of(catalog_id), elements)
    for link in told.get("links", []):
        one, other = (link["entity"], link["id"]), (link["to_entity"], link["to_id"])
        link_store.join(twin.store, one, other, is_main=link.get("is_main", False), quantity=link.get("quantity"))
    _make_records(twin, TASKS, told.get("tasks", []))
    for entity_type, notes in _by(told.get("notes", []), "entity_type"):
        _make_records(twin, notes_of(entity_type), notes)


def _make_fields(twin: Kommo, told: Json) -> None:
    for card in CARDS.values():
        owner = card.fields or FieldOwner(card.name, card.path)
        for preset in PRESETS[card.name]:
            if card.name == "companies" and preset[2] == "multitext" and not twin.switches.company_phone_email:
                continue
            _make_preset(twin, owner, preset)
        for item in told.get(card.name, []):
            make_field(twin, owner, item)
    for catalog in twin.store.documents("catalogs"):
        if catalog["type"] == "products":
            for preset in PRODUCT_FIELDS:
                _make_preset(twin, fields_of_catalog(catalog["id"]), preset)
        for item in told.get(f"catalogs/{catalog['id']}", []):
            make_field(twin, fields_of_catalog(catalog["id"]), item)


def _make_preset(twin: Kommo, owner: FieldOwner, preset: Preset) -> None:
    code, name, field_type, enums = preset
    item = {"code": code, "name": name, "type": field_type, "enums": [{"value": enum} for enum in enums]}
    make_field(twin, owner, item, is_predefined=True)


def _make_records(twin: Kommo, entity: Entity, items: Sequence[Json]) -> None:
    ids = [item.get("id") for item in items]
    twin.store.keep_past(entity.name, max((brought for brought in ids if brought), default=0))
    writing.create(twin, entity, items, ids)


def _by(items: Sequence[Json], key: str) -> list[tuple[Any, list[Json]]]:
    """Items by one of their keys, each group in its order."""
    groups: dict[Any, list[Json]] = {}
    for item in items:
        groups.setdefault(item[key], []).append({name: value for name, value in item.items() if name != key})
    return list(groups.items())


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
