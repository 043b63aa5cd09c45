"""The types of notes: what each carries, which of them the API can make, and how a note is completed."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.checking import Checker, Draft
from migration_pipelines.twins.kommo.switches import Switches


@dataclass(frozen=True)
class NoteType:
    """Keys of `params` and their JSON types; `optional` ones may be left out."""

    params: Mapping[str, type]
    optional: frozenset[str] = frozenset()
    has_limit: bool = True


_CALL = NoteType(
    {
        "uniq": str,
        "duration": int,
        "source": str,
        "link": str,
        "phone": str,
        "call_result": str,
        "call_status": int,
        "call_responsible": object,
    },
    optional=frozenset({"uniq", "link", "call_result", "call_status", "call_responsible"}),
)
_SMS = NoteType({"text": str, "phone": str})

NOTE_TYPES: Mapping[str, NoteType] = MappingProxyType(
    {
        "common": NoteType({"text": str}),
        "call_in": _CALL,
        "call_out": _CALL,
        "service_message": NoteType({"service": str, "text": str}),
        "extended_service_message": NoteType({"service": str, "text": str}, has_limit=False),
        "geolocation": NoteType({"text": str, "address": str, "longitude": str, "latitude": str}),
        "sms_in": _SMS,
        "sms_out": _SMS,
        "attachment": NoteType(
            {"file_uuid": str, "version_uuid": str, "file_name": str}, optional=frozenset({"version_uuid"})
        ),
    }
)
"""Kommo REST v4, note types: those that the API makes. It shows others, such as mail and chats, which it refuses."""


def complete_note(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    """Kommo REST v4: a note stands on one record; a batch names it in each item, for a change as well."""
    told = draft.columns
    _find_card(checker, draft, item, row)
    if row is None:
        told["note_type"] = told.get("note_type") or "common"
    elif told.get("note_type", row["note_type"]) != row["note_type"]:
        draft.complain("NotSupportedChoice", "note_type")
    draft.is_silent = item.get("is_need_to_trigger_digital_pipeline") is False
    _keep_to_switches(checker, draft, is_new=row is None)
    if row is None or "params" in told:
        _check_params(checker, draft, told.get("note_type") or str(row["note_type"] if row else ""))


def _find_card(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    """The card is named by the path or by the item; a note stays on the one it was made on."""
    scope = checker.entity.scope
    card_id = scope.get("entity_id", item.get("entity_id"))
    if card_id is None:
        draft.complain("FieldMissing", "entity_id")
    elif isinstance(card_id, bool) or not isinstance(card_id, int):
        draft.complain("InvalidType", "entity_id")
    elif row is not None:
        if row["entity_id"] != card_id:
            draft.complain("NotSupportedChoice", "entity_id")
    elif card_id not in checker.twin.store.records(str(scope["entity_type"]), [card_id]):
        draft.complain("NotSupportedChoice", "entity_id")
    else:
        draft.columns["entity_id"] = card_id


def _keep_to_switches(checker: Checker, draft: Draft, *, is_new: bool) -> None:
    told, twin = draft.columns, checker.twin
    if twin.switches.note_dates == "ignored":
        told.pop("created_at", None)
        told["updated_at"] = twin.now()
        if is_new:
            told["created_at"] = twin.now()
    if twin.switches.note_authors == "ignored":
        for column in ("created_by", "responsible_user_id"):
            told.pop(column, None)
            if is_new:
                told[column] = checker.me
        told["updated_by"] = checker.me


def _check_params(checker: Checker, draft: Draft, name: str) -> None:
    told = draft.columns.get("params") or {}
    draft.columns["params"] = json.dumps(told, ensure_ascii=False)
    if checker.twin.by_person:
        return
    note_type = NOTE_TYPES.get(name)
    if note_type is None:
        draft.complain("NotSupportedChoice", "note_type")
        return
    for key, kind in note_type.params.items():
        if told.get(key) in (None, ""):
            if key not in note_type.optional and checker.twin.switches.note_params == "strict":
                draft.complain("FieldMissing", f"params.{key}")
        elif not isinstance(told[key], kind) or (kind is int and isinstance(told[key], bool)):
            draft.complain("InvalidType", f"params.{key}")
        elif key == "text" and _is_too_long(told[key], note_type, checker.twin.switches):
            draft.complain("TooLong", "params.text")
    if name == "attachment" and draft.is_good:
        _check_file(checker, draft, told)


def _is_too_long(text: str, note_type: NoteType, switches: Switches) -> bool:
    return note_type.has_limit and 0 < switches.note_length < len(text)


def _check_file(checker: Checker, draft: Draft, told: Json) -> None:
    """Kommo REST v4: a note shows a file of the drive; without a version the latest."""
    file = checker.twin.store.document("files", str(told.get("file_uuid")))
    if file is None:
        draft.complain("NotSupportedChoice", "params.file_uuid")
        return
    versions = [version["version_uuid"] for version in file["versions"]]
    if told.get("version_uuid") not in (None, *versions):
        draft.complain("NotSupportedChoice", "params.version_uuid")
    shown = {"version_uuid": versions[-1], **told, "is_drive_attachment": True}
    draft.columns["params"] = json.dumps(shown, ensure_ascii=False)
