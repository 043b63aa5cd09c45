"""Rules of who takes part in a deal: the roles of its contacts, which Kommo does not have, stand in a note on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.records import HoldReason, Problem, SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes

PARTICIPANTS = RuleBook()

_HEAD = "Deal participants:"
_NO_ROLE = "no role"


@PARTICIPANTS.rule(
    reads=(),
    reads_children={"OpportunityContactRole": ("Role", "IsPrimary", "Contact.Name", "ContactId")},
    makes="textarea",
)
def participants(record: SourceRecord, decisions: Mapping[str, Any]) -> str | WithNotes:
    """ "Deal participants:", then "[Decision Maker] Ada Lovelace" for each role, the primary contact first.

    The roles that make more than `longest_note` characters are counted in the last line, and listed.
    """
    roles = sorted(record.children["OpportunityContactRole"], key=lambda role: not role["IsPrimary"])
    lines = [f"[{role['Role'] or _NO_ROLE}] {role['Contact.Name'] or role['ContactId']}" for role in roles]
    told = len(lines)
    while told and len(_note(lines, told)) > decisions["longest_note"]:
        told -= 1
    if told == len(lines):
        return _note(lines, told)
    left = f"{len(lines) - told} of {len(lines)} participants do not fit into the note (decision longest_note)"
    return WithNotes(_note(lines, told), [Problem(HoldReason.TOO_LONG, left, "Role", len(lines), holds=False)])


def _note(lines: list[str], told: int) -> str:
    rest = [f"and {len(lines) - told} more"] if told < len(lines) else []
    return "\n".join((_HEAD, *lines[:told], *rest))
