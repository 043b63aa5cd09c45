"""What a write brings about besides itself: events, and the time of a card's closest task."""

import json
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType

from migration_pipelines.twins.kommo import automation
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.checking import Draft
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.twin import Kommo

NOTE_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "common": "common_note_added",
        "attachment": "attachment_note_added",
        "service_message": "service_note_added",
        "extended_service_message": "service_note_added",
        "geolocation": "geo_note_added",
        "call_in": "incoming_call",
        "call_out": "outgoing_call",
        "sms_in": "incoming_sms",
        "sms_out": "outgoing_sms",
    }
)


def of_creating(twin: Kommo, entity: Entity, draft: Draft) -> None:
    is_silent = draft.is_silent or (draft.is_backdated and not twin.switches.backdated_starts_automations)
    at = draft.columns["created_at"] if twin.switches.events_backdated else twin.now()
    if entity.name == "notes":
        kind = NOTE_EVENTS.get(draft.columns["note_type"])
        if kind:
            card = (str(entity.scope["entity_type"]), draft.columns["entity_id"])
            record_event(twin, kind, card, after=[{"note": {"id": draft.id}}], at=at)
            if not is_silent:
                automation.start(twin, kind, card, by_note=True)
    elif entity.name == "tasks":
        parent = _parent(draft.columns)
        record_event(twin, entity.added, parent, after=[{"task": {"id": draft.id}}], at=at)
        _find_closest_task(twin, parent)
        if not is_silent:
            automation.start(twin, entity.added, parent)
    elif entity.added:
        record_event(twin, entity.added, (entity.name, draft.id), at=at)
        if not is_silent:
            automation.start(twin, entity.added, (entity.name, draft.id))


def of_changing(twin: Kommo, entity: Entity, row: sqlite3.Row, draft: Draft) -> None:
    told = draft.columns
    if entity.name == "tasks":
        before, after = _parent(dict(row)), _parent({**dict(row), **told})
        if told.get("is_completed") and not row["is_completed"]:
            record_event(twin, "task_completed", after, after=[{"task": {"id": draft.id}}])
        for parent in {before, after}:
            _find_closest_task(twin, parent)
        return
    if entity.name not in ("leads", "contacts", "companies", "customers"):
        return
    card = (entity.name, draft.id)
    if entity.name == "leads" and (told["pipeline_id"], told["status_id"]) != (row["pipeline_id"], row["status_id"]):
        stages = [
            [{"lead_status": {"id": one["status_id"], "pipeline_id": one["pipeline_id"]}}] for one in (told, dict(row))
        ]
        record_event(twin, "lead_status_changed", card, after=stages[0], before=stages[1])
        automation.start(twin, "lead_status_changed", card)
    for column, event, key in _FIELD_EVENTS:
        if column in told and told[column] != row[column]:
            values = [[{key[0]: {key[1]: one}}] for one in (told[column], row[column])]
            record_event(twin, event, card, after=values[0], before=values[1])
            automation.start(twin, event, card)


def record_event(
    twin: Kommo,
    kind: str,
    card: tuple[str | None, int | None],
    *,
    after: list[Json] | None = None,
    before: list[Json] | None = None,
    at: int | None = None,
) -> None:
    twin.store.sql(
        "INSERT INTO event (type, entity_type, entity_id, created_by, created_at, value_after, value_before)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            kind,
            *card,
            twin.me(),
            twin.now() if at is None else at,
            json.dumps(after or [], ensure_ascii=False),
            json.dumps(before or [], ensure_ascii=False),
        ),
    )


_FIELD_EVENTS = (
    ("name", "name_field_changed", ("name_field_value", "name")),
    ("price", "sale_field_changed", ("sale_field_value", "sale")),
    ("responsible_user_id", "entity_responsible_changed", ("responsible_user", "id")),
)


def _parent(columns: Json) -> tuple[str | None, int | None]:
    return columns.get("entity_type"), columns.get("entity_id")


def _find_closest_task(twin: Kommo, card: tuple[str | None, int | None]) -> None:
    twin.store.sql(
        "UPDATE record SET closest_task_at = (SELECT min(complete_till) FROM record AS task"
        " INDEXED BY record_parent WHERE task.entity = 'tasks'"
        " AND task.entity_type = ?1 AND task.entity_id = ?2 AND NOT task.is_completed AND NOT task.is_deleted)"
        " WHERE entity = ?1 AND id = ?2",
        card,
    )
