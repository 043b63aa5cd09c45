"""What a person does in Kommo's own screens behind the integration's back: removing and editing a record."""

import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.entities import ENTITIES, Entity
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.writing import change


def remove(twin: Kommo, call: Call) -> Response:
    """{"entity": "contacts", "id": 1}: into the trash, out of every read but `with=only_deleted`."""
    entity, record_id, _ = _asked(twin, call)
    twin.store.update_record(entity.name, record_id, {"is_deleted": True, "updated_at": twin.now()})
    return Response(status_code=204)


def edit(twin: Kommo, call: Call) -> Response:
    """{"entity", "id", "changes"}: a partial change as in PATCH; on the screen a text may be of any length."""
    entity, record_id, changes = _asked(twin, call)
    on_screen = replace(twin, switches=replace(twin.switches, text_length=0, batch_failure="all_or_nothing"))
    change(on_screen, entity, [{**changes, "id": record_id}])
    return Response(status_code=204)


def _asked(twin: Kommo, call: Call) -> tuple[Entity, int, dict[str, Any]]:
    asked = json.loads(call.body)
    if asked.get("entity") not in ENTITIES or not twin.store.records(asked["entity"], [asked.get("id", 0)]):
        raise ValueError(f"there is no such record: {asked}")
    return ENTITIES[asked["entity"]], asked["id"], asked.get("changes", {})
