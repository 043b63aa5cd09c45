"""`custom_fields_values` of a record: checked and normalised when written, made readable when read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migration_pipelines.twins.kommo.answers import Complaint, Json
from migration_pipelines.twins.kommo.entities import FieldOwner
from migration_pipelines.twins.kommo.field_types import FIELD_TYPES, BadValueError, labelled
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import Switches

Values = list[Json]
"""As stored: {"value": ..} and, where the field has enums, {"enum_id": ..}."""


@dataclass(frozen=True)
class Fields:
    """An entity's field definitions, found by id and by code."""

    by_id: Mapping[int, Json]
    by_code: Mapping[str, Json]
    enums: Mapping[int, Mapping[int, Json]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, owner: FieldOwner | None) -> "Fields":
        definitions = sorted(store.documents(owner.kind) if owner else (), key=lambda one: (one["sort"], one["id"]))
        return cls(
            {one["id"]: one for one in definitions},
            {one["code"]: one for one in definitions if one["code"]},
            {one["id"]: {enum["id"]: enum for enum in one["enums"] or ()} for one in definitions},
        )


class ValueChecker:
    """Checks the fields of any number of items against one entity's definitions."""

    def __init__(self, fields: Fields, switches: Switches) -> None:
        self._fields = fields
        self._switches = switches

    def check(self, told: object, complaints: list[Complaint]) -> dict[int, Values]:
        """Normalise what an item says of its fields; an empty list of values clears the field.

        Kommo REST v4, partial PATCH: a field that is sent has its whole value set replaced, others stay.
        """
        if told is None:
            return {}
        if not isinstance(told, list):
            complaints.append(Complaint("InvalidType", "custom_fields_values"))
            return {}
        return dict(self._checked(told, complaints))

    def _checked(self, told: list[Any], complaints: list[Complaint]) -> Iterator[tuple[int, Values]]:
        for index, entry in enumerate(told):
            path = f"custom_fields_values.{index}"
            definition, key = self._definition(entry)
            if definition is None:
                complaints.append(Complaint("NotSupportedChoice", f"{path}.{key}"))
            elif "values" not in entry:
                complaints.append(Complaint("FieldMissing", f"{path}.values"))
            elif not self._clearing_is_understood(entry["values"]):
                complaints.append(Complaint("InvalidType", f"{path}.values"))
            else:
                yield definition["id"], self._values(definition, entry["values"] or [], f"{path}.values", complaints)

    def _definition(self, entry: Any) -> tuple[Json | None, str]:
        if not isinstance(entry, dict) or not isinstance(entry.get("field_id", 0), int):
            return None, "field_id"
        if "field_id" in entry:
            return self._fields.by_id.get(entry["field_id"]), "field_id"
        return self._fields.by_code.get(str(entry.get("field_code"))), "field_code"

    def _clearing_is_understood(self, values: object) -> bool:
        if values is None:
            return self._switches.clearing_values in ("both", "null")
        return isinstance(values, list) and (bool(values) or self._switches.clearing_values in ("both", "empty"))

    def _values(self, definition: Json, told: list[Any], path: str, complaints: list[Complaint]) -> Values:
        kind = FIELD_TYPES[definition["type"]]
        if len(told) > kind.most:
            complaints.append(Complaint("InvalidType", path))
            return []
        values: Values = []
        for index, value in enumerate(told):
            if not isinstance(value, dict):
                complaints.append(Complaint("InvalidType", f"{path}.{index}"))
                continue
            key = next((key for key in ("enum_id", "enum_code", "value") if key in value), "value")
            try:
                if kind.has_choices:
                    values.append({"enum_id": self._choice(definition, value)["id"]})
                elif value.get("value") not in (None, ""):
                    key = "value"
                    stored = {"value": kind.convert(self._bare(definition, value), definition, self._switches)}
                    if labelled(definition["type"]):
                        key = "enum_id" if "enum_id" in value else "enum_code"
                        stored["enum_id"] = self._label(definition, value)["id"]
                    values.append(stored)
            except BadValueError as bad:
                complaints.append(Complaint(str(bad), f"{path}.{index}.{key}"))
        return values

    @staticmethod
    def _bare(definition: Json, value: Json) -> object:
        """A chained list's value has no `value` key: it is the object itself."""
        return value if definition["type"] == "chained_list" else value["value"]

    def _choice(self, definition: Json, value: Json) -> Json:
        """Kommo REST v4: a select value that is not among the field's enums is refused, never created."""
        for enum in definition["enums"] or ():
            if "enum_id" in value:
                if enum["id"] == value["enum_id"]:
                    return dict(enum)
            elif value.get("enum_code") is not None:
                if enum["code"] == value["enum_code"]:
                    return dict(enum)
            elif enum["value"] == value.get("value"):
                return dict(enum)
        raise BadValueError("NotSupportedChoice")

    def _label(self, definition: Json, value: Json) -> Json:
        if "enum_id" in value or value.get("enum_code") is not None:
            return self._choice(definition, value)
        return self._choice(definition, {"enum_code": self._switches.default_multitext_enum})


def render(stored: Mapping[str, Values], fields: Fields, switches: Switches) -> Any:
    """A record's fields as a read shows them: in the order of their definitions, with the enums' present names."""
    shown = [
        {
            "field_id": definition["id"],
            "field_name": definition["name"],
            "field_code": definition["code"],
            "field_type": definition["type"],
            "values": list(_shown(stored[str(definition["id"])], fields.enums[definition["id"]])),
            "is_computed": False,
        }
        for definition in fields.by_id.values()
        if str(definition["id"]) in stored
    ]
    return shown or (None if switches.empty_custom_fields == "null" else [])


def search_text(columns: Iterable[object], stored: Mapping[str, Values], fields: Fields) -> str:
    """What `query` looks in: the name and every value, an option by its text."""
    parts = [str(column) for column in columns if column]
    for field_id, values in stored.items():
        enums = fields.enums.get(int(field_id), {})
        for value in values:
            told = value["value"] if "value" in value else enums.get(value["enum_id"], {}).get("value", "")
            parts.append(str(told))
    return "\n".join(parts).lower()


def _shown(values: Values, enums: Mapping[int, Json]) -> Iterator[Json]:
    for value in values:
        enum = enums.get(value.get("enum_id", 0))
        if enum is None:
            if "value" in value:
                yield {"value": value["value"]}
        else:
            yield {"value": value.get("value", enum["value"]), "enum_id": enum["id"], "enum_code": enum["code"]}
