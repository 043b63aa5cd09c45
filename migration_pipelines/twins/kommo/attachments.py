"""Files on the Media tab of a card: attaching, listing and detaching what lies on the drive."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, page_of, whole_numbers
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.twin import Kommo


def put_files(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo, files: attaching what is attached changes nothing."""
    card_id = _card(twin, entity, call)
    named = _named(call)
    for index, file_uuid in enumerate(named):
        file = twin.store.document("files", file_uuid)
        if file is None or file["deleted_at"] is not None:
            raise invalid(Complaint("NotSupportedChoice", "file_uuid"), request_id=str(index))
        twin.store.sql(
            "INSERT OR IGNORE INTO attached VALUES (?, ?, ?, ?)",
            (entity.name, card_id, file_uuid, twin.store.next_id("attached")),
        )
    return hal({"_links": _links(entity, call), "_embedded": {"files": [{"file_uuid": one} for one in named]}})


def get_files(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo, files: the newest first; `before_id` asks for the page after."""
    card_id, page = _card(twin, entity, call), page_of(call, twin.switches)
    asked = call.request.query_params.get("before_id")
    before = whole_numbers(asked)[0] if asked else 2**62
    rows = twin.store.sql(
        "SELECT id, file_uuid FROM attached WHERE entity = ? AND record_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (entity.name, card_id, before, page.limit + 1),
    ).fetchall()
    shown = [dict(row) for row in rows[: page.limit]]
    if not shown:
        return nothing()
    links: Json = _links(entity, call)
    if len(rows) > page.limit:
        links["next"] = {"href": str(call.request.url.include_query_params(before_id=shown[-1]["id"]))}
    return hal({"_links": links, "_embedded": {"files": shown}})


def delete_files(twin: Kommo, entity: Entity, call: Call) -> Response:
    card_id = _card(twin, entity, call)
    for file_uuid in _named(call):
        twin.store.sql(
            "DELETE FROM attached WHERE entity = ? AND record_id = ? AND file_uuid = ?",
            (entity.name, card_id, file_uuid),
        )
    return Response(status_code=202)


def _named(call: Call) -> list[str]:
    named = []
    for index, item in enumerate(array_body(call)):
        if not isinstance(item.get("file_uuid"), str):
            raise invalid(Complaint("FieldMissing", "file_uuid"), request_id=str(index))
        named.append(item["file_uuid"])
    return named


def _card(twin: Kommo, entity: Entity, call: Call) -> int:
    card_id = int(call.request.path_params["id"])
    if not twin.records(entity, [card_id]):
        raise refuse(404, "Entity not found")
    return card_id


def _links(entity: Entity, call: Call) -> Json:
    return link_to(call.request, f"{entity.name}/{call.request.path_params['id']}/files")
