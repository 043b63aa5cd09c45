"""`calls`: a call is logged on whoever has the phone. What finds nobody is dropped, in an answer of success."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import link_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid
from migration_pipelines.twins.kommo.asking import array_body, link_to, request_ids
from migration_pipelines.twins.kommo.entities import notes_of
from migration_pipelines.twins.kommo.phones import with_phone
from migration_pipelines.twins.kommo.stages import Stages
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo, RouteTable
from migration_pipelines.twins.kommo.writing import create

REQUIRED = ("direction", "phone", "duration", "source")
NOTE_TYPES = {"inbound": "call_in", "outbound": "call_out"}
CALL_STATUSES = range(1, 8)
PARAMS = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status", "call_responsible")
NOTE_KEYS = ("responsible_user_id", "created_by", "updated_by", "created_at", "updated_at")


def _post(twin: Kommo, call: Call) -> Response:
    items = array_body(call)
    ids = request_ids(items)
    for item, request_id in zip(items, ids, strict=True):
        if faults := _faults(item):
            raise invalid(*faults, request_id=request_id)
    made: list[Json] = []
    errors: list[Json] = []
    for item, request_id in zip(items, ids, strict=True):
        card = _card(twin, str(item["phone"]))
        if card is None:
            errors.append(
                {"detail": "Entity not found", "status": 263, "title": "Entity not found", "request_id": request_id}
            )
            continue
        params = {key: item[key] for key in PARAMS if item.get(key) is not None}
        told = {key: item[key] for key in NOTE_KEYS if item.get(key) is not None}
        note = {"note_type": NOTE_TYPES[item["direction"]], "params": params, "request_id": request_id, **told}
        outcome = create(twin, notes_of(*card), [note])
        if outcome.refusal:
            raise outcome.as_error()
        ((_, draft),) = outcome.applied
        made.append(
            {
                "id": draft.id,
                "entity_id": card[1],
                "entity_type": card[0],
                "account_id": ACCOUNT_ID,
                "request_id": request_id,
            }
        )
    links = link_to(call.request, "calls")
    return hal({"_total_items": len(made), "errors": errors, "_links": links, "_embedded": {"calls": made}})


def _faults(item: Json) -> list[Complaint]:
    faults = [Complaint("FieldMissing", key) for key in REQUIRED if item.get(key) in (None, "")]
    wrong = {
        "direction": item.get("direction") not in (None, *NOTE_TYPES),
        "phone": not isinstance(item.get("phone") or "", str | int),
        "duration": isinstance(item.get("duration"), bool) or not isinstance(item.get("duration") or 0, int),
        "call_status": item.get("call_status") not in (None, *CALL_STATUSES),
    }
    return faults + [Complaint("NotSupportedChoice", key) for key, is_wrong in wrong.items() if is_wrong]


def _card(twin: Kommo, phone: str) -> link_store.Ref | None:
    """Kommo REST v4: the one active lead of who has the phone; with none, or several, the contact or company."""
    for kind in ("contacts", "companies"):
        for record_id in with_phone(twin, kind, phone):
            leads = link_store.linked(twin.store, kind, [record_id], "leads").get(record_id, [])
            rows = twin.store.records("leads", [lead.id for lead in leads])
            active = [lead for lead, row in rows.items() if row["status_id"] not in (Stages.WON, Stages.LOST)]
            return ("leads", active[0]) if len(active) == 1 else (kind, record_id)
    return None


ROUTES: RouteTable = (("POST", "calls", _post),)
