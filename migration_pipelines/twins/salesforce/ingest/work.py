"""Working a job off: one chunk of rows at a time, each a transaction of its own that stands whatever comes after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.ingest.results import Results
from migration_pipelines.twins.salesforce.ingest.uploads import Upload, UploadError
from migration_pipelines.twins.salesforce.writing import ColumnError, Form, Outcome, Table, Writer

CHUNK = 10_000
Operation = Callable[[Table], list[Outcome]]


class Progress(Protocol):
    """What the job learns as it goes."""

    @property
    def is_stopped(self) -> bool:
        """Somebody aborted it."""

    def count(self, processed: int, failed: int) -> None: ...

    def fail(self, message: str) -> None: ...


@dataclass(frozen=True)
class Task:
    """What a job is to do.

    Attributes:
        key: the external id of an upsert.
        acting: as whom it writes.
        takes_a_batch: counts a chunk against the day's allowance; False where that is used up.
    """

    writer: Writer
    obj: SObject
    operation: str
    key: str | None
    upload: Upload
    results: Results
    acting: Callable[[], AbstractContextManager[None]]
    takes_a_batch: Callable[[], bool]

    def work(self, progress: Progress) -> Iterator[int]:
        """Do one chunk a step; yields the number of its rows. What fails as a whole is told to `progress`."""
        try:
            self.upload.check()
            with self.upload.rows() as rows:
                header = next(rows, None)
                if header is None:
                    raise UploadError("ClientInputError : Unable to find any data to create batch")
                self.results.begin(header)
                while chunk := list(islice(rows, CHUNK)):
                    if progress.is_stopped:
                        self.results.leave(chunk)
                        continue
                    try:
                        yield self._do(header, chunk, progress)
                    except UploadError as error:
                        progress.fail(str(error))
                        self.results.leave(chunk)
        except UploadError as error:
            progress.fail(str(error))

    def _do(self, header: Sequence[str], chunk: Sequence[Sequence[str]], progress: Progress) -> int:
        if not self.takes_a_batch():
            raise UploadError("ExceededQuota : ApiBatchItems Limit exceeded.")
        try:
            with self.acting():
                outcomes = self._operations[self.operation](Table(self.obj, tuple(header), chunk, Form.CSV))
        except ColumnError as error:
            raise UploadError(f"InvalidBatch : Field name not found : {error.name}") from error
        self.results.add(chunk, outcomes)
        progress.count(len(chunk), sum(1 for outcome in outcomes if outcome.errors))
        return len(chunk)

    @property
    def _operations(self) -> Mapping[str, Operation]:
        return {
            "insert": self.writer.insert,
            "update": self.writer.update,
            "upsert": lambda table: self.writer.upsert(table, str(self.key)),
            "delete": lambda table: self.writer.delete(self.obj, _ids(table)),
            "hardDelete": lambda table: self.writer.hard_delete(self.obj, _ids(table)),
        }


def _ids(table: Table) -> Sequence[object]:
    """The one column that a delete may have."""
    if [name.lower() for name in table.names] != ["id"]:
        strange = next((name for name in table.names if name.lower() != "id"), "Id")
        raise UploadError(f"InvalidBatch : Field name not found : {strange}")
    return [row[0] for row in table.rows]
