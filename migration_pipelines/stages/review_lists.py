"""Lists beside the report, for people to work through: one file each, there only while it has rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from migration_pipelines.ledger.report import plain
from migration_pipelines.reports.advice import advice, reason_in_words
from migration_pipelines.reports.spreadsheet import write_csv
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.record_names import names_of, sources_of

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


def _leads(partition: OpenPartition) -> Rows:
    """The deals that stand for leads, with what a person sorts them by."""
    owners, routes = {one["source_id"]: one["name"] for one in partition.ledger.owners()}, partition.routes_of("leads")

    def behind(target: str, *names: str) -> list[str]:
        """The source fields behind some fields of a target object."""
        made = [compiled for compiled in routes if compiled.route.target == target]
        return [field for compiled in made for name in names for field in sources_of(partition, compiled, name)]

    columns = (behind("contacts", "first_name", "last_name"), behind("companies", "name"), behind("leads", "status"))
    for compiled in routes:
        if "status" not in compiled.route.fields:
            continue
        source, owned = compiled.route.source, compiled.route.references.get("responsible_user_id")
        fields = [*chain.from_iterable(columns), *([owned.from_] if owned and owned.from_ else [])]
        for page in partition.ledger.report.loaded(compiled.key):
            texts = partition.ledger.report.parts_of_names(source, fields, [row["source_id"] for row in page])
            for row in page:
                said = dict(zip(fields, texts[row["source_id"]], strict=True))
                told = [" ".join(part for one in column if (part := said[one])) for column in columns]
                owner = owners.get(said.get(owned.from_ or "") or "") if owned else None
                yield row["source_id"], *told, owner, row["target_id"]


def _left_alone(partition: OpenPartition) -> Rows:
    for _, compiled in partition.routes:
        for page in partition.ledger.report.left_alone(compiled.key):
            for row in page:
                yield (
                    compiled.route.target, row["target_id"], compiled.route.source, row["source_id"],
                    plain(row["undo_detail"]),
                )  # fmt: skip


def _matches(partition: OpenPartition, *, is_certain: bool) -> Rows:
    """A row for every candidate of a record that is, or may be, one that people had made."""
    for crm_object, compiled in partition.routes:
        source = compiled.route.source
        for page in partition.ledger.report.matched(compiled.key):
            rows = [row for row in page if (row["matched_id"] is not None) is is_certain]
            names = names_of(partition, source, {row["source_id"] for row in rows})
            for row in rows:
                said = row["match"]
                for one in said["candidates"] or ({"id": said["value"], "name": ""},):
                    yield (
                        crm_object, row["source_id"], names.get(row["source_id"]), compiled.route.target, one["id"],
                        plain(one["name"]), said["key"], plain(said["value"]), row["outcome"],
                        ", ".join(said.get("others") or ()),
                    )  # fmt: skip


def _matched(partition: OpenPartition) -> Rows:
    return _matches(partition, is_certain=True)


def _to_match(partition: OpenPartition) -> Rows:
    return _matches(partition, is_certain=False)


_MATCH = (
    "mapping file", "source id", "name", "target object", "target id", "name in the target", "key", "value", "outcome",
    "others of the source",
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
        "matched records", "These were in the target before us. Look at what each was matched by; matches.yaml says otherwise.",
        _MATCH, _matched,
    ),
    ReviewList(
        "matches to decide",
        "Say in matches.yaml which record of the target each of these is, or new; then confirm and plan again.",
        _MATCH, _to_match,
    ),
    ReviewList(
        "owners open", "Name in owners.yaml who takes over from each of them, or have the admin add them to the target.",
        ("source id", "name", "e-mail", "state", "problem"), _owners,
    ),
    ReviewList(
        "leads to work through", "Each of these is a deal that stands for a lead: qualify it, or close it.",
        ("source id", "name", "company", "status", "owner", "deal id in the target"), _leads,
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
