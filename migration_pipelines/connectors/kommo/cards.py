"""Companies, contacts and leads: cards with custom fields, known by the migration key among them.

Rolled back means: companies and contacts carry a mark before their name, leads stand in a pipeline of their own without
links.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Found, Record
from migration_pipelines.connectors.kommo import links
from migration_pipelines.connectors.kommo.account import Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import Answer, ArrayKind, Item, number_of
from migration_pipelines.connectors.kommo.arrays import Collection as Where
from migration_pipelines.connectors.kommo.clearing import cleared
from migration_pipelines.connectors.kommo.endings import EndingKind
from migration_pipelines.connectors.kommo.forms import MIGRATION_KEY, TEXT_LIMIT
from migration_pipelines.connectors.kommo.kind import MARK, ROLLED_BACK, is_marked, marked
from migration_pipelines.connectors.kommo.refusals import refused_paths
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedPipeline
from migration_pipelines.core.schema import ObjectSchema
from migration_pipelines.core.transform import is_empty
from migration_pipelines.errors import MappingError

QUARANTINE = WantedPipeline("Rolled back migration", ("Rolled back",))
_NAMES = frozenset({"first_name", "last_name"})
_OF_CLOSING = ("closed_at", "loss_reason_id")


class Cards(ArrayKind):
    """Args: entity, "companies" or "contacts" or an element's list; named, the field that takes the mark."""

    may_ignore = frozenset({"created_at", "created_by"})

    def __init__(self, api: KommoApi, account: Account, entity: str, *, named: str = "name") -> None:
        super().__init__(api, (Where(f"/api/v4/{entity}", entity),))
        self.entity = entity
        self._account = account
        self._named = named

    def schema(self) -> ObjectSchema:
        return self._account.objects[self.entity]

    def item(self, record: Record) -> Item:
        return self._account.forms.item(self.entity, record)

    def found(self, collection: Where, answer: Answer) -> Found:
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

    # Updating

    def is_as_meant(self, record: Record, found: Found) -> bool:
        """Tags stand beside those that people have set."""
        values = {name: value for name, value in record.values.items() if name != "tags"}
        has_tags = set(record.values.get("tags") or ()) <= set(found.values.get("tags") or ())
        return has_tags and super().is_as_meant(replace(record, values=values), found)

    def learn_from(self, batch: Batch, response: httpx.Response) -> None:
        paths = refused_paths(response)
        is_about_clearing = any(
            f"custom_fields_values.{place}.values" in paths.get(one.key, ())
            for one in batch.records
            for place in cleared(self.item(one))
        )
        if is_about_clearing:
            self._account.clearing.turn()
        super().learn_from(batch, response)

    def after_updating(self, records: Sequence[Record]) -> None:
        """See that what was to be emptied is empty, as long as it is not known what empties a field."""
        emptied = [one for one in records if cleared(self.item(one))]
        if not emptied or not self._account.clearing.is_in_doubt:
            return
        there = self.read_back([one.target_id or "" for one in emptied])
        full = [one for one in emptied if self._is_still_full(one, there.get(one.target_id or ""))]
        if full and self._account.clearing.turn():
            self._patch(self.collections[0], [self.item(one) for one in full])

    def _is_still_full(self, record: Record, found: Found | None) -> bool:
        """Whether a custom field that was to be emptied holds a value."""
        fields = self.schema().fields
        empty = {name: value for name, value in record.values.items() if is_empty(value) and fields[name].is_custom}
        return found is not None and bool(differences(empty, found.values))

    # Records that people made

    def standing(self) -> Iterator[tuple[str, str, Found]]:
        for where in self.collections:
            for one in self._api.pages(where.path, where.key, [("order[id]", "asc"), *self.with_]):
                if not self.is_rolled_back(one):
                    yield where.our_id(one["id"]), str(one["name"] or ""), self.found(where, one)

    def fillable(self, found: Found, fields: Collection[str]) -> frozenset[str]:
        """First and last name are parts of the name, which people write into either of them. Tags cannot be blank."""
        full = {"tags", *(_NAMES if not is_empty(found.values.get("name")) else ())}
        return frozenset(one for one in fields if one not in full and is_empty(found.values.get(one)))

    def restore(self, records: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        changes = [Record(target_id, values, target_id=target_id) for target_id, values in records.items()]
        refused = self._patch(self.collections[0], [self.item(one) for one in changes])
        self.after_updating([one for one in changes if number_of(one.target_id) not in refused])
        return {str(number): words for number, words in refused.items()}

    # Rolling back

    def undone(self, found: Found) -> Found | None:
        return Found({self._named: marked(found.values.get(self._named), TEXT_LIMIT - 1)})

    def undoing(self, target_id: str, found: Found) -> Item:
        values = {self._named: marked(found.values.get(self._named), TEXT_LIMIT - 1)}
        return self._quarantined(self.item(Record(target_id, values, target_id=target_id)))

    def _quarantined(self, item: Item) -> Item:
        return item | {"tags_to_add": [{"name": ROLLED_BACK}]}

    def is_rolled_back(self, answer: Answer) -> bool:
        return is_marked(answer["name"]) and self.mark_of(answer) is not None

    def rolled_back(self) -> Iterator[tuple[str, str]]:
        """By full text search, and then exactly."""
        for where in self.collections:
            yield from self._marked(where, [("query", MARK)])


class Leads(EndingKind, Cards):
    with_ = (("with", "contacts"),)
    may_ignore = Cards.may_ignore | {"closed_at"}
    undoing_needs = Wanted((), (QUARANTINE,))
    ended_by = "status_id"

    def __init__(self, api: KommoApi, account: Account) -> None:
        super().__init__(api, account, "leads")

    # Links

    def is_as_meant(self, record: Record, found: Found) -> bool:
        return super().is_as_meant(record, found) and all(
            links.are_as_meant(record.references[name], found.references.get(name, ()))
            for name in links.DEAL_LINKS
            if name in record.references
        )

    def after_updating(self, records: Sequence[Record]) -> None:
        """Deals that exist take their links by calls of their own."""
        super().after_updating(records)
        found = self.read_back([one.target_id or "" for one in records])
        links.relink_deals(self._api, records, found)

    # Lost ones

    def is_ended(self, values: Mapping[str, Any]) -> bool:
        return bool(values.get("status") == "lost")

    def opened(self, item: Item) -> Item:
        still = {name: value for name, value in item.items() if name not in _OF_CLOSING}
        return still | {"status_id": self._account.forms.pipelines.first_stage(item["pipeline_id"])}

    def ending(self, item: Item) -> Item:
        return {name: item[name] for name in ("pipeline_id", "status_id", *_OF_CLOSING) if name in item}

    # Rolling back

    def undone(self, found: Found) -> Found | None:
        del found
        return Found({"pipeline": QUARANTINE.name, "status": QUARANTINE.stages[0]})

    def undoing(self, target_id: str, found: Found) -> Item:
        del found
        values = {"pipeline": QUARANTINE.name, "status": QUARANTINE.stages[0]}
        return self._quarantined(self.item(Record(target_id, values, target_id=target_id)))

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        """Raises MappingError where the pipeline for what is rolled back is not there."""
        if self._quarantine() is None:
            raise MappingError(f"Kommo has no pipeline {QUARANTINE.name!r}, which deals are rolled back into: make it.")
        refused = links.unlink_deals(self._api, records)
        return {**refused, **super().undo(records)}

    def _quarantine(self) -> tuple[int, int] | None:
        """Pipeline and stage for what is rolled back; None where they are not there."""
        pipelines = self._account.forms.pipelines
        pipeline_id = pipelines.ids.get(QUARANTINE.name)
        status_id = pipelines.stages.get((pipeline_id, QUARANTINE.stages[0])) if pipeline_id else None
        return (pipeline_id, status_id) if pipeline_id and status_id else None

    def is_rolled_back(self, answer: Answer) -> bool:
        stands = (answer["pipeline_id"], answer["status_id"])
        return stands == self._quarantine() and self.mark_of(answer) is not None

    def rolled_back(self) -> Iterator[tuple[str, str]]:
        if stage := self._quarantine():
            names = ("pipeline_id", "status_id")
            asked = [(f"filter[statuses][0][{name}]", number) for name, number in zip(names, stage, strict=True)]
            for where in self.collections:
                yield from self._marked(where, asked)
