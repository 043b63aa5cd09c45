"""Which short lists an account has, and what holds for each of them."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, invalid, problem
from migration_pipelines.twins.kommo.asking import wanted
from migration_pipelines.twins.kommo.entities import FieldOwner
from migration_pipelines.twins.kommo.kept import Kept, stamped_by
from migration_pipelines.twins.kommo.twin import Kommo

MOST_CATALOGS = 10
MOST_SOURCES = 100
"""Kommo limits: lists in an account, and sources of an integration."""


def _without_loss_reasons(twin: Kommo) -> Response | None:
    """In the vendor's SDK; whether Kommo has them is a switch."""
    return None if twin.switches.loss_reasons_endpoint else problem(404, "Not found")


def without_customers(twin: Kommo) -> Response | None:
    """Customers are a feature that an account has to switch on."""
    is_off = twin.account()["customers_mode"] == "disabled"
    return problem(402, "Customers are disabled in this account") if is_off else None


def _check_source(twin: Kommo, one: Json, _: Json) -> None:
    others = [source for source in twin.store.documents("sources") if source["id"] != one["id"]]
    if any(source["external_id"] == one["external_id"] for source in others):
        raise invalid(Complaint("NotUnique", "external_id"))
    if one["pipeline_id"] is None:
        one["pipeline_id"] = next(
            pipeline["id"] for pipeline in twin.store.documents("pipelines") if pipeline["is_main"]
        )


def _check_catalog(twin: Kommo, one: Json, item: Json) -> None:
    """Kommo REST v4: a list keeps its type; that of products is switched on in the settings, and there is one of it."""
    catalogs = {catalog["id"]: catalog["type"] for catalog in twin.store.documents("catalogs")}
    may_be_special = twin.by_person and one["type"] not in catalogs.values()
    if one["type"] != catalogs.get(one["id"], one["type"] if may_be_special else "regular"):
        raise invalid(Complaint("NotSupportedChoice", "type"))
    stamped_by(twin, one, item)


def _with_users(twin: Kommo, role: Json, call: Call) -> Json:
    if "users" not in wanted(call):
        return role
    users = [user["id"] for user in twin.store.documents("users") if user["rights"]["role_id"] == role["id"]]
    return {**role, "_embedded": {"users": [{"id": user} for user in users]}}


LOSS_REASONS = Kept(
    "loss_reasons", "leads/loss_reasons", "loss_reasons", {"name": "", "sort": 100}, refusal=_without_loss_reasons
)
SOURCES = Kept(
    "sources",
    "sources",
    "sources",
    {"name": "", "external_id": "", "pipeline_id": None, "default": False, "origin_code": None, "services": []},
    required=("name", "external_id"),
    has_bulk_patch=True,
    has_stamps=False,
    most=MOST_SOURCES,
    check=_check_source,
)
ROLES = Kept("roles", "roles", "roles", {"name": "", "rights": {}}, has_stamps=False, shown=_with_users)
CATALOGS = Kept(
    "catalogs",
    "catalogs",
    "catalogs",
    {"name": "", "sort": 10, "can_link_multiple": True, "can_add_elements": True, "type": "regular"},
    fixed={"can_show_in_cards": False, "can_be_deleted": True, "sdk_widget_code": None},
    verbs=frozenset({"GET", "POST", "PATCH"}),
    has_bulk_patch=True,
    most=MOST_CATALOGS,
    check=_check_catalog,
)
CUSTOMER_STATUSES = Kept(
    "statuses_of_customers",
    "customers/statuses",
    "statuses",
    {"name": "", "sort": 10, "color": "#fffeb2", "conditions": []},
    fixed={"is_default": False, "type": 0},
    has_stamps=False,
    refusal=without_customers,
)
SEGMENTS = Kept(
    "segments",
    "customers/segments",
    "segments",
    {"name": "", "color": "", "available_products_price_types": [], "custom_fields_values": None},
    refusal=without_customers,
)
TRANSACTIONS = Kept(
    "transactions",
    "customers/{parent:int}/transactions",
    "transactions",
    {"price": 0, "comment": None, "completed_at": None, "external_id": None},
    required=("price",),
    fixed={"is_deleted": False},
    verbs=frozenset({"GET", "POST", "DELETE"}),
    check=stamped_by,
    refusal=without_customers,
)


def groups_of(owner: FieldOwner) -> Kept:
    """The groups, as tabs of a card, in which custom fields stand."""
    return Kept(
        f"groups:{owner.path}",
        f"{owner.path}/custom_fields/groups",
        "custom_field_groups",
        {"name": "", "sort": 10},
        fixed={"is_predefined": False, "type": "inline", "entity_type": owner.type},
        has_stamps=False,
        made=201,
        id_form="str",
        new_id=lambda twin: f"{owner.type}_{twin.store.next_id('field_groups')}",
    )


ACCOUNT_LISTS = (LOSS_REASONS, SOURCES, ROLES, CATALOGS, CUSTOMER_STATUSES, SEGMENTS, TRANSACTIONS)
SEEDED = {"loss_reasons": LOSS_REASONS, "sources": SOURCES, "roles": ROLES, "catalogs": CATALOGS}
