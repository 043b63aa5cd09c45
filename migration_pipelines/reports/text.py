"""What the command line prints: discovery, plan, reconciliation, the story of one record. Plain text, no colour needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migration_pipelines.core.lifecycle import ROLLED_BACK
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.reports.advice import advice
from migration_pipelines.reports.outlook import decisions_text, matrix_text
from migration_pipelines.reports.table import aligned

_WORDS = (
    "loaded", "carried", "archived", "made by the platform", "held", "failed", "conflict", "excluded", "deleted in source",
    "planned", "rolled back",
)  # fmt: skip


def discovery_text(source: OrgSchema, target: OrgSchema) -> str:
    """What both orgs are: objects, fill rates, users, set-up, automations, limits, and what is hidden from us."""
    facts = source.facts
    kind = f"{facts.get('edition') or 'edition not told'}, {'sandbox' if facts.get('is_sandbox') else 'production'}"
    parts = [f"{source.identity} ({kind})"]
    mapped = {name: one for name, one in source.objects.items() if one.fields}
    others = {name: one for name, one in source.objects.items() if not one.fields}
    business = [one for one in others.values() if one.is_business]
    parts.append(
        aligned(
            ["mapped object", "records", "fields", "custom", "filled"], [_object_row(one) for one in mapped.values()]
        )
    )
    if business:
        rows = [[one.name, str(one.records), "" if one.is_counted else "about"] for one in business]
        parts += ["", aligned(["not mapped, with rows", "records", ""], rows)]
    if setup := len(others) - len(business):
        parts.append(f"{setup} more objects hold the platform's own rows.")
    parts += ["", _people(source)]
    for name, title in (("stages", "Stages"), ("record_types", "Record types"), ("queues", "Queues")):
        if listed := facts.get(name):
            parts.append(f"{title}: {', '.join(one['name'] for one in listed)}")
    if rates := facts.get("currencies"):
        parts.append("Currencies: " + ", ".join(f"{one['code']} at {one['rate']}" for one in rates))
    parts += ["", *_automations(source)]
    if limits := facts.get("limits"):
        rows = [[name, str(one["left"]), str(one["most"])] for name, one in limits.items()]
        parts += ["", aligned(["limit", "left", "of"], rows)]
    if source.capabilities:
        rows = [[one.name, one.state, one.how] for one in source.capabilities]
        parts += ["", aligned(["capability", "state", "because"], rows)]
    parts += [
        "",
        *(["Hidden from us:", *(f"  {gap}" for gap in source.gaps)] if source.gaps else ["No gap was found."]),
    ]
    parts += ["", f"{target.identity}: {len(target.users)} users, currency {target.facts.get('currency')}"]
    return "\n".join(parts)


def _object_row(one: ObjectSchema) -> list[str]:
    counted = [field.filled for field in one.fields.values() if field.filled is not None]
    custom = sum(field.is_custom for field in one.fields.values())
    filled = f"{sum(map(bool, counted))} of {len(counted)} counted" if counted else "at extraction"
    return [one.name, str(one.records), str(len(one.fields)), str(custom or "-"), filled]


def _people(org: OrgSchema) -> str:
    active = [user for user in org.users if user.is_active]
    standard = sum(user.is_standard for user in active)
    return f"{len(org.users)} users, {len(active)} of them active, {standard} of these with a standard account"


def _automations(org: OrgSchema) -> Iterator[str]:
    on = {True: "active", False: "inactive", None: "active or not: not told"}
    rows = [[one.kind, one.object or "-", one.name, on[one.is_active]] for one in org.automations]
    if rows:
        yield aligned(["automation", "object", "name", "state"], sorted(rows))
    else:
        yield "No automation is visible."
    if org.not_visible:
        yield f"Not visible, which is not none: {', '.join(org.not_visible)}"


def plan_text(key: str, summary: Mapping[str, Any]) -> str:
    """The plan: what becomes of every record, what is made, held, listed and lost, and what it costs."""
    rows: dict[str, dict[str, int]] = {}
    for one in summary["routes"]:
        row = rows.setdefault(one["route"], {})
        row["rows"] = row.get("rows", 0) + one["rows"]
        row["create"] = row.get("create", 0) + one["to_create"]
        row["match"] = row.get("match", 0) + one.get("to_match", 0)
        row["update"] = row.get("update", 0) + one["to_update"]
        if one["planned"] != "planned":
            row[one["planned"]] = one["rows"]
    words = [word for word in _WORDS if any(word in row for row in rows.values())]
    work = ["create", *(["match"] if any(row["match"] for row in rows.values()) else []), "update"]
    table = [
        [route, *(str(row.get(word, 0) or "-") for word in ("rows", *work, *words))] for route, row in rows.items()
    ]
    parts = [
        f"Plan of {key}, fingerprint {summary['fingerprint'][:12]}",
        aligned(["route", "rows", *work, *words], table),
        *_matches(summary.get("matches", {})),
    ]
    wanted = summary["wanted"]
    if wanted["fields"] or wanted["pipelines"]:
        parts.append("Made in the target before the first record:")
        by_object: dict[str, list[str]] = {}
        for field in wanted["fields"]:
            by_object.setdefault(field["object"], []).append(f"{field['name']} ({field['type']})")
        parts += [f"  fields of {name}: {', '.join(fields)}" for name, fields in by_object.items()]
        parts += [f"  pipeline {one['name']}: {', '.join(one['stages'])}" for one in wanted["pipelines"]]
    for holds, title in ((True, "Held back"), (False, "Carried, and listed")):
        listed = [one for one in summary["problems"] if one["holds"] is holds]
        if listed:
            parts.append(f"{title}:")
            parts += [
                f"  {one['rows']} x {one['route']} {one['field']}: {one['message']} (first: {one['example']})"
                for one in listed
            ]
    if summary["lost"] or summary["objects"]:
        parts.append("Not carried, by the mapping:")
        parts += [
            f"  {route} {field}: {why}" for route, fields in summary["lost"].items() for field, why in fields.items()
        ]
        parts += [
            f"  {name}: {', '.join(f'{how}: {why}' for how, why in one.items())}{_records(summary, name)}"
            for name, one in summary["objects"].items()
        ]
    cost = summary["cost"]
    if summary.get("owners_open"):
        is_held = summary["unmatched_owner"] == "hold"
        stays = "" if is_held else "; apply stays closed until owners.yaml names who takes over"
        parts.append(
            f"Owners without a counterpart in the target (decision unmatched_owner: {summary['unmatched_owner']}{stays}):"
        )
        parts += [
            f"  {one['name']} <{one['email'] or one['source_id']}>, {one.get('records', 'not known how many')} records: "
            f"{one['problem']}"
            for one in summary["owners_open"]
        ]
    if "decisions" in summary:  # a plan of an earlier version has none
        parts += [decisions_text(summary["decisions"]), matrix_text(summary["transferability"])]
    if read := summary.get("reading"):
        days = f"{read['days']} days at least" if read["days"] > 1 else "within a day"
        parts.append(f"Read: {read['records']:,} records, of which the source gives {read['a_day']:,} a day: {days}.")
    parts.append(f"Cost: about {cost['requests']} requests to the target, {cost['minutes']} minutes at its pace.")
    return "\n".join(parts)


def _matches(matches: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was found of records that people had made in the target."""
    for route, found in matches.items():
        looked = f", {found['looked_at']} of people's records looked at" if found["looked_at"] is not None else ""
        yield (
            f"{route}: {found['matched']} are records that people made in the target, {found['held']} may be and are held "
            f"(decision {found['decision']}: {found['value']}{looked})"
        )
        yield from (f"  by {key}: {one['matched']} matched, {one['held']} held" for key, one in found["by_key"].items())
        for one in found["first"]:
            there = ", ".join(f"{each['id']} ({each['name']})" for each in one["candidates"]) or "nothing"
            others = f"; as well as {', '.join(one['others'])}" if one.get("others") else ""
            said = "is" if one["target_id"] else "HELD, may be"
            yield f"    {one['source_id']} {said} {there}, by {one['key']} {one['value']}{others}"
        if (more := found["matched"] + found["held"] - len(found["first"])) > 0:
            yield f"    and {more} more; the report lists all of them"


