"""The demo company's history as it must stand in Kommo, written from the model by hand-made rules of its own."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from migration_pipelines.demo.history import Activity, Call, Card, History, Meeting, Memo, Paper, ToDo
from migration_pipelines.demo.ids import card_id, event_id, note_id, task_id, version_id
from migration_pipelines.demo.model import Company, Deal, Person, Phone, Prospect

ZONE = "America/New_York"
FIRST_DAY = date(2026, 11, 30)  # on which people begin to work in Kommo
_ENTITIES: dict[type[Any], str] = {Deal: "leads", Prospect: "leads", Person: "contacts", Company: "companies"}


def expected(history: History) -> dict[str, Any]:
    """Tasks, notes and files by Salesforce id. What stands on no card, or on one that is held, is not there."""
    tasks: dict[str, Any] = {}
    notes = {note_id(memo): _memo(memo) for memo in history.memos if not memo.is_private}
    last: Call | None = None
    for one in history.activities:
        card = _card(one)
        if card is None or (isinstance(one, ToDo) and one.is_pattern) or (isinstance(one, Meeting) and one.is_private):
            continue
        if isinstance(one, ToDo):
            tasks[task_id(one)] = _to_do(one, card)
        elif isinstance(one, Meeting):
            tasks[event_id(one)] = _meeting(one, card)
        elif isinstance(one, Call):
            # A feed may show two notes of one second as one: the second of them is moved on.
            is_double = last is not None and (last.created, _card(last)) == (one.created, card)
            notes[task_id(one)] = _call(one, card, one.created + timedelta(seconds=is_double))
            last = one
    return {"tasks": tasks, "notes": notes, "files": {version_id(paper): _paper(paper) for paper in history.papers}}


def _card(one: Activity) -> Card | None:
    """On the deal, else on the person, else on the company."""
    card = one.what if isinstance(one.what, Deal) else one.who or one.what
    return None if isinstance(card, Deal | Person) and card.is_held else card


def _common(one: Activity | Memo, card: Card, created: datetime) -> dict[str, Any]:
    return {
        "card": named(card), "created_at": int(created.timestamp()), "created_by": one.author.in_kommo,
        "responsible_user": one.author.in_kommo,
    }  # fmt: skip


def named(card: Card) -> tuple[str, str]:
    """The card in Kommo: its kind and its Salesforce id."""
    return _ENTITIES[type(card)], card_id(card)


def _to_do(one: ToDo, card: Card) -> dict[str, Any]:
    due = datetime.combine(one.due, time(18), ZoneInfo(ZONE)) if one.due else one.created
    return {
        "text": _text(one.subject, one.about, one),
        "complete_till": int(due.timestamp()),
        "type": "Meeting" if one.kind == "Meeting" else "Follow-up",
        "duration": 0,
        "is_completed": one.done is not None,
        "result": f"Completed, {clock(one.done)}" if one.done else None,
        **_common(one, card, one.created),
    }


def _meeting(one: Meeting, card: Card) -> dict[str, Any]:
    start, duration = one.start, one.minutes * 60
    end = start + timedelta(minutes=one.minutes)
    shown = f"{clock(start)} to {clock(end).removeprefix(clock(start)[:11])}"
    if one.days:
        first, last = one.days
        start, shown = (
            datetime.combine(first, time(12), ZoneInfo(ZONE)),
            f"{first}" if first == last else f"{first} to {last}",
        )
    place = [f"Location: {one.place}"] if one.place else []
    return {
        "text": _text("\n".join([f"[Meeting] {shown}", one.subject, *place]), one.about, one),
        "complete_till": int(start.timestamp()),
        "type": "Meeting",
        "duration": duration,
        "is_completed": start.astimezone(ZoneInfo(ZONE)).date() < FIRST_DAY,
        "result": None,
        **_common(one, card, one.created),
    }


def _call(one: Call, card: Card, created: datetime) -> dict[str, Any]:
    length = f"[call] {one.seconds // 60} min {one.seconds % 60} s" if one.seconds else "[call]"
    phone = next((phone for phone in one.who.phones if phone.kind == "WORK"), None) if one.who else None
    return {
        "note_type": "call_in" if one.direction == "in" else "call_out",
        "text": _text(f"{length}, {one.subject}", one.about, one),
        "duration": one.seconds,
        "phone": _dialled(phone) if phone else None,
        **_common(one, card, created),
    }


def _memo(memo: Memo) -> dict[str, Any]:
    text = _text(memo.title, memo.body, memo)
    return {"note_type": "common", "text": text, **_common(memo, memo.card, memo.created)}


def _paper(paper: Paper) -> dict[str, Any]:
    return {"name": paper.name, "size": len(paper.body), "cards": {named(card) for card in paper.cards}}


def _text(head: str, about: str | None, one: Activity | Memo) -> str:
    """The last line says when and by whom it was written in Salesforce."""
    return "\n\n".join([head, *([about] if about else []), f"Salesforce, {clock(one.created)}, {one.author.name}"])


def clock(when: datetime) -> str:
    """A moment as people in New York write it."""
    return when.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")


def _dialled(phone: Phone) -> str:
    return phone.international or phone.typed
