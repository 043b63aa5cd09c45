"""Is the Kommo account what the demo company must be there? Answered from the model, record by record, field by field."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CARDS = ("companies", "contacts", "leads")
KINDS = (*CARDS, "tasks", "notes", "files")


def differences(expected: dict[str, Any], snapshot: dict[str, Any]) -> list[str]:
    """Every difference in words; empty where the account is exactly as expected.

    Args:
        expected: as `demo.kommo.expected` gives it.
        snapshot: the twin's full state.
    """
    world = _World(snapshot)
    found: list[str] = []
    for kind in KINDS:
        there = world.by_key(kind)
        found += [f"{kind} {key}: {len(records)} of it" for key, records in there.items() if len(records) > 1]
        found += [f"{kind} {key}: missing" for key in expected[kind] if key not in there]
        found += [f"{kind} {key}: not expected" for key in there if key not in expected[kind]]
        for key in sorted(set(expected[kind]) & set(there)):
            is_as = world.plain(kind, there[key][0])
            for name, value in expected[kind][key].items():
                if is_as.get(name) != value:
                    found.append(f"{kind} {key} {name}: expected {value!r}, found {is_as.get(name)!r}")
    return found


def responsible(snapshot: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Kind of card and Salesforce id -> e-mail of the Kommo user who is responsible for it."""
    emails = {user["id"]: user["email"] for user in snapshot["users"]}
    return {(kind, _key(one)): emails[one["responsible_user_id"]] for kind in CARDS for one in snapshot[kind]}


def archive_differences(expected: Mapping[str, int], folder: Path) -> list[str]:
    """Archives that are missing, that nobody expects, or that have another number of rows.

    Args:
        expected: object -> rows.
        folder: where the migration wrote a CSV file for each.
    """
    there = {path.stem: _rows(path) for path in folder.glob("*.csv")}
    return [
        f"archive of {name}: expected {expected.get(name, 'none')} rows, found {there.get(name, 'none')}"
        for name in sorted(expected.keys() | there.keys())
        if expected.get(name) != there.get(name)
    ]


def _rows(path: Path) -> int:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return sum(1 for _ in csv.DictReader(file))


class _World:
    """The account, read with Salesforce ids for records and e-mails for people."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self._snapshot = snapshot
        self._emails = {user["id"]: user["email"] for user in snapshot["users"]}
        self._stages = {one["id"]: one["name"] for line in snapshot["pipelines"] for one in line["statuses"]}
        self._task_types = {one["id"]: one["name"] for one in snapshot["account"]["task_types"]}
        self._keys = {(kind, record["id"]): _key(record) for kind in CARDS for record in snapshot[kind]}
        self._linked: dict[tuple[str, int], list[tuple[str, str, bool]]] = {}
        for link in snapshot["links"]:
            here, there = (link["entity"], link["id"]), (link["to_entity"], link["to_id"])
            self._linked.setdefault(here, []).append((there[0], self._keys[there], link["is_main"]))
            self._linked.setdefault(there, []).append((here[0], self._keys[here], link["is_main"]))

    def by_key(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        records: dict[str, list[dict[str, Any]]] = {}
        for record in self._snapshot[kind]:
            if not record.get("is_deleted") and not record.get("deleted_at"):
                key = _key(record) if kind in CARDS else _parted(_marked_text(kind, record))[1]
                records.setdefault(key, []).append(record)
        return records

    def plain(self, kind: str, record: dict[str, Any]) -> dict[str, Any]:
        if kind == "files":
            return self._file(record)
        return self._card(kind, record) if kind in CARDS else self._on_card(kind, record)

    def _card(self, kind: str, record: dict[str, Any]) -> dict[str, Any]:
        links = self._linked.get((kind, record["id"]), [])
        plain = dict(record) | self._people(record) | {
            "company": next((key for to, key, _ in links if to == "companies"), None),
            "contacts": {key for to, key, _ in links if to == "contacts"},
            "main_contact": next((key for to, key, is_main in links if to == "contacts" and is_main), None),
            "custom_fields": {
                code: [_value(one) for one in values] for code, values in record["custom_fields"].items()
            },
        }  # fmt: skip
        if kind == "leads":
            closed = record["status_id"] in (142, 143)
            plain["status"] = record["status_id"] if closed else self._stages[record["status_id"]]
        return plain

    def _on_card(self, kind: str, record: dict[str, Any]) -> dict[str, Any]:
        """A task or a note."""
        card = (record["entity_type"], self._keys.get((record["entity_type"], record["entity_id"])))
        plain = dict(record) | self._people(record) | {"card": card, "text": _parted(_marked_text(kind, record))[0]}
        if kind == "tasks":
            result = record["result"] or {}
            return plain | {"type": self._task_types[record["task_type_id"]], "result": result.get("text")}
        params = record["params"]
        phone = params.get("phone") if params.get("phone") != "-" else None
        text = params["call_result"] if record["note_type"].startswith("call") else plain["text"]
        return plain | {"text": text, "phone": phone, "duration": params.get("duration")}

    def _file(self, record: dict[str, Any]) -> dict[str, Any]:
        on = {
            (one["entity"], self._keys[one["entity"], one["record_id"]])
            for one in self._snapshot["attached"]
            if one["file_uuid"] == record["id"]
        }
        return {"name": _parted(record["name"])[0], "size": record["versions"][-1]["size"], "cards": on}

    def _people(self, record: dict[str, Any]) -> dict[str, Any]:
        return {
            "responsible_user": self._emails[record["responsible_user_id"]],
            "created_by": self._emails[record["created_by"]],
        }


def _key(record: dict[str, Any]) -> str:
    values = record["custom_fields"].get("SF_ID")
    return str(values[0]["value"]) if values else f"without SF_ID: {record['name']}"


def _marked_text(kind: str, record: dict[str, Any]) -> str:
    """The text of a task or note, or the name of a file, that the Salesforce id stands in."""
    if kind == "notes":
        params = record["params"] or {}
        return str(params.get("uniq") or params.get("text") or "")
    return str(record["name"] if kind == "files" else record["text"])


def _parted(text: str) -> tuple[str, str]:
    """A text without its mark, and the Salesforce id of the mark."""
    found = re.search(r"\s*\[SF:(\w{18})(?::[^\[\]]*)?\](\.\w+)?$", text)
    if found is None:
        return text, f"without a mark: {text[:40]}"
    return text[: found.start()] + (found[2] or ""), found[1]


def _value(one: dict[str, Any]) -> Any:
    """Telephone numbers and e-mails come with their kind."""
    is_kind = one.get("enum_code") in ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER", "PRIV")
    return (one["value"], one["enum_code"]) if is_kind else one["value"]
