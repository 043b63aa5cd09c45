"""Rules of tasks, calls, meetings and notes: their texts, which name date and author, and their moments.

Kommo has moments only. A date without a time is meant in the zone of decision `time_zone`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from migration_pipelines.core.records import HoldReason, Problem, SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes
from migration_pipelines.pairs.salesforce_to_kommo.cards import international

ACTIVITIES = RuleBook()
Decisions = Mapping[str, Any]

_ORIGIN = ("CreatedDate", "CreatedBy.Name")
_DUE = ("ActivityDate", "CreatedDate", "IsClosed")
_WHAT = ("Subject", "Description", *_ORIGIN)
_WHEN = ("StartDateTime", "EndDateTime", "IsAllDayEvent")


@ACTIVITIES.rule(reads=(*_WHAT, *_DUE), makes="textarea")
def task_text(record: SourceRecord, decisions: Decisions) -> str:
    """Subject, description, the date of a task that is due on another one now, and when and by whom it was written."""
    values, due = record.values, _due(record, decisions)
    was_due = f"Due: {values['ActivityDate'] or 'no date'}" if due != task_due(record, decisions) else None
    return paragraphs(values["Subject"], values["Description"], was_due, _origin(record, decisions))


@ACTIVITIES.rule(reads=_DUE, makes="datetime")
def task_due(record: SourceRecord, decisions: Decisions) -> str:
    """Due on its date at the hour of `task_due_hour`; one without a date, when it was created.

    Open tasks whose date is past on the day of the switch are due on that day, if `overdue_tasks` says so.
    """
    if decisions["overdue_tasks"] == "due on the switch day" and is_past_due(record, decisions):
        return _as_moment(_at(_first_day(decisions), time(decisions["task_due_hour"]), decisions))
    return _due(record, decisions)


@ACTIVITIES.rule(reads=("WhoId", "Who.Type"))
def lead_of_activity(record: SourceRecord, _decisions: Decisions) -> Sequence[str]:
    """The lead that an activity is with; none where that is a contact."""
    return [record.values["WhoId"]] if record.values["Who.Type"] == "Lead" else []


@ACTIVITIES.rule(reads=_DUE, makes="boolean")
def is_past_due(record: SourceRecord, decisions: Decisions) -> bool:
    """Whether a task is open and its date is past on the day of the switch."""
    opening = _as_moment(_at(_first_day(decisions), time(), decisions))
    return not record.values["IsClosed"] and _due(record, decisions) < opening


@ACTIVITIES.rule(reads=("IsClosed", "Status", "CompletedDateTime"), makes="textarea")
def task_result(record: SourceRecord, decisions: Decisions) -> str | None:
    """How and when a closed task ended."""
    if not record.values["IsClosed"]:
        return None
    done = record.values["CompletedDateTime"]
    return ", ".join([record.values["Status"] or "Done", *([clock(done, decisions)] if done else [])])


@ACTIVITIES.rule(reads=("CallType",))
def call_direction(record: SourceRecord, _decisions: Decisions) -> str | WithNotes:
    """Kommo knows calls in and calls out; an internal one, or one without direction, is shown as going out."""
    direction = record.values["CallType"]
    if direction in ("Inbound", "Outbound"):
        return "call_in" if direction == "Inbound" else "call_out"
    message = f"{direction!r} is no direction that Kommo knows: shown as going out"
    return WithNotes("call_out", [Problem(HoldReason.VALUE_NOT_MAPPED, message, value=direction, holds=False)])


@ACTIVITIES.rule(reads=("ActivityDate", "CompletedDateTime", "CreatedDate"), makes="datetime")
def call_moment(record: SourceRecord, decisions: Decisions) -> str:
    """When the call was: its date, and the time at which it was closed if that was on the same day; else noon."""
    day = record.values["ActivityDate"]
    written = datetime.fromisoformat(record.values["CompletedDateTime"] or record.values["CreatedDate"])
    if day is None or _local(written, decisions).date().isoformat() == day:
        return _as_moment(written)
    return _as_moment(_at(date.fromisoformat(day), time(12), decisions))


@ACTIVITIES.rule(reads=("CallDurationInSeconds", "CallDisposition", *_WHAT), makes="textarea")
def call_text(record: SourceRecord, decisions: Decisions) -> str:
    """What was said, below its length, since Kommo shows only the text of some calls."""
    values = record.values
    minutes, seconds = divmod(values["CallDurationInSeconds"] or 0, 60)
    head = f"[call] {minutes} min {seconds} s" if minutes or seconds else "[call]"
    return paragraphs(
        ", ".join(part for part in (head, values["Subject"], values["CallDisposition"]) if part),
        values["Description"],
        _origin(record, decisions),
    )


@ACTIVITIES.rule(reads=("Who.Phone",))
def call_phone(record: SourceRecord, decisions: Decisions) -> WithNotes | None:
    """The number of the person at the other end, as Salesforce knows it now; the call itself keeps none."""
    typed, notes = record.values["Who.Phone"], list[Problem]()
    if not typed:
        return None
    return WithNotes(international(typed, decisions["phone_region"], "Who.Phone", notes), notes)


@ACTIVITIES.rule(reads=_WHEN, makes="datetime")
def meeting_moment(record: SourceRecord, decisions: Decisions) -> str:
    """When the meeting began; one of whole days at noon of the first, which Salesforce gives as midnight in UTC."""
    return _began(record, decisions)


@ACTIVITIES.rule(reads=_WHEN, makes="integer")
def meeting_duration(record: SourceRecord, _decisions: Decisions) -> int | None:
    """Seconds; none where the meeting takes whole days."""
    start, end = record.values["StartDateTime"], record.values["EndDateTime"]
    if record.values["IsAllDayEvent"] or end is None:
        return None
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


@ACTIVITIES.rule(reads=_WHEN, makes="boolean")
def meeting_is_over(record: SourceRecord, decisions: Decisions) -> bool:
    """Whether it began before the day of the switch: nobody is to do it any more."""
    opening = _as_moment(_at(_first_day(decisions), time(), decisions))
    return _began(record, decisions) < opening


@ACTIVITIES.rule(reads=("Location", *_WHEN, *_WHAT), makes="textarea")
def meeting_text(record: SourceRecord, decisions: Decisions) -> str:
    """ "[Meeting]" with its date, then what it was about (SF-KOMMO-57)."""
    values = record.values
    place = f"Location: {values['Location']}" if values["Location"] else None
    head = "\n".join(part for part in (f"[Meeting] {_span(record, decisions)}", values["Subject"], place) if part)
    return paragraphs(head, values["Description"], _origin(record, decisions))


@ACTIVITIES.rule(reads=("Title", "Body", *_ORIGIN), makes="textarea")
def note_text(record: SourceRecord, decisions: Decisions) -> str:
    """Title, body, and when and by whom it was written."""
    return paragraphs(record.values["Title"], record.values["Body"], _origin(record, decisions))


def _began(record: SourceRecord, decisions: Decisions) -> str:
    if record.values["IsAllDayEvent"]:
        return _as_moment(_at(_day(record, "StartDateTime"), time(12), decisions))
    return _as_moment(datetime.fromisoformat(record.values["StartDateTime"]))


def _due(record: SourceRecord, decisions: Decisions) -> str:
    if day := record.values["ActivityDate"]:
        return _as_moment(_at(date.fromisoformat(day), time(decisions["task_due_hour"]), decisions))
    return _as_moment(datetime.fromisoformat(record.values["CreatedDate"]))


def _origin(record: SourceRecord, decisions: Decisions) -> str:
    """Whether Kommo keeps date and author is not certain, so they stand in the text too."""
    author = record.values["CreatedBy.Name"]
    return ", ".join(["Salesforce", clock(record.values["CreatedDate"], decisions), *([author] if author else [])])


def paragraphs(*parts: str | None) -> str:
    return "\n\n".join(stripped for part in parts if (stripped := (part or "").strip()))


def _span(record: SourceRecord, decisions: Decisions) -> str:
    if record.values["IsAllDayEvent"]:
        first = _day(record, "StartDateTime")
        last = _day(record, "EndDateTime") if record.values["EndDateTime"] else first
        return f"{first}" if last == first else f"{first} to {last}"
    start, end = record.values["StartDateTime"], record.values["EndDateTime"]
    if end is None:
        return clock(start, decisions)
    began, ended = clock(start, decisions), clock(end, decisions)
    return f"{began} to {ended.removeprefix(began[:11])}"


def _day(record: SourceRecord, field: str) -> date:
    """The day of a moment that stands for a whole one."""
    return datetime.fromisoformat(record.values[field]).astimezone(UTC).date()


def clock(when: str, decisions: Decisions) -> str:
    return f"{_local(datetime.fromisoformat(when), decisions):%Y-%m-%d %H:%M}"


def _local(when: datetime, decisions: Decisions) -> datetime:
    return when.astimezone(ZoneInfo(decisions["time_zone"]))


def _at(day: date, hour: time, decisions: Decisions) -> datetime:
    return datetime.combine(day, hour, ZoneInfo(decisions["time_zone"]))


def _first_day(decisions: Decisions) -> date:
    return date.fromisoformat(decisions["switch_day"])


def _as_moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
