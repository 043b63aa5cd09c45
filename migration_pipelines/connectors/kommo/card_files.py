"""Which files are on which card: a file of the drive, attached to one lead, contact or company. Attaching is safe to repeat.

The id of ours is "<kind of card>:<card id>:<file uuid>". Rolled back means detached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.kommo import on_cards
from migration_pipelines.connectors.kommo.api import PAGE, KommoApi
from migration_pipelines.connectors.kommo.kind import Kind
from migration_pipelines.connectors.kommo.refusals import in_its_words
from migration_pipelines.core.schema import FieldSchema, ObjectSchema

CARD_FILES = "card_files"
_FIELDS = (FieldSchema(name="file", label="File", type="reference"), *on_cards.CARD_FIELDS)


class CardFiles(Kind):
    """One file on one card a request."""

    def __init__(self, api: KommoApi) -> None:
        self._api = api

    def schema(self) -> ObjectSchema:
        return ObjectSchema(name=CARD_FILES, label="Files on cards", fields=on_cards.as_fields(*_FIELDS))

    def batch_size(self) -> int:
        return 1

    def render(self, batch: Batch) -> bytes:
        return _named(batch.records[0].references["file"][0])

    def write(self, batch: Batch, body: bytes) -> Sequence[WriteResult | None]:
        (record,) = batch.records
        card, number = on_cards.required_card(record)
        response = self._api.write("PUT", _path(card, number), body)
        if response.status_code != 200:
            return [WriteResult("failed", message=f"attach: {in_its_words(response)}")]
        return [WriteResult("created", _id(record))]

    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        ids = [_id(one) for one in batch.records]
        found = self.read_back(ids)
        return [WriteResult("created", one) if one in found else None for one in ids]

    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]:
        by_card: dict[tuple[str, str], set[str]] = {}
        for card, number, _ in map(_parts, target_ids):
            by_card.setdefault((card, number), set())
        for (card, number), uuids in by_card.items():
            uuids |= self._on_card(card, number)
        return {
            one: Found({}, {**on_cards.reference_to(card, number), "file": [uuid]})
            for one in target_ids
            for card, number, uuid in [_parts(one)]
            if uuid in by_card[card, number]
        }

    def _on_card(self, card: str, number: str) -> set[str]:
        """All files of a card, the newest first: the next page is what comes before the last one seen."""
        uuids: set[str] = set()
        params: dict[str, str | int] = {"limit": PAGE}
        while page := self._api.read_if_there(_path(card, number), params):
            shown = page["_embedded"]["files"]
            uuids |= {one["file_uuid"] for one in shown}
            if "next" not in page["_links"] or params.get("before_id") == shown[-1]["id"]:
                break
            params["before_id"] = shown[-1]["id"]
        return uuids

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        refused = {}
        for target_id in records:
            card, number, uuid = _parts(target_id)
            response = self._api.write("DELETE", _path(card, number), _named(uuid))
            if not response.is_success:
                refused[target_id] = in_its_words(response)
        return refused


def _id(record: Record) -> str:
    card, number = on_cards.required_card(record)
    return f"{card}:{number}:{record.references['file'][0]}"


def _parts(target_id: str) -> tuple[str, str, str]:
    card, number, uuid = target_id.split(":")
    return card, number, uuid


def _path(card: str, number: int | str) -> str:
    return f"/api/v4/{card}/{number}/files"


def _named(uuid: str) -> bytes:
    return json.dumps([{"file_uuid": uuid}]).encode()
