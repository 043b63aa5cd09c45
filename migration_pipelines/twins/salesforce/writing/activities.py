"""Tasks and Events: whom and what they may name together, an Event's times, a Task's lost stamps."""

from migration_pipelines.twins.salesforce.moments import parse_moment
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.outcomes import RowError, missing

LEAD_PREFIX = "00Q"
_LEAD_ALONE = RowError(
    "FIELD_INTEGRITY_EXCEPTION",
    "If the WhoId field refers to a lead, then the WhatId field must be empty.",
    ("WhatId",),
)


def check_related(_: Context, chunk: Chunk) -> None:
    """A lead as Who excludes a What."""
    for position, (who, what) in enumerate(zip(chunk.values("WhoId"), chunk.values("WhatId"), strict=True)):
        if what and str(who).startswith(LEAD_PREFIX):
            chunk.refuse(position, _LEAD_ALONE)


def check_event(context: Context, chunk: Chunk) -> None:
    """An Event has a start, and an end or a duration that agree."""
    check_related(context, chunk)
    names = ("StartDateTime", "ActivityDateTime", "EndDateTime", "DurationInMinutes")
    for position, times in enumerate(zip(*map(chunk.values, names), strict=True)):
        error = _times(*times)
        if error is not None:
            chunk.refuse(position, error)


def _times(start: object, due: object, end: object, minutes: object) -> RowError | None:
    lacking = [] if start else ["ActivityDateTime"]
    if end is None and minutes is None:
        lacking.append("EndDateTime")
    if lacking:
        return missing(lacking)
    if due != start:
        text = "StartDateTime and ActivityDateTime must be the same"
        return RowError("FIELD_INTEGRITY_EXCEPTION", text, ("StartDateTime",))
    seconds = (parse_moment(str(end)) - parse_moment(str(start))).total_seconds()
    if seconds < 0 or (isinstance(minutes, int) and minutes < 0):
        return RowError("FIELD_INTEGRITY_EXCEPTION", "Event duration cannot be negative", ("EndDateTime",))
    all_day_form = seconds % 86_400 == 0 and minutes == seconds // 60 + 1_440
    if minutes is not None and minutes != seconds // 60 and not all_day_form:
        text = "EndDateTime and DurationInMinutes do not agree"
        return RowError("FIELD_INTEGRITY_EXCEPTION", text, ("EndDateTime",))
    return None


def forget_modification(context: Context, chunk: Chunk) -> None:
    """A new Task with a Who or What loses the modification stamps that it was given."""
    related = [bool(who or what) for who, what in zip(chunk.values("WhoId"), chunk.values("WhatId"), strict=True)]
    for name, now in (("LastModifiedDate", context.now), ("LastModifiedById", context.user_id)):
        if name in chunk.columns:
            values = chunk.columns[name]
            chunk.columns[name] = [now if lost else value for lost, value in zip(related, values, strict=True)]
