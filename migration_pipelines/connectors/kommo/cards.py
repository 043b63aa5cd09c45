"""Companies, contacts and leads: cards with custom fields, known by the migration key among them.

Rolled back means: companies and contacts carry a mark before their name, leads stand in a pipeline of their own without
links. Some accounts refuse a lead that is created as lost: there it is created open, and closed by a second request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Found, Record
from migration_pipelines.connectors.kommo import links
from migration_pipelines.connectors.kommo.account import Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import Answer, ArrayKind, Collection, Item
from migration_pipelines.connectors.kommo.forms import MIGRATION_KEY, TEXT_LIMIT, Pipelines
from migration_pipelines.connectors.kommo.kind import ROLLED_BACK, ArraySize, marked
from migration_pipelines.connectors.kommo.refusals import in_its_words, refused_paths
from migration_pipelines.core.provisioning import WantedPipeline
from migration_pipelines.core.schema import ObjectSchema
from migration_pipelines.errors import OutcomeUnknown

QUARANTINE = WantedPipeline("Rolled back migration", ("Rolled back",))
_OF_CLOSING = ("closed_at", "loss_reason_id")


class Cards(ArrayKind):
    """Args: entity, "companies" or "contacts" or an element's list; named, the field that takes the mark."""

    def __init__(self, api: KommoApi, size: ArraySize, account: Account, entity: str, *, named: str = "name") -> None:
        super().__init__(api, size, (Collection(f"/api/v4/{entity}", entity),))
        self.entity = entity
        self._account = account
        self._named = named

    def schema(self) -> ObjectSchema:
        return self._account.objects[self.entity]

    def item(self, record: Record) -> Item:
        return self._account.forms.item(self.entity, record)

    def found(self, collection: Collection, answer: Answer) -> Found:
        del collection
        return self._account.forms.found(self.entity, answer)

    def mark(self, record: Record) -> str:
        return record.key

    def mark_of(self, answer: Answer) -> str | None:
        return next(
            (
                str(one["values"][0]["value"])
                for one in answer["custom_fields_values"] or ()
                if one["field_code"] == MIGRATION_KEY
            ),
            None,
        )

    def undone(self, found: Found) -> Found | None:
        names = {self._named: marked(found.values.get(self._named), TEXT_LIMIT - 1)}
        return Found({name: value for name, value in found.values.items() if name == "name"} | names)

    def undoing(self, target_id: str, found: Found) -> Item:
        after = self.undone(found)
        values = {self._named: after.values[self._named] if after else ""}
        return self._quarantined(self.item(Record(target_id, values, target_id=target_id)))

    def _quarantined(self, item: Item) -> Item:
        return item | {"tags_to_add": [{"name": ROLLED_BACK}]}


class Leads(Cards):
    """Args: provision_quarantine, makes the pipeline for what was rolled back; called before anything goes there."""

    with_ = (("with", "contacts"),)

    def __init__(
        self, api: KommoApi, size: ArraySize, account: Account, *, provision_quarantine: Callable[[], Any]
    ) -> None:
        super().__init__(api, size, account, "leads")
        self._provision_quarantine = provision_quarantine
        self._takes_lost = True

    # Links

    def is_as_meant(self, record: Record, found: Found) -> bool:
        return super().is_as_meant(record, found) and all(
            links.are_as_meant(record.references[name], found.references.get(name, ()))
            for name in links.DEAL_LINKS
            if name in record.references
        )

    def after_updating(self, records: Sequence[Record]) -> None:
        """Deals that exist take their links by calls of their own."""
        found = self.read_back([one.target_id or "" for one in records])
        links.relink_deals(self._api, records, found)

    # Lost ones, where they cannot be created so

    def item(self, record: Record) -> Item:
        item = super().item(record)
        if self._takes_lost or record.target_id is not None or item.get("status_id") != Pipelines.LOST:
            return item
        opened = {name: value for name, value in item.items() if name not in _OF_CLOSING}
        return opened | {"status_id": self._account.forms.pipelines.first_stage(item["pipeline_id"])}

    def is_learnt_from(self, batch: Batch, response: httpx.Response) -> bool:
        if not self._takes_lost or batch.records[0].target_id is not None:
            return False
        paths = refused_paths(response)
        if any(_is_lost(one) and "status_id" in paths.get(one.key, ()) for one in batch.records):
            self._takes_lost = False
        return not self._takes_lost

    def after_creating(self, created: Sequence[tuple[Record, str]]) -> None:
        lost = {target_id: record for record, target_id in created if _is_lost(record)}
        if self._takes_lost or not lost:
            return
        there = self.read_back(list(lost))
        items = [self._closing(target_id, lost[target_id]) for target_id, one in there.items() if not _is_closed(one)]
        if not items:
            return
        response = self._api.write("PATCH", "/api/v4/leads", json.dumps(items).encode())
        if response.status_code != 200:
            raise OutcomeUnknown(f"Kommo made {len(items)} leads and did not close them: {in_its_words(response)}")

    def _closing(self, target_id: str, record: Record) -> Item:
        item = super().item(record)
        names = ("pipeline_id", "status_id", *_OF_CLOSING)
        return {"id": int(target_id), **{name: item[name] for name in names if name in item}}

    # Rolling back

    def undone(self, found: Found) -> Found | None:
        values = dict(found.values) | {"pipeline": QUARANTINE.name, "status": QUARANTINE.stages[0]}
        return Found({name: values[name] for name in ("pipeline", "status", "name") if name in values})

    def undoing(self, target_id: str, found: Found) -> Item:
        del found
        values = {"pipeline": QUARANTINE.name, "status": QUARANTINE.stages[0]}
        return self._quarantined(self.item(Record(target_id, values, target_id=target_id)))

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        self._provision_quarantine()
        refused = links.unlink_deals(self._api, records)
        return {**refused, **super().undo(records)}


def _is_lost(record: Record) -> bool:
    return record.values.get("status") == "lost"


def _is_closed(found: Found) -> bool:
    return found.values.get("status") == "lost"
