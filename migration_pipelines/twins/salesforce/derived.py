"""What the platform itself fills in: fields of a row that follow from others of the same row, table by table.

A rule runs on a new row, and on a changed one if any field that it is triggered by was changed; a value that was given
is left as it is.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from migration_pipelines.twins.salesforce.content import derived as content
from migration_pipelines.twins.salesforce.describe_files import permission_names
from migration_pipelines.twins.salesforce.moments import moment, parse_moment

Row = MutableMapping[str, object]
Stages = Mapping[str, Mapping[str, object]]
"""OpportunityStage rows by MasterLabel, case-folded."""

CLOSED_CASE, CLOSED_TASK = "Closed", "Completed"


@dataclass(frozen=True)
class Rule:
    """Attributes:
    triggers: fields whose values it is given.
    writes: fields whose values it returns, in this order.
    reads: further fields whose values it is given, after the triggers.
    supersedes: what a change of one field makes void in the others, unless they are given too.
    """

    triggers: tuple[str, ...]
    writes: tuple[str, ...]
    derive: Callable[..., Sequence[object]]
    reads: tuple[str, ...] = ()
    supersedes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def rules_of(name: str, stages: Stages, now: str | None) -> tuple[Rule, ...]:
    """The rules of one object.

    Args:
        now: the moment of the write, in the stored form; None where the rows tell of another time.
    """
    match name:
        case "Contact" | "Lead" | "User":
            return (Rule(("FirstName", "LastName"), ("Name",), _person_name),)
        case "Opportunity":
            return (
                Rule(("StageName",), _OF_STAGE, partial(_of_stage, stages)),
                Rule(("StageName", "Amount", "Probability"), ("ExpectedRevenue",), _expected_revenue),
                Rule(("CloseDate",), ("FiscalYear", "FiscalQuarter", "Fiscal"), _fiscal),
            )
        case "Case":
            return (Rule(("Status",), ("IsClosed", "ClosedDate"), partial(_case, now), ("ClosedDate",)),)
        case "Task":
            return (
                Rule(("Status",), ("IsClosed", "CompletedDateTime"), partial(_task, now), ("CompletedDateTime",)),
                Rule(("Priority",), ("IsHighPriority",), lambda priority: (int(priority == "High"),)),
            )
        case "Event":
            return (Rule(_EVENT_TIMES, _OF_EVENT, _event, supersedes=_EVENT_SUPERSEDES),)
        case "OpportunityLineItem":
            return (Rule(_LINE, ("UnitPrice", "TotalPrice"), _line, supersedes=_LINE_SUPERSEDES),)
        case "Attachment" | "Document":
            return (Rule(("Body",), ("BodyLength",), content.length),)
        case "ContentVersion":
            return (Rule(("VersionData", "PathOnClient", "ContentUrl"), content.OF_VERSION, content.version),)
        case "ContentNote":
            return (Rule(("Content",), ("ContentSize", "FileType", "FileExtension"), content.note),)
        case "Profile":
            return (Rule(("Name",), permission_names(), _permissions),)
    return ()


_OF_STAGE = ("IsClosed", "IsWon", "ForecastCategory", "ForecastCategoryName", "Probability")
_EVENT_TIMES = (
    "StartDateTime",
    "ActivityDateTime",
    "ActivityDate",
    "IsAllDayEvent",
    "DurationInMinutes",
    "EndDateTime",
)
_OF_EVENT = ("StartDateTime", "ActivityDateTime", "ActivityDate", "DurationInMinutes", "EndDateTime", "EndDate")
_EVENT_SUPERSEDES = {
    "StartDateTime": ("ActivityDateTime", "ActivityDate", "EndDateTime"),
    "ActivityDateTime": ("StartDateTime", "ActivityDate", "EndDateTime"),
    "ActivityDate": ("StartDateTime", "ActivityDateTime", "EndDateTime"),
    "DurationInMinutes": ("EndDateTime",),
    "EndDateTime": ("DurationInMinutes",),
}
_LINE = ("Quantity", "UnitPrice", "TotalPrice", "Discount")
_LINE_SUPERSEDES = {
    "Quantity": ("TotalPrice",),
    "UnitPrice": ("TotalPrice",),
    "TotalPrice": ("UnitPrice",),
    "Discount": ("TotalPrice",),
}
_DAY_MINUTES = 24 * 60


def _permissions(profile_name: object) -> Sequence[object]:
    """What a standard profile allows: everything to the administrator, the API to the others."""
    is_administrator = profile_name == "System Administrator"
    return [int(is_administrator or name == "PermissionsApiEnabled") for name in permission_names()]


def _person_name(first: object, last: object) -> Sequence[object]:
    return (f"{first} {last}" if first and last else last or first,)


def _of_stage(stages: Stages, stage_name: object) -> Sequence[object]:
    stage = stages.get(str(stage_name).casefold())
    if stage is None:
        # An unrestricted picklist takes a stage that is not there; it counts as open.
        return (0, 0, "Pipeline", "Pipeline", None)
    return (*(stage[name] for name in _OF_STAGE[:-1]), stage["DefaultProbability"])


def _expected_revenue(_: object, amount: object, probability: object) -> Sequence[object]:
    if not isinstance(amount, float) or not isinstance(probability, float):
        return (None,)
    return (round(amount * probability / 100, 2),)


def _fiscal(closing: object) -> Sequence[object]:
    if not closing:
        return (None, None, None)
    year, quarter = int(str(closing)[:4]), (int(str(closing)[5:7]) + 2) // 3
    return (year, quarter, f"{year} {quarter}")


def _case(now: str | None, status: object, closed_at: object) -> Sequence[object]:
    is_closed = status == CLOSED_CASE
    return (int(is_closed), (closed_at or now) if is_closed else None)


def _task(now: str | None, status: object, completed_at: object) -> Sequence[object]:
    is_closed = status == CLOSED_TASK
    return (int(is_closed), (completed_at or now) if is_closed else None)


def _event(
    start: object, due: object, day: object, is_all_day: object, minutes: object, end: object
) -> Sequence[object]:
    """All-day events go by date: they begin at midnight UTC and last whole days."""
    begins = start or due or (f"{day}T00:00:00.000+0000" if day and is_all_day else None)
    if not begins:
        return (None, None, day, minutes, end, None)
    begins = str(begins)
    if isinstance(minutes, int) and not end:
        end = moment(parse_moment(begins) + timedelta(minutes=minutes))
    elif end and minutes is None:
        seconds = (parse_moment(str(end)) - parse_moment(begins)).total_seconds()
        minutes = int(seconds // 60)
    elif is_all_day and not end:
        minutes, end = _DAY_MINUTES, begins
    return (begins, begins, begins[:10], minutes, end, str(end)[:10] if end else begins[:10])


def _line(quantity: object, unit: object, total: object, discount: object) -> Sequence[object]:
    """Sales price and total follow from each other."""
    if not isinstance(quantity, float):
        return (unit, total)
    factor = quantity * (1 - float(str(discount or 0)) / 100)
    if isinstance(unit, float):
        return (unit, round(unit * factor, 2))
    if isinstance(total, float) and factor:
        return (round(total / factor, 2), total)
    return (unit, total)
