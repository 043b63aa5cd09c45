"""Records that travel in arrays: written, matched by `request_id`, settled by the newest ids, undone by halves.

Kommo has no idempotency key (Kommo REST v4). What a lost answer applied is found by reading the newest ids down to the
highest one that was there before, and comparing our mark exactly.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.kommo.api import KommoApi, Params
from migration_pipelines.connectors.kommo.kind import Kind
from migration_pipelines.connectors.kommo.refusals import in_its_words, refused_items
from migration_pipelines.core.compare import differences
from migration_pipelines.errors import MigrationError, OutcomeUnknown, PermanentFailure

Item = dict[str, Any]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of Kommo's: its path, what an answer calls its items, and what stands before the ids we give."""

    path: str
    key: str
    prefix: str = ""

    def our_id(self, number: Any) -> str:
        return f"{self.prefix}:{number}" if self.prefix else str(number)


def number_of(target_id: str | None) -> int:
    """Kommo's own id, of ours."""
    return int((target_id or "").rpartition(":")[2])


class ArrayKind(Kind):
    """A kind of record that Kommo takes in arrays. Those of one batch that go to another collection wait for the next.

    Attributes:
        collections: where records of this kind stand, the first one being the only one for most kinds.
        with_: what a read must ask for beyond the record itself.
    """

    with_: Params = ()

    def __init__(self, api: KommoApi, collections: Sequence[Collection]) -> None:
        self._api = api
        self.collections = collections
        self._highest: dict[str, int] = {}

    @abstractmethod
    def item(self, record: Record) -> Item:
        """One item of an array: new where the record has no target id."""

    def travelling_item(self, record: Record) -> Item:
        """The item as it is sent, which may leave something to `after_creating`."""
        return self.item(record)

    @abstractmethod
    def found(self, collection: Collection, answer: Answer) -> Found: ...

    @abstractmethod
    def mark(self, record: Record) -> str:
        """What tells this record from all others."""

    @abstractmethod
    def mark_of(self, answer: Answer) -> str | None:
        """The same, as it is read; None where the record is not ours."""

    @abstractmethod
    def undoing(self, target_id: str, found: Found) -> Item:
        """The item of a PATCH that rolls a record back."""

    def collection_of(self, record: Record) -> Collection:
        del record
        return self.collections[0]

    def is_as_meant(self, record: Record, found: Found) -> bool:
        """Whether an update stands in the account."""
        meant = {name: value for name, value in record.values.items() if name not in self.may_ignore}
        return not differences(meant, found.values)

    def after_creating(self, created: Sequence[tuple[Record, str]]) -> None:
        """What has to follow a creation. Safe to repeat."""
        del created

    def after_updating(self, records: Sequence[Record]) -> None:
        """What has to follow an update. Safe to repeat."""
        del records

    def learn_from(self, batch: Batch, response: httpx.Response) -> None:
        """Find out from a refusal how this account wants such records. What would now look otherwise is sent again."""
        del batch, response

    # Writing

    def batch_size(self) -> int:
        return self._api.array_size.now

    def high_water(self) -> str | None:
        for one in self.collections:
            if one.path not in self._highest:
                self._highest[one.path] = self._api.newest_id(one.path, one.key) or 0
        return " ".join(one.our_id(self._highest[one.path]) for one in self.collections)

    def render(self, batch: Batch) -> bytes:
        return json.dumps([self.travelling_item(one) for one in self._travelling(batch).records]).encode()

    def write(self, batch: Batch, body: bytes) -> Sequence[WriteResult | None]:
        travelling = self._travelling(batch)
        return _in_order(batch, travelling, self._write(travelling, body))

    def _travelling(self, batch: Batch) -> Batch:
        """The part of a batch that one request can carry."""
        where = self.collection_of(batch.records[0])
        together = [one for one in batch.records if self.collection_of(one) == where]
        return Batch(batch.target_object, together, batch.high_water)

    def _write(self, batch: Batch, body: bytes) -> Sequence[WriteResult | None]:
        is_update, where = batch.records[0].target_id is not None, self.collection_of(batch.records[0])
        method = "PATCH" if is_update else "POST"
        response = self._api.write_array(method, where.path, body, len(batch.records))
        if response.status_code not in (200, 400):
            raise PermanentFailure(
                f"Kommo refused {len(batch.records)} {batch.target_object}: {in_its_words(response)}"
            )
        try:
            return self._refused(batch, body, response) if response.status_code == 400 else self._taken(batch, response)
        except (MigrationError, ValueError, LookupError) as error:
            # Something of it may stand in the account by now, so no failure from here on means "nothing was applied".
            raise OutcomeUnknown(f"Kommo: what became of a request is not known ({error})") from error

    def _taken(self, batch: Batch, response: httpx.Response) -> Sequence[WriteResult | None]:
        where = self.collection_of(batch.records[0])
        answers = {one["request_id"]: int(one["id"]) for one in response.json()["_embedded"][where.key]}
        if batch.records[0].target_id is not None:
            self.after_updating(batch.records)
            return [WriteResult("updated", one.target_id) if one.key in answers else None for one in batch.records]
        self._highest[where.path] = max([self._highest.get(where.path, 0), *answers.values()])
        ids = {key: where.our_id(number) for key, number in answers.items()}
        self.after_creating([(one, ids[one.key]) for one in batch.records if one.key in ids])
        return [WriteResult("created", ids[one.key]) if one.key in ids else None for one in batch.records]

    def _refused(self, batch: Batch, body: bytes, response: httpx.Response) -> Sequence[WriteResult | None]:
        """The named items failed. Whether the others were applied is not documented, so the account is asked."""
        self.learn_from(batch, response)
        if self.render(batch) != body:
            return self.applied(batch)
        words = refused_items(response, batch.records)
        applied = self.applied(batch) if len(words) < len(batch.records) else [None] * len(batch.records)
        return [
            WriteResult("failed", message=words[record.key]) if record.key in words else result
            for record, result in zip(batch.records, applied, strict=True)
        ]

    # Settling

    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        travelling = self._travelling(batch)
        return _in_order(batch, travelling, self._applied(travelling))

    def _applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        if batch.records[0].target_id is not None:
            found = self.read_back([one.target_id or "" for one in batch.records])
            return [self._updated(one, found.get(one.target_id or "")) for one in batch.records]
        where = self.collection_of(batch.records[0])
        by_mark = self._newer_than(where, _floor(where, batch.high_water))
        ids = [by_mark.get(self.mark(one)) for one in batch.records]
        self.after_creating([(one, found) for one, found in zip(batch.records, ids, strict=True) if found])
        return [WriteResult("created", found) if found else None for found in ids]

    def _updated(self, record: Record, found: Found | None) -> WriteResult | None:
        return WriteResult("updated", record.target_id) if found and self.is_as_meant(record, found) else None

    def _newer_than(self, where: Collection, high_water: int) -> dict[str, str]:
        """Mark -> id, of every record of ours above the high water mark."""
        by_mark: dict[str, str] = {}
        for one in self._api.pages(where.path, where.key, [("order[id]", "desc")]):
            if one["id"] <= high_water:
                break
            self._highest[where.path] = max(self._highest.get(where.path, 0), one["id"])
            if mark := self.mark_of(one):
                by_mark[mark] = where.our_id(one["id"])
        return by_mark

    # Reading back

    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]:
        return {
            where.our_id(one["id"]): self.found(where, one)
            for where, numbers in self._by_collection(target_ids)
            for one in self._api.by_ids(where.path, where.key, numbers, self.with_)
        }

    def _by_collection(self, target_ids: Sequence[str]) -> Iterator[tuple[Collection, list[int]]]:
        for where in self.collections:
            if numbers := [number_of(one) for one in target_ids if one == where.our_id(number_of(one))]:
                yield where, numbers

    # Rolling back, as far as Kommo lets one

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        for where, numbers in self._by_collection(list(records)):
            items = [self.undoing(one, records[one]) for one in map(where.our_id, numbers)]
            refused |= {where.our_id(number): words for number, words in self._patch(where, items).items()}
        return refused

    def _patch(self, where: Collection, items: Sequence[Item]) -> dict[int, str]:
        """Changes that are safe to repeat. Returns Kommo's words for each id that it refuses to change.

        Raises:
            OutcomeUnknown: not even one item by itself gets an answer.
        """
        refused: dict[int, str] = {}
        pending = [list(items)] if items else []
        while pending:
            chunk = pending.pop()
            if len(chunk) > self._api.array_size.now:
                pending += [chunk[self._api.array_size.now :], chunk[: self._api.array_size.now]]
                continue
            try:
                response = self._api.write_array("PATCH", where.path, json.dumps(chunk).encode(), len(chunk))
            except OutcomeUnknown:
                if len(chunk) == 1:
                    raise
                pending.append(chunk)  # in parts from now on
                continue
            if response.status_code == 200:
                continue
            if len(chunk) > 1:  # one of them may spoil the request for all
                pending += [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
            else:
                refused[chunk[0]["id"]] = in_its_words(response)
        return refused

    # What was rolled back

    def is_rolled_back(self, answer: Answer) -> bool:
        """Whether a record, as it is read, stands there rolled back."""
        del answer
        return False

    def _marked(self, where: Collection, params: Params) -> Iterator[tuple[str, str]]:
        """Key and id of the records that a reading shows and that were rolled back, whatever else it shows."""
        for one in self._api.pages(where.path, where.key, [("order[id]", "asc"), *params]):
            if self.is_rolled_back(one) and (key := self.mark_of(one)):
                yield key, where.our_id(one["id"])

    def holds_any(self) -> bool:
        """Whether a record is there that was not rolled back."""
        return any(
            not self.is_rolled_back(one)
            for where in self.collections
            for one in self._api.pages(where.path, where.key, [("order[id]", "desc")])
        )


def _floor(where: Collection, high_water: str | None) -> int:
    """The highest id that a collection had, of a high water mark that names one for each collection."""
    floors = [number_of(one) for one in (high_water or "").split() if one == where.our_id(number_of(one))]
    return floors[0] if floors else 0


def _in_order(batch: Batch, travelling: Batch, results: Sequence[WriteResult | None]) -> Sequence[WriteResult | None]:
    by_key = {one.key: result for one, result in zip(travelling.records, results, strict=True)}
    return [by_key.get(one.key) for one in batch.records]
