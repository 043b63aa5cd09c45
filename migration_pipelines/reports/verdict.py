"""The report in one sentence, and what to do next: judged by claims and outcomes, which stand in the report as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migration_pipelines.core.lifecycle import ROLLED_BACK

KEPT_BACK = ("held", "failed", "conflict")


def verdict(
    step: str | None, claims: Sequence[Mapping[str, Any]], records: Mapping[str, int], entries: Mapping[str, int],
    not_loaded: Sequence[str],
) -> dict[str, str]:  # fmt: skip
    """`state` is "holds", "open", "planned" or "rolled back"; `says` is the sentence.

    Args:
        records: outcomes of the source's records, each counted once.
        entries: outcomes of all that they make in the target: themselves, their links, notes on them.
        not_loaded: CRM objects that no load has come to.
    """

    def counted(*words: str) -> str:
        return _counted(*(sum(outcomes.get(word, 0) for word in words) for outcomes in (records, entries)))

    if step == ROLLED_BACK:
        left = entries.get("loaded", 0)
        return {
            "state": ROLLED_BACK,
            "says": f"This migration was rolled back: {counted(ROLLED_BACK)} undone, {left} left in the target.",
        }
    pending, loaded = entries.get("planned", 0), entries.get("loaded", 0)
    if not loaded:
        return {"state": "planned", "says": f"Nothing has been loaded yet: {counted('planned')} planned."}
    broken = sum(not one["holds"] for one in claims)
    kept_back = sum(entries.get(word, 0) for word in KEPT_BACK)
    itemised = f"{counted(*KEPT_BACK)} kept back or refused, and itemised below" if kept_back else ""
    if not broken and not pending and not not_loaded:
        says = "Everything that was planned is there and reads back as meant"
        return {"state": "holds", "says": f"{says}; {itemised}." if itemised else f"{says}."}
    parts = [
        f"{broken} of {len(claims)} claims {'does' if broken == 1 else 'do'} not hold" if broken else "",
        f"{counted('planned')} planned and not loaded" if pending else "",
        f"{', '.join(not_loaded)} not loaded yet" if not_loaded else "",
        itemised,
    ]
    return {"state": "open", "says": f"Open: {'; '.join(part for part in parts if part)}."}


def _counted(records: int, entries: int) -> str:
    if entries > records:
        return f"{records:,} record{'' if records == 1 else 's'}, {entries:,} with their links and notes, are"
    return f"{records:,} record{' is' if records == 1 else 's are'}"


def next_steps(report: Mapping[str, Any]) -> list[str]:
    """What to do next, the most pressing first, nothing twice."""
    steps = [
        f"{one['on']}: {one['says']}. {one['next']}" if one["next"] else f"{one['on']}: {one['says']}."
        for one in report["claims"]
        if not one["holds"]
    ]
    key, state = report["partition"], report["verdict"]["state"]
    if state == "planned" and not steps:
        steps.append(f"Read the plan (crm-migrate plan {key}), then run: crm-migrate apply {key}")
    steps += [
        f"Go through the list “{one['name']}” ({one['rows']:,} row{'' if one['rows'] == 1 else 's'}, beside this page). "
        f"{one['todo']}"
        for one in report["lists"]
    ]
    if state == "rolled back":
        steps.append(f"To load again: crm-migrate plan {key}, then crm-migrate apply {key}")
    if state == "holds":
        steps.append("Compare the cards below with both systems, then sign at the end of this page.")
    return list(dict.fromkeys(steps))


def in_all(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Outcome -> sum over routes or objects."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def summary_text(report: Mapping[str, Any], page: object) -> str:
    """The report in a few lines for a terminal, and where the whole of it is."""
    lines = [f"{report['partition']}: {report['verdict']['says']}"]
    outcomes = in_all(one["outcomes"] for one in report["records"])
    if outcomes:
        lines.append("Records: " + ", ".join(f"{rows:,} {word}" for word, rows in sorted(outcomes.items())))
    for part in (report["money"] or {"currencies": []})["currencies"]:
        of, name = part["all"], part["currency"] or "Amounts"
        name += f" in {part['into']}" if part["into"] else ""
        lines.append(
            f"{name}: source {of['source']}, target {of['target']}, not arrived {of['missing']}, "
            f"unexplained {of['unexplained']}"
        )
    lines += [f"  {n}. {step}" for n, step in enumerate(report["next"], 1)]
    lines.append(f"The report: {page}")
    return "\n".join(lines)
