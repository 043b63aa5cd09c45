"""Sending: entries into batches, batches to the target, outcomes into the ledger. Exactly once.

For each batch: its row is durable before anything is sent; outcomes are written when it is settled. A batch whose
answer was lost is settled by asking the target, never by sending it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import MigrationError, OutcomeUnknown, TransientFailure
from migration_pipelines.ledger.batches import Entry, Result, StoredBatch
from migration_pipelines.stages import existing
from migration_pipelines.stages.as_planned import require_still_as_planned
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Report

ATTEMPTS = 3  # of a record that is neither taken nor refused


def settle_leftovers(partition: OpenPartition, report: Report) -> None:
    """Find out what became of batches that a dead run prepared and perhaps sent, before anything else is sent."""
    by_key = {compiled.key: compiled for _, compiled in partition.routes}
    for stored in partition.ledger.batches.unsettled():
        report(f"settling batch {stored.id} of {stored.route}, which an interrupted run left behind")
        batch = _as_batch(partition, by_key[stored.route], stored.entries, stored.high_water)
        _settle(partition, stored, partition.target.settle(batch))


@dataclass(frozen=True, slots=True)
class _Portion:
    """Entries that may travel together, and how often they came back neither taken nor refused, one by one."""

    entries: Sequence[Entry]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A batch whose row is durable, and of which nothing was sent yet."""

    portion: _Portion
    batch: Batch
    body: bytes
    stored: StoredBatch


class _Queue(Iterator[_Portion]):
    """Portions of page after page, each page asked for when the one before it is used up, and what comes back first."""

    def __init__(self, pages: Iterable[Iterable[_Portion]]) -> None:
        self._pages = chain.from_iterable(pages)
        self._back: deque[_Portion] = deque()

    def __next__(self) -> _Portion:
        return self._back.popleft() if self._back else next(self._pages)

    def put_back(self, *portions: _Portion) -> None:
        self._back.extendleft(reversed(portions))


