"""Between our normal form and Kommo's: what a record looks like in a request, and in an answer.

Dates are Unix seconds at noon of the account's own zone, so that no reader sees the day before; moments are Unix
seconds; everything that is no field of Kommo's own goes into `custom_fields_values` by code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from migration_pipelines.connectors.base import Found, Record
from migration_pipelines.connectors.kommo.clearing import Clearing
from migration_pipelines.connectors.kommo.kind import ROLLED_BACK
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.errors import MappingError

MIGRATION_KEY = "SF_ID"

# Kommo's own fields, by entity; None stands for no limit that is known.
_NAME = FieldSchema(name="name", label="Name", max_length=255)
CREATED = (
    FieldSchema(name="created_at", label="Created", type="datetime"),
    FieldSchema(name="created_by", label="Created by", type="reference"),
)
STAMPS = (*CREATED, FieldSchema(name="responsible_user_id", label="Responsible user", type="reference"))
_TAGS = FieldSchema(name="tags", label="Tags", type="multiselect")
OWN_FIELDS: Mapping[str, tuple[FieldSchema, ...]] = {
    "companies": (_NAME, _TAGS, *STAMPS),
    "contacts": (
        _NAME,
        FieldSchema(name="first_name", label="First name", max_length=255),
        FieldSchema(name="last_name", label="Last name", max_length=255),
        _TAGS,
        *STAMPS,
    ),
    "leads": (
        _NAME,
        FieldSchema(name="price", label="Sale", type="integer"),
        FieldSchema(name="pipeline", label="Pipeline"),
        FieldSchema(name="status", label="Stage"),
        FieldSchema(name="closed_at", label="Closed", type="date"),
        FieldSchema(name="company", label="Company", type="reference"),
        FieldSchema(name="contacts", label="Contacts", type="reference"),
        _TAGS,
        *STAMPS,
    ),
}
ENTITIES = tuple(OWN_FIELDS)
ELEMENT_FIELDS = (_NAME, *CREATED)
LOSS_REASON = FieldSchema(name="loss_reason", label="Loss reason", type="select")
USER_FIELDS = ("responsible_user_id", "created_by")

_OURS = {
    "text": "text", "textarea": "textarea", "numeric": "decimal", "monetary": "decimal", "checkbox": "boolean",
    "date": "date", "date_time": "datetime", "birthday": "date", "url": "url", "select": "select",
    "radiobutton": "select", "multiselect": "multiselect", "multitext": "multitext", "streetaddress": "textarea",
    "price": "decimal", "category": "select",
}  # fmt: skip
THEIRS = {
    "text": "text", "textarea": "textarea", "decimal": "numeric", "integer": "numeric", "boolean": "checkbox",
    "date": "date", "datetime": "date_time", "url": "url", "select": "select", "multiselect": "multiselect",
}  # fmt: skip
TEXT_LIMIT = 256


def custom_field(described: Mapping[str, Any]) -> FieldSchema | None:
    """A field that the account has, by its code, or by its name where it has none; None for types that we do not fill."""
    ours = _OURS.get(described["type"])
    if ours is None:
        return None
    return FieldSchema(
        name=described["code"] or described["name"],
        label=described["name"],
        type=ours,
        max_length=TEXT_LIMIT if described["type"] == "text" else None,
        choices=tuple(one["value"] for one in described.get("enums") or ()) if ours.endswith("select") else (),
        is_custom=True,
    )


@dataclass(frozen=True)
class Pipelines:
    """Names of pipelines and stages -> Kommo's ids, and back. Won and lost are the same stages everywhere."""

    ids: Mapping[str, int]
    stages: Mapping[tuple[int, str], int]
    opening: Mapping[int, int] = field(default_factory=dict)

    WON, LOST = 142, 143

    @classmethod
    def read(cls, pipelines: Sequence[Mapping[str, Any]]) -> Pipelines:
        return cls(
            {one["name"]: one["id"] for one in pipelines},
            {
                (one["id"], status["name"]): status["id"]
                for one in pipelines
                for status in one["_embedded"]["statuses"]
                if status["id"] not in (cls.WON, cls.LOST)
            },
            {one["id"]: status["id"] for one in pipelines if (status := _first_open(one["_embedded"]["statuses"]))},
        )

    def first_stage(self, pipeline_id: int) -> int:
        """The first stage of a pipeline that is neither closed nor for incoming leads."""
        return self.opening[pipeline_id]

    def stage_id(self, pipeline: str, stage: str) -> int:
        return {"won": self.WON, "lost": self.LOST}.get(stage) or self.stages[self.ids[pipeline], stage]

    def names(self, pipeline_id: int, status_id: int) -> tuple[str | None, str | None]:
        pipeline = next((name for name, one in self.ids.items() if one == pipeline_id), None)
        if status_id in (self.WON, self.LOST):
            return pipeline, "won" if status_id == self.WON else "lost"
        stage = next((name for (_, name), one in self.stages.items() if one == status_id), None)
        return pipeline, stage


