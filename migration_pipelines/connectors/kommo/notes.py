"""Notes: what the feed of a card shows, of every type that the API can make. None of them starts an automation.

Rolled back means blanked: the note stays, and says only that it was rolled back, and which one it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migration_pipelines.connectors.base import Found, Record
from migration_pipelines.connectors.kommo import on_cards
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import Answer, ArrayKind, Collection, Item, number_of
from migration_pipelines.connectors.kommo.cards import Cards
from migration_pipelines.connectors.kommo.forms import MIGRATION_KEY
from migration_pipelines.connectors.kommo.kind import MARK
from migration_pipelines.connectors.kommo.marker import IN_FILE_NAME, IN_TEXT, Marker
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.errors import MappingError

NOTES = "notes"
NOTHING = "-"  # stands in a key that Kommo insists on and the source leaves empty


@dataclass(frozen=True)
class NoteType:
    """One type of note.

    Attributes:
        params: Kommo's key -> our field.
        marked: the key that the marker stands in, and how it does.
        needed: what stands in a key that Kommo insists on where the source has nothing.
    """

    params: Mapping[str, str]
    marked: str = "text"
    marker: Marker = IN_TEXT
    needed: Mapping[str, Any] | None = None


_TEXT = {"text": "text"}
_SERVICE = NoteType({**_TEXT, "service": "service"}, needed={"service": NOTHING})
_SMS = NoteType({**_TEXT, "phone": "phone"}, needed={"phone": NOTHING})
_CALL = NoteType(
    {"call_result": "text", "phone": "phone", "duration": "duration_seconds", "source": "source", "link": "link"},
    marked="uniq",
    needed={"phone": NOTHING, "duration": 0, "source": NOTHING},
)
TYPES: Mapping[str, NoteType] = {
    "common": NoteType(_TEXT),
    "call_in": _CALL,
    "call_out": _CALL,
    "service_message": _SERVICE,
    "extended_service_message": _SERVICE,
    "geolocation": NoteType(
        {**_TEXT, "address": "address", "longitude": "longitude", "latitude": "latitude"},
        needed={"address": NOTHING, "longitude": "0", "latitude": "0"},
    ),
    "sms_in": _SMS,
    "sms_out": _SMS,
    "attachment": NoteType(
        {"file_uuid": "file", "version_uuid": "version", "file_name": "file_name"},
        marked="file_name",
        marker=IN_FILE_NAME,
        needed={"file_name": NOTHING},
    ),
}
"""The types that can be made (Kommo REST v4, note types)."""

_PLAIN = ("phone", "source", "link", "service", "address", "longitude", "latitude", "version", "file_name")
_FIELDS = (
    FieldSchema(name="type", label="Type", type="select", choices=tuple(TYPES)),
    FieldSchema(name="text", label="Text", type="textarea"),
    FieldSchema(name="duration_seconds", label="Duration of a call", type="integer"),
    FieldSchema(name="file", label="File that is attached", type="reference"),
    *(FieldSchema(name=name, label=name.capitalize()) for name in _PLAIN),
    *on_cards.COMMON_FIELDS,
)


class Notes(ArrayKind):
    """The id of a note names the kind of its card: "leads:17". A batch may hold notes of all kinds of card."""

    may_ignore = frozenset({"created_at", "created_by", "responsible_user_id"})

    def __init__(self, api: KommoApi, cards: Mapping[str, Cards]) -> None:
        super().__init__(api, [Collection(f"/api/v4/{card}/notes", NOTES, card) for card in on_cards.CARDS.values()])
        self._cards = cards

    def schema(self) -> ObjectSchema:
        return ObjectSchema(name=NOTES, label="Notes", fields=on_cards.as_fields(*_FIELDS))

    def collection_of(self, record: Record) -> Collection:
        card, _ = on_cards.required_card(record)
        return next(one for one in self.collections if one.prefix == card)

    def item(self, record: Record) -> Item:
        name = record.values.get("type") or "common"
        if name not in TYPES:
            raise MappingError(f"Kommo makes no note of type {name!r}; it makes: {', '.join(TYPES)}.")
        item: Item = {
            "request_id": record.key,
            "entity_id": on_cards.required_card(record)[1],
            "is_need_to_trigger_digital_pipeline": False,
            "params": _params(TYPES[name], record),
            **on_cards.stamps(record),
        }
        if record.target_id is None:
            return item | {"note_type": name}
        return item | {"id": number_of(record.target_id)}

    def found(self, collection: Collection, answer: Answer) -> Found:
        params = answer["params"] or {}
        note_type = TYPES.get(answer["note_type"], NoteType({}))
        values: dict[str, Any] = {
            "type": answer["note_type"],
            "created_at": on_cards.created_at(answer),
            MIGRATION_KEY: self.mark_of(answer),
        }
        references = on_cards.references_of(answer, collection.prefix)
        for key, field in note_type.params.items():
            value = params.get(key)
            if value and key == note_type.marked:
                value = note_type.marker.off(value)
            if field == "file" and value:
                references["file"] = [value]
            elif value not in (None, NOTHING):
                values[field] = value
        return Found(values, references)

    def mark(self, record: Record) -> str:
        return record.key

    def mark_of(self, answer: Answer) -> str | None:
        note_type = TYPES.get(answer["note_type"])
        return note_type.marker.key(_marked_text(note_type, answer)) if note_type else None

    def undone(self, found: Found) -> Found | None:
        note_type = TYPES[found.values["type"]]
        return Found({field: MARK for key, field in note_type.params.items() if key in _TELLING})

    def undoing(self, target_id: str, found: Found) -> Item:
        note_type = TYPES[found.values["type"]]
        params = {**(note_type.needed or {}), **{key: MARK for key in note_type.params if key in _TELLING}}
        if key := found.values[MIGRATION_KEY]:
            blank = params.get(note_type.marked, "")
            params[note_type.marked] = note_type.marker.put(blank, key)
        if file := found.references.get("file"):
            params["file_uuid"] = file[0]
        card = on_cards.card_of(found.references)
        return {
            "id": number_of(target_id),
            "entity_id": card[1] if card else None,
            "is_need_to_trigger_digital_pipeline": False,
            "params": params,
        }

    def is_rolled_back(self, answer: Answer) -> bool:
        note_type, params = TYPES.get(answer["note_type"], NoteType({})), answer["params"] or {}
        blanked = [
            note_type.marker.off(params.get(key) or "") if key == note_type.marked else params.get(key)
            for key in note_type.params
            if key in _TELLING
        ]
        return bool(blanked) and all(one == MARK for one in blanked)

    def rolled_back(self) -> Iterator[tuple[str, str]]:
        """Those on cards that were rolled back."""
        for where in self.collections:
            for asked in on_cards.asking_for(self._cards[where.prefix].rolled_back()):
                yield from self._marked(where, asked)


def _params(note_type: NoteType, record: Record) -> dict[str, Any]:
    params = dict(note_type.needed or {})
    for key, field in note_type.params.items():
        value = _file(record) if field == "file" else record.values.get(field)
        if value not in (None, ""):
            params[key] = value
    params[note_type.marked] = note_type.marker.put(params.get(note_type.marked, ""), record.key)
    return params


def _marked_text(note_type: NoteType, answer: Answer) -> str:
    return str((answer["params"] or {}).get(note_type.marked) or "")


def _file(record: Record) -> str | None:
    return next(iter(record.references.get("file", ())), None)


_TELLING = frozenset({"text", "call_result", "file_name", "phone", "address"})
"""Keys that say something about somebody."""
