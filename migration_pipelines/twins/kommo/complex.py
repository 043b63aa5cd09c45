"""`leads/complex`: a lead with its new contact and company in one item, and the control of duplicates."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal_array, invalid, refuse
from migration_pipelines.twins.kommo.asking import array_body, request_ids
from migration_pipelines.twins.kommo.entities import CARDS, LEADS, Entity
from migration_pipelines.twins.kommo.phones import contacts_with
from migration_pipelines.twins.kommo.stages import Stages
from migration_pipelines.twins.kommo.twin import Kommo, RouteTable
from migration_pipelines.twins.kommo.writing import create

MOST_LEADS = 50
MOST_FIELDS = 40
"""Kommo limits: leads in one request, and custom fields of each record in it."""
ANSWERED: Mapping[str, str] = MappingProxyType({"contacts": "contact_id", "companies": "company_id"})


def _post(twin: Kommo, call: Call) -> Response:
    items = array_body(call)
    if len(items) > MOST_LEADS:
        raise refuse(400, f"At most {MOST_LEADS} leads in one request")
    ids = request_ids(items)
    for item, request_id in zip(items, ids, strict=True):
        if faults := _faults(item):
            raise invalid(*faults, request_id=request_id)
    # Duplicates are looked for among what is stored, not among the items of one request.
    merged = [_duplicate(twin, item) if twin.switches.duplicate_control else None for item in items]
    made = [
        known or add_with_people(twin, item, request_id)
        for item, request_id, known in zip(items, ids, merged, strict=True)
    ]
    return hal_array(
        [
            {**ids_of, "request_id": [request_id], "merged": known is not None}
            for ids_of, request_id, known in zip(made, ids, merged, strict=True)
        ]
    )


def add_with_people(twin: Kommo, item: Json, request_id: str) -> Json:
    """Make the lead and whom it embeds, all linked with each other. Returns their ids."""
    embedded = item.get("_embedded") or {}
    refs: dict[str, link_store.Ref] = {}
    for kind in ANSWERED:
        for told in embedded.get(kind) or []:
            if ref := _person(twin, CARDS[kind], told, request_id):
                refs[kind] = ref
    besides = {key: value for key, value in embedded.items() if key not in ANSWERED}
    lead_id = _create(twin, LEADS, {**item, "_embedded": besides}, request_id)
    for ref in refs.values():
        link_store.join(twin.store, ("leads", lead_id), ref)
    if len(refs) == len(ANSWERED):
        link_store.join(twin.store, *refs.values())
    return {"id": lead_id, **{name: refs[kind][1] if kind in refs else None for kind, name in ANSWERED.items()}}


def _person(twin: Kommo, entity: Entity, told: Json, request_id: str) -> link_store.Ref | None:
    """The embedded contact or company. One that is named by its id is reported not to be linked."""
    if "id" not in told:
        return entity.name, _create(twin, entity, told, request_id, f"_embedded.{entity.name}.0.")
    if not twin.switches.complex_links_existing:
        return None
    if told["id"] not in twin.store.records(entity.name, [told["id"]]):
        raise invalid(Complaint("NotSupportedChoice", f"_embedded.{entity.name}.0.id"), request_id=request_id)
    return entity.name, told["id"]


def _create(twin: Kommo, entity: Entity, item: Json, request_id: str, path: str = "") -> int:
    """One record; whatever is wrong with it refuses the whole request, with the path inside the lead."""
    outcome = create(twin, entity, [{**item, "request_id": request_id}], path=path)
    if outcome.refusal:
        raise outcome.as_error()
    ((_, draft),) = outcome.applied
    return draft.id


def _faults(item: Json) -> list[Complaint]:
    faults = []
    embedded = item.get("_embedded") or {}
    for kind in ANSWERED:
        told = embedded.get(kind) or []
        if len(told) > 1:
            faults.append(Complaint("TooMany", f"_embedded.{kind}"))
        faults += [
            Complaint("TooMany", f"_embedded.{kind}.{index}.custom_fields_values")
            for index, one in enumerate(told)
            if _fields(one) > MOST_FIELDS
        ]
    if _fields(item) > MOST_FIELDS:
        faults.append(Complaint("TooMany", "custom_fields_values"))
    return faults


def _fields(item: Mapping[str, Any]) -> int:
    told = item.get("custom_fields_values")
    return len(told) if isinstance(told, list) else 0


def _duplicate(twin: Kommo, item: Json) -> Json | None:
    """Ids of an open lead whose contact has the phone or e-mail of this item's contact."""
    told: list[str] = [
        str(value.get("value"))
        for contact in (item.get("_embedded") or {}).get("contacts") or []
        for entry in contact.get("custom_fields_values") or []
        if isinstance(entry, dict) and entry.get("field_code") in ("PHONE", "EMAIL")
        for value in entry.get("values") or []
        if isinstance(value, dict)
    ]
    for contact_id in contacts_with(twin, told):
        leads = link_store.linked(twin.store, "contacts", [contact_id], "leads").get(contact_id, [])
        rows = twin.store.records("leads", [lead.id for lead in leads])
        for lead_id, row in sorted(rows.items()):
            if row["status_id"] not in (Stages.WON, Stages.LOST):
                companies = link_store.linked(twin.store, "leads", [lead_id], "companies").get(lead_id, [])
                company_id = companies[0].id if companies else None
                return {"id": lead_id, "contact_id": contact_id, "company_id": company_id}
    return None


ROUTES: RouteTable = (("POST", "leads/complex", _post),)
