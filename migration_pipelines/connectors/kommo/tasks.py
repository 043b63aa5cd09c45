"""Tasks: something to do until a moment, on one card or on none. Rolled back means closed, with a result that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migration_pipelines.connectors.base import Found, Record
from migration_pipelines.connectors.kommo import on_cards
from migration_pipelines.connectors.kommo.account import Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import Answer, Collection, Item, number_of
from migration_pipelines.connectors.kommo.cards import Cards
from migration_pipelines.connectors.kommo.endings import EndingKind
from migration_pipelines.connectors.kommo.forms import moment_of, seconds_of
from migration_pipelines.connectors.kommo.kind import is_marked, marked
from migration_pipelines.connectors.kommo.marker import key_in, with_marker, without_marker
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.errors import MappingError

TASKS = "tasks"
_OF_ENDING = ("is_completed", "result")
_FIELDS = (
    FieldSchema(name="text", label="Text", type="textarea"),
    FieldSchema(name="complete_till", label="Due", type="datetime", required=True),
    FieldSchema(name="duration_seconds", label="Duration", type="integer"),
    FieldSchema(name="is_completed", label="Done", type="boolean"),
    FieldSchema(name="result", label="Result", type="textarea"),
    *on_cards.COMMON_FIELDS,
)


class Tasks(EndingKind):
    ended_by = "is_completed"
    may_ignore = frozenset({"created_at", "created_by"})

    def __init__(self, api: KommoApi, account: Account, cards: Mapping[str, Cards]) -> None:
        super().__init__(api, (Collection("/api/v4/tasks", TASKS),))
        self._cards = cards
        self._account = account

    def schema(self) -> ObjectSchema:
        types = FieldSchema(name="type", label="Type", type="select", choices=tuple(self._account.task_types))
        return ObjectSchema(name=TASKS, label="Tasks", fields=on_cards.as_fields(*_FIELDS, types))

    def item(self, record: Record) -> Item:
        values, is_update = record.values, record.target_id is not None
        item: Item = {"request_id": record.key, **on_cards.stamps(record)}
        if is_update:
            item["id"] = number_of(record.target_id)
        if "text" in values or not is_update:
            item["text"] = with_marker(values.get("text"), record.key)
        if values.get("complete_till"):
            item["complete_till"] = seconds_of(values["complete_till"])
        if values.get("type"):
            item["task_type_id"] = self._type_id(values["type"])
        if values.get("duration_seconds") is not None or (is_update and "duration_seconds" in values):
            item["duration"] = int(values["duration_seconds"] or 0)
        item |= _ending(record)
        if card := on_cards.card_of(record.references):
            item["entity_type"], item["entity_id"] = card
        return item

    def _type_id(self, name: str) -> int:
        try:
            return self._account.task_types[name]
        except KeyError:
            raise MappingError(
                f"Kommo has no task type {name!r}. Types are made in the account's settings; there are: "
                f"{', '.join(self._account.task_types)}."
            ) from None

    def found(self, collection: Collection, answer: Answer) -> Found:
        del collection
        types = {number: name for name, number in self._account.task_types.items()}
        values = {
            "text": without_marker(answer["text"]),
            "complete_till": moment_of(answer["complete_till"]),
            "type": types.get(answer["task_type_id"]),
            "duration_seconds": answer["duration"],
            "is_completed": answer["is_completed"],
            "result": (answer["result"] or {}).get("text"),  # PHP writes an empty object as []
            "created_at": on_cards.created_at(answer),
        }
        return Found(values, on_cards.references_of(answer, answer["entity_type"]))

    def is_ended(self, values: Mapping[str, Any]) -> bool:
        return bool(values.get("is_completed"))

    def opened(self, item: Item) -> Item:
        return {name: value for name, value in item.items() if name not in _OF_ENDING}

    def ending(self, item: Item) -> Item:
        return {name: item[name] for name in _OF_ENDING if name in item}

    def mark(self, record: Record) -> str:
        return record.key

    def mark_of(self, answer: Answer) -> str | None:
        return key_in(answer["text"])

    def undone(self, found: Found) -> Found | None:
        return Found({"is_completed": True, "result": marked(found.values.get("result"))})

    def undoing(self, target_id: str, found: Found) -> Item:
        result = {"text": marked(found.values.get("result"))}
        return {"id": number_of(target_id), "is_completed": True, "result": result}

    def is_rolled_back(self, answer: Answer) -> bool:
        return bool(answer["is_completed"]) and is_marked((answer["result"] or {}).get("text"))

    def rolled_back(self) -> Iterator[tuple[str, str]]:
        """Those on cards that were rolled back."""
        for name, cards in self._cards.items():
            for asked in on_cards.asking_for(cards.rolled_back()):
                yield from self._marked(self.collections[0], [("filter[entity_type]", name), *asked])


def _ending(record: Record) -> dict[str, Any]:
    """Whether it is done, and how it ended. What was rolled back before is opened again unless it is said to be done."""
    values, ending = dict(record.values), {}
    if record.is_adopted:
        values = {"is_completed": False, "result": None, **values}
    if values.get("is_completed") is not None:
        ending["is_completed"] = values["is_completed"]
    if values.get("result") or (record.target_id is not None and "result" in values):
        ending["result"] = {"text": values["result"] or ""}
    return ending
