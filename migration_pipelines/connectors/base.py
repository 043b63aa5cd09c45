"""What a connector is: a Source that is read, a Target that is written and read back. Vendor words stay inside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from migration_pipelines.core.provisioning import Wanted
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.schema import ObjectSchema, OrgSchema


@dataclass(frozen=True, slots=True)
class FileBody:
    """The body of a file that a source record stands for, and what the source says about it.

    `md5` is in hexadecimal digits; None where the source gives none.
    """

    object: str
    id: str
    name: str
    size_bytes: int
    md5: str | None = None


class Source(Protocol):
    """A CRM that records come from. Nothing is ever written to it."""

    def describe(
        self, in_full: Sequence[str], also: Callable[[ObjectSchema], bool] = lambda _found: False
    ) -> OrgSchema:
        """What the org is; the fields only of the objects named, and of those with records that `also` asks for.

        Raises:
            PermanentFailure: wrong credentials, or an object that the org does not have.
            TransientFailure: the org does not answer.
        """

    def count(self, source_object: str) -> int:
        """How many live records the org itself says there are, archived ones included."""

    def now(self) -> datetime:
        """The org's own clock."""

    def read(
        self,
        source_object: str,
        fields: Sequence[str],
        *,
        parent_field: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[list[SourceRecord]]:
        """Records of an object, in pages of at most 2,000. A page that is cut short or repeated raises; it never ends
        a reading.

        Args:
            fields: names, or paths to a parent's field such as "Owner.Email".
            since: an earlier `now()`. Only what was changed or deleted from a little before it on is read, and may
                come although it did not change; None reads all live records.
        """

    def file_of(self, record: SourceRecord) -> FileBody | None:
        """The body that a record stands for; None for a record that is no file."""

    def open_file(self, body: FileBody) -> Iterator[bytes]:
        """The bytes of a file, in pieces. They come only once all of them have arrived."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One record to write.

    Attributes:
        key: the source id, which the migration key in the target is made of.
        values: target field -> value in our normal form. A create leaves None out; an update clears with it.
        references: target field -> target ids, the main one first. Empty: nothing is to be linked.
        target_id: the record to update; None creates one.
        is_adopted: the record was rolled back before, and its marks are to be taken off.
    """

    key: str
    values: Mapping[str, Any]
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)
    target_id: str | None = None
    is_adopted: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one target object that travel in one request or job: all to create, or all to update.

    `high_water` is the highest id of that type that the target had before, where that helps to settle.
    """

    target_object: str
    records: Sequence[Record]
    high_water: str | None = None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What the target did with one record: "created", "updated", "unchanged" or "failed" in its own words."""

    result: str
    target_id: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One record as read back, in our normal form."""

    values: Mapping[str, Any]
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joined:
    """A link that stands in the target: its id, and whether it joins what is meant or something else."""

    id: str
    is_as_meant: bool


class Target(Protocol):
    """A CRM that records go to."""

    def describe(self) -> OrgSchema:
        """The org's schema, users and facts, live. Raises as Source.describe."""

    def migration_fields(self) -> Wanted:
        """The fields that this connector keeps the migration key in: wanted whatever the mapping says."""

    def field_types(self) -> frozenset[str]:
        """The types of field, as in FieldSchema, that `provision` can make."""

    def provision(self, wanted: Wanted) -> list[str]:
        """Make what is wanted and not there; safe to repeat. Returns what was made, in words."""

    def may_ignore(self, target_object: str) -> frozenset[str]:
        """Fields and references that the target may take and not keep, as nothing tells beforehand: dates, authors."""

    def group_by(self, target_object: str) -> str | None:
        """The reference that all records of a batch must share; None where they need not."""

    def batch_size(self, target_object: str) -> int:
        """How many records the next batch may carry."""

    def high_water(self, target_object: str) -> str | None:
        """The highest id of a type that the target has now; None where settling needs none."""

    def render(self, batch: Batch) -> bytes:
        """The body that `write` will send, byte for byte."""

    def write(
        self, batch: Batch, *, on_remote_job: Callable[[str], None], body: bytes | None = None
    ) -> Sequence[WriteResult | None]:
        """Create or update the batch's records: one answer a record, in order.

        None stands for a record that was not applied and not refused, because another one of the batch was: send it
        again. A refused record is a result that says "failed"; only a failed call raises.

        Args:
            body: what `render` gave for this batch, so that what was noted is what is sent.

        Raises:
            TransientFailure: nothing was applied, and another attempt could succeed.
            OutcomeUnknown: the answer was lost; only `settle` may follow.
            PermanentFailure: any other refusal of the whole call.
        """

    def settle(self, batch: Batch) -> Sequence[WriteResult | None]:
        """What became of a batch whose answer was lost; None where a record was not applied."""

    def read_back(self, target_object: str, target_ids: Sequence[str]) -> Mapping[str, Found]:
        """Records by id, in our normal form; one that is not there is absent."""

    def standing(self, target_object: str, fields: Sequence[str]) -> Iterator[tuple[str, str, Found]]:
        """Every live record of an object that was not rolled back: its id, what people call it, and at least these fields. A
        reading that fails raises; it never ends early."""

    def fillable(self, target_object: str, found: Found, fields: Collection[str]) -> frozenset[str]:
        """Those of some fields that are blank in a record that people made, and can be filled without changing another."""

    def restore(self, target_object: str, records: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Give fields of records that people made the values that they had, by id; None and [] empty them. Safe to repeat.

        Returns:
            as `undo`.
        """

    def joined(self, batch: Batch) -> Sequence[Joined | None]:
        """Of records that only join others, what stands there already in their place; None where nothing does, and for
        every record of another kind."""

    def undoing_needs(self, target_object: str) -> Wanted:
        """What must be there before records of an object are rolled back."""

    def undone(self, target_object: str, found: Found) -> Found | None:
        """What a record that we created looks like once it is rolled back; None where rolled back means gone."""

    def undo(self, target_object: str, records: Mapping[str, Found]) -> Mapping[str, str]:
        """Roll back records that we created, by id and as they are now. Safe to repeat.

        Returns:
            target id -> the target's words, for each record that it refused to roll back.
        """

    def rolled_back(self, target_object: str) -> Mapping[str, str]:
        """Migration key -> target id, of records that stand there rolled back, whoever did it."""

    def close(self) -> None: ...
