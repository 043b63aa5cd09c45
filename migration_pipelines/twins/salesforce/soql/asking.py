"""What a statement's meaning depends on besides its text: who asks, when, of what, and in which form to answer."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from migration_pipelines.twins.salesforce.describe import Catalogue, SObject


@dataclass(frozen=True)
class Now:
    """When and where the query is asked: date literals depend on it.

    Attributes:
        fiscal_month: the month, from 1, in which the organization's fiscal year begins.
    """

    at: float
    zone: ZoneInfo
    fiscal_month: int = 1
    fiscal_year_by_start: bool = False
    """Whether a fiscal year is named for the calendar year in which it begins, or for that in which it ends."""

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.at, self.zone).date()


class Visibility(Protocol):
    """Which rows the running user may see."""

    def condition(self, obj: SObject, alias: str) -> str | None:
        """SQL that is true of the visible rows of the object, whose table goes by the alias; None where all are."""


class Everything:
    """No row is hidden."""

    def condition(self, obj: SObject, alias: str) -> str | None:  # noqa: ARG002 - it asks for nothing
        return None


@dataclass(frozen=True)
class Asking:
    """One request for records.

    Attributes:
        catalogue: the objects and fields that the user may name.
        base: path of the version's `sobjects`, with which records' URLs begin.
        user_id: who asks: "my" records are that user's.
        everything: as queryAll: deleted rows and archived activities too.
        polymorphic_type: `concrete` or `Name`, see the switch of that name.
    """

    catalogue: Catalogue
    now: Now
    base: str
    user_id: str
    everything: bool = False
    polymorphic_type: str = "concrete"
    sees: Visibility = field(default_factory=Everything)
