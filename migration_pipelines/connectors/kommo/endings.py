"""Records that may have ended before they are brought over: lost deals, completed tasks.

Some accounts do not take them so. There they are created open and ended by a second request; which way it goes is
learnt from the first refusal, or from the first record that is found open.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Record
from migration_pipelines.connectors.kommo.arrays import ArrayKind, Item, number_of
from migration_pipelines.connectors.kommo.refusals import refused_paths


class EndingKind(ArrayKind):
    """Attributes: ended_by, the key of an item that says the end, and which a refusal complains of."""

    ended_by: str
    _takes_ended: bool | None = None  # None until an answer has told

    @abstractmethod
    def is_ended(self, values: Mapping[str, Any]) -> bool:
        """Whether values in our normal form, meant or found, are those of a record that has ended."""

    @abstractmethod
    def opened(self, item: Item) -> Item:
        """A new item as if it had not ended."""

    @abstractmethod
    def ending(self, item: Item) -> Item:
        """Of a new item, what ends it."""

    def travelling_item(self, record: Record) -> Item:
        item = self.item(record)
        is_two_steps = self._takes_ended is False and record.target_id is None and self.is_ended(record.values)
        return self.opened(item) if is_two_steps else item

    def learn_from(self, batch: Batch, response: httpx.Response) -> None:
        paths = refused_paths(response)
        if self._takes_ended is not False and any(
            one.target_id is None and self.is_ended(one.values) and self.ended_by in paths.get(one.key, ())
            for one in batch.records
        ):
            self._takes_ended = False
        super().learn_from(batch, response)

    def after_creating(self, created: Sequence[tuple[Record, str]]) -> None:
        if self._takes_ended:
            return
        ended = {target_id: record for record, target_id in created if self.is_ended(record.values)}
        there = self.read_back(list(ended)) if ended else {}
        still_open = [one for one, found in there.items() if not self.is_ended(found.values)]
        if there and self._takes_ended is None:
            self._takes_ended = not still_open
        items = [{"id": number_of(one), **self.ending(self.item(ended[one]))} for one in still_open]
        self._patch(
            self.collections[0], items
        )  # one that Kommo refuses to end stays open, which its reading back shows
