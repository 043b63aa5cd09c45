"""Incoming leads: what forms and telephony bring in, until a person, or the API, accepts, declines or links it."""

import hashlib

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, refuse
from migration_pipelines.twins.kommo.asking import (
    array_body,
    filters_of,
    link_to,
    listing,
    optional_object_body,
    page_of,
    request_ids,
    several,
)
from migration_pipelines.twins.kommo.complex import add_with_people
from migration_pipelines.twins.kommo.effects import record_event
from migration_pipelines.twins.kommo.stages import Stages
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Handler, Kommo, RouteTable

PATH = "leads/unsorted"
REQUIRED = {
    "forms": ("form_id", "form_name", "form_page", "form_sent_at", "ip"),
    "sip": ("phone", "called_at", "duration", "from"),
}
"""Kommo REST v4: keys of `metadata`, for the two categories that the API takes."""
KINDS = (("contacts", "contact_id"), ("companies", "company_id"))


def _adding(category: str) -> Handler:
    def post(twin: Kommo, call: Call) -> Response:
        items = array_body(call)
        made = [
            _add(twin, call, category, item, request_id)
            for item, request_id in zip(items, request_ids(items), strict=True)
        ]
        links = link_to(call.request, f"{PATH}/{category}")
        return hal({"_total_items": len(made), "_links": links, "_embedded": {"unsorted": made}})

    return post


def _add(twin: Kommo, call: Call, category: str, item: Json, request_id: str) -> Json:
    metadata = item.get("metadata") or {}
    faults = [Complaint("FieldMissing", key) for key in ("source_name", "source_uid") if not item.get(key)]
    faults += [
        Complaint("FieldMissing", f"metadata.{key}") for key in REQUIRED[category] if metadata.get(key) in (None, "")
    ]
    stages = Stages.of(twin.store)
    pipeline_id = item.get("pipeline_id") or stages.main
    if pipeline_id not in stages.by_pipeline:
        faults.append(Complaint("NotSupportedChoice", "pipeline_id"))
    if faults:
        raise invalid(*faults, request_id=request_id)
    embedded = item.get("_embedded") or {}
    lead = {
        **((embedded.get("leads") or [{}])[0]),
        "pipeline_id": pipeline_id,
        "status_id": stages.incoming(pipeline_id),
        "_embedded": {kind: (embedded.get(kind) or [])[:1] for kind, _ in KINDS},
    }
    ids = add_with_people(twin, lead, request_id)
    if ids["contact_id"]:
        twin.store.update_record("contacts", ids["contact_id"], {"is_unsorted": True})
    number = twin.store.next_id("unsorted")
    uid = hashlib.sha256(f"unsorted {number}".encode()).hexdigest()
    unsorted = {
        "id": number,
        "uid": uid,
        "source_uid": item["source_uid"],
        "source_name": item["source_name"],
        "category": category,
        "pipeline_id": pipeline_id,
        "created_at": item.get("created_at") or twin.now(),
        "metadata": metadata,
        "ids": ids,
    }
    twin.store.put_document("unsorted", unsorted)
    return {"uid": uid, "account_id": ACCOUNT_ID, "request_id": request_id, **_refs(call, unsorted)}


def _get_all(twin: Kommo, call: Call) -> Response:
    page = page_of(call, twin.switches)
    filters = filters_of(call)
    found = twin.store.documents("unsorted")
    for name, key in (("uid", "uid"), ("category", "category"), ("pipeline_id", "pipeline_id")):
        if name in filters:
            wanted = several(filters[name])
            found = [one for one in found if str(one[key]) in wanted]
    shown = [_shown(call, one) for one in page.of(found)]
    return listing(call, page, "unsorted", shown, None, has_next=page.number < page.count(len(found)))


def _get(twin: Kommo, call: Call) -> Response:
    return hal(_shown(call, _known(twin, call)))


