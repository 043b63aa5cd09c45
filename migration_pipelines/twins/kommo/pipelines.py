"""Pipelines and their stages: system stages, renumbering, and what stands in the way of deleting."""

from collections.abc import Iterable

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, object_body, request_ids
from migration_pipelines.twins.kommo.stages import Stages
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo, RouteTable, for_admins

MOST_PIPELINES = 50
MOST_STATUSES = 100
"""Kommo limits: pipelines in an account, and stages in a pipeline with the system ones."""
REQUIRED = ("name", "sort", "is_main", "is_unsorted_on")
PALETTE = (
    *("#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb"),
    *("#ffc8c8", "#ff8f92", "#d6eaff", "#c1e0ff", "#98cbff", "#ebffb1", "#deff81"),
    *("#87f2c0", "#f9deff", "#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4", "#e6e8ea"),
)
SYSTEM = (
    (None, "Incoming leads", 10, "#c1c1c1", Stages.INCOMING),
    (Stages.WON, "Closed - won", 10000, "#CCFF66", 0),
    (Stages.LOST, "Closed - lost", 11000, "#D5D8DB", 0),
)


def get_pipelines(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: pipelines are not paged."""
    pipelines = sorted(twin.store.documents("pipelines"), key=lambda one: (one["sort"], one["id"]))
    return _pipelines(call, [_shown(twin, call, pipeline) for pipeline in pipelines])


def get_pipeline(twin: Kommo, call: Call) -> Response:
    return hal(_shown(twin, call, _pipeline(twin, call)))


def post_pipelines(twin: Kommo, call: Call) -> Response:
    items = array_body(call)
    made = [
        {**_shown(twin, call, make_pipeline(twin, item, request_id)), "request_id": request_id}
        for item, request_id in zip(items, request_ids(items), strict=True)
    ]
    return _pipelines(call, made)


def patch_pipeline(twin: Kommo, call: Call) -> Response:
    pipeline = _pipeline(twin, call)
    item = object_body(call)
    _put_pipeline(twin, {**pipeline, **{key: item[key] for key in REQUIRED if item.get(key) is not None}})
    return get_pipeline(twin, call)


def delete_pipeline(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: only a pipeline without leads goes, and never the last one."""
    pipeline = _pipeline(twin, call)
    is_used = twin.store.sql(
        "SELECT 1 FROM record WHERE entity = 'leads' AND pipeline_id = ? AND NOT is_deleted", (pipeline["id"],)
    ).fetchone()
    others = [one for one in twin.store.documents("pipelines") if one["id"] != pipeline["id"]]
    if is_used or not others:
        raise refuse(400, "Pipeline has leads" if is_used else "The last pipeline cannot be deleted")
    for status in twin.store.documents("statuses", pipeline["id"]):
        twin.store.drop_document("statuses", status["id"], pipeline["id"])
    twin.store.drop_document("pipelines", pipeline["id"])
    if pipeline["is_main"]:
        _put_pipeline(twin, {**others[0], "is_main": True})
    return hal({})


def get_statuses(twin: Kommo, call: Call) -> Response:
    return _statuses(call, _shown(twin, call, _pipeline(twin, call))["_embedded"]["statuses"])


def get_status(twin: Kommo, call: Call) -> Response:
    _pipeline(twin, call)
    return hal(_status_shown(call, _status(twin, call)))


def post_statuses(twin: Kommo, call: Call) -> Response:
    pipeline = _pipeline(twin, call)
    items = array_body(call)
    made = _add_statuses(twin, pipeline["id"], items)
    stored = {status["id"]: status for status in twin.store.documents("statuses", pipeline["id"])}
    return _statuses(
        call,
        [
            {**_status_shown(call, stored[status_id]), "request_id": request_id}
            for status_id, request_id in zip(made, request_ids(items), strict=True)
        ],
    )


def patch_status(twin: Kommo, call: Call) -> Response:
    """Any stage can be renamed, won and lost included; the system ones keep their place and colour."""
    pipeline = _pipeline(twin, call)
    status = _status(twin, call)
    item = object_body(call)
    keys = ("name", "sort", "color") if status["is_editable"] else ("name",)
    told = {key: item[key] for key in keys if item.get(key) is not None}
    _check_status(twin, {**status, **told} if "color" in told else {"name": told.get("name", status["name"])})
    twin.store.put_document("statuses", {**status, **told}, pipeline["id"])
    _renumber(twin, pipeline["id"])
    return get_status(twin, call)


def delete_status(twin: Kommo, call: Call) -> Response:
    """Kommo REST v4: a deleted stage's leads move to the first stage."""
    pipeline = _pipeline(twin, call)
    status = _status(twin, call)
    left = [one for one in twin.store.documents("statuses", pipeline["id"]) if one["is_editable"]]
    if not status["is_editable"] or len(left) == 1:
        raise refuse(400, "This stage cannot be deleted")
    twin.store.drop_document("statuses", status["id"], pipeline["id"])
    _renumber(twin, pipeline["id"])
    twin.store.sql(
        "UPDATE record SET status_id = ? WHERE entity = 'leads' AND pipeline_id = ? AND status_id = ?",
        (Stages.of(twin.store).first(pipeline["id"]), pipeline["id"], status["id"]),
    )
    return nothing()


def make_pipeline(twin: Kommo, item: Json, request_id: str = "0") -> Json:
    """Make a pipeline with its system stages; `_embedded.statuses` renames those and adds new ones."""
    missing = [Complaint("FieldMissing", key) for key in REQUIRED if item.get(key) is None]
    if missing:
        raise invalid(*missing, request_id=request_id)
    if len(twin.store.documents("pipelines")) >= MOST_PIPELINES:
        raise refuse(400, f"An account has at most {MOST_PIPELINES} pipelines")
    pipeline = {
        "id": twin.store.next_id("pipelines"),
        **{key: item[key] for key in REQUIRED},
        "is_archive": False,
        "account_id": ACCOUNT_ID,
    }
    _put_pipeline(twin, pipeline)
    told = (item.get("_embedded") or {}).get("statuses") or []
    new_names = {status["id"]: status["name"] for status in told if status.get("id") in (Stages.WON, Stages.LOST)}
    for system_id, name, sort, color, status_type in SYSTEM:
        status_id = system_id or twin.store.next_id("statuses")
        _put_status(twin, pipeline["id"], status_id, new_names.get(system_id, name), sort, color, status_type)
    fresh = [status for status in told if status.get("id") not in new_names]
    _add_statuses(twin, pipeline["id"], fresh or [{"name": "Initial contact"}])
    return pipeline


def _add_statuses(twin: Kommo, pipeline_id: int, items: list[Json]) -> list[int]:
    present = len(twin.store.documents("statuses", pipeline_id))
    if present + len(items) > MOST_STATUSES:
        raise refuse(400, f"A pipeline has at most {MOST_STATUSES} stages")
    made = []
    for position, (item, request_id) in enumerate(zip(items, request_ids(items), strict=True), present):
        _check_status(twin, item, request_id)
        made.append(twin.store.next_id("statuses"))
        sort = position * 10 if item.get("sort") is None else item["sort"]
        color = item.get("color") or PALETTE[position % len(PALETTE)]
        _put_status(twin, pipeline_id, made[-1], item["name"], sort, color, 0)
    _renumber(twin, pipeline_id)
    return made


def _renumber(twin: Kommo, pipeline_id: int) -> None:
    """Kommo REST v4: `sort` is normalised by the server; stages count in tens after the incoming one."""
    editable = [status for status in twin.store.documents("statuses", pipeline_id) if status["is_editable"]]
    for position, status in enumerate(sorted(editable, key=lambda one: (one["sort"], one["id"])), start=2):
        twin.store.put_document("statuses", {**status, "sort": position * 10}, pipeline_id)


def _check_status(twin: Kommo, item: Json, request_id: str = "0") -> None:
    if not item.get("name"):
        raise invalid(Complaint("FieldMissing", "name"), request_id=request_id)
    if item.get("color") and twin.switches.palette_only and item["color"].lower() not in PALETTE:
        raise invalid(Complaint("NotSupportedChoice", "color"), request_id=request_id)


def _put_status(
    twin: Kommo, pipeline_id: int, status_id: int, name: str, sort: int, color: str, status_type: int
) -> None:
    status = {
        "id": status_id,
        "name": name,
        "sort": sort,
        "is_editable": status_type != Stages.INCOMING and status_id not in (Stages.WON, Stages.LOST),
        "pipeline_id": pipeline_id,
        "color": color,
        "type": status_type,
        "account_id": ACCOUNT_ID,
    }
    twin.store.put_document("statuses", status, pipeline_id)


def _put_pipeline(twin: Kommo, pipeline: Json) -> None:
    """Store it. There is always one main pipeline; a new one takes the place of the old."""
    others = [one for one in twin.store.documents("pipelines") if one["id"] != pipeline["id"]]
    if not any(one["is_main"] for one in others):
        pipeline = {**pipeline, "is_main": True}
    elif pipeline["is_main"]:
        for one in others:
            twin.store.put_document("pipelines", {**one, "is_main": False})
    twin.store.put_document("pipelines", pipeline)


def _pipeline(twin: Kommo, call: Call) -> Json:
    pipeline = twin.store.document("pipelines", call.request.path_params["id"])
    if pipeline is None:
        raise refuse(404, "Pipeline not found")
    return pipeline


def _status(twin: Kommo, call: Call) -> Json:
    path = call.request.path_params
    status = twin.store.document("statuses", path["status_id"], path["id"])
    if status is None:
        raise refuse(404, "Status not found")
    return status


def _shown(twin: Kommo, call: Call, pipeline: Json) -> Json:
    statuses = sorted(twin.store.documents("statuses", pipeline["id"]), key=lambda one: int(one["sort"]))
    return {
        **pipeline,
        "_links": link_to(call.request, f"leads/pipelines/{pipeline['id']}"),
        "_embedded": {"statuses": [_status_shown(call, status) for status in statuses]},
    }


def _status_shown(call: Call, status: Json) -> Json:
    path = f"leads/pipelines/{status['pipeline_id']}/statuses/{status['id']}"
    return {**status, "_links": link_to(call.request, path)}


def _pipelines(call: Call, shown: list[Json]) -> Response:
    return _envelope(call, "leads/pipelines", "pipelines", shown)


def _statuses(call: Call, shown: Iterable[Json]) -> Response:
    path = f"leads/pipelines/{call.request.path_params['id']}/statuses"
    return _envelope(call, path, "statuses", list(shown))


def _envelope(call: Call, path: str, name: str, shown: list[Json]) -> Response:
    return hal({"_total_items": len(shown), "_links": link_to(call.request, path), "_embedded": {name: shown}})


ROUTES: RouteTable = (
    ("GET", "leads/pipelines", get_pipelines),
    ("POST", "leads/pipelines", for_admins(post_pipelines)),
    ("GET", "leads/pipelines/{id:int}", get_pipeline),
    ("PATCH", "leads/pipelines/{id:int}", for_admins(patch_pipeline)),
    ("DELETE", "leads/pipelines/{id:int}", for_admins(delete_pipeline)),
    ("GET", "leads/pipelines/{id:int}/statuses", get_statuses),
    ("POST", "leads/pipelines/{id:int}/statuses", for_admins(post_statuses)),
    ("GET", "leads/pipelines/{id:int}/statuses/{status_id:int}", get_status),
    ("PATCH", "leads/pipelines/{id:int}/statuses/{status_id:int}", for_admins(patch_status)),
    ("DELETE", "leads/pipelines/{id:int}/statuses/{status_id:int}", for_admins(delete_status)),
)
