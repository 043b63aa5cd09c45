"""Linking and unlinking records: which kinds may be linked from which side, and the answers' shape."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, filters_of, link_to, whole_numbers
from migration_pipelines.twins.kommo.effects import record_event
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.twin import Kommo

SECOND_COMPANY = "Only one company can be linked"


def get_links(twin: Kommo, entity: Entity, call: Call) -> Response:
    record_id = call.request.path_params["id"]
    _must_exist(twin, entity, record_id)
    links = _links(twin, entity, [record_id], call)
    return _listed(call, links) if links else nothing()


def post_link(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4: linking what is linked changes nothing."""
    record_id = call.request.path_params["id"]
    _must_exist(twin, entity, record_id)
    return _listed(call, [_link(twin, entity, record_id, item, index) for index, item in _items(call)])


def post_unlink(twin: Kommo, entity: Entity, call: Call) -> Response:
    record_id = call.request.path_params["id"]
    _must_exist(twin, entity, record_id)
    for index, item in _items(call):
        _unlink(twin, entity, record_id, item, index)
    return nothing()


def get_mass_links(twin: Kommo, entity: Entity, call: Call) -> Response:
    _mass_form(twin)
    filters = filters_of(call)
    ids = whole_numbers(filters["entity_id"]) if "entity_id" in filters else []
    links = _links(twin, entity, ids, call)
    return _listed(call, links) if links else nothing()


def post_mass_link(twin: Kommo, entity: Entity, call: Call) -> Response:
    _mass_form(twin)
    return _listed(call, [_link(twin, entity, _near(twin, entity, item), item, at) for at, item in _items(call)])


def post_mass_unlink(twin: Kommo, entity: Entity, call: Call) -> Response:
    _mass_form(twin)
    for index, item in _items(call):
        _unlink(twin, entity, _near(twin, entity, item), item, index)
    return nothing()


def _link(twin: Kommo, entity: Entity, record_id: int, item: Json, index: int) -> Json:
    one, other = (entity.name, record_id), _target(twin, entity, item, index)
    if "companies" in (one[0], other[0]) and "catalog_elements" not in (one[0], other[0]):
        _keep_to_one_company(twin, one, other)
    if other[0] == "catalog_elements":
        _keep_to_one_card(twin, one, other[1])
    metadata = item.get("metadata") or {}
    quantity = metadata.get("quantity")
    if quantity is not None and (isinstance(quantity, bool) or not isinstance(quantity, int | float) or quantity < 0):
        raise invalid(Complaint("InvalidType", "metadata.quantity"), request_id=str(index))
    link_store.join(twin.store, one, other, is_main=bool(metadata.get("is_main")), quantity=quantity)
    _touch(twin, one, other)
    record_event(twin, "entity_linked", one, after=[{"link": {"entity": {"type": other[0], "id": other[1]}}}])
    partners = link_store.linked(twin.store, entity.name, [record_id], other[0])[record_id]
    return _shown(entity.name, record_id, next(partner for partner in partners if partner.id == other[1]))


def _unlink(twin: Kommo, entity: Entity, record_id: int, item: Json, index: int) -> None:
    one, other = (entity.name, record_id), _target(twin, entity, item, index)
    link_store.part(twin.store, one, other)
    _touch(twin, one, other)
    record_event(twin, "entity_unlinked", one, before=[{"link": {"entity": {"type": other[0], "id": other[1]}}}])


def _target(twin: Kommo, entity: Entity, item: Json, index: int) -> link_store.Ref:
    allowed = entity.links
    if entity.name == "contacts" and twin.switches.contact_to_lead_links:
        allowed = (*allowed, "leads")
    other, other_id = item.get("to_entity_type"), item.get("to_entity_id")
    if other not in allowed:
        raise invalid(Complaint("NotSupportedChoice", "to_entity_type"), request_id=str(index))
    rows = twin.store.records(str(other), [other_id])
    if not isinstance(other_id, int) or other_id not in rows:
        raise invalid(Complaint("NotSupportedChoice", "to_entity_id"), request_id=str(index))
    if other == "catalog_elements" and (item.get("metadata") or {}).get("catalog_id") != rows[other_id]["catalog_id"]:
        raise invalid(Complaint("NotSupportedChoice", "metadata.catalog_id"), request_id=str(index))
    return str(other), other_id


