"""Lists beside the report, for people to work through: one file each, there only while it has rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migration_pipelines.ledger.report import plain
from migration_pipelines.reports.advice import advice, reason_in_words
from migration_pipelines.reports.spreadsheet import write_csv
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.record_names import names_of

Rows = Iterator[Sequence[object]]

KEPT_BACK = ("held", "failed", "conflict")


@dataclass(frozen=True, slots=True)
class ReviewList:
    """`todo` is what to do about its rows, as a sentence."""

    name: str
    todo: str
    header: Sequence[str]
    rows: Callable[[OpenPartition], Rows]


def write_lists(partition: OpenPartition) -> list[dict[str, Any]]:
    """Write every list that has rows, remove every other: (name, file, rows, todo) of those that are there."""
    written = []
    for one in LISTS:
        path = partition.review / f"{one.name}.csv"
        rows = _Counted(one.rows(partition))
        write_csv(path, one.header, rows)
        if rows.count:
            written.append({"name": one.name, "file": str(path), "rows": rows.count, "todo": one.todo})
        else:
            path.unlink()
    return written


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Rows:
        for row in self._rows:
            self.count += 1
            yield row


_PROBLEM = (
    "source object",
    "source id",
    "name",
    "target object",
    "outcome",
    "reason",
    "field",
    "value",
    "message",
    "what to do",
)


def _problems(
    partition: OpenPartition, outcomes: Sequence[str], said: Callable[[Mapping[str, Any]], list[Any]]
) -> Rows:
    """A row for every problem that `said` finds in the entries of these outcomes; of all that the mapping takes if empty."""
    for _, compiled in partition.routes:
        source, target = compiled.route.source, compiled.route.target
        for page in partition.ledger.report.itemised(compiled.key, outcomes):
            found = [(row, problem) for row in page for problem in said(row)]
            names = names_of(partition, source, {row["source_id"] for row, _ in found})
            for row, one in found:
                reason, holds = one.get("reason"), one.get("holds", True)
                yield (
                    source, row["source_id"], names.get(row["source_id"]), target, row["outcome"], reason_in_words(reason),
                    plain(one.get("field")), _text(one.get("value")), plain(one.get("message")), advice(reason, holds=holds),
                )  # fmt: skip


def _text(value: Any) -> object:
    return plain(value) if isinstance(value, str) else value


def _why_kept_back(row: Mapping[str, Any]) -> list[Any]:
    """What the plan says of a held entry; of one that came to grief in the load, what was said then."""
    if row["planned"] == "planned":
        return [row["problem"] or {}]
    return [one for one in row["problems"] or () if one.get("holds", True)]


def _what_is_listed(row: Mapping[str, Any]) -> list[Any]:
    if row["outcome"] in KEPT_BACK:
        return []
    return [one for one in row["problems"] or () if one.get("holds") is False]


def _held(partition: OpenPartition) -> Rows:
    return _problems(partition, ("held",), _why_kept_back)


def _failed(partition: OpenPartition) -> Rows:
    return _problems(partition, ("failed", "conflict"), _why_kept_back)


def _listed(partition: OpenPartition) -> Rows:
    return _problems(partition, (), _what_is_listed)


def _owners(partition: OpenPartition) -> Rows:
    for one in partition.ledger.owners():
        if one["is_needed"] and one["target_id"] is None:
            yield (
                one["source_id"],
                one["name"],
                one["email"],
                "active" if one["is_active"] else "inactive",
                one["problem"],
            )


def _left_alone(partition: OpenPartition) -> Rows:
    for _, compiled in partition.routes:
        for page in partition.ledger.report.left_alone(compiled.key):
            for row in page:
                yield (
                    compiled.route.target, row["target_id"], compiled.route.source, row["source_id"],
                    plain(row["undo_detail"]),
                )  # fmt: skip


def not_kept(partition: OpenPartition) -> list[dict[str, Any]]:
    """What this target is known not to keep: (object, field, source_id, at) of the record that showed it."""
    identity, shown = partition.schema("target").identity, dict[str, Any]()
    for event in partition.ledger.events("canary"):
        if event["detail"]["target"] == identity:
            shown[event["detail"]["object"]] = event
    return [
        {"object": name, "field": field, "source_id": event["detail"]["source_id"], "at": str(event["at"])}
        for name, event in shown.items()
        for field in event["detail"]["ignored"]
    ]


def _not_kept(partition: OpenPartition) -> Rows:
    for one in not_kept(partition):
        yield one["object"], one["field"], one["source_id"], one["at"]


LISTS = (
    ReviewList(
        "held records", "Mend what each row says, then plan and apply again: what is held follows by itself.", _PROBLEM, _held
    ),
    ReviewList(
        "failed records", "Mend what the target names in each row, then plan and apply again.", _PROBLEM, _failed
    ),
    ReviewList(
        "values to look at",
        "These were carried, such as telephone numbers that nobody can dial. Correct what matters.",
        _PROBLEM, _listed,
    ),
    ReviewList(
        "owners open", "Name in owners.yaml who takes over from each of them, or have the admin add them to the target.",
        ("source id", "name", "e-mail", "state", "problem"), _owners,
    ),
    ReviewList(
        "left alone by the roll back", "Decide with whoever changed them; rollback --yes --force undoes these too.",
        ("target object", "target id", "source object", "source id", "why"), _left_alone,
    ),
    ReviewList(
        "fields not kept", "Tell the people who will miss them: the target takes these and does not keep them.",
        ("target object", "field", "seen on source id", "at"), _not_kept,
    ),
)  # fmt: skip
