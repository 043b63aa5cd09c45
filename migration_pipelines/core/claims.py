"""What must hold, as one table: a claim has a name, the asset it stands on, and a judgement over figures.

Figures come from the ledger; a judgement is a verdict and one sentence that starts with the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.crm_objects import ARCHIVE

Figures = Mapping[str, Any]

AS_WRITTEN = "as it was written"
"""The state of an archive whose file, or table, is the one that the ledger knows."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`says` is for a person; `next` is what to do where the claim does not hold, of the partition called PARTITION."""

    holds: bool
    says: str
    next: str = ""

    def advice(self, key: str) -> str:
        """What to do, as it can be typed for one partition."""
        return self.next.replace("PARTITION", key)


@dataclass(frozen=True, slots=True)
class Claim:
    name: str
    docs: str
    judge: Callable[[Figures], Judgement]


def _extracted(figures: Figures) -> Judgement:
    short = {
        name: f"{one['extracted']} of {one['source_count']} {name}"
        for name, one in figures["objects"].items()
        if one["extracted"] != one["source_count"]
    }
    total = sum(one["extracted"] for one in figures["objects"].values())
    if short:
        return Judgement(
            False, f"{', '.join(short.values())} extracted", "Run: crm-migrate extract PARTITION, then plan and apply."
        )
    return Judgement(True, f"all {total} records that the source counts were extracted")


def _add_up(figures: Figures) -> Judgement:
    lost = sum(one["unaccounted"] + one["without_record"] for one in figures["objects"].values())
    pending = sum(one["outcomes"].get("planned", 0) for one in figures["routes"].values())
    total = sum(one["rows"] for one in figures["routes"].values())
    not_yet = f"{pending} of {total} records are planned and not loaded yet" if pending else ""
    if lost:
        says = f"{lost} of {total} records unaccounted for"
        return Judgement(
            False, f"{says}; {not_yet}" if not_yet else says,
            "Run extract, plan and apply again. One record's story: crm-migrate explain PARTITION SOURCE_ID",
        )  # fmt: skip
    if not_yet:
        return Judgement(False, not_yet, "Run: crm-migrate apply PARTITION, which says what keeps them.")
    words: dict[str, int] = {}
    for one in figures["routes"].values():
        for outcome, rows in one["outcomes"].items():
            words[outcome] = words.get(outcome, 0) + rows
    return Judgement(True, f"{total} records: " + (", ".join(f"{n} {word}" for word, n in words.items()) or "none"))


def _present(figures: Figures) -> Judgement:
    loaded = sum(one["outcomes"].get("loaded", 0) for one in figures["routes"].values())
    present = sum(one["present"] for one in figures["routes"].values())
    says = f"{present} of {loaded} loaded records answered when the target was asked by their ids{_as_of(figures)}"
    if present == loaded:
        return Judgement(True, says)
    return Judgement(
        False, says + _examples(figures, lambda one: not one["field"]),
        "Somebody may have deleted them in the target: restore them there, then run: crm-migrate verify PARTITION",
    )  # fmt: skip


def _read_back(figures: Figures) -> Judgement:
    wrong = sum(one["wrong"] for one in figures["routes"].values())
    unread = sum(one["unverified"] for one in figures["routes"].values())
    if wrong or unread:
        return Judgement(
            False,
            f"{wrong} records read back differently, {unread} were not read back{_as_of(figures)}"
            + _examples(figures, lambda one: bool(one["field"]) and one["verdict"] in ("wrong", "missing")),
            "Somebody changed them in the target, or it refused a value silently. Mend them there, then run: "
            "crm-migrate verify PARTITION",
        )  # fmt: skip
    kept = [f"{', '.join(one['ignored'])} of {route}" for route, one in figures["routes"].items() if one["ignored"]]
    but = f", but for what the target does not keep: {'; '.join(kept)}" if kept else ""
    return Judgement(True, f"every written field read back as meant{_as_of(figures)}{but}")


def _references(figures: Figures) -> Judgement:
    wrong = sum(one["wrong_references"] for one in figures["routes"].values())
    if wrong:
        return Judgement(
            False,
            f"{wrong} records point at another parent or owner than meant{_as_of(figures)}"
            + _examples(figures, lambda one: one["verdict"] == Verdict.WRONG_REFERENCE),
            "Look at one of them: crm-migrate explain PARTITION SOURCE_ID",
        )
    return Judgement(True, f"every reference pointed at the record that was meant{_as_of(figures)}")


