"""Plan: transform and validate every extracted record before the first one is sent. Writes nothing to the target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from migration_pipelines.core.budget import cost, reading
from migration_pipelines.core.fingerprint import digest, fingerprint
from migration_pipelines.core.provisioning import Wanted, schema_after, work_out_wanted
from migration_pipelines.core.records import KnownParent, Outcome, Planned, SourceRecord
from migration_pipelines.core.schema import OrgSchema, fingerprint_touched
from migration_pipelines.core.spread import Spread
from migration_pipelines.core.transform import CompiledRoute, transform
from migration_pipelines.core.validate import validate
from migration_pipelines.errors import GateClosed, MappingError
from migration_pipelines.ledger.plans import PlanRow
from migration_pipelines.stages import archived, gates
from migration_pipelines.stages.as_planned import touched_fields
from migration_pipelines.stages.consequences import concerns_of_decisions, consequences
from migration_pipelines.stages.counting import count_together
from migration_pipelines.stages.existing import LookUp, require_keys
from migration_pipelines.stages.owners import Owners
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report
from migration_pipelines.stages.sending import settle_leftovers
from migration_pipelines.stages.taken_over import take_over
from migration_pipelines.stages.transferability import concerns_of_table, transferability


def plan(partition: OpenPartition, report: Report = lambda _line: None) -> Mapping[str, Any]:
    """Make the plan of a partition and switch to it.

    Returns:
        the summary: what will be created, updated, held, excluded, made in the target and spent, and the fingerprint.

    Raises:
        GateClosed: nothing is discovered or extracted, or a decision or field is open, so that no plan can be made.
            Another run is loading just now.
        MappingError: the mapping names what an org does not have.
    """
    require_plannable(partition)
    if partition.ledger.batches.unsettled():  # of a run that died: without their outcomes no plan can take its place
        partition.lock()
        settle_leftovers(partition, report)
    source, target = partition.schema("source"), partition.schema("target")
    wanted = wanted_of(partition, source, target)
    after = schema_after(target, wanted)
    require_known_names(partition, after)
    require_makeable(partition, wanted)
    require_keys(partition)
    owners = Owners(partition, source, target)
    plans = partition.ledger.plans
    plan_id = plans.begin()
    look_up = LookUp(partition, plan_id)
    keys = partition.route_keys
    content, spread = hashlib.sha256(), Spread()
    planned_sources: set[str] = set()
    for crm_object, compiled in partition.routes:
        is_first = compiled.route.source not in planned_sources
        planned_sources.add(compiled.route.source)
        progress = Progress(report, f"{compiled.key}: planned", partition.ledger.records.count(compiled.route.source))
        children = partition.children_of(compiled.route.source)
        for page in partition.ledger.records.pages(compiled.route.source, children):
            if crm_object == "users":
                rows = list(owners.rows(compiled, page))
            else:
                made = _made_by_platform(partition, compiled, page)
                rest = _without(page, made)
                named = set().union(*map(compiled.named_parents, rest))
                known = plans.known(plan_id, named, keys, with_references=compiled.takes_over)
                owners.note_needed(compiled, rest)
                others = partition.routes_from(compiled.route.source) if is_first else None
                rows = [*made, *_rows(compiled, rest, known, after, spread, others)]
            plans.add(plan_id, rows)
            for row in rows:
                content.update(f"{row.source_id}\0{row.outcome}\0".encode("utf-8", "surrogatepass"))
                content.update(row.plan_hash or b"")
            progress.add(len(page))
        for said in chain(take_over(partition, plan_id, compiled), look_up.of(crm_object, compiled)):
            content.update(said)
    archives = {}
    for name in partition.archived:
        progress, contents = (
            Progress(report, f"{name}: planned", partition.ledger.records.count(name)),
            archived.Contents(),
        )
        for page in partition.ledger.records.pages(name):
            plans.add(plan_id, archived.plan_rows(partition, name, page))
            contents.add(archived.live(page))
            progress.add(len(page))
        archives[name] = contents.as_json() | {"kept_in": archived.kept_in(partition, name)}
        content.update(f"{name}\0{archives[name]['content']}\0".encode())
    owners.keep(plan_id, keys.get("users", []))
    summary = _summary(partition, plan_id, wanted, after, content.hexdigest()) | {
        "archived": archives,
        "matches": look_up.figures,
        **owners.figures(),
    }
    plans.switch(plan_id, summary["fingerprint"], summary)
    if all(judgement.holds for judgement in gates.judge_plan(partition).values()):
        partition.reach("planned")
    return summary


def require_plannable(partition: OpenPartition) -> None:
    """Raises GateClosed where a plan could not say what becomes of every record."""
    partition.schema("target")
    judgements = gates.judge_plan(partition)
    gates.require(
        partition, {name: judgements[name] for name in ("every_decision_is_taken", "everything_has_a_disposition")}
    )
    for source_object in partition.extracted_objects:
        if partition.ledger.records.last_extraction(source_object) is None:
            raise GateClosed(
                f"{partition.key}: {source_object} has not been extracted yet. Run: crm-migrate extract {partition.key}"
            )


def require_known_names(partition: OpenPartition, after: OrgSchema) -> None:
    """Raises MappingError where a route names an object or a field that its org does not have."""
    for crm_object, compiled in partition.routes:
        route = compiled.route
        named = {one for one in route.reads if "." not in one}  # a path is the source's to know: extract asked for it
        children = partition.children_of(route.source)
        if strange := named.difference(partition.source_schema(route.source).fields, route.optional, children):
            raise MappingError(f"{compiled.key}: {route.source} has no field {', '.join(sorted(strange))}.")
        _require_known_children(partition, compiled)
        if crm_object == "users" or route.carried_by:
            continue
        if route.target not in after.objects:
            raise MappingError(
                f"{compiled.key}: the target has no object {route.target!r}. It has: {', '.join(after.objects)}."
            )
        if unknown := route.fills - set(after.objects[route.target].fields):
            raise MappingError(f"{compiled.key}: {route.target} has no field {', '.join(sorted(unknown))}.")


def _require_known_children(partition: OpenPartition, compiled: CompiledRoute) -> None:
    route = compiled.route
    for child in {row.child for row in route.fields.values() if row.child}:
        if child not in partition.children_of(route.source):
            raise MappingError(
                f"{compiled.key}: fields are filled from {child}, which no {route.source} carries. Add a route of {child} "
                f"with carried_by: {{{route.source}: the field that names it}}."
            )
        there = {*partition.source_schema(child).fields, *partition.absent(child)}
        if strange := {name for name in route.reads_of(child) if "." not in name} - there:
            raise MappingError(f"{compiled.key}: {child} has no field {', '.join(sorted(strange))}.")


def require_makeable(partition: OpenPartition, wanted: Wanted) -> None:
    """Raises MappingError where the mapping fills a field that the target lacks and cannot be given."""
    made = partition.target.field_types()
    if impossible := [f"{one.object}.{one.name} ({one.type})" for one in wanted.fields if one.type not in made]:
        raise MappingError(
            f"{partition.key}: the target has no field {', '.join(impossible)}, and none of that type can be made there. "
            "Fill another field in the mapping, or declare its sources lost."
        )


def wanted_of(partition: OpenPartition, source: OrgSchema, target: OrgSchema) -> Wanted:
    """What the target must have: the fields for the migration key, and all that the mapping fills.

    Raises:
        MappingError: an object that takes no fields of ours is to be filled with one.
    """
    mapped = work_out_wanted(partition.mappings, source, target, partition.project.pair.rules)
    own = partition.target.migration_fields()
    extended = {one.object for one in own.fields} | {name for name, one in target.objects.items() if one.takes_fields}
    for one in mapped.fields:
        if one.object not in extended:
            raise MappingError(
                f"The target's {one.object} have no field {one.name}, and take none of ours. They have: "
                f"{', '.join(target.objects[one.object].fields)}."
            )
    missing = tuple(one for one in own.fields if one.name not in target.objects[one.object].fields)
    return Wanted(missing + mapped.fields, own.pipelines + mapped.pipelines)


def _rows(
    compiled: CompiledRoute, page: list[SourceRecord], known: Mapping[tuple[str, str], KnownParent], after: OrgSchema,
    spread: Spread, others: Sequence[CompiledRoute] | None,
) -> Iterable[PlanRow]:  # fmt: skip
    """A plan row for every record of a page that the route takes, and on an object's first route for what none takes.

    One that the route takes and that is left out with its parent is excluded on this route.

    Args:
        others: all routes of the object; None where this is not the first of them.
    """
    live = [record for record in page if not record.deleted]
    done = transform(live, compiled, known)
    schema = after.objects.get(compiled.route.target)
    for one in done.planned:
        problems = validate(one, schema) if schema else []
        if problems:
            yield PlanRow(compiled.key, one.source_id, Outcome.HELD, problems=[p.as_json() for p in problems])
        else:
            yield _planned_row(compiled.key, spread.apart(compiled.route, one))
    for source_id, found in done.held.items():
        yield PlanRow(compiled.key, source_id, Outcome.HELD, problems=[problem.as_json() for problem in found])
    for source_id, carrier in done.carried.items():
        yield PlanRow(compiled.key, source_id, Outcome.CARRIED, carried_by=carrier)
    for record in live:
        why = done.excluded.get(record.id)
        if why is None or (why == compiled.out_of_scope and _is_taken(record, compiled, others)):
            continue
        yield PlanRow(compiled.key, record.id, Outcome.EXCLUDED, problems=[{"message": why}])
    if others is not None:
        for record in page:
            if record.deleted:
                yield PlanRow(compiled.key, record.id, Outcome.DELETED_IN_SOURCE)


def _is_taken(record: SourceRecord, compiled: CompiledRoute, others: Sequence[CompiledRoute] | None) -> bool:
    """Whether another route says what becomes of the record; on all but an object's first route that is taken as said."""
    return others is None or any(other.takes(record) for other in others if other is not compiled)


