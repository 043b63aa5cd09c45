"""Report: what somebody responsible could sign, as a page, as JSON, and as lists. Reads only the ledger and the files.

What the target holds is known here as what was meant, overlaid with what read back differently; nothing is asked of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.crm_objects import ARCHIVE, NAMES
from migration_pipelines.core.fingerprint import fingerprint
from migration_pipelines.core.records import Outcome
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.report import plain
from migration_pipelines.reports.advice import advice, reason_in_words
from migration_pipelines.reports.page import page_of
from migration_pipelines.reports.verdict import in_all, next_steps, verdict
from migration_pipelines.reports.whole_file import whole_file
from migration_pipelines.stages import archived, gates
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.reconcile import figures_of
from migration_pipelines.stages.record_names import names_of
from migration_pipelines.stages.report_cards import cards_of
from migration_pipelines.stages.report_money import money_of
from migration_pipelines.stages.report_owners import owners_of, words_given
from migration_pipelines.stages.review_lists import KEPT_BACK, not_kept, write_lists

PAGE, DATA = "report.html", "report.json"
OUT_OF_SCOPE = {Outcome.EXCLUDED, Outcome.DELETED_IN_SOURCE, Outcome.MADE_BY_PLATFORM}


def write_report(partition: OpenPartition) -> Path:
    """Write page, JSON and lists into the partition's review folder, each whole or not at all. Returns the page's path.

    Raises:
        GateClosed: there is no plan yet, and so nothing to report.
    """
    with partition.ledger.report.one_view():
        content = _content(partition)
    with whole_file(partition.review / DATA) as file:
        json.dump(content, file, indent=1, default=str)
    with whole_file(report_path(partition)) as file:
        file.writelines(page_of(content))
    return report_path(partition)


def report_path(partition: OpenPartition) -> Path:
    """Where the page is, or will be."""
    return partition.review / PAGE


def read_report(partition: OpenPartition) -> Mapping[str, Any]:
    """The content of the report that was written last. Raises GateClosed where there is none."""
    path = partition.review / DATA
    if not path.exists():
        raise GateClosed(f"{partition.key}: no report was written yet. Run: crm-migrate report {partition.key}")
    return dict(json.loads(path.read_text("utf-8")))


def _content(partition: OpenPartition) -> dict[str, Any]:
    plan = partition.ledger.plans.current()
    if plan is None:
        raise GateClosed(
            f"{partition.key}: there is no plan yet, and so nothing to report. Run: crm-migrate plan {partition.key}"
        )
    names = [name for name in NAMES if partition.routes_of(name)] + ([ARCHIVE] if archived.planned(partition) else [])
    figures = {name: figures_of(partition, name) for name in names}
    loaded = {name for name in figures if partition.ledger.proof.reconciliation(name)}
    claims = list(_claims(partition, figures, loaded))
    entries = in_all(
        one["outcomes"] for name, of in figures.items() if name != "users" for one in of["routes"].values()
    )
    records = list(_records(partition, figures))
    outcomes = in_all(one["outcomes"] for one in records if one["crm_object"] != "users")
    kept_back, left_out, listed = _reasons(partition)
    lists = write_lists(partition)
    content: dict[str, Any] = {
        "partition": partition.key,
        "project": partition.project.name,
        "environment": partition.environment,
        "source": partition.schema("source").identity,
        "target": partition.schema("target").identity,
        "step": partition.step,
        "plan": {"fingerprint": plan["fingerprint"], "created_at": _moment(plan["created_at"])},
        "read_back_at": max((at for of in figures.values() if (at := _read_back_at(of))), default=None),
        "verdict": verdict(partition.step, claims, outcomes, entries, [name for name in figures if name not in loaded]),
        "claims": claims,
        "transferability": plan["summary"].get("transferability"),
        "decisions": plan["summary"].get("decisions"),
        "records": records,
        "routes": list(_routes(figures)),
        "kept_back": kept_back,
        "left_out": left_out,
        "losses": {
            "fields": _lost_fields(partition, figures),
            "objects": _lost_objects(partition),
            "listed": listed,
            "not_kept": not_kept(partition),
        },
        "fields": list(_fields(partition, figures)),
        "money": money_of(partition),
        "owners": owners_of(partition),
        "words": words_given(partition, plan["fingerprint"]),
        "cards": cards_of(partition, plan["fingerprint"][:12], figures),
        "lists": lists,
    }
    content["next"] = next_steps(content)
    return content | {"fingerprint": fingerprint(content), "written_at": _moment(datetime.now(UTC))}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _read_back_at(figures: Mapping[str, Any]) -> str | None:
    return max((one["read_back_at"] for one in figures["routes"].values() if one["read_back_at"]), default=None)


def _claims(partition: OpenPartition, figures: Mapping[str, Any], loaded: set[str]) -> Iterator[dict[str, Any]]:
    judged = {"plan": gates.judge_plan(partition)}
    judged |= {name: gates.judge_object(name, figures[name]) for name in figures if name in loaded}
    for on, judgements in judged.items():
        for name, one in judgements.items():
            next_ = "" if one.holds else one.advice(partition.key)
            yield {"on": on, "claim": name, "holds": one.holds, "says": one.says, "next": next_}


def _records(partition: OpenPartition, figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for every source object: what the source counts, what was extracted, and one outcome for each of its records."""
    seen: set[str] = set()
    archives = {name: one["key"] for name, one in figures[ARCHIVE]["archives"].items()} if ARCHIVE in figures else {}
    for crm_object, of in figures.items():
        for name, counts in of["objects"].items():
            if name in seen:
                continue
            seen.add(name)
            keys = [one.key for one in partition.routes_from(name)]
            if name in archives:
                keys.append(archives[name])
            outcomes = partition.ledger.report.outcomes_of_records(keys)
            live = sum(outcomes.values()) - outcomes.get("deleted in source", 0)
            adds_up = (
                counts["source_count"] == counts["extracted"] == live
                and not counts["unaccounted"]
                and not counts["without_record"]
            )
            yield {
                "crm_object": crm_object, "source_object": name, "source_count": counts["source_count"],
                "extracted": counts["extracted"], "outcomes": outcomes, "live": live, "adds_up": adds_up,
            }  # fmt: skip