@dataclass(frozen=True)
class Forms:
    """The forms of one account: its zone, its fields' types, its pipelines."""

    zone: ZoneInfo
    objects: Mapping[str, ObjectSchema]
    field_ids: Mapping[tuple[str, str], int]
    pipelines: Pipelines
    loss_reasons: Mapping[str, int] = field(default_factory=dict)
    clearing: Clearing = field(default_factory=Clearing)

    def item(self, entity: str, record: Record) -> dict[str, Any]:
        """One item of a POST or PATCH array. A create leaves out what is empty; an update clears with it."""
        is_update = record.target_id is not None
        item: dict[str, Any] = {"request_id": record.key}
        custom: list[dict[str, Any]] = []
        own = _own_names(entity)
        for name, value in record.values.items():
            if _is_empty(value) and not is_update:
                continue
            if name not in own:
                custom.append(self._custom_item(entity, name, value))
            elif name == LOSS_REASON.name:
                if record.values.get("status", "lost") == "lost":  # Kommo takes it with no other stage
                    item["loss_reason_id"] = self._loss_reason_id(value)
            elif name not in ("pipeline", "status", "tags"):
                item[name] = self._encode(entity, name, value)
        if "pipeline" in record.values:
            pipeline = record.values["pipeline"]
            item["pipeline_id"] = self.pipelines.ids[pipeline]
            item["status_id"] = self.pipelines.stage_id(pipeline, record.values["status"])
        for name, ids in record.references.items():
            if name in USER_FIELDS and ids and not (is_update and name == "created_by"):
                item[name] = int(ids[0])
        if is_update:
            item["id"] = int((record.target_id or "").rpartition(":")[2])
            if tags := record.values.get("tags"):  # beside those that people have set
                item["tags_to_add"] = [{"name": one} for one in tags]
            if record.is_adopted:
                item["tags_to_delete"] = [{"name": ROLLED_BACK}]
        else:
            custom.append(self._custom_item(entity, MIGRATION_KEY, record.key))
            if embedded := self._embedded(record):
                item["_embedded"] = embedded
        if custom:
            item["custom_fields_values"] = custom
        return item

    def _loss_reason_id(self, name: str | None) -> int | None:
        if name and name not in self.loss_reasons:
            raise MappingError(
                f"Kommo has no loss reason {name!r}. Add it to the account, or map it to one that is there."
            )
        return self.loss_reasons[name] if name else None

    def _embedded(self, record: Record) -> dict[str, Any]:
        """Tags, and links to records that exist, which Kommo takes in the same request on creation only."""
        embedded: dict[str, Any] = {}
        if company := record.references.get("company"):
            embedded["companies"] = [{"id": int(company[0])}]
        if contacts := record.references.get("contacts"):
            embedded["contacts"] = [{"id": int(one), "is_main": n == 0} for n, one in enumerate(contacts)]
        if tags := record.values.get("tags"):
            embedded["tags"] = [{"name": one} for one in tags]
        return embedded

    def found(self, entity: str, answer: Mapping[str, Any]) -> Found:
        """One record of an answer, in our normal form."""
        values: dict[str, Any] = {}
        embedded = answer.get("_embedded") or {}
        for own in _own_fields(entity):
            if own.name in answer:
                values[own.name] = self._decode(own.type, answer[own.name])
        if entity == "leads":
            values["pipeline"], values["status"] = self.pipelines.names(answer["pipeline_id"], answer["status_id"])
            reasons = {number: name for name, number in self.loss_reasons.items()}
            values[LOSS_REASON.name] = reasons.get(answer["loss_reason_id"])
        for one in answer.get("custom_fields_values") or ():
            name = one["field_code"] or one["field_name"]
            custom = self.objects[entity].fields.get(name)
            if custom:
                values[name] = self._decode_custom(custom.type, one["values"])
        values["tags"] = sorted(tag["name"] for tag in embedded.get("tags") or ())
        references = {name: [str(answer[name])] for name in USER_FIELDS if answer.get(name)}
        if companies := embedded.get("companies"):
            references["company"] = [str(one["id"]) for one in companies]
        if contacts := embedded.get("contacts"):
            main_first = sorted(contacts, key=lambda one: (not one["is_main"], one["id"]))
            references["contacts"] = [str(one["id"]) for one in main_first]
        return Found({name: value for name, value in values.items() if name not in USER_FIELDS}, references)

    def _custom_item(self, entity: str, name: str, value: Any) -> dict[str, Any]:
        which = {"field_id": self.field_ids[entity, name]}
        field_type = self.objects[entity].fields[name].type
        if _is_empty(value):
            return {**which, "values": self.clearing.values}
        if field_type == "multitext":
            return {**which, "values": [dict(one) for one in value]}
        values = value if field_type == "multiselect" else [value]
        return {**which, "values": [{"value": self._encode(entity, name, one)} for one in values]}

    def _encode(self, entity: str, name: str, value: Any) -> Any:
        if value is None:
            return "" if name in ("first_name", "last_name") else None
        field_type = self.objects[entity].fields[name].type
        if field_type == "date":
            return int(datetime.combine(date.fromisoformat(value), time(12), self.zone).timestamp())
        if field_type == "datetime":
            return seconds_of(value)
        if field_type == "decimal":
            return str(value)
        return value

    def _decode_custom(self, field_type: str, values: Sequence[Mapping[str, Any]]) -> Any:
        if field_type == "multitext":
            return [{"value": one["value"], "enum_code": one.get("enum_code")} for one in values]
        decoded = [self._decode(field_type, one["value"]) for one in values]
        return decoded if field_type == "multiselect" else decoded[0]

    def _decode(self, field_type: str, value: Any) -> Any:
        if value is None:
            return None
        if field_type == "date":
            return datetime.fromtimestamp(value, self.zone).date().isoformat()
        if field_type == "datetime":
            return moment_of(value)
        return value


@cache
def _own_fields(entity: str) -> tuple[FieldSchema, ...]:
    return (*OWN_FIELDS.get(entity, ELEMENT_FIELDS), *((LOSS_REASON,) if entity == "leads" else ()))


@cache
def _own_names(entity: str) -> frozenset[str]:
    return frozenset(one.name for one in _own_fields(entity))


def _first_open(statuses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    usual = [one for one in statuses if one["type"] == 0 and one["id"] not in (Pipelines.WON, Pipelines.LOST)]
    return min(usual, key=lambda one: int(one["sort"]), default=None)


def seconds_of(moment: str) -> int:
    """Unix seconds of a moment in our normal form, "2024-01-31T10:00:00Z"."""
    return int(datetime.fromisoformat(moment).timestamp())


def moment_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []
