"""Rules of single kinds of record, applied to a draft when its keys have been read: what depends on more than one key."""

import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType

from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.checking import Checker, Draft
from migration_pipelines.twins.kommo.entities import CARDS
from migration_pipelines.twins.kommo.note_types import complete_note
from migration_pipelines.twins.kommo.stages import Stages, close

Rule = Callable[[Checker, Draft, Json, sqlite3.Row | None], None]
"""Checker, draft, the item as sent, and the stored record where there is one."""


def complete(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    if rule := _RULES.get(checker.entity.name):
        rule(checker, draft, item, row)


def _contact(_: Checker, draft: Draft, __: Json, row: sqlite3.Row | None) -> None:
    """Kommo REST v4: first and last name build a contact's name."""
    told = draft.columns
    if told.get("first_name") is not None or told.get("last_name") is not None:
        parts = (told.get(key, row[key] if row else "") for key in ("first_name", "last_name"))
        told["name"] = " ".join(part for part in parts if part) or told.get("name", "")


def _lead(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    if row is None:
        draft.columns.setdefault("price", 0)
    _place(checker, draft, row)
    if row is None:
        _embed(checker, draft, item)


def _place(checker: Checker, draft: Draft, row: sqlite3.Row | None) -> None:
    """Find a lead's stage, and what follows from it: `closed_at` and the loss reason."""
    told, twin = draft.columns, checker.twin
    try:
        told["pipeline_id"], told["status_id"] = checker.stages.place(
            told.get("pipeline_id"), told.get("status_id"), (row["pipeline_id"], row["status_id"]) if row else None
        )
    except LookupError as unknown:
        draft.complain("NotSupportedChoice", str(unknown.args[0]))
        return
    draft.broken_rule = draft.broken_rule or close(told, row, twin.now(), twin.switches)
    if row is None and told["status_id"] == Stages.LOST and not twin.switches.create_lost_leads:
        draft.complain("NotSupportedChoice", "status_id")


def _embed(checker: Checker, draft: Draft, item: Json) -> None:
    """Kommo REST v4: a new lead links existing contacts and at most one existing company, and may name its source."""
    embedded = item.get("_embedded") or {}
    store = checker.twin.store
    for other, most in (("contacts", None), ("companies", 1)):
        told = embedded.get(other) or []
        if most is not None and len(told) > most:
            draft.complain("NotSupportedChoice", f"_embedded.{other}")
            continue
        known = store.records(other, [one.get("id", 0) for one in told])
        for index, one in enumerate(told):
            if one.get("id") not in known:
                draft.complain("NotSupportedChoice", f"_embedded.{other}.{index}.id")
            draft.links.append((other, one.get("id", 0), bool(one.get("is_main"))))
    if told := embedded.get("source"):
        sources = {source["external_id"]: source["id"] for source in store.documents("sources")}
        draft.columns["source_id"] = sources.get(told.get("external_id"))


def _customer(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    statuses = [one["id"] for one in checker.twin.store.documents("statuses_of_customers")]
    if "status_id" in item and draft.columns.get("status_id") not in statuses:
        draft.complain("NotSupportedChoice", "status_id")
    if row is None:
        draft.columns.setdefault("status_id", statuses[0] if statuses else None)
        if not draft.columns.get("name"):
            draft.complain("FieldMissing", "name")


def _task(checker: Checker, draft: Draft, item: Json, row: sqlite3.Row | None) -> None:
    """Kommo REST v4: a task stands on one record or on none; without a type it is a follow-up."""
    told = draft.columns
    if "entity_id" in told or "entity_type" in told:
        entity_type = told.get("entity_type", row["entity_type"] if row else None)
        entity_id = told.get("entity_id", row["entity_id"] if row else None)
        if entity_type not in CARDS:
            draft.complain("NotSupportedChoice" if entity_type else "FieldMissing", "entity_type")
        elif entity_id not in checker.twin.store.records(str(entity_type), [entity_id]):
            draft.complain("NotSupportedChoice", "entity_id")
    if row is not None:
        if item.get("text") == "":
            draft.complain("FieldMissing", "text")
        return
    if told.get("task_type_id") is None:
        told["task_type_id"] = 1
    if told.get("is_completed") and checker.twin.switches.completed_tasks != "honoured":
        told["is_completed"] = False
        if checker.twin.switches.completed_tasks == "refuse":
            draft.complain("NotSupportedChoice", "is_completed")


_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "contacts": _contact,
        "leads": _lead,
        "customers": _customer,
        "tasks": _task,
        "notes": complete_note,
    }
)
