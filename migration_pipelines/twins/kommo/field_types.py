"""The types of custom fields: on which records each exists, and which values it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.switches import Switches

LATEST_SECOND = 4_000_000_000
"""Unix time beyond this is taken for milliseconds, which Kommo does not know."""
CARDS = frozenset({"contacts", "leads", "companies", "customers"})
LISTS = frozenset({"catalogs"})
ALL = CARDS | LISTS | {"segments"}
SMART_ADDRESS_PARTS = ("address_line_1", "address_line_2", "city", "state", "zip", "country")


class BadValueError(ValueError):
    """The text is the complaint's code."""


Convert = Callable[[Any, Json, Switches], Any]


@dataclass(frozen=True)
class FieldType:
    """One type.

    Attributes:
        convert: a written `value` to the stored one; raises BadValueError. Unused where `has_choices`.
        has_choices: a value is one of the field's enums, named by id, code or text.
        most: how many values a field of one record can hold.
    """

    convert: Convert
    exists_on: frozenset[str] = ALL
    has_choices: bool = False
    most: int = 1


def moment(value: object) -> int:
    """Unix seconds, or RFC 3339. A birthday may lie before 1970."""
    if isinstance(value, str):
        try:
            told = datetime.fromisoformat(value)
        except ValueError:
            raise BadValueError("InvalidType") from None
        if told.tzinfo is None:
            raise BadValueError("InvalidType")
        return int(told.timestamp())
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LATEST_SECOND:
        raise BadValueError("InvalidType")
    return value


def _text(limit: Callable[[Switches], int]) -> Convert:
    def convert(value: Any, _: Json, switches: Switches) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadValueError("InvalidType")
        if limit(switches) and len(str(value)) > limit(switches):
            raise BadValueError("TooLong")
        return str(value)

    return convert


def _number(value: Any, _: Json, __: Switches) -> str:
    """Numbers are sent and returned as strings."""
    try:
        if isinstance(value, bool) or not Decimal(str(value)).is_finite():
            raise BadValueError("InvalidType")
    except InvalidOperation:
        raise BadValueError("InvalidType") from None
    return str(value)


def _checkbox(value: Any, _: Json, __: Switches) -> bool:
    if value not in (True, False):
        raise BadValueError("InvalidType")
    return bool(value)


def _object_with(*needed: str) -> Convert:
    def convert(value: Any, _: Json, __: Switches) -> Json:
        if not isinstance(value, dict) or any(not value.get(key) for key in needed):
            raise BadValueError("InvalidType")
        return value

    return convert


_free = _text(lambda _: 0)
_moment = FieldType(lambda value, _, __: moment(value))

FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType(
    {
        "text": FieldType(_text(lambda switches: switches.text_length)),
        "textarea": FieldType(_text(lambda switches: switches.textarea_length)),
        "numeric": FieldType(_number),
        "monetary": FieldType(_number),
        "url": FieldType(_free),
        "streetaddress": FieldType(_free),
        "tracking_data": FieldType(_free),
        "checkbox": FieldType(_checkbox),
        "date": _moment,
        "date_time": _moment,
        "birthday": FieldType(_moment.convert, exists_on=CARDS),
        "select": FieldType(_free, has_choices=True),
        "radiobutton": FieldType(_free, has_choices=True),
        "multiselect": FieldType(_free, has_choices=True, most=1000),
        "multitext": FieldType(_free, exists_on=frozenset({"contacts"}), most=1000),
        "smart_address": FieldType(_free, exists_on=CARDS, most=len(SMART_ADDRESS_PARTS)),
        "legal_entity": FieldType(_object_with("name"), exists_on=CARDS),
        "file": FieldType(_object_with("file_uuid")),
        "chained_list": FieldType(_object_with(), exists_on=frozenset({"leads"}), most=5),
        "price": FieldType(_number, exists_on=LISTS),
        "category": FieldType(_free, exists_on=LISTS, has_choices=True),
        "items": FieldType(_object_with("description"), exists_on=LISTS, most=1000),
        "linked_entity": FieldType(_object_with("entity_id", "entity_type"), exists_on=LISTS),
    }
)
"""Kommo REST v4, types of custom fields, and on which kinds of record each exists."""


def labelled(field_type: str) -> bool:
    """A value of these carries free text and one of the field's enums as its label."""
    return field_type in ("multitext", "smart_address")