def _routes(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for crm_object, of in figures.items():
        for key, one in of["routes"].items() if crm_object != ARCHIVE else ():
            source, target = key.split("/")[1].split(">")
            counted = ("rows", "outcomes", "present", "unverified", "wrong", "wrong_references", "read_back_at")
            yield {"crm_object": crm_object, "source_object": source, "target_object": target} | {
                name: one[name] for name in counted
            }


def _reasons(partition: OpenPartition) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """What is kept back, what the mapping leaves out, and what was carried and is listed: groups with an example each."""
    kept_back: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    listed: list[dict[str, Any]] = []
    for _, compiled in partition.routes:
        found = partition.ledger.report.reasons(compiled.key)
        names = names_of(partition, compiled.route.source, {one["example"] for one in found})
        for one in found:
            is_kept_back = one["outcome"] in KEPT_BACK
            group = {
                "source_object": compiled.route.source, "target_object": compiled.route.target, "outcome": one["outcome"],
                "reason": reason_in_words(one["reason"]), "field": plain(one["field"]), "words": plain(one["words"]),
                "rows": one["rows"], "message": plain(one["message"]), "what_to_do": advice(one["reason"], holds=one["holds"]),
                "example": {"source_id": one["example"], "name": names.get(one["example"], "")}, "groups": one["groups"],
            }  # fmt: skip
            if is_kept_back and one["holds"]:
                kept_back.append(group)
            elif one["outcome"] == "excluded":
                left_out.append(group)
            elif not one["holds"] and not is_kept_back:
                listed.append(group)
    for groups in (kept_back, left_out, listed):
        groups.sort(key=lambda one: -int(one["rows"]))
    return kept_back, left_out, listed


def _lost_fields(partition: OpenPartition, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fields that the mapping declares lost, with how many records lose them; those that most records lose first.

    A field that another route of the object carries is lost by no more records than the losing routes have.
    """
    lost = []
    for name in partition.source_objects:
        extraction = partition.ledger.records.last_extraction(name)
        filled = extraction["profile"]["filled"] if extraction else {}
        routes = partition.routes_from(name)
        for field, why in {field: why for one in routes for field, why in one.route.lost.items()}.items():
            count = filled.get(field, 0)
            if field in partition.reads(name):
                count = min(count, sum(_in_scope(figures, one.key) for one in routes if field in one.route.lost))
            lost.append({"source_object": name, "field": field, "filled": count, "why": why})
    return sorted(lost, key=lambda one: (-one["filled"], one["source_object"], one["field"]))


def _in_scope(figures: Mapping[str, Any], key: str) -> int:
    """How many records a route is about."""
    (outcomes,) = (of["routes"][key]["outcomes"] for of in figures.values() if key in of["routes"])
    return sum(count for outcome, count in outcomes.items() if outcome not in OUT_OF_SCOPE)


def _lost_objects(partition: OpenPartition) -> list[dict[str, Any]]:
    known, archives = partition.schema("source").objects, archived.archives(partition)
    return [
        {
            "source_object": name,
            "how": how,
            "why": why,
            "records": known[name].records if name in known else None,
            "archive": archives.get(name),
        }
        for name, disposition in partition.dispositions.items()
        for how, why in disposition.items()
    ]


def _fields(partition: OpenPartition, figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """How each written field reads back, a part for every route, in the mapping's order (COMMON-04)."""
    for crm_object, compiled in partition.routes:
        rows = {row["field"]: row for row in partition.ledger.report.fields(compiled.key)}
        if rows:
            ignored = figures[crm_object]["routes"][compiled.key]["ignored"]
            order = [*_order(compiled), *(name for name in rows if name not in _order(compiled))]
            yield {
                "source_object": compiled.route.source,
                "target_object": compiled.route.target,
                "rows": [_field(rows[name], is_kept=name not in ignored) for name in order if name in rows],
            }


def _order(compiled: CompiledRoute) -> list[str]:
    return [*compiled.route.fields, *compiled.route.references]


def _field(row: Mapping[str, Any], *, is_kept: bool) -> dict[str, Any]:
    """`written` = equal + platform + wrong + missing + not_kept + unread."""
    found = {word: row["verdicts"].get(word, 0) for word in Verdict} if is_kept else dict.fromkeys(Verdict, 0)
    counted = {
        "platform": found[Verdict.PLATFORM],
        "wrong": found[Verdict.WRONG] + found[Verdict.WRONG_REFERENCE],
        "missing": found[Verdict.MISSING] + row["gone"],
        "not_kept": 0,
        "unread": row["unread"],
    }
    if not is_kept:
        counted = dict.fromkeys(counted, 0) | {"not_kept": row["written"]}
    equal = row["written"] - sum(counted.values())
    return {"field": row["field"], "written": row["written"], "filled": row["filled"], "equal": equal, **counted}
