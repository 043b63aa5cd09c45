"""Finding people by phone or e-mail, as calls and the control of duplicates do."""

import json
from collections.abc import Iterable

from migration_pipelines.twins.kommo.entities import CARDS
from migration_pipelines.twins.kommo.twin import Kommo

COMPARED_DIGITS = 10
"""Kommo REST v4, calls: phones are compared by their last ten digits."""


def contacts_with(twin: Kommo, values: Iterable[str]) -> list[int]:
    """Contacts that have one of these phones or e-mails, exactly."""
    wanted = set(values)
    return [record_id for record_id, found in _values(twin, "contacts", ("PHONE", "EMAIL")) if wanted & found]


def with_phone(twin: Kommo, entity: str, phone: str) -> list[int]:
    wanted = _digits(phone)
    return [
        record_id
        for record_id, found in _values(twin, entity, ("PHONE",))
        if wanted and wanted in {_digits(one) for one in found}
    ]


def _values(twin: Kommo, entity: str, codes: Iterable[str]) -> list[tuple[int, set[str]]]:
    owner = CARDS[entity].fields
    fields = [one["id"] for one in twin.store.documents(owner.kind if owner else "") if one["code"] in codes]
    paths = [f'$."{field_id}"' for field_id in fields]
    found: dict[int, set[str]] = {}
    for path in paths:
        for row in twin.store.sql(
            "SELECT id, json_extract(custom_fields, ?1) AS held FROM record"
            " WHERE entity = ?2 AND NOT is_deleted AND json_type(custom_fields, ?1) = 'array' ORDER BY id",
            (path, entity),
        ):
            found.setdefault(row["id"], set()).update(one["value"] for one in json.loads(row["held"]))
    return sorted(found.items())


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit())[-COMPARED_DIGITS:]