def _accept(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: the lead moves to a stage, the first one unless the body names another."""
    unsorted, told = _known(twin, call), optional_object_body(call)
    stages = Stages.of(twin.store)
    try:
        pipeline_id, status_id = stages.place(
            None, told.get("status_id") or stages.first(unsorted["pipeline_id"]), None
        )
    except LookupError:
        raise invalid(Complaint("NotSupportedChoice", "status_id")) from None
    changes: Json = {"pipeline_id": pipeline_id, "status_id": status_id, "updated_at": twin.now()}
    user_id = told.get("user_id")
    if user_id:
        if not twin.store.document("users", user_id):
            raise invalid(Complaint("NotSupportedChoice", "user_id"))
        changes["responsible_user_id"] = user_id
    twin.store.update_record("leads", unsorted["ids"]["id"], changes)
    return _settled(twin, call, unsorted)


def _decline(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: the lead goes, with the contact and company that came with it and stand on nothing else."""
    unsorted = _known(twin, call)
    optional_object_body(call)
    ids = unsorted["ids"]
    gone = [("leads", ids["id"])]
    gone += [
        (kind, ids[name])
        for kind, name in KINDS
        if ids[name] and len(link_store.linked(twin.store, kind, [ids[name]], "leads").get(ids[name], [])) == 1
    ]
    for kind, record_id in gone:
        twin.store.update_record(kind, record_id, {"is_deleted": True, "updated_at": twin.now()})
    record_event(twin, "lead_deleted", gone[0])
    return _settled(twin, call, unsorted)


def _link(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: the incoming lead's people go to a lead that exists; what came in is gone from the list."""
    unsorted, told = _known(twin, call), optional_object_body(call)
    target = told.get("link") or {}
    lead_id = target.get("entity_id") if isinstance(target, dict) else None
    if not isinstance(target, dict) or target.get("entity_type") != "leads":
        raise invalid(Complaint("NotSupportedChoice", "link.entity_type"))
    if lead_id not in twin.store.records("leads", [lead_id]) or lead_id == unsorted["ids"]["id"]:
        raise invalid(Complaint("NotSupportedChoice", "link.entity_id"))
    if contact_id := unsorted["ids"]["contact_id"]:
        link_store.join(twin.store, ("leads", lead_id), ("contacts", contact_id))
    twin.store.update_record("leads", unsorted["ids"]["id"], {"is_deleted": True, "updated_at": twin.now()})
    return _settled(twin, call, unsorted)


def _settled(twin: Kommo, call: Call, unsorted: Json) -> Response:
    twin.store.drop_document("unsorted", unsorted["id"])
    if contact_id := unsorted["ids"]["contact_id"]:
        twin.store.update_record("contacts", contact_id, {"is_unsorted": False})
    kept = ("uid", "pipeline_id", "category", "created_at")
    return hal({**{key: unsorted[key] for key in kept}, **_refs(call, unsorted)})


def _known(twin: Kommo, call: Call) -> Json:
    """One that still waits; what was accepted or declined is not among them."""
    uid = call.request.path_params["uid"]
    found = next((one for one in twin.store.documents("unsorted") if one["uid"] == uid), None)
    if found is None:
        raise refuse(404, "Unsorted not found")
    return found


def _shown(call: Call, unsorted: Json) -> Json:
    plain = {key: value for key, value in unsorted.items() if key not in ("id", "ids")}
    return {**plain, "account_id": ACCOUNT_ID, **_refs(call, unsorted)}


def _refs(call: Call, unsorted: Json) -> Json:
    def refs(kind: str, record_id: int | None) -> list[Json]:
        return [{"id": record_id, "_links": link_to(call.request, f"{kind}/{record_id}")}] if record_id else []

    ids = unsorted["ids"]
    embedded = {"leads": refs("leads", ids["id"]), **{kind: refs(kind, ids[name]) for kind, name in KINDS}}
    return {"_links": link_to(call.request, f"{PATH}/{unsorted['uid']}"), "_embedded": embedded}


ROUTES: RouteTable = (
    ("GET", PATH, _get_all),
    ("POST", f"{PATH}/forms", _adding("forms")),
    ("POST", f"{PATH}/sip", _adding("sip")),
    ("GET", PATH + "/{uid}", _get),
    ("POST", PATH + "/{uid}/accept", _accept),
    ("DELETE", PATH + "/{uid}/decline", _decline),
    ("POST", PATH + "/{uid}/link", _link),
)