def _records(summary: Mapping[str, Any], source_object: str) -> str:
    archive = summary.get("archived", {}).get(source_object)
    return f" ({archive['records']} records)" if archive else ""


def load_again(key: str) -> str:
    """What to know and to run after a roll back."""
    return (
        f"To load again: crm-migrate plan {key}, then crm-migrate apply {key}. It takes the same records up again; the pipeline "
        "may keep its name in the mapping, since it is this project's. In production a pilot goes first again."
    )


def status_text(found: Mapping[str, Any]) -> str:
    """Lifecycle, open gates, and the reconciliation of every object."""
    parts = [f"{found['partition']}: {found['step'] or 'not discovered yet'}"]
    if found["plan"]:
        parts[0] += f", plan {found['plan']['fingerprint'][:12]}"
    broken = [one for one in found["gate"].values() if not one["holds"]]
    parts += [f"  closed: {one['says']}. {one['next']}" for one in broken]
    untrue = sum(not claim["holds"] for one in found["objects"].values() for claim in one["claims"].values())
    if untrue:
        parts[0] += f"; {untrue} claims do not hold now"
    if found["step"] == ROLLED_BACK:
        parts.append(f"  rolled back. {load_again(found['partition'])}")
    if found["objects"]:
        parts.append(reconciliation_text(found["objects"]))
    if (records := found.get("nothing_to_write")) is not None:
        were = "were written as the plan means them; see above what does not hold now" if untrue else ""
        parts.append(f"Nothing to write: {records:,} records {were or 'stand as the plan means them'}.")
    return "\n".join(parts)


