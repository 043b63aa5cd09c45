"""Why deals were lost: an account-wide list. In the vendor's SDK; whether Kommo has it is a switch."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, object_body, request_ids
from migration_pipelines.twins.kommo.twin import Handler, Kommo, RouteTable

PATH = "leads/loss_reasons"


def make_loss_reason(twin: Kommo, item: Json, request_id: str = "0") -> Json:
    if not item.get("name"):
        raise invalid(Complaint("FieldMissing", "name"), request_id=request_id)
    now = twin.now()
    reason_id = twin.store.next_id("loss_reasons")
    reason = {
        "id": reason_id,
        "name": item["name"],
        "sort": item.get("sort", 100),
        "created_at": now,
        "updated_at": now,
    }
    twin.store.put_document("loss_reasons", reason)
    return reason


def _get_all(twin: Kommo, call: Call) -> Response:
    reasons = twin.store.documents("loss_reasons")
    return _listed(call, reasons) if reasons else nothing()


def _post(twin: Kommo, call: Call) -> Response:
    items = array_body(call)
    made = [
        {**make_loss_reason(twin, item, request_id), "request_id": request_id}
        for item, request_id in zip(items, request_ids(items), strict=True)
    ]
    return _listed(call, made)


def _get(twin: Kommo, call: Call) -> Response:
    return hal(_linked(call, _known(twin, call)))


def _patch(twin: Kommo, call: Call) -> Response:
    item = object_body(call)
    told = {key: item[key] for key in ("name", "sort") if key in item}
    reason = _known(twin, call) | told | {"updated_at": twin.now()}
    twin.store.put_document("loss_reasons", reason)
    return hal(_linked(call, reason))


def _delete(twin: Kommo, call: Call) -> Response:
    twin.store.drop_document("loss_reasons", _known(twin, call)["id"])
    return nothing()


def _known(twin: Kommo, call: Call) -> Json:
    reason = twin.store.document("loss_reasons", call.request.path_params["id"])
    if reason is None:
        raise refuse(404, "Loss reason not found")
    return reason


def _listed(call: Call, reasons: list[Json]) -> Response:
    return hal(
        {
            "_links": link_to(call.request, PATH),
            "_embedded": {"loss_reasons": [_linked(call, reason) for reason in reasons]},
        }
    )


def _linked(call: Call, reason: Json) -> Json:
    return {**reason, "_links": link_to(call.request, f"{PATH}/{reason['id']}")}


def _where_enabled(handler: Handler) -> Handler:
    def answer(twin: Kommo, call: Call) -> Response:
        if not twin.switches.loss_reasons_endpoint:
            raise refuse(404, "Not found")
        return handler(twin, call)

    return answer


ROUTES: RouteTable = (
    ("GET", PATH, _where_enabled(_get_all)),
    ("POST", PATH, _where_enabled(_post)),
    ("GET", PATH + "/{id:int}", _where_enabled(_get)),
    ("PATCH", PATH + "/{id:int}", _where_enabled(_patch)),
    ("DELETE", PATH + "/{id:int}", _where_enabled(_delete)),
)
