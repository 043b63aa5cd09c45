"""What query and ingest jobs share: ids, states, times, listing, abort, delete, and seven days of life."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeVar

from migration_pipelines.twins.salesforce.errors import Refusal, not_found
from migration_pipelines.twins.salesforce.ids import canonical, make_id
from migration_pipelines.twins.salesforce.moments import from_epoch

LIFE_SECONDS = 7 * 24 * 60 * 60
PAGE = 1_000


class State(StrEnum):
    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


TERMINAL = frozenset({State.JOB_COMPLETE, State.FAILED, State.ABORTED})


@dataclass(kw_only=True)
class Job(ABC):
    """One job.

    Attributes:
        created_at: in epoch seconds of the twin's clock, as is `changed_at`, when the state last changed.
        version: of the API that made it: `60.0`.
        column_delimiter, line_ending: by name: COMMA, LF.
    """

    kind: ClassVar[str]
    """The jobType."""

    id: str
    operation: str
    object_name: str
    created_by_id: str
    created_at: float
    version: str
    column_delimiter: str
    line_ending: str
    state: State
    changed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.changed_at = self.created_at

    def move(self, state: State, at: float) -> None:
        if state is not self.state:
            self.state = state
            self.changed_at = at

    @abstractmethod
    def advance(self, now: float) -> None:
        """Bring the state up to the clock; called before anybody looks at the job."""

    @abstractmethod
    def release(self) -> None:
        """Let go of data: the job was deleted or has expired. May be called again."""

    @abstractmethod
    def stop(self) -> None:
        """The job was aborted."""

    def summary(self) -> dict[str, object]:
        """The job as lists and the answer to its creation show it."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.created_by_id,
            "createdDate": from_epoch(self.created_at),
            "systemModstamp": from_epoch(self.changed_at),
            "state": self.state.value,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "jobType": self.kind,
            "lineEnding": self.line_ending,
            "columnDelimiter": self.column_delimiter,
        }

    def info(self) -> dict[str, object]:
        """The job as it is shown by itself."""
        return self.summary()


Kind = TypeVar("Kind", bound=Job)


class Jobs:
    """All jobs of the org."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: dict[str, Job] = {}

    def new_id(self) -> str:
        return make_id("750", next(self._numbers))

    def add(self, job: Job) -> None:
        self._jobs[job.id] = job

    def get(self, kind: type[Kind], given: str, now: float) -> Kind:
        """The job of an id in either form, as it stands now.

        Raises:
            Refusal: 404: there is none of that kind, or its seven days are over.
        """
        self._expire(now)
        job = self._jobs.get(canonical(given) or "")
        if not isinstance(job, kind):
            raise not_found()
        job.advance(now)
        return job

    def page(self, kind: type[Kind], locator: str | None, now: float) -> tuple[Sequence[Kind], str | None]:
        """Up to 1,000 jobs, the eldest first, and the next page's locator, if there is one.

        Raises:
            Refusal: the locator was never given out.
        """
        self._expire(now)
        first = int(locator) if locator and locator.isascii() and locator.isdecimal() and len(locator) < 10 else 0
        if locator and not first:
            raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        jobs = list(self._of(kind))
        page = jobs[first : first + PAGE]
        for job in page:
            job.advance(now)
        return page, str(first + PAGE) if len(jobs) > first + PAGE else None

    def abort(self, job: Job, now: float) -> None:
        """Stop a job.

        Raises:
            Refusal: it has ended already.
        """
        if job.state in TERMINAL:
            shown = "Completed" if job.state is State.JOB_COMPLETE else job.state.value
            raise Refusal(400, "INVALIDJOBSTATE", f"Aborting already {shown} Job not allowed")
        job.move(State.ABORTED, now)
        job.stop()

    def delete(self, job: Job) -> None:
        """Forget a job and its data.

        Raises:
            Refusal: it is being worked on.
        """
        if job.state in (State.OPEN, State.IN_PROGRESS):
            raise Refusal(400, "INVALIDJOBSTATE", f"A job in the state {job.state.value} cannot be deleted")
        job.release()
        del self._jobs[job.id]

    def forget(self) -> None:
        for job in self._jobs.values():
            job.release()
        self._jobs.clear()

    def _of(self, kind: type[Kind]) -> Iterator[Kind]:
        return (job for job in self._jobs.values() if isinstance(job, kind))

    def _expire(self, now: float) -> None:
        for job in [job for job in self._jobs.values() if now - job.created_at >= LIFE_SECONDS]:
            job.release()
            del self._jobs[job.id]
