"""What stands on exactly one card, a lead, a contact or a company: which one, and the fields that tasks and notes share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.base import Record
from migration_pipelines.connectors.kommo.api import IDS_IN_ONE_URL, Params
from migration_pipelines.connectors.kommo.forms import STAMPS, USER_FIELDS, moment_of, seconds_of
from migration_pipelines.core.schema import FieldSchema
from migration_pipelines.errors import MappingError

# Reference of ours -> Kommo's word. A record that names several cards stands on the first of them.
CARDS: Mapping[str, str] = {"lead": "leads", "contact": "contacts", "company": "companies"}
CARD_FIELDS = tuple(FieldSchema(name=name, label=name.capitalize(), type="reference") for name in CARDS)
COMMON_FIELDS = (*CARD_FIELDS, *STAMPS)
_REFERENCES = {entity: name for name, entity in CARDS.items()}


def card_of(references: Mapping[str, Sequence[str]]) -> tuple[str, int] | None:
    """Kommo's word for the card and its id; None where the record names none."""
    return next(((CARDS[name], int(references[name][0])) for name in CARDS if references.get(name)), None)


def required_card(record: Record) -> tuple[str, int]:
    card = card_of(record.references)
    if card is None:
        raise MappingError(
            f"{record.key} names no card to stand on. Map one of {', '.join(CARDS)}, or hold the record."
        )
    return card


def stamps(record: Record) -> dict[str, Any]:
    """Who and when, as a request carries them. An author is given once."""
    item: dict[str, Any] = {}
    if record.values.get("created_at"):
        item["created_at"] = seconds_of(record.values["created_at"])
    for name in USER_FIELDS:
        ids = record.references.get(name)
        if ids and not (record.target_id is not None and name == "created_by"):
            item[name] = int(ids[0])
    return item


def references_of(answer: Mapping[str, Any], entity: str | None) -> dict[str, list[str]]:
    references = {name: [str(answer[name])] for name in USER_FIELDS if answer.get(name)}
    return {**references, **reference_to(entity, answer.get("entity_id"))}


def reference_to(entity: str | None, number: Any) -> dict[str, list[str]]:
    """The card as a reference of ours; nothing where there is none."""
    return {_REFERENCES[entity]: [str(number)]} if entity in _REFERENCES and number else {}


def created_at(answer: Mapping[str, Any]) -> str:
    return moment_of(answer["created_at"])


def as_fields(*fields: FieldSchema) -> dict[str, FieldSchema]:
    return {one.name: one for one in fields}


def asking_for(cards: Iterable[tuple[str, str]]) -> Iterator[Params]:
    """Filters for what stands on some cards, each given as key and id, so many of them as one address can name."""
    numbers = [number for _, number in cards]
    for start in range(0, len(numbers), IDS_IN_ONE_URL):
        yield [("filter[entity_id][]", one) for one in numbers[start : start + IDS_IN_ONE_URL]]