def _keep_to_one_company(twin: Kommo, one: link_store.Ref, other: link_store.Ref) -> None:
    """Kommo REST v4: a lead has at most one company. For a contact the switch decides."""
    company, person = (one, other) if one[0] == "companies" else (other, one)
    present = link_store.linked(twin.store, person[0], [person[1]], "companies").get(person[1], [])
    second = [partner.id for partner in present if partner.id != company[1]]
    rule = twin.switches.contact_with_two_companies if person[0] == "contacts" else "refuse"
    if second and rule == "refuse":
        raise refuse(400, SECOND_COMPANY)
    if rule == "replace":
        for company_id in second:
            link_store.part(twin.store, person, ("companies", company_id))


def _keep_to_one_card(twin: Kommo, card: link_store.Ref, element_id: int) -> None:
    """Kommo REST v4, lists: `can_link_multiple` false allows an element on one card."""
    element = twin.store.records("catalog_elements", [element_id])[element_id]
    catalog = twin.store.document("catalogs", element["catalog_id"])
    is_elsewhere = twin.store.sql(
        "SELECT 1 FROM link WHERE to_entity = 'catalog_elements' AND to_id = ? AND (entity, id) <> (?, ?)",
        (element_id, *card),
    ).fetchone()
    if catalog and not catalog["can_link_multiple"] and is_elsewhere:
        raise refuse(400, "This element can be linked once")


def _touch(twin: Kommo, *records: link_store.Ref) -> None:
    if twin.switches.links_move_updated_at:
        for entity, record_id in records:
            twin.store.update_record(entity, record_id, {"updated_at": twin.now()})


def _links(twin: Kommo, entity: Entity, ids: list[int], call: Call) -> list[Json]:
    filters = filters_of(call)
    wanted_ids = whole_numbers(filters["to_entity_id"]) if "to_entity_id" in filters else None
    catalogs = whole_numbers(filters["to_catalog_id"]) if "to_catalog_id" in filters else None
    kinds = [kind for kind in link_store.STORED_FROM if kind != entity.name]
    if "to_entity_type" in filters:
        kinds = [kind for kind in kinds if kind == filters["to_entity_type"]]
    return [
        _shown(entity.name, record_id, partner)
        for kind in kinds
        for record_id, partners in link_store.linked(twin.store, entity.name, ids, kind).items()
        for partner in partners
        if (wanted_ids is None or partner.id in wanted_ids) and (catalogs is None or partner.catalog_id in catalogs)
    ]


def _shown(entity: str, record_id: int, other: link_store.Partner) -> Json:
    """Kommo REST v4: written `is_main`, read `main_contact`; metadata is null for companies."""
    metadata: Json | None = None
    if other.kind == "catalog_elements":
        metadata = {"quantity": other.quantity, "catalog_id": other.catalog_id}
    elif link_store.has_main(entity, other.kind) or link_store.has_main(other.kind, entity):
        metadata = {"main_contact": other.is_main}
    return {
        "entity_id": record_id,
        "entity_type": entity,
        "to_entity_id": other.id,
        "to_entity_type": other.kind,
        "metadata": metadata,
    }


def _listed(call: Call, shown: list[Json]) -> Response:
    path = call.request.url.path.removeprefix("/api/v4/")
    return hal({"_total_items": len(shown), "_links": link_to(call.request, path), "_embedded": {"links": shown}})


def _items(call: Call) -> list[tuple[int, Json]]:
    return list(enumerate(array_body(call)))


def _must_exist(twin: Kommo, entity: Entity, record_id: int) -> None:
    if not twin.store.records(entity.name, [record_id]):
        raise refuse(404, "Entity not found")


def _mass_form(twin: Kommo) -> None:
    """In the vendor's SDK and in amoCRM's reference, not in Kommo's."""
    if not twin.switches.mass_link:
        raise refuse(404, "Not found")


def _near(twin: Kommo, entity: Entity, item: Json) -> int:
    record_id = item.get("entity_id")
    if not isinstance(record_id, int):
        raise refuse(400, "entity_id is missing")
    _must_exist(twin, entity, record_id)
    return record_id