def _made_by_platform(
    partition: OpenPartition, compiled: CompiledRoute, page: Sequence[SourceRecord]
) -> Sequence[PlanRow]:
    """A plan row for every record that the platform made of a row of another object."""
    if not compiled.route.made_by_platform:
        return ()
    ids = [record.id for record in page if not record.deleted and compiled.takes(record)]
    return [
        PlanRow(compiled.key, source_id, Outcome.MADE_BY_PLATFORM, problems=[{"message": f"made of its {maker}"}])
        for maker in compiled.route.made_by_platform
        for source_id in partition.ledger.records.with_children(maker, ids)
    ]


def _without(page: list[SourceRecord], rows: Sequence[PlanRow]) -> list[SourceRecord]:
    settled = {row.source_id for row in rows}
    return [record for record in page if record.id not in settled] if settled else page


def _planned_row(route: str, one: Planned) -> PlanRow:
    references = [(reference.field, reference.route, reference.source_id) for reference in one.references]
    return PlanRow(
        route, one.source_id, Outcome.PLANNED, digest([one.values, references]),
        [note.as_json() for note in one.notes], one.values, references,
    )  # fmt: skip


def _summary(partition: OpenPartition, plan_id: int, wanted: Wanted, after: OrgSchema, content: str) -> dict[str, Any]:
    plans = partition.ledger.plans
    tally = [dict(row) for row in plans.tally(plan_id)]
    schema = fingerprint_touched(after, touched_fields(partition))
    mapping = partition.fingerprint()
    exchange = partition.exchange.as_json() if partition.exchange else None
    of_decisions, of_table = count_together(partition, concerns_of_decisions(partition), concerns_of_table(partition))
    to_write: dict[str, int] = {}
    for row in tally:
        target_object = row["route"].split(">")[1]
        if target_object != "users" and (rows := row["to_create"] + row["to_match"] + row["to_update"]):
            to_write[target_object] = to_write.get(target_object, 0) + rows
    target = partition.target
    groups = {
        compiled.route.target: plans.distinct_parents(plan_id, compiled.key, field)
        for _, compiled in partition.routes
        if (field := target.group_by(compiled.route.target))
    }
    connections = partition.project.file.environments[partition.environment]
    to_read = sum(map(partition.ledger.records.count, partition.extracted_objects))
    return {
        "fingerprint": fingerprint([content, schema, mapping, exchange]),
        "exchange": exchange,
        "schema": schema,
        "mapping": mapping,
        "routes": tally,
        "problems": [dict(row) for row in plans.problems(plan_id)],
        "wanted": {"fields": [asdict(one) for one in wanted.fields], "pipelines": [asdict(one) for one in wanted.pipelines]},
        "lost": {
            compiled.key: dict(compiled.route.lost) for _, compiled in partition.routes if compiled.route.lost
        },
        "unmatched_owner": partition.project.decisions.get("unmatched_owner"),
        "objects": {name: dict(one) for name, one in partition.dispositions.items()},
        "decisions": consequences(partition, of_decisions),
        "transferability": transferability(partition, of_table),
        "reading": asdict(reading(to_read, connections.source.records_a_day)),
        "cost": asdict(
            cost(
                to_write, arrays={name: target.batch_size(name) for name in to_write}, groups=groups,
                per_second=connections.target.requests_per_second,
            )
        ),
    }  # fmt: skip
