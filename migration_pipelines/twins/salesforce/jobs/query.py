"""Jobs that query: what Bulk API 2.0 does not take, and a job's results in pages of CSV."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from migration_pipelines.twins.salesforce.describe import COMPOUND_TYPES
from migration_pipelines.twins.salesforce.errors import Refusal
from migration_pipelines.twins.salesforce.jobs.lifecycle import TERMINAL, Job, State
from migration_pipelines.twins.salesforce.jobs.telling import DELIMITERS, LINE_ENDINGS
from migration_pipelines.twins.salesforce.results import Results
from migration_pipelines.twins.salesforce.soql.cells import Cell, header, line
from migration_pipelines.twins.salesforce.soql.compiler import Statement
from migration_pipelines.twins.salesforce.soql.tree import Select, TypeOf

LAST_PAGE = "null"
"""What Sforce-Locator says when there is no further page."""
CHUNK = 2_000

UNSUPPORTED = frozenset(
    {
        *("AcceptedEventRelation", "AttachedContentNote", "Attachment", "CaseStatus", "ContentFolderItem"),
        *("ContractStatus", "DeclinedEventRelation", "EntityDefinition", "EventWhoRelation", "FieldDefinition"),
        *("FieldSecurityClassification", "OrderStatus", "PartnerRole", "RecentlyViewed", "SolutionStatus"),
        *("TaskPriority", "TaskStatus", "TaskWhoRelation", "UndecidedEventRelation", "UserRecordAccess"),
        *("WorkOrderLineItemStatus", "WorkOrderStatus"),
    }
)
_CHUNKED = frozenset(
    {
        *("Account", "AccountContactRelation", "AccountTeamMember", "Asset", "Campaign", "CampaignMember", "Case"),
        *("CaseComment", "Contact", "ContractLineItem", "EmailMessage", "Event", "EventRelation", "FeedItem"),
        *("Individual", "Lead", "LoginHistory", "Note", "Opportunity", "OpportunityContactRole"),
        *("OpportunityHistory", "OpportunityLineItem", "OpportunityTeamMember", "Pricebook2", "PricebookEntry"),
        *("Product2", "Quote", "QuoteLineItem", "Task", "User", "UserRole", "WorkOrder", "WorkOrderLineItem"),
    }
)


@dataclass(kw_only=True)
class QueryJob(Job):
    """A query whose rows were put aside when it was made.

    Attributes:
        delay_seconds: from its creation until it is complete; half of them it is queued, half in progress.
    """

    kind: ClassVar[str] = "V2Query"

    results: Results
    cells: tuple[Cell, ...]
    delay_seconds: float
    is_chunked: bool

    def advance(self, now: float) -> None:
        if self.state in TERMINAL:
            return
        waited = now - self.created_at
        if waited >= self.delay_seconds:
            self.move(State.JOB_COMPLETE, self.created_at + self.delay_seconds)
        elif waited >= self.delay_seconds / 2:
            self.move(State.IN_PROGRESS, self.created_at + self.delay_seconds / 2)

    def release(self) -> None:
        self.results.drop()

    def stop(self) -> None:
        self.release()

    def info(self) -> dict[str, object]:
        done = self.state is State.JOB_COMPLETE
        return self.summary() | {
            "numberRecordsProcessed": self.results.total if done else 0,
            "retries": 0,
            "totalProcessingTime": int((self.changed_at - self.created_at) * 1000),
            "isPkChunkingSupported": self.is_chunked,
        }

    @property
    def header(self) -> bytes:
        return header(self.cells, *self._separators).encode()

    def lines(self, first: int, most: int) -> bytes:
        """Rows from the first on."""
        return b"".join(self.results.rendered(line(self.cells, *self._separators), first, most))

    @property
    def _separators(self) -> tuple[str, str]:
        return DELIMITERS[self.column_delimiter], LINE_ENDINGS[self.line_ending]


@dataclass(frozen=True)
class Page:
    """Part of a job's results: rows from `first` up to `end`, and the locator of what follows."""

    first: int
    end: int
    locator: str

    @classmethod
    def of(cls, job: QueryJob, asked: Mapping[str, str], default_size: int) -> "Page":
        """The page that the request's parameters ask for.

        Raises:
            Refusal: a locator that was never given out, or no number of records.
        """
        first = _offset(asked["locator"], job.results.total) if asked.get("locator", LAST_PAGE) != LAST_PAGE else 0
        most = asked.get("maxRecords") or str(default_size)
        if not (most.isascii() and most.isdecimal() and int(most[:10])):
            raise Refusal(400, "API_ERROR", f"maxRecords is not a number of records: {most}")
        end = min(first + int(most[:10]), job.results.total)
        return cls(first, end, LAST_PAGE if end >= job.results.total else _locator(end))


def takes(select: Select) -> None:
    """Refuse the statements that Bulk API 2.0 does not take, by their form.

    Raises:
        Refusal: 400 API_ERROR.
    """
    if any(isinstance(item, Select) for item in select.items):
        raise _restricted("Aggregate Relationships not supported in Bulk V2 Query with CSV content type")
    if any(isinstance(item, TypeOf) for item in select.items):
        raise _restricted("TYPEOF not supported in Bulk Query")
    if select.group_by:
        raise _restricted("Implementation restriction: GROUP BY not supported in Bulk Query")
    if select.offset is not None:
        raise _restricted("Implementation restriction: OFFSET not supported in Bulk Query")


def takes_statement(statement: Statement) -> None:
    """Refuse the statements that Bulk API 2.0 does not take, by their object and fields.

    Raises:
        Refusal: 400 INVALIDENTITY or API_ERROR.
    """
    if statement.object_name in UNSUPPORTED:
        raise Refusal(400, "INVALIDENTITY", f"Entity '{statement.object_name}' is not supported by the Bulk API.")
    if statement.counts_only or statement.is_aggregate:
        raise _restricted("Implementation restriction: aggregate functions not supported in Bulk Query")
    types = {cell.type for cell in statement.cells}
    if types & COMPOUND_TYPES:
        raise _restricted("Selecting compound data not supported in Bulk Query")
    if "base64" in types:
        raise _restricted("Binary fields not supported")


def is_chunked(select: Select, object_name: str) -> bool:
    """Whether the platform splits the query by ranges of ids."""
    return (object_name in _CHUNKED or object_name.endswith("__c")) and not (select.order_by or select.limit)


def _restricted(text: str) -> Refusal:
    return Refusal(400, "API_ERROR", text)


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str, total: int) -> int:
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not text.isdecimal() or len(text) > 12 or not 0 < int(text) < total:
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(text)