def reconciliation_text(objects: Mapping[str, Any]) -> str:
    """One line a route with its outcomes, then the claims that do not hold, then every record that was not loaded."""
    table, notes, claims = [], [], []
    present = {
        word for one in objects.values() for route in one["figures"]["routes"].values() for word in route["outcomes"]
    }
    words = [word for word in _WORDS if word in present or word in ("loaded", "held", "failed")]
    for name, one in objects.items():
        counts = one["figures"]["objects"]
        counted: set[str] = set()  # a later route of the same object takes only some of its records
        for route, figures in one["figures"]["routes"].items():
            source = route.split("/")[1].split(">")[0]
            outcomes = figures["outcomes"]
            extracted = (counts[source]["source_count"], counts[source]["extracted"])
            of_source = ("-", figures["rows"]) if source in counted else extracted
            counted.add(source)
            table.append([
                name, route.split("/")[1], *map(str, of_source),
                *(str(outcomes.get(word, 0) or "-") for word in words),
                str(figures["present"]), str(figures["wrong"] + figures["wrong_references"]),
            ])  # fmt: skip
            if figures["ignored"]:
                lost = ", ".join(figures["ignored"])
                notes.append(f"  not kept: {route.split('/')[1]}: the target takes {lost} and does not keep it")
            for row in figures["not_loaded"]:
                problems = row["problems"] or ([row["problem"]] if row["problem"] else [])
                why = "; ".join(problem["message"] for problem in problems)
                notes.append(f"  {row['outcome']}: {route.split('/')[1]} {row['source_id']}: {why}")
            for row in figures["findings"]:
                notes.append(
                    f"  {row['verdict']}: {route.split('/')[1]} {row['source_id']} {row['field']}: "
                    f"meant {row['meant']!r}, found {row['found']!r}"
                )
        claims += [
            f"  {name}: NOT TRUE: {claim['says']}. {claim['next']}"
            for claim in one["claims"].values()
            if not claim["holds"]
        ]
    header = ["object", "route", "source", "extracted", *words, "read back", "different"]
    total = sum(len(one["claims"]) for one in objects.values())
    parts = [aligned(header, table), f"{total - len(claims)} of {total} claims hold.", *claims]
    if notes:
        parts += ["Not loaded, or different:", *notes]
    return "\n".join(parts)


def story_text(story: Sequence[Mapping[str, Any]]) -> str:
    """The whole story of one source record."""
    parts = []
    for one in story:
        parts.append(
            f"{one['route']}: {one['outcome']}" + (f", target id {one['target_id']}" if one["target_id"] else "")
        )
        parts += [f"  meant {line}" for line in _meant(one)]
        for problem in one["problems"] or ():
            parts.append(f"  {problem.get('field') or 'note'}: {problem['message']}")
        reasons = [problem["reason"] for problem in one["problems"] or () if problem.get("holds")]
        parts += [f"  what to do: {advice(reason)}" for reason in dict.fromkeys(reasons)]
        if one.get("earlier"):
            parts.append("  an earlier plan brought it to the target; what that plan meant:")
            parts += [f"    {line}" for line in _meant(one["earlier"])]
        for event in one["outcomes"] or ():
            words = f": {event['problem']['message']}" if event["problem"] else ""
            verified = ", read back" if event["verified"] else ""
            parts.append(f"  batch {event['batch']}, version {event['version']}: {event['result']}{words}{verified}")
        for finding in one["findings"] or ():
            parts.append(
                f"  {finding['verdict']} {finding['field']}: meant {finding['meant']!r}, found {finding['found']!r}"
            )
        if one.get("archive"):
            parts.append(f"  in {one['archive']['place']}, which is {one['archive']['state']}")
        if one["undone"]:
            parts.append(f"  rolled back: {one['undone']} {one['undo_detail'] or ''}".rstrip())
    return "\n".join(parts)


def _meant(values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each field and each reference that a plan means a record to have."""
    yield from (f"{name}: {value!r}" for name, value in (values["payload"] or {}).items())
    for field, parent in zip(values["ref_fields"] or (), values["ref_ids"] or (), strict=True):
        yield f"{field}: -> {parent}"
