"""Creating and changing records of every kind: one path for all of them, for the API and for a seed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call, RefusedError
from migration_pipelines.twins.kommo import effects, link_store, plan, tag_store
from migration_pipelines.twins.kommo.answers import (
    Complaint,
    Json,
    hal,
    problem,
    rule_problem,
    validation_problem,
)
from migration_pipelines.twins.kommo.asking import array_body, link_to, object_body, request_ids
from migration_pipelines.twins.kommo.checking import Checker, Draft
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.rules import complete
from migration_pipelines.twins.kommo.twin import Kommo
from migration_pipelines.twins.kommo.values import search_text


@dataclass(frozen=True)
class Outcome:
    """What a batch came to: the drafts that were applied, each with its request_id, and the refusal of the others."""

    applied: Sequence[tuple[str, Draft]]
    refusal: Response | None

    def as_error(self) -> RefusedError:
        """The refusal as one of the whole request."""
        return RefusedError(self.refusal or problem(400, "Request validation failed"))


def post_records(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4, POST on a collection: answered with id and request_id only."""

    def shown(request_id: str, draft: Draft) -> Json:
        parent = {"entity_id": draft.columns["entity_id"]} if entity.name == "notes" else {}
        said = {"id": draft.id, **parent, **entity.created_with, "request_id": request_id}
        return said | {"_links": _link(call.request, entity, draft)}

    return _write_array(twin, entity, call, create, shown)


def patch_records(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4, PATCH on a collection: each item names its record by `id`."""

    def shown(request_id: str, draft: Draft) -> Json:
        return {**_changed(entity, draft), "request_id": request_id, "_links": _link(call.request, entity, draft)}

    return _write_array(twin, entity, call, change, shown)


def patch_record(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4, PATCH on one record: one object in, one object out."""
    record_id = call.request.path_params["id"]
    item = {**object_body(call), "id": record_id}
    if not twin.records(entity, [record_id]):
        return problem(404, "Entity not found")
    outcome = change(twin, entity, [item])
    if outcome.refusal:
        return outcome.refusal
    ((_, draft),) = outcome.applied
    echoed = {"request_id": str(item["request_id"])} if "request_id" in item else {}
    return hal({**_changed(entity, draft), **echoed, "_links": _link(call.request, entity, draft)})


def create(
    twin: Kommo, entity: Entity, items: Sequence[Json], ids: Sequence[int | None] = (), *, path: str = ""
) -> Outcome:
    """Create records.

    Args:
        ids: a seed may bring those of its own; None takes the next one.
        path: where the items stand inside another one, for the complaints: "_embedded.contacts.0.".
    """
    checker = Checker(twin, entity)
    drafts = [checker.new(item) for item in items]
    for draft, item in zip(drafts, items, strict=True):
        complete(checker, draft, item, None)
        draft.complaints = [Complaint(one.code, path + one.path) for one in draft.complaints]
    outcome = _judge(twin, drafts, items)
    plan.leave_room(twin, entity, len(outcome.applied))
    for (_, draft), brought in zip_longest(outcome.applied, ids):
        draft.id = brought or twin.store.next_id(entity.name)
        fields = {str(field_id): values for field_id, values in draft.fields.items() if values}
        written = _written(twin, checker, draft.columns.get("name"), fields)
        twin.store.insert_record(entity.name, {"id": draft.id, **draft.columns, **written})
        _tag(twin, entity, draft)
        for other, other_id, is_main in draft.links:
            link_store.join(twin.store, (entity.name, draft.id), (other, other_id), is_main=is_main)
        effects.of_creating(twin, entity, draft)
    return outcome


def change(twin: Kommo, entity: Entity, items: Sequence[Json]) -> Outcome:
    """Kommo REST v4, partial PATCH: what is not sent stays."""
    checker = Checker(twin, entity)
    stored = twin.records(entity, [item.get("id") for item in items])
    drafts = []
    for item in items:
        draft, row = checker.changed(item, stored)
        if row is not None:
            complete(checker, draft, item, row)
        drafts.append(draft)
    outcome = _judge(twin, drafts, items)
    for _, draft in outcome.applied:
        # Read again: an earlier item of the same batch may have changed this record.
        row = twin.store.records(entity.name, [draft.id])[draft.id]
        sent = {str(field_id): values for field_id, values in draft.fields.items()}
        fields = {name: values for name, values in (json.loads(row["custom_fields"]) | sent).items() if values}
        draft.columns.setdefault("name", row["name"])
        written = _written(twin, checker, draft.columns["name"], fields)
        twin.store.update_record(entity.name, draft.id, {**draft.columns, **written})
        _tag(twin, entity, draft)
        effects.of_changing(twin, entity, row, draft)
    return outcome


def _judge(twin: Kommo, drafts: Sequence[Draft], items: Sequence[Json]) -> Outcome:
    """Take the good drafts, or none: a batch with a bad item is refused whole unless the switch says otherwise."""
    judged = list(zip(request_ids(items), drafts, strict=True))
    refusal: Response | None = None
    if any(draft.complaints for draft in drafts):
        refusal = validation_problem((name, draft.complaints) for name, draft in judged if draft.complaints)
    elif any(draft.broken_rule for draft in drafts):
        refusal = rule_problem(
            {str(draft.id or name): draft.broken_rule for name, draft in judged if draft.broken_rule is not None}
        )
    if refusal and twin.switches.batch_failure == "all_or_nothing":
        raise RefusedError(refusal)
    return Outcome([(name, draft) for name, draft in judged if draft.is_good], refusal)


def _written(twin: Kommo, checker: Checker, name: object, fields: Json) -> Json:
    return {
        "custom_fields": json.dumps(fields, ensure_ascii=False),
        "search_text": search_text((name,), fields, checker.fields),
        "written_at": twin.clock.now(),
    }


def _tag(twin: Kommo, entity: Entity, draft: Draft) -> None:
    if draft.tags is not None:
        tag_store.replace(twin.store, entity.name, draft.id, draft.tags)
    tag_store.add(twin.store, entity.name, draft.id, draft.tags_to_add)
    tag_store.remove(twin.store, entity.name, draft.id, draft.tags_to_delete)


def _write_array(
    twin: Kommo,
    entity: Entity,
    call: Call,
    write: Callable[[Kommo, Entity, Sequence[Json]], Outcome],
    shown: Callable[[str, Draft], Json],
) -> Response:
    outcome = write(twin, entity, array_body(call))
    listed = [shown(request_id, draft) for request_id, draft in outcome.applied]
    return outcome.refusal or hal(
        {"_links": link_to(call.request, entity.path), "_embedded": {entity.embedded_key: listed}},
    )


def _changed(entity: Entity, draft: Draft) -> Json:
    return {"id": draft.id, **{key: draft.columns[key] for key in entity.patched_with}}


def _link(request: Request, entity: Entity, draft: Draft) -> Json:
    return link_to(request, f"{entity.path}/{draft.id}")