class Sender:
    """Sends entries of one route under one plan. What no record in the target has as a parent is held.

    One batch is under way at a time; meanwhile the next is made ready and the one before it is written down.
    """

    def __init__(self, partition: OpenPartition, plan_id: int, compiled: CompiledRoute) -> None:
        self._partition = partition
        self._plan_id = plan_id
        self._compiled = compiled
        self._name = compiled.route.target
        self._group_by = partition.target.group_by(self._name)
        self._unsent_now = 0
        self._refusals = 0

    def send(self, pages: Iterable[Sequence[Entry]]) -> Iterator[int]:
        """Send entries until each is taken or refused, or hold them; yields how many are done, batch by batch."""
        queue = _Queue(self._sendable(page) for page in pages)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane") as lane:
            ready = self._next(queue)
            under_way = lane.submit(self._write, ready) if ready else None
            while ready and under_way:
                try:
                    following = self._next(queue)
                except MigrationError:  # nothing more may be sent; what is under way still has its outcome
                    _settle(self._partition, ready.stored, self._came_to(ready, under_way, None))
                    raise
                results = self._came_to(ready, under_way, following)
                if any(one and one.result == "failed" for one in results):
                    self._look_at_refusals(ready, results, following)
                queue.put_back(*self._again(ready.portion, results))
                if following and len(following.portion.entries) > self._longest:  # we have learnt that it is too long
                    self._abandon(following)
                    queue.put_back(following.portion)
                    following = None
                done, following = ready, following or self._next(queue)
                under_way = lane.submit(self._write, following) if following else None
                _settle(self._partition, done.stored, results)
                if count := self._newly_unsent() + sum(result is not None for result in results):
                    yield count
                ready = following
        if count := self._newly_unsent():
            yield count

    def _sendable(self, entries: Sequence[Entry]) -> Iterator[_Portion]:
        """Entries whose parents are in the target, in portions; the others are held. Of records that people had made, only
        those of which something is to be written."""
        matched = [entry for entry in entries if entry.is_matched]
        ours = [entry for entry in entries if not entry.is_matched]
        missing = {entry.entry_id: parents for entry in ours if (parents := self._missing_parents(entry))}
        self._settle_unsent(
            [self._held(entry, missing[entry.entry_id][0]) for entry in ours if entry.entry_id in missing]
        )
        for alike in self._alike(self._not_joined([entry for entry in ours if entry.entry_id not in missing])):
            yield _Portion(alike)
        while matched:
            some, matched = matched[: self._longest], matched[self._longest :]
            ready = existing.make_ready(self._partition, self._compiled, some)
            self._settle_unsent(ready.settled)
            if ready.to_write:
                yield _Portion(ready.to_write)

    def _not_joined(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Without the links that people had made between records of theirs, which stay as they are."""
        asked = [entry for entry in entries if entry.has_matched_parent and not entry.created_by_us]
        if not asked:
            return entries
        batch = _as_batch(self._partition, self._compiled, asked, None)
        settled = existing.joined_by_people(self._partition, batch, asked)
        self._settle_unsent(list(settled.values()))
        return [entry for entry in entries if entry.entry_id not in settled]

    def _settle_unsent(self, results: Sequence[Result]) -> None:
        """Keep what became of entries without a request."""
        if results:
            self._partition.ledger.batches.record(self._partition.lock(), self._plan_id, self._compiled.key, results)
            self._unsent_now += len(results)

    def _newly_unsent(self) -> int:
        count, self._unsent_now = self._unsent_now, 0
        return count

    @property
    def _longest(self) -> int:
        return self._partition.target.batch_size(self._name)

    def _next(self, queue: _Queue) -> _Ready | None:
        """The next batch, its row made durable; None where nothing is left."""
        portion, longest = next(queue, None), self._longest
        if portion is None:
            return None
        if len(portion.entries) > longest:
            queue.put_back(_Portion(portion.entries[longest:]))
            portion = _Portion(portion.entries[:longest])
        target = self._partition.target
        batch = _as_batch(self._partition, self._compiled, portion.entries, target.high_water(self._name))
        body = target.render(batch)
        stored = self._partition.ledger.batches.prepare(
            self._partition.lock(), self._plan_id, self._compiled.key, portion.entries,
            body_digest=self._partition.files.put(body), high_water=batch.high_water,
        )  # fmt: skip
        return _Ready(portion, batch, body, stored)

    def _write(self, ready: _Ready) -> Sequence[WriteResult | None]:
        return self._partition.target.write(ready.batch, on_remote_job=lambda _job: None, body=ready.body)

    def _came_to(
        self, ready: _Ready, under_way: Future[Sequence[WriteResult | None]], following: _Ready | None
    ) -> Sequence[WriteResult | None]:
        try:
            return under_way.result()
        except OutcomeUnknown:
            return self._partition.target.settle(ready.batch)
        except MigrationError:  # certainly not applied
            for one in (ready, following):
                if one:
                    self._abandon(one)
            raise

    def _look_at_refusals(self, ready: _Ready, results: Sequence[WriteResult | None], following: _Ready | None) -> None:
        """Stop where records are refused for what was taken away in the target: they stay planned. Looked for at the first
        batch with a refusal, the second, the fourth and so on, since it costs requests."""
        self._refusals += 1
        if self._refusals.bit_count() > 1:
            return
        try:
            require_still_as_planned(self._partition)
        except MigrationError:
            taken = [None if one and one.result == "failed" else one for one in results]
            _settle(self._partition, ready.stored, taken)
            if following:
                self._abandon(following)
            raise

    def _abandon(self, ready: _Ready) -> None:
        self._partition.ledger.batches.abandon(self._partition.lock(), ready.stored)

    def _again(self, portion: _Portion, results: Sequence[WriteResult | None]) -> list[_Portion]:
        """What was neither taken nor refused, to be sent again: in halves, since one of them may spoil it for all."""
        rest = [entry for entry, result in zip(portion.entries, results, strict=True) if result is None]
        if not rest:
            return []
        if len(rest) < len(portion.entries):
            return [_Portion(rest)]
        if len(rest) > 1:
            half = len(rest) // 2
            return [_Portion(rest[:half]), _Portion(rest[half:])]
        if portion.attempts + 1 == ATTEMPTS:
            raise TransientFailure(
                f"{self._partition.key}: the target neither took nor refused {self._compiled.route.source} "
                f"{rest[0].source_id} in {ATTEMPTS} attempts. Run the same command again later."
            )
        return [_Portion(rest, portion.attempts + 1)]

    def _alike(self, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
        """Entries that may travel together: all new or all known, and of one parent where the target wants that."""

        def kind(entry: Entry) -> tuple[bool, str]:
            parent = next((one[2] for one in entry.references if one[0] == self._group_by), "")
            return entry.target_id is not None and not self._group_by, parent

        for _, alike in groupby(sorted(entries, key=kind), key=kind):
            yield list(alike)

    def _missing_parents(self, entry: Entry) -> list[tuple[str, str]]:
        """(field, source id) of parents that were planned and are not in the target, where the mapping wants them there."""
        references = self._compiled.route.references
        return [
            (field, source_id)
            for field, _, source_id, target_id in entry.references
            if target_id is None and references[field].if_held == "hold"
        ]

    def _held(self, entry: Entry, missing: tuple[str, str]) -> Result:
        field, source_id = missing
        problem = Problem(HoldReason.PARENT_FAILED, f"{source_id} is not in the target", field, source_id)
        return Result(entry, "held", entry.target_id, entry.created_by_us, problem.as_json())


def _settle(partition: OpenPartition, stored: StoredBatch, results: Sequence[WriteResult | None]) -> None:
    partition.ledger.batches.settle(
        partition.lock(), stored,
        [
            Result(
                entry, result.result, result.target_id or entry.target_id,
                entry.created_by_us or result.result == "created",
                {"reason": "REFUSED", "message": result.message} if result.message else None,
            )
            for entry, result in zip(stored.entries, results, strict=True)
            if result is not None
        ],
    )  # fmt: skip


def _as_batch(
    partition: OpenPartition, compiled: CompiledRoute, entries: Sequence[Entry], high_water: str | None
) -> Batch:
    fields = compiled.route.filled_references
    is_any_renamed = compiled.route.fields and any(entry.former_id for entry in entries)  # a link bears no key
    key_field = existing.migration_key(partition, compiled.route.target) if is_any_renamed else None
    return Batch(compiled.route.target, [_as_record(entry, fields, key_field) for entry in entries], high_water)


def _as_record(entry: Entry, fields: Sequence[str], key_field: str | None) -> Record:
    """Args: key_field, where the migration key stands, which an entry with another source id than before is to change."""
    references: dict[str, list[str]] = {} if entry.is_matched else {field: [] for field in fields}
    for field, _, _, target_id in entry.references:
        if target_id is not None:
            references[field].append(target_id)
    values = dict(entry.payload)
    if entry.former_id and entry.target_id and key_field:
        values[key_field] = entry.source_id
    return Record(entry.source_id, values, references, entry.target_id, entry.is_adopted)
