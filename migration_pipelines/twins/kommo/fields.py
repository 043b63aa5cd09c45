"""Definitions of custom fields: listing, making, changing and deleting them, with their enums."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, problem, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, object_body, page_links, page_of, request_ids
from migration_pipelines.twins.kommo.entities import FieldOwner
from migration_pipelines.twins.kommo.field_types import FIELD_TYPES, SMART_ADDRESS_PARTS, labelled
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo

SETTABLE = (
    *("name", "code", "sort", "group_id", "is_api_only", "required_statuses", "hidden_statuses", "currency"),
    *("remind", "search_in", "chained_lists", "tracking_callback"),
)


def get_fields(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    page = page_of(call, twin.switches)
    found = sorted(twin.store.documents(owner.kind), key=lambda one: (one["sort"], one["id"]))
    shown = [_shown(call, owner, one) for one in page.of(found)]
    if not shown:
        return nothing()
    page_count = page.count(len(found))
    return hal(
        {
            "_total_items": len(found),
            "_page": page.number,
            "_page_count": page_count,
            "_links": page_links(call.request, page, has_next=page.number < page_count, last=page_count),
            "_embedded": {"custom_fields": shown},
        }
    )


def get_field(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    return hal(_shown(call, owner, _known(twin, owner, call.request.path_params["id"])))


def post_fields(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    items = array_body(call)
    made = [
        {**_shown(call, owner, make_field(twin, owner, item, request_id)), "request_id": request_id}
        for item, request_id in zip(items, request_ids(items), strict=True)
    ]
    return _many(call, owner, made, 201)


def patch_field(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    return hal(_shown(call, owner, _change(twin, owner, call.request.path_params["id"], object_body(call), "0")))


def patch_fields(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    """Kommo REST v4: this answer shows `enums` as an object keyed by index."""
    items = array_body(call)
    changed = []
    for item, request_id in zip(items, request_ids(items), strict=True):
        if "id" not in item:
            raise invalid(Complaint("FieldMissing", "id"), request_id=request_id)
        definition = _shown(call, owner, _change(twin, owner, item["id"], item, request_id))
        if definition["enums"]:
            definition["enums"] = {str(index): enum for index, enum in enumerate(definition["enums"])}
        changed.append({**definition, "request_id": request_id})
    return _many(call, owner, changed, 200)


def delete_field(twin: Kommo, owner: FieldOwner, call: Call) -> Response:
    """Deleting a field drops its values."""
    if not twin.switches.delete_custom_fields:
        return problem(405, "Method not allowed")
    definition = _known(twin, owner, call.request.path_params["id"])
    if not definition["is_deletable"]:
        raise refuse(400, "This field cannot be deleted")
    twin.store.drop_document(owner.kind, definition["id"])
    twin.store.sql(
        "UPDATE record SET custom_fields = json_remove(custom_fields, ?1) WHERE json_type(custom_fields, ?1) IS NOT NULL",
        (f'$."{definition["id"]}"',),
    )
    return nothing()


def make_field(
    twin: Kommo, owner: FieldOwner, item: Json, request_id: str = "0", *, is_predefined: bool = False
) -> Json:
    """Make one field. Predefined ones may have a type that a request could not give them."""
    faults = [Complaint("FieldMissing", key) for key in ("name", "type") if not item.get(key)]
    known = FIELD_TYPES.get(item.get("type", ""))
    if item.get("type") and (known is None or not (is_predefined or owner.type in known.exists_on)):
        faults.append(Complaint("NotSupportedChoice", "type"))
    if faults or known is None:
        raise invalid(*faults, request_id=request_id)
    ceiling = twin.switches.field_ceiling
    if ceiling and not is_predefined and len(twin.store.documents(owner.kind)) >= ceiling:
        raise refuse(int(twin.switches.over_plan), "The limit of custom fields has been reached")
    field_id = twin.store.next_id("custom_fields")
    _check_code(twin, owner, field_id, item.get("code"), request_id)
    definition = {
        "id": field_id,
        "name": item["name"],
        "type": item["type"],
        "account_id": ACCOUNT_ID,
        "code": item.get("code"),
        "sort": field_id if item.get("sort") is None else item["sort"],
        "is_api_only": bool(item.get("is_api_only")),
        "enums": _enums(twin, item["type"], item.get("enums"), [], request_id),
        "group_id": item.get("group_id"),
        "required_statuses": item.get("required_statuses") or [],
        "is_deletable": not is_predefined,
        "is_predefined": is_predefined,
        "entity_type": owner.type,
        "tracking_callback": item.get("tracking_callback"),
        "remind": item.get("remind"),
        "triggers": [],
        "currency": item.get("currency"),
        "hidden_statuses": item.get("hidden_statuses") or [],
        "chained_lists": item.get("chained_lists"),
        "search_in": item.get("search_in"),
    }
    twin.store.put_document(owner.kind, definition)
    return definition


def _change(twin: Kommo, owner: FieldOwner, field_id: int, item: Json, request_id: str) -> Json:
    """Change one field. Its type stays what it was made with."""
    definition = _known(twin, owner, field_id)
    if item.get("type", definition["type"]) != definition["type"]:
        raise invalid(Complaint("NotSupportedChoice", "type"), request_id=request_id)
    _check_code(twin, owner, field_id, item.get("code"), request_id)
    definition |= {key: item[key] for key in SETTABLE if key in item and (key != "sort" or item[key] is not None)}
    if "enums" in item and definition["enums"] is not None:
        definition["enums"] = _enums(twin, definition["type"], item["enums"], definition["enums"], request_id)
    twin.store.put_document(owner.kind, definition)
    return definition


def _enums(twin: Kommo, field_type: str, told: Any, present: list[Json], request_id: str) -> list[Json] | None:
    """Options with their ids. Sent without its id an option is made anew: the old one and its values are gone."""
    if field_type == "smart_address":
        return [
            {"id": number, "value": part, "sort": number, "code": part}
            for number, part in enumerate(SMART_ADDRESS_PARTS, start=1)
        ]
    if not (FIELD_TYPES[field_type].has_choices or labelled(field_type)):
        return None
    known = {enum["id"] for enum in present}
    enums = []
    for index, enum in enumerate(told or []):
        if not isinstance(enum, dict) or enum.get("value") in (None, ""):
            raise invalid(Complaint("FieldMissing", f"enums.{index}.value"), request_id=request_id)
        enum_id = enum.get("id") or twin.store.next_id("enums")
        if enum.get("id") and enum_id not in known:
            raise invalid(Complaint("NotSupportedChoice", f"enums.{index}.id"), request_id=request_id)
        code = enum.get("code") or (enum["value"] if labelled(field_type) else None)
        enums.append({"id": enum_id, "value": enum["value"], "sort": enum.get("sort", index), "code": code})
    return enums


def _check_code(twin: Kommo, owner: FieldOwner, field_id: int, code: object, request_id: str) -> None:
    """Kommo REST v4: a code is unique among the fields of an entity."""
    others = (one for one in twin.store.documents(owner.kind) if one["id"] != field_id)
    if code and any(one["code"] == code for one in others):
        raise invalid(Complaint("NotUnique", "code"), request_id=request_id)


def _known(twin: Kommo, owner: FieldOwner, field_id: int) -> Json:
    definition = twin.store.document(owner.kind, field_id)
    if definition is None:
        raise refuse(404, "Custom field not found")
    return definition


def _shown(call: Call, owner: FieldOwner, definition: Json) -> Json:
    return {**definition, "_links": link_to(call.request, f"{owner.path}/custom_fields/{definition['id']}")}


def _many(call: Call, owner: FieldOwner, shown: list[Json], status: int) -> Response:
    return hal(
        {
            "_total_items": len(shown),
            "_links": link_to(call.request, f"{owner.path}/custom_fields"),
            "_embedded": {"custom_fields": shown},
        },
        status,
    )


FieldsHandler = Callable[[Kommo, FieldOwner, Call], Response]
HANDLERS: tuple[tuple[str, str, FieldsHandler], ...] = (
    ("GET", "", get_fields),
    ("POST", "", post_fields),
    ("PATCH", "", patch_fields),
    ("GET", "/{id:int}", get_field),
    ("PATCH", "/{id:int}", patch_field),
    ("DELETE", "/{id:int}", delete_field),
)
"""Method, path under the owner's custom_fields, handler."""
