"""What Kommo accepts of one record of any kind: its own keys, custom fields and tags. Kinds' own rules are in `rules`."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from migration_pipelines.twins.kommo import tag_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, refuse
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.field_types import LATEST_SECOND, BadValueError
from migration_pipelines.twins.kommo.shapes import LARGEST
from migration_pipelines.twins.kommo.stages import Stages
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.values import Fields, ValueChecker, Values

ROBOT = 0
"""`created_by` and `updated_by` 0 mean the robot."""
BESIDES = frozenset(
    {"id", "request_id", "custom_fields_values", "_embedded", "tags_to_add", "tags_to_delete", "visitor_uid"}
    | {"entity_id", "is_need_to_trigger_digital_pipeline"}
)
UNKNOWN_USER = "Users are not associated with the account"


@dataclass
class Draft:
    """What one item would write, or why it cannot be.

    Attributes:
        tags: the whole new set; None leaves the tags alone.
        links: kind, id and is_main of records to link.
        complaints: validation errors; broken_rule: a business rule's refusal, in Kommo's other shape.
        is_backdated: new, with a past `created_at`.
        is_silent: starts no automation, as a note may ask.
    """

    id: int = 0
    columns: Json = field(default_factory=dict)
    fields: dict[int, Values] = field(default_factory=dict)
    tags: list[Json] | None = None
    tags_to_add: list[Json] = field(default_factory=list)
    tags_to_delete: list[Json] = field(default_factory=list)
    links: list[tuple[str, int, bool]] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    broken_rule: str | None = None
    is_backdated: bool = False
    is_silent: bool = False

    @property
    def is_good(self) -> bool:
        return not self.complaints and self.broken_rule is None

    def complain(self, code: str, path: str) -> None:
        self.complaints.append(Complaint(code, path))


class Checker:
    """Checks any number of items of one entity against the account as it is now."""

    def __init__(self, twin: Kommo, entity: Entity) -> None:
        self.twin = twin
        self.entity = entity
        self.me = twin.me()
        self.fields = Fields.of(twin.store, entity.fields)
        self._switches = twin.switches
        self._users = {user["id"] for user in twin.store.documents("users")}
        self._values = ValueChecker(self.fields, twin.switches)
        self._loss_reasons = {reason["id"] for reason in twin.store.documents("loss_reasons")}
        self._task_types = {one["id"] for one in twin.account()["task_types"]}
        self._rules: Mapping[str, Callable[[Any], object]] = {
            **dict.fromkeys(("name", "first_name", "last_name"), self._name),
            "text": self._text,
            **dict.fromkeys(("created_at", "updated_at", "complete_till"), self._moment),
            **dict.fromkeys(("closed_at", "next_date"), lambda value: None if value is None else self._moment(value)),
            "responsible_user_id": self._user,
            **dict.fromkeys(("created_by", "updated_by"), lambda value: ROBOT if value == ROBOT else self._user(value)),
            **dict.fromkeys(("group_id", "status_id", "pipeline_id", "duration"), self._whole_number),
            **dict.fromkeys(("periodicity", "currency_id", "entity_id"), self._whole_number),
            **dict.fromkeys(("price", "next_price"), self._price),
            "loss_reason_id": lambda value: self._one_of(value, self._loss_reasons),
            "task_type_id": lambda value: self._one_of(value, self._task_types),
            "is_completed": self._flag,
            **dict.fromkeys(("entity_type", "note_type"), self._word),
            "result": self._result,
            "params": self._params,
        }

    @cached_property
    def stages(self) -> Stages:
        return Stages.of(self.twin.store)

    def new(self, item: Json) -> Draft:
        draft = self._draft(item)
        for column in self.entity.required:
            if item.get(column) in (None, ""):
                draft.complain("FieldMissing", column)
        now = self.twin.now()
        draft.is_backdated = draft.columns.get("created_at", now) < now
        draft.columns = {
            "created_at": now,
            "updated_at": now,
            **dict.fromkeys(("created_by", "updated_by", "responsible_user_id"), self.me),
            **draft.columns,
            **self.entity.scope,
        }
        if self._switches.updated_at == "ignored":
            draft.columns["updated_at"] = now
        return draft

    def changed(self, item: Json, stored: Mapping[int, sqlite3.Row]) -> tuple[Draft, sqlite3.Row | None]:
        """The draft, and the record it is of, if there is one."""
        draft = self._draft(item)
        if not isinstance(item.get("id"), int):
            draft.complain("FieldMissing" if "id" not in item else "InvalidType", "id")
            return draft, None
        draft.id = item["id"]
        row = stored.get(draft.id)
        if row is None:
            draft.broken_rule = "Entity not found"
            return draft, None
        told = draft.columns.get("updated_at")
        if self._switches.updated_at == "refuse_older" and told is not None and told <= row["updated_at"]:
            draft.broken_rule = "Last modified date is older than in database"
        if told is None or self._switches.updated_at == "ignored":
            draft.columns["updated_at"] = self.twin.now()
        draft.columns.setdefault("updated_by", self.me)
        return draft, row

    def _draft(self, item: Json) -> Draft:
        draft = Draft()
        for key, value in item.items():
            if key in self.entity.writable:
                try:
                    draft.columns[key] = self._rules[key](value)
                except BadValueError as bad:
                    draft.complain(str(bad), key)
            elif key not in BESIDES and self._switches.unknown_keys == "refuse":
                draft.complain("NotExpected", key)
        if self.entity.fields:
            draft.fields = self._values.check(item.get("custom_fields_values"), draft.complaints)
        if self.entity.has_tags:
            draft.tags_to_add = self._tags(draft, item, "tags_to_add")
            draft.tags_to_delete = self._tags(draft, item, "tags_to_delete")
            embedded = item.get("_embedded")
            if isinstance(embedded, dict) and "tags" in embedded:
                draft.tags = self._tags(draft, embedded, "tags", "_embedded.tags")
        return draft

    def _tags(self, draft: Draft, item: Json, key: str, path: str | None = None) -> list[Json]:
        tags = item.get(key) or []
        for index, tag in enumerate(tags):
            if not (tag.get("name") or "id" in tag):
                draft.complain("FieldMissing", f"{path or key}.{index}.name")
            elif "id" in tag and not tag_store.exists(self.twin.store, self.entity.name, tag["id"]):
                draft.complain("NotSupportedChoice", f"{path or key}.{index}.id")
        return list(tags)

    def _name(self, value: object) -> str:
        return "" if value is None else _limited(value, self._switches.name_length)

    def _text(self, value: object) -> str:
        return "" if value is None else _limited(value, self._switches.task_text_length)

    def _whole_number(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            raise BadValueError("InvalidType")
        return value

    def _moment(self, value: object) -> int:
        """Kommo REST v4: Unix seconds in UTC. Milliseconds are refused."""
        if not 0 <= (number := self._whole_number(value)) <= LATEST_SECOND:
            raise BadValueError("InvalidType")
        return number

    def _user(self, value: object) -> int:
        if self._whole_number(value) in self._users:
            return self._whole_number(value)
        if self._switches.unknown_user == "detail":
            raise refuse(400, UNKNOWN_USER)
        raise BadValueError("NotSupportedChoice")

    def _price(self, value: object) -> float:
        if value is None:
            return 0
        return value if self._switches.minor_units and isinstance(value, float) else self._whole_number(value)

    def _one_of(self, value: object, known: set[int]) -> int | None:
        if value is not None and self._whole_number(value) not in known:
            raise BadValueError("NotSupportedChoice")
        return None if value is None else self._whole_number(value)

    @staticmethod
    def _flag(value: object) -> bool:
        if not isinstance(value, bool):
            raise BadValueError("InvalidType")
        return value

    @staticmethod
    def _word(value: object) -> str | None:
        if value is not None and not isinstance(value, str):
            raise BadValueError("InvalidType")
        return value

    @staticmethod
    def _result(value: object) -> str:
        """PHP writes an empty object as []."""
        if value in (None, [], {}):
            return "[]"
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            raise BadValueError("InvalidType")
        return json.dumps({"text": value["text"]}, ensure_ascii=False)

    @staticmethod
    def _params(value: object) -> Json:
        if value not in (None, []) and not isinstance(value, dict):
            raise BadValueError("InvalidType")
        return value if isinstance(value, dict) else {}


def _limited(value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise BadValueError("InvalidType")
    if longest and len(value) > longest:
        raise BadValueError("TooLong")
    return value
