"""What Kommo accepts of one company, contact or lead: the top-level keys, tags and embedded records of a write."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migration_pipelines.twins.kommo import tag_store
from migration_pipelines.twins.kommo.answers import Complaint, Json, refuse
from migration_pipelines.twins.kommo.entities import ENTITIES, Entity
from migration_pipelines.twins.kommo.field_types import LATEST_SECOND, BadValueError
from migration_pipelines.twins.kommo.shapes import LARGEST
from migration_pipelines.twins.kommo.stages import Stages, close
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.values import Fields, ValueChecker, Values

ROBOT = 0
"""`created_by` and `updated_by` 0 mean the robot."""
BESIDES = frozenset(
    {"id", "request_id", "custom_fields_values", "_embedded", "tags_to_add", "tags_to_delete", "visitor_uid"}
)
UNKNOWN_USER = "Users are not associated with the account"


@dataclass
class Draft:
    """What one item would write, or why it cannot be.

    Attributes:
        tags: the whole new set; None leaves the tags alone.
        links: kind, id and is_main of records to link.
        complaints: validation errors; broken_rule: a business rule's refusal, in Kommo's other shape.
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

    @property
    def is_good(self) -> bool:
        return not self.complaints and self.broken_rule is None

    def complain(self, code: str, path: str) -> None:
        self.complaints.append(Complaint(code, path))


class Checker:
    """Checks any number of items of one entity against the account as it is now."""

    def __init__(self, twin: Kommo, entity: Entity) -> None:
        self._twin = twin
        self._switches = twin.switches
        self._entity = entity
        self._users = {user["id"] for user in twin.store.documents("users")}
        self._me = twin.account()["current_user_id"]
        self.fields = Fields.of(twin.store, entity.name)
        self._values = ValueChecker(self.fields, twin.switches)
        self._stages = Stages.of(twin.store)
        self._loss_reasons = {reason["id"] for reason in twin.store.documents("loss_reasons")}
        self._rules: Mapping[str, Callable[[Any], object]] = {
            **dict.fromkeys(("name", "first_name", "last_name"), self._name),
            **dict.fromkeys(("created_at", "updated_at"), self._moment),
            "closed_at": lambda value: None if value is None else self._moment(value),
            "responsible_user_id": self._user,
            **dict.fromkeys(("created_by", "updated_by"), lambda value: ROBOT if value == ROBOT else self._user(value)),
            **dict.fromkeys(("group_id", "status_id", "pipeline_id"), self._whole_number),
            "price": self._price,
            "loss_reason_id": self._loss_reason,
        }

    def new(self, item: Json) -> Draft:
        draft = self._draft(item)
        now = self._twin.now()
        draft.columns = {
            "created_at": now,
            "updated_at": now,
            **dict.fromkeys(("created_by", "updated_by", "responsible_user_id"), self._me),
            **draft.columns,
        }
        if self._switches.updated_at == "ignored":
            draft.columns["updated_at"] = now
        if self._entity.name == "contacts":
            self._build_name(draft, {})
        if self._entity.name == "leads":
            draft.columns.setdefault("price", 0)
            self._place(draft, None)
            self._embed(draft, item)
        return draft

    def changed(self, item: Json, stored: Mapping[int, sqlite3.Row]) -> Draft:
        draft = self._draft(item)
        if not isinstance(item.get("id"), int):
            draft.complain("FieldMissing" if "id" not in item else "InvalidType", "id")
            return draft
        draft.id = item["id"]
        row = stored.get(draft.id)
        if row is None:
            draft.broken_rule = "Entity not found"
            return draft
        told = draft.columns.get("updated_at")
        if self._switches.updated_at == "refuse_older" and told is not None and told <= row["updated_at"]:
            draft.broken_rule = "Last modified date is older than in database"
        if told is None or self._switches.updated_at == "ignored":
            draft.columns["updated_at"] = self._twin.now()
        draft.columns.setdefault("updated_by", self._me)
        if self._entity.name == "contacts":
            self._build_name(draft, dict(row))
        if self._entity.name == "leads":
            self._place(draft, row)
        return draft

    def _draft(self, item: Json) -> Draft:
        draft = Draft()
        for key, value in item.items():
            if key in self._entity.writable:
                try:
                    draft.columns[key] = self._rules[key](value)
                except BadValueError as bad:
                    draft.complain(str(bad), key)
            elif key not in BESIDES and self._switches.unknown_keys == "refuse":
                draft.complain("NotExpected", key)
        draft.fields = self._values.check(item.get("custom_fields_values"), draft.complaints)
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
            elif "id" in tag and not tag_store.exists(self._twin.store, self._entity.name, tag["id"]):
                draft.complain("NotSupportedChoice", f"{path or key}.{index}.id")
        return list(tags)

    def _embed(self, draft: Draft, item: Json) -> None:
        """Kommo REST v4: a new lead links existing contacts and at most one existing company."""
        embedded = item.get("_embedded") or {}
        for other, most in (("contacts", None), ("companies", 1)):
            told = embedded.get(other) or []
            if most is not None and len(told) > most:
                draft.complain("NotSupportedChoice", f"_embedded.{other}")
                continue
            known = self._twin.store.records(ENTITIES[other].name, [one.get("id", 0) for one in told])
            for index, one in enumerate(told):
                if one.get("id") not in known:
                    draft.complain("NotSupportedChoice", f"_embedded.{other}.{index}.id")
                draft.links.append((other, one.get("id", 0), bool(one.get("is_main"))))

    def _place(self, draft: Draft, row: sqlite3.Row | None) -> None:
        """Find a lead's stage, and what follows from it: `closed_at` and the loss reason."""
        told = draft.columns
        try:
            told["pipeline_id"], told["status_id"] = self._stages.place(
                told.get("pipeline_id"), told.get("status_id"), (row["pipeline_id"], row["status_id"]) if row else None
            )
        except LookupError as unknown:
            draft.complain("NotSupportedChoice", str(unknown.args[0]))
            return
        draft.broken_rule = draft.broken_rule or close(told, row, self._twin.now(), self._switches)
        if row is None and told["status_id"] == Stages.LOST and not self._switches.create_lost_leads:
            draft.complain("NotSupportedChoice", "status_id")

    @staticmethod
    def _build_name(draft: Draft, row: Json) -> None:
        """Kommo REST v4: first and last name build a contact's name."""
        told = draft.columns
        if told.get("first_name") is not None or told.get("last_name") is not None:
            parts = (told.get(key, row.get(key, "")) for key in ("first_name", "last_name"))
            told["name"] = " ".join(part for part in parts if part) or told.get("name", "")

    def _name(self, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadValueError("InvalidType")
        if self._switches.name_length and len(value) > self._switches.name_length:
            raise BadValueError("TooLong")
        return value

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

    def _loss_reason(self, value: object) -> int | None:
        if value is not None and self._whole_number(value) not in self._loss_reasons:
            raise BadValueError("NotSupportedChoice")
        return None if value is None else self._whole_number(value)
