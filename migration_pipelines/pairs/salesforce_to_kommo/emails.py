"""Rules of e-mails: each becomes a note in plain text, since Kommo takes no e-mail from outside (SF-KOMMO-33, 81, 82)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.core.converters.dates import moment
from migration_pipelines.core.html_text import html_text
from migration_pipelines.core.records import HoldReason, Problem, SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes
from migration_pipelines.pairs.salesforce_to_kommo.activities import clock, paragraphs

EMAILS = RuleBook()
Decisions = Mapping[str, Any]

DRAFT = "5"
_WHEN = ("MessageDate", "CreatedDate")
_HEADER = ("Subject", "Incoming", "Status", "IsBounced", "FromName", "FromAddress", "ToAddress", "CcAddress")
"""The first is what lists call an e-mail by."""


@EMAILS.rule(reads=(*_HEADER, *_WHEN, "TextBody", "HtmlBody"), makes="textarea")
def email_text(record: SourceRecord, decisions: Decisions) -> str | WithNotes:
    """ "[E-mail]" with its date, from whom, to whom and about what, then its text, cut at `longest_note` characters."""
    values = record.values
    sender = " ".join(
        part for part in (values["FromName"], f"<{values['FromAddress']}>" if values["FromAddress"] else None) if part
    )
    told = {"From": sender, "To": values["ToAddress"], "Cc": values["CcAddress"], "Subject": values["Subject"]}
    head = [f"[E-mail] {_what_happened(record)} {clock(_moment(record), decisions)}"]
    head += [f"{name}: {value}" for name, value in told.items() if value]
    body = (values["TextBody"] or "").strip() or html_text(values["HtmlBody"] or "")
    return _cut(paragraphs("\n".join(head), body), decisions["longest_note"])


@EMAILS.rule(reads=_WHEN, makes="datetime")
def email_moment(record: SourceRecord, _decisions: Decisions) -> str | Problem:
    """When it was sent or received; of a draft, when it was begun."""
    return moment(_moment(record))


@EMAILS.rule(
    reads=("Incoming",),
    reads_children={"EmailMessageRelation": ("RelationId", "RelationType", "RelationObjectType")},
)
def correspondent(record: SourceRecord, _decisions: Decisions) -> Sequence[str]:
    """The contact at the other end: who wrote it, or the first of those it was written to, then of those copied."""
    people = [row for row in record.children["EmailMessageRelation"] if row["RelationObjectType"] == "Contact"]
    to = ("ToAddress", "CcAddress", "BccAddress", "OtherAddress")
    order = ("FromAddress", *to) if record.values["Incoming"] else (*to, "FromAddress")
    ranked = sorted(
        (order.index(row["RelationType"]), n) for n, row in enumerate(people) if row["RelationType"] in order
    )
    return [people[n]["RelationId"] for _, n in ranked[:1]]


def _what_happened(record: SourceRecord) -> str:
    values = record.values
    if values["Status"] == DRAFT:
        return "draft, never sent"
    how = "received" if values["Incoming"] else "sent"
    return f"{how}, bounced" if values["IsBounced"] else how


def _moment(record: SourceRecord) -> str:
    return str(record.values["MessageDate"] or record.values["CreatedDate"])


def _cut(text: str, longest: int) -> str | WithNotes:
    if len(text) <= longest:
        return text
    said = f"\n\n[cut: {len(text)} characters in Salesforce]"
    message = f"the e-mail has {len(text)} characters as a note: cut at {longest} (decision longest_note)"
    return WithNotes(
        text[: max(longest - len(said), 0)].rstrip() + said,
        [Problem(HoldReason.TOO_LONG, message, "TextBody", len(text), holds=False)],
    )
