"""An ingest job: what was uploaded, how far it is worked off, and when the next step is due by the twin's clock."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import ClassVar

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.salesforce.ingest.results import Results
from migration_pipelines.twins.salesforce.ingest.uploads import Upload
from migration_pipelines.twins.salesforce.ingest.work import Task
from migration_pipelines.twins.salesforce.jobs.lifecycle import TERMINAL, Job, State

LONGEST_PAUSE_SECONDS = 0.05
UPLOAD = "upload"


class Pace:
    """How fast the org takes in rows, over all jobs together.

    Args:
        rows_per_second: by the twin's clock; 0 is as fast as it can.
    """

    def __init__(self, rows_per_second: float) -> None:
        self._seconds_a_row = 1 / rows_per_second if rows_per_second else 0.0
        self._free_at = 0.0

    def book(self, rows: int, now: float) -> float:
        """When these rows are done, in epoch seconds."""
        self._free_at = max(self._free_at, now) + rows * self._seconds_a_row
        return self._free_at


@dataclass(kw_only=True)
class IngestJob(Job):
    """One job.

    Attributes:
        key: its externalIdFieldName.
        task: what is to be done once the upload is complete.
        is_uploaded: whether data came; it may come once.
    """

    kind: ClassVar[str] = "V2Ingest"

    key: str | None
    assignment_rule_id: str | None
    clock: Clock
    folder: Path = field(init=False)
    is_uploaded: bool = False
    error_message: str | None = None
    processed: int = 0
    failed: int = 0
    _is_released: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.folder = Path(tempfile.mkdtemp(prefix="salesforce-twin-job-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def upload(self, *, inner_endings: bool, accepts_bom: bool) -> Upload:
        path = self.folder / UPLOAD
        path.touch()
        return Upload(path, self.column_delimiter, self.line_ending, inner_endings, accepts_bom)

    def results(self, *, is_shuffled: bool) -> Results:
        """Shuffled alike each time the same job runs: a rehearsal repeats itself."""
        order = Random(self.id) if is_shuffled else None  # noqa: S311
        return Results(self.folder, self.column_delimiter, self.line_ending, order)

    def steps(self, task: Task, pace: Pace, delay_seconds: float) -> Iterator[float]:
        """Work the job off, until its end or until it is deleted. Each step gives the real seconds until the next.

        Args:
            delay_seconds: how long the job is queued first.
        """
        for pause in self._steps(task, pace, delay_seconds):
            yield pause
            if self._is_released:
                return

    def _steps(self, task: Task, pace: Pace, delay_seconds: float) -> Iterator[float]:
        yield from self._until(self.clock.now() + delay_seconds)
        if self.state is State.UPLOAD_COMPLETE:
            self.move(State.IN_PROGRESS, self.clock.now())
        try:
            for rows in task.work(self):
                due = pace.book(rows, self.clock.now())
                yield 0.0
                yield from self._until(due)
        except Exception as error:
            self.fail(f"InternalServerError : {type(error).__name__}")
            raise
        if not self.is_stopped:
            self.move(State.JOB_COMPLETE, self.clock.now())

    def _until(self, due: float) -> Iterator[float]:
        while not self.is_stopped and (left := due - self.clock.now()) > 0:
            yield min(left, LONGEST_PAUSE_SECONDS)

    # --- as `work.Progress`

    @property
    def is_stopped(self) -> bool:
        return self.state in TERMINAL

    def count(self, processed: int, failed: int) -> None:
        self.processed += processed
        self.failed += failed

    def fail(self, message: str) -> None:
        if not self.is_stopped:
            self.error_message = message
            self.move(State.FAILED, self.clock.now())

    # --- as a Job

    def advance(self, now: float) -> None:
        """Nothing to do: it is worked off by itself, whether anybody looks or not."""

    def release(self) -> None:
        self._is_released = True
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """What was written stays written, and the result files say what was not."""

    def summary(self) -> dict[str, object]:
        told: dict[str, object] = super().summary()
        told["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        if self.key is not None:
            told["externalIdFieldName"] = self.key
        if self.assignment_rule_id is not None:
            told["assignmentRuleId"] = self.assignment_rule_id
        return told

    def info(self) -> dict[str, object]:
        milliseconds = int((self.changed_at - self.created_at) * 1000)
        told = self.summary() | {
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "retries": 0,
            "totalProcessingTime": milliseconds,
            "apiActiveProcessingTime": milliseconds,
            "apexProcessingTime": 0,
        }
        return told if self.error_message is None else told | {"errorMessage": self.error_message}