def _failures(figures: Figures) -> Judgement:
    failed = sum(one["outcomes"].get("failed", 0) for one in figures["routes"].values())
    allowed = figures["failed_allowed"]
    examples = "; ".join(
        f"{row['source_id']}: {row['problem']['message']}"
        for one in figures["routes"].values()
        for row in one["not_loaded"]
        if row["problem"] and row["outcome"] == "failed"
    )
    says = f"{failed} records refused by the target, {allowed} allowed" + (f": {examples}" if examples else "")
    return Judgement(
        failed <= allowed, says, "Mend the values in the source or the mapping, then plan and apply again."
    )


def _owners(figures: Figures) -> Judgement:
    needed, open_owners = figures["owners_needed"], figures["owners_open"]
    if not open_owners:
        return Judgement(True, f"all {needed} owners that records in scope need are resolved")
    names = ", ".join(
        f"{one['name']} <{one['email'] or one['source_id']}>{f' ({rows} records)' if (rows := one.get('records')) else ''}"
        for one in open_owners[:10]
    )
    says = f"{len(open_owners)} of {needed} owners unresolved: {names}{', ...' if len(open_owners) > 10 else ''}"
    if figures["unmatched_owner"] == "hold":
        return Judgement(True, says + "; by decision their records are held")
    return Judgement(
        False, says,
        "Have the admin add these people to the target, or name someone else for them, and for a queue, in owners.yaml; "
        "then discover, plan and confirm again.",
    )  # fmt: skip


def _twice(figures: Figures) -> Judgement:
    found = figures["twice"]
    if not found["number"]:
        return Judgement(True, "no record of a converted lead stands in the target beside what it was converted into")
    named = [
        f"{one['object']} {one['target_id']} of lead {one['source_id']}, converted into {one['became']}, "
        f"which is {one['stands_as']}"
        for one in found["first"][:5]
    ]
    more = " ..." if found["number"] > len(named) else ""
    return Judgement(
        False, f"{found['number']} records of converted leads stand in the target twice: {'; '.join(named)}{more}",
        "In the target merge each into the record named last, or delete it; then run: crm-migrate apply PARTITION",
    )  # fmt: skip


def _archives(figures: Figures) -> Judgement:
    found = figures["archives"]
    wrong = [
        f"{name} ({one['place']}) is {one['state']}"
        if one["state"] != AS_WRITTEN
        else f"{name} ({one['place']}) holds {one['records']} of {one['planned']} records"
        for name, one in found.items()
        if one["state"] != AS_WRITTEN or one["records"] != one["planned"]
    ]
    if wrong:
        return Judgement(
            False, f"{len(wrong)} of {len(found)} archives not as they were written: {'; '.join(wrong)}",
            "Put back what was there, or run: crm-migrate apply PARTITION, which writes it anew.",
        )  # fmt: skip
    total = sum(one["records"] for one in found.values())
    return Judgement(True, f"{len(found)} archives with {total} records are as they were written")


def _as_of(figures: Figures) -> str:
    """When the target was last read, since a run that wrote nothing reads nothing back."""
    when = max((one["read_back_at"] for one in figures["routes"].values() if one["read_back_at"]), default=None)
    return f", as of {when}" if when else ""


def _examples(figures: Figures, concerns: Callable[[Mapping[str, Any]], bool]) -> str:
    found = [
        f"{one['source_id']} (target id {one['target_id']}{', ' + one['field'] if one['field'] else ''})"
        for route in figures["routes"].values()
        for one in route["findings"]
        if concerns(one)
    ]
    return f": {', '.join(found[:5])}{' ...' if len(found) > 5 else ''}" if found else ""


