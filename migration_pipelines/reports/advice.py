"""What to do about a record that was kept back, refused or listed: one sentence for every reason."""

from __future__ import annotations

from collections.abc import Mapping

from migration_pipelines.core.records import HoldReason

REFUSED = "REFUSED"
"""The reason of a record that the target refused; its message is in the target's words."""

_ADVICE: Mapping[HoldReason, str] = {
    HoldReason.MISSING_REQUIRED: "Fill it in the source, or give the field a default: in the mapping; extract and plan again.",
    HoldReason.BAD_VALUE: "Correct the value in the source, or convert it otherwise in the mapping; then extract and plan again.",
    HoldReason.TOO_LONG: "Shorten it in the source, or map it to a longer field; then extract and plan again.",
    HoldReason.TOO_LARGE: "Make it smaller in the source, then extract and plan again; or bring it over by hand.",
    HoldReason.VALUE_NOT_MAPPED: "Give the value its counterpart in the table of the mapping file, then confirm and plan again.",
    HoldReason.OWNER_UNRESOLVED: "Name in owners.yaml who takes over, or have the admin add the user to the target; "
    "then discover, plan and confirm again.",
    HoldReason.REFERENCE_EMPTY: "Link the record to its parent in the source, or leave such records out by when: in the mapping.",
    HoldReason.PARENT_UNKNOWN: "Link the record to a parent that is moved, or leave such records out by when: in the mapping.",
    HoldReason.PARENT_HELD: "Mend the parent, which is listed itself; this record follows with the next plan.",
    HoldReason.PARENT_FAILED: "Mend the parent, which the target refused; this record follows with the next apply.",
    HoldReason.SEVERAL_CHILDREN: "Say many: newest or lines in the mapping, or keep one row in the source; then plan again.",
    HoldReason.SEVERAL_MATCHES: "Say in matches.yaml which record of the target it is, or new; then confirm and plan again.",
    HoldReason.MATCH_CHANGED: "Plan again: it is looked up anew. One that was loaded before: restore its record in the target.",
    HoldReason.NO_RATE: "Activate the currency in the source, or give the deal another; then discover, extract and plan again.",
    HoldReason.LINKED_ELSEWHERE: "Decide with whoever linked it; unlink it there, then apply again, or leave it as it is.",
}  # fmt: skip
_REFUSED = "Mend what the target names, in the source or in the mapping; then plan and apply again."
_LISTED = "It was carried. Correct it in the source before the move, or in the target after it."
_UNKNOWN = "Look at one of them: crm-migrate explain."


def reason_in_words(reason: str | None) -> str:
    """A reason by its name in the ledger, as a person says it."""
    if reason and reason in HoldReason.__members__:
        return str(HoldReason[reason])
    return "refused by the target" if reason == REFUSED else (reason or "no reason is kept")


def advice(reason: str | None, *, holds: bool = True) -> str:
    """What to do about it. A problem that does not hold its record is only to be looked at."""
    if not holds:
        return _LISTED
    if reason and reason in HoldReason.__members__:
        return _ADVICE[HoldReason[reason]]
    return _REFUSED if reason == REFUSED else _UNKNOWN
