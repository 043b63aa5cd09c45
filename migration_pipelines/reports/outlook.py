"""What the command line prints before anything is written: decisions with their consequences, and what arrives of what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.reports.table import aligned


def decisions_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every decision: its value, what it means, and what it is about in this org. The open ones come first."""
    in_order = sorted(rows, key=lambda row: row["value"] is not None)
    return "\n".join(
        ["Decisions, and what each is about in this org:", *(line for row in in_order for line in _lines(row))]
    )


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    is_open = row["value"] is None
    yield f"  {row['decision']}: {'OPEN' if is_open else row['value']} - {row['meaning']}"
    if consequence := consequence_of(row):
        yield f"      {consequence}"
    if is_open and not row["values"]:
        yield f"    > it takes {row['takes']}"
    for value, meaning in row["values"].items():
        if is_open or value == row["value"]:
            yield f"    {'>' if is_open else '='} {value}: {meaning}"
    for remark in row["remarks"]:
        yield f"    ! {remark}"


def consequence_of(row: Mapping[str, Any]) -> str:
    """What a decision is about, in numbers: "open tasks whose date is past: 37"."""
    known = [f"{one['records']}: {one['number']:,}" for one in row["concerns"] if one["number"] is not None]
    unknown: dict[str, list[str]] = {}
    for one in row["concerns"]:
        if one["number"] is None:
            unknown.setdefault(one["why"], []).append(one["records"])
    not_known = [f"{', '.join(records)}: not known, since {why}" for why, records in unknown.items()]
    return "; ".join([*known, *not_known, *row["says"]])


def matrix_text(found: Mapping[str, Any]) -> str:
    """What of each kind of data arrives from this org (SF-KOMMO-34), below how many of them map 1:1 (COMMON-12)."""
    head = ["data", "records", "transfers", "becomes", "cardinality", "support", "method", "lost"]
    return "\n".join([f"What arrives: {score_text(found)}", aligned(head, [_cells(row) for row in found["rows"]])])


def score_text(found: Mapping[str, Any]) -> str:
    """How many kinds of data map 1:1, of the whole table and of what the org has."""
    all_, here = found["score"], found["score_here"]
    return (
        f"{all_['one_to_one']} of {all_['of']} objects map 1:1; of those that this org has records of, "
        f"{here['one_to_one']} of {here['of']}."
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    decision = (
        f" (decision {row['decision']}: {'open' if row['value'] is None else row['value']})" if row["decision"] else ""
    )
    return [
        row["data"], records_text(row), row["transfers"] or "open", row["becomes"], row["cardinality"] or "none",
        row["support"] or "open", row["method"], f"{row['lost']}{decision}",
    ]  # fmt: skip


def records_text(row: Mapping[str, Any]) -> str:
    """How many records the org has of a kind of data."""
    numbers = [one["number"] for one in row["records"]]
    return "not known" if None in numbers or not numbers else f"{sum(numbers)}"
