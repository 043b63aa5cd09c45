"""The demo company's history as rows of a Salesforce org."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from migration_pipelines.demo.history import Activity, Call, History, Meeting, Memo, Paper, ToDo
from migration_pipelines.demo.ids import (
    card_id,
    document_id,
    event_id,
    note_id,
    person_account_id,
    task_id,
    user_id,
    version_id,
)
from migration_pipelines.demo.model import TODAY, Company, Deal, Person
from migration_pipelines.twins.salesforce.ids import make_id

Row = dict[str, Any]
_DIRECTIONS = {"in": "Inbound", "out": "Outbound", "internal": "Internal"}


def rows(history: History) -> dict[str, list[Row]]:
    tasks = [one for one in history.activities if isinstance(one, ToDo | Call)]
    events = [one for one in history.activities if isinstance(one, Meeting)]
    return {
        "Task": [_to_do(one) if isinstance(one, ToDo) else _call(one) for one in tasks],
        "Event": [row for one in events for row in _events(one)],
        "Note": [_note(memo) for memo in history.memos],
        "ContentDocument": [_document(paper) for paper in history.papers],
        "ContentVersion": [row for paper in history.papers for row in _versions(paper)],
        "ContentDocumentLink": list(_links(history.papers)),
    }


def _activity(one: Activity) -> Row:
    return {
        "Subject": one.subject, "Description": one.about, "WhatId": one.what and _what_id(one.what),
        "WhoId": one.who and card_id(one.who), **_stamps(one),
    }  # fmt: skip


def _what_id(what: Deal | Company | Person) -> str:
    return person_account_id(what) if isinstance(what, Person) else card_id(what)


def _stamps(one: Activity | Memo) -> Row:
    author = user_id(one.author)
    return {"OwnerId": author, "CreatedById": author, "LastModifiedById": author, "CreatedDate": _moment(one.created)}


def _to_do(one: ToDo) -> Row:
    return {
        "Id": task_id(one), **_activity(one), "ActivityDate": one.due and one.due.isoformat(), "Type": one.kind,
        "TaskSubtype": "Call" if one.is_call else "Task", "Status": "Completed" if one.done else "Not Started",
        "CompletedDateTime": _moment(one.done) if one.done else None, "IsArchived": one.done is not None and _is_old(one),
        **({"WhatId": one.stray} if one.stray else {}),
        **({"IsRecurrence": True} if one.is_pattern else {}),
    }  # fmt: skip


def _call(one: Call) -> Row:
    return {
        "Id": task_id(one), **_activity(one), "ActivityDate": None, "TaskSubtype": "Call", "Status": "Completed",
        "CallType": _DIRECTIONS[one.direction], "CallDurationInSeconds": one.seconds or None,
        "CompletedDateTime": _moment(one.created), "IsArchived": _is_old(one),
    }  # fmt: skip


def _events(one: Meeting) -> Iterator[Row]:
    start, end = one.start, one.start + timedelta(minutes=one.minutes)
    if one.days:  # Salesforce knows whole days as midnight in UTC
        start, end = (datetime.combine(day, time(), UTC) for day in one.days)
    row = {
        **_activity(one), "IsAllDayEvent": one.days is not None, "StartDateTime": _moment(start), "EndDateTime": _moment(end),
        "ActivityDate": start.date().isoformat(), "IsArchived": _is_old(one), "Location": one.place, "IsPrivate": one.is_private,
    }  # fmt: skip
    yield {"Id": event_id(one), **row, "IsChild": False}
    if one.has_copy:
        yield {"Id": event_id(one, copy=True), **row, "IsChild": True}  # in an invitee's calendar


def _note(memo: Memo) -> Row:
    return {
        "Id": note_id(memo), "ParentId": card_id(memo.card), "Title": memo.title, "Body": memo.body,
        "IsPrivate": memo.is_private, **_stamps(memo),
    }  # fmt: skip


def _document(paper: Paper) -> Row:
    author = user_id(paper.author)
    return {
        "Id": document_id(paper), "Title": paper.name.rpartition(".")[0] or paper.name,
        "LatestPublishedVersionId": version_id(paper), "ContentSize": len(paper.body), "OwnerId": author,
        "CreatedById": author,
    }  # fmt: skip


def _versions(paper: Paper) -> Iterator[Row]:
    bodies = [paper.body] if paper.older is None else [paper.body, paper.older]
    for age, body in enumerate(bodies):
        yield {
            "Id": version_id(paper, age), "ContentDocumentId": document_id(paper), "PathOnClient": paper.name,
            "VersionData": base64.b64encode(body).decode(), "IsLatest": age == 0, "VersionNumber": str(len(bodies) - age),
            "OwnerId": user_id(paper.author), "CreatedById": user_id(paper.author),
        }  # fmt: skip


def _links(papers: list[Paper]) -> Iterator[Row]:
    number = 0
    for paper in papers:
        for entity in (user_id(paper.author), *map(card_id, paper.cards)):
            number += 1
            yield {
                "Id": make_id("06A", number), "ContentDocumentId": document_id(paper), "LinkedEntityId": entity,
                "ShareType": "I", "Visibility": "AllUsers",
            }  # fmt: skip


def _is_old(one: Activity) -> bool:
    """Salesforce archives what is older than a year, and a plain query hides it."""
    return one.created.date() < TODAY - timedelta(days=365)


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