OBJECT_CLAIMS = (
    Claim(
        "every_record_was_extracted", "Extracted equals the source's own count (COMMON-30, SF-KOMMO-60).", _extracted
    ),
    Claim("the_outcomes_add_up", "Every extracted record has its outcome (COMMON-30, SF-KOMMO-01).", _add_up),
    Claim("what_was_loaded_is_there", "The target answers for every record by its id (SF-KOMMO-60).", _present),
    Claim(
        "every_field_reads_back_as_meant", "Each written field is compared with what was meant (COMMON-04).", _read_back
    ),
    Claim(
        "references_point_at_what_was_meant", "Parents and owners are the ones of the source (COMMON-06).", _references
    ),
    Claim("failures_stay_within_the_decision", "Refused records, itemised, against failed_allowed.", _failures),
)
OWNERS_CLAIM = Claim(
    "every_owner_is_resolved", "No owner in scope is without a counterpart (COMMON-28, SF-KOMMO-49).", _owners
)
CONVERTED_CLAIM = Claim(
    "no_converted_lead_stands_twice",
    "What a lead made is what it was converted into (SF-KOMMO-07, SF-KOMMO-63).",
    _twice,
)


ARCHIVE_CLAIM = Claim(
    "every_archive_is_as_it_was_written",
    "Row count and SHA-256 of each archive, read anew (SF-KOMMO-31, 46, 77).",
    _archives,
)


_ADDED = {"users": (OWNERS_CLAIM,), "leads": (CONVERTED_CLAIM,)}


def claims_of(crm_object: str) -> tuple[Claim, ...]:
    """The claims that stand on a CRM object, or on the archive."""
    if crm_object == ARCHIVE:
        return (*(claim for claim in OBJECT_CLAIMS if claim.judge in (_extracted, _add_up)), ARCHIVE_CLAIM)
    return (*_ADDED.get(crm_object, ()), *OBJECT_CLAIMS)


def _is_empty_list(key: str, good: str, one: str, bad: str, next_step: str) -> Callable[[Figures], Judgement]:
    def judge(figures: Figures) -> Judgement:
        found = figures[key]
        if not found:
            return Judgement(True, good)
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        what = bad if len(found) > 1 else one
        says = f"{len(found)} {what}: {'; '.join(found[:8])}{more}"
        return Judgement(False, says.removesuffix("."), next_step)

    return judge


PLAN_CLAIMS = (
    Claim(
        "every_decision_is_taken",
        "No decision of the pair is open (SF-KOMMO-41).",
        _is_empty_list(
            "open_decisions",
            "every decision is taken",
            "decision open",
            "decisions open",
            "Take them in project.yaml, then plan again: crm-migrate plan PARTITION lists what each means and takes.",
        ),
    ),
    OWNERS_CLAIM,
    Claim(
        "everything_has_a_disposition",
        "Every source object with rows and every filled field is mapped, or lost with a reason.",
        _is_empty_list(
            "undisposed",
            "every source object and field is disposed of",
            "source object or field without a disposition",
            "source objects or fields without a disposition",
            "Run crm-migrate map PARTITION: it says of each object which ways are open and what to write for each, and writes "
            "the fields into the mapping files as undecided; move each into fields:, or with its reason into lost:.",
        ),
    ),
    Claim(
        "nothing_is_hidden_from_us",
        "The integration user sees every record, file, object and field, or a decision says to go on without.",
        _is_empty_list(
            "gaps",
            "nothing that is known of is hidden from us",
            "gap in what the source shows us",
            "gaps in what the source shows us",
            "Give the integration user what is named, then discover and extract again; or decide to go on without it: "
            "visibility_gap: accept, under decisions: in project.yaml.",
        ),
    ),
    Claim(
        "the_plan_fits_the_target",
        "What is planned can be loaded into this account as it is.",
        _is_empty_list(
            "misfits",
            "the plan fits the target",
            "obstacle in the target",
            "obstacles in the target",
            "Clear each of them, then discover and plan again.",
        ),
    ),
    Claim(
        "a_person_vouches_for_the_target",
        "A person has seen to what no API tells, and said so (automations that would reach people).",
        _is_empty_list(
            "unvouched",
            "nothing in the target is left that only a person can see to",
            "point that only a person can see to",
            "points that only a person can see to",
            "See to it, then say so: crm-migrate confirm PARTITION --checklist",
        ),
    ),
    Claim(
        "every_mapping_row_is_confirmed",
        "A person has confirmed each mapping row, decision and owner as it stands (COMMON-05).",
        _is_empty_list(
            "unconfirmed",
            "a person has confirmed every row",
            "row unconfirmed",
            "rows unconfirmed",
            "Read them, then run: crm-migrate confirm PARTITION",
        ),
    ),
)
