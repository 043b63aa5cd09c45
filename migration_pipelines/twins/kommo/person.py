"""What a person does in Kommo's own screens behind the integration's back: removing and editing a record."""

import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.effects import record_event
from migration_pipelines.twins.kommo.entities import CARDS, ELEMENTS, NOTES, TASKS, Entity, elements_of, notes_of
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.writing import change

DELETED_EVENTS = {
    "leads": "lead_deleted",
    "contacts": "contact_deleted",
    "companies": "company_deleted",
    "customers": "customer_deleted",
    "tasks": "task_deleted",
}


def remove(twin: Kommo, call: Call) -> Response:
    """{"entity": "contacts", "id": 1}: into the trash, out of every read but `with=only_deleted`."""
    entity, record_id, _ = _asked(twin, call)
    twin.store.update_record(entity.name, record_id, {"is_deleted": True, "updated_at": twin.now()})
    if event := DELETED_EVENTS.get(entity.name):
        record_event(twin, event, (entity.name, record_id))
    return Response(status_code=204)


def edit(twin: Kommo, call: Call) -> Response:
    """{"entity", "id", "changes"}: a partial change as in PATCH; on the screen a text may be of any length."""
    entity, record_id, changes = _asked(twin, call)
    switches = replace(twin.switches, text_length=0, note_length=0, task_text_length=0, batch_failure="all_or_nothing")
    on_screen = replace(twin, switches=switches, by_person=True)
    change(on_screen, entity, [{**changes, "id": record_id}])
    return Response(status_code=204)


def _asked(twin: Kommo, call: Call) -> tuple[Entity, int, dict[str, Any]]:
    asked = json.loads(call.body)
    kinds = {**CARDS, TASKS.name: TASKS, NOTES.name: NOTES, ELEMENTS.name: ELEMENTS}
    entity, record_id = kinds.get(asked.get("entity")), asked.get("id", 0)
    row = twin.store.records(entity.name, [record_id]).get(record_id) if entity else None
    if entity is None or row is None:
        raise ValueError(f"there is no such record: {asked}")
    if entity is NOTES:
        entity = notes_of(row["entity_type"], row["entity_id"])
    if entity is ELEMENTS:
        entity = elements_of(row["catalog_id"])
    return entity, record_id, asked.get("changes", {})
