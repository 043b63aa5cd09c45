"""Linking and unlinking records: which kinds may be linked from which side, and the answers' shape."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, nested, whole_numbers
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
    filters = nested(call).get("filter")
    ids = whole_numbers(filters["entity_id"]) if isinstance(filters, dict) and "entity_id" in filters else []
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
    other, other_id = _target(twin, entity, item, index)
    if other == "companies" or entity.name == "companies":
        _keep_to_one_company(twin, (entity.name, record_id), (other, other_id))
    is_main = bool((item.get("metadata") or {}).get("is_main"))
    link_store.join(twin.store, (entity.name, record_id), (other, other_id), is_main=is_main)
    _touch(twin, (entity.name, record_id), (other, other_id))
    partners = dict(link_store.linked(twin.store, entity.name, [record_id], other)[record_id])
    return _shown(entity.name, record_id, other, other_id, is_main=partners[other_id])


def _unlink(twin: Kommo, entity: Entity, record_id: int, item: Json, index: int) -> None:
    other = _target(twin, entity, item, index)
    link_store.part(twin.store, (entity.name, record_id), other)
    _touch(twin, (entity.name, record_id), other)


def _target(twin: Kommo, entity: Entity, item: Json, index: int) -> link_store.Ref:
    allowed = entity.links
    if entity.name == "contacts" and twin.switches.contact_to_lead_links:
        allowed = (*allowed, "leads")
    other, other_id = item.get("to_entity_type"), item.get("to_entity_id")
    if other not in allowed:
        raise invalid(Complaint("NotSupportedChoice", "to_entity_type"), request_id=str(index))
    if not isinstance(other_id, int) or other_id not in twin.store.records(str(other), [other_id]):
        raise invalid(Complaint("NotSupportedChoice", "to_entity_id"), request_id=str(index))
    return str(other), other_id


def _keep_to_one_company(twin: Kommo, one: link_store.Ref, other: link_store.Ref) -> None:
    """Kommo REST v4: a lead has at most one company. For a contact the switch decides."""
    company, person = (one, other) if one[0] == "companies" else (other, one)
    present = link_store.linked(twin.store, person[0], [person[1]], "companies").get(person[1], [])
    second = [company_id for company_id, _ in present if company_id != company[1]]
    rule = twin.switches.contact_with_two_companies if person[0] == "contacts" else "refuse"
    if second and rule == "refuse":
        raise refuse(400, SECOND_COMPANY)
    if rule == "replace":
        for company_id in second:
            link_store.part(twin.store, person, ("companies", company_id))


def _touch(twin: Kommo, *records: link_store.Ref) -> None:
    if twin.switches.links_move_updated_at:
        for entity, record_id in records:
            twin.store.update_record(entity, record_id, {"updated_at": twin.now()})


def _links(twin: Kommo, entity: Entity, ids: list[int], call: Call) -> list[Json]:
    filters = nested(call).get("filter")
    filters = filters if isinstance(filters, dict) else {}
    wanted_ids = whole_numbers(filters["to_entity_id"]) if "to_entity_id" in filters else None
    kinds = [kind for kind in ("contacts", "companies", "leads") if kind != entity.name]
    if "to_entity_type" in filters:
        kinds = [kind for kind in kinds if kind == filters["to_entity_type"]]
    return [
        _shown(entity.name, record_id, other, other_id, is_main=is_main)
        for other in kinds
        for record_id, partners in link_store.linked(twin.store, entity.name, ids, other).items()
        for other_id, is_main in partners
        if wanted_ids is None or other_id in wanted_ids
    ]


def _shown(entity: str, record_id: int, other: str, other_id: int, *, is_main: bool) -> Json:
    """Kommo REST v4: written `is_main`, read `main_contact`; metadata is null for companies."""
    return {
        "entity_id": record_id,
        "entity_type": entity,
        "to_entity_id": other_id,
        "to_entity_type": other,
        "metadata": {"main_contact": is_main} if {entity, other} == {"leads", "contacts"} else None,
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
    """In the vendor's SDK, not in Kommo's reference."""
    if not twin.switches.mass_link:
        raise refuse(404, "Not found")


def _near(twin: Kommo, entity: Entity, item: Json) -> int:
    record_id = item.get("entity_id")
    if not isinstance(record_id, int):
        raise refuse(400, "entity_id is missing")
    _must_exist(twin, entity, record_id)
    return record_id
