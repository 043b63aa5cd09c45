"""Is the Kommo account what the demo company must be there? Answered from the model, record by record, field by field."""

from __future__ import annotations

from typing import Any

KINDS = ("companies", "contacts", "leads")


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


class _World:
    """The account, read with Salesforce ids for records and e-mails for people."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self._snapshot = snapshot
        self._emails = {user["id"]: user["email"] for user in snapshot["users"]}
        self._stages = {one["id"]: one["name"] for line in snapshot["pipelines"] for one in line["statuses"]}
        self._keys = {(kind, record["id"]): _key(record) for kind in KINDS for record in snapshot[kind]}
        self._linked: dict[tuple[str, int], list[tuple[str, str, bool]]] = {}
        for link in snapshot["links"]:
            here, there = (link["entity"], link["id"]), (link["to_entity"], link["to_id"])
            self._linked.setdefault(here, []).append((there[0], self._keys[there], link["is_main"]))
            self._linked.setdefault(there, []).append((here[0], self._keys[here], link["is_main"]))

    def by_key(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        records: dict[str, list[dict[str, Any]]] = {}
        for record in self._snapshot[kind]:
            if not record["is_deleted"]:
                records.setdefault(_key(record), []).append(record)
        return records

    def plain(self, kind: str, record: dict[str, Any]) -> dict[str, Any]:
        links = self._linked.get((kind, record["id"]), [])
        plain = dict(record) | {
            "responsible_user": self._emails[record["responsible_user_id"]],
            "created_by": self._emails[record["created_by"]],
            "company": next((key for to, key, _ in links if to == "companies"), None),
            "contacts": {key for to, key, _ in links if to == "contacts"},
            "main_contact": next((key for to, key, is_main in links if to == "contacts" and is_main), None),
            "custom_fields": {
                code: [_value(one) for one in values] for code, values in record["custom_fields"].items()
            },
        }
        if kind == "leads":
            closed = record["status_id"] in (142, 143)
            plain["status"] = record["status_id"] if closed else self._stages[record["status_id"]]
        return plain


def _key(record: dict[str, Any]) -> str:
    values = record["custom_fields"].get("SF_ID")
    return str(values[0]["value"]) if values else f"without SF_ID: {record['name']}"


def _value(one: dict[str, Any]) -> Any:
    """Telephone numbers and e-mails come with their kind."""
    is_kind = one.get("enum_code") in ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER", "PRIV")
    return (one["value"], one["enum_code"]) if is_kind else one["value"]
