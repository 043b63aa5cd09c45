"""sObject Collections: up to 200 records a request, an answer for each in their order, all or none if asked."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.results import beginning
from migration_pipelines.twins.salesforce.routes.bodies import (
    Record,
    json_object,
    malformed,
    member,
    row_answer,
    written,
)
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.errors import SoqlError
from migration_pipelines.twins.salesforce.soql.tree import Item, Literal, Membership, Path, Select
from migration_pipelines.twins.salesforce.writing import Outcome, Table, table_of
from migration_pipelines.twins.salesforce.writing.outcomes import UNKNOWN_REFERENCE, RowError

MOST_RECORDS, MOST_READ, MOST_CHUNKS = 200, 2_000, 10
Run = tuple[SObject, list[Any]]
"""Neighbouring records of one object."""


def collection_routes(org: Org) -> list[Route]:
    def create(call: Call) -> Response:
        return _write(call, lambda runs: _each(runs, lambda obj, records: org.writer.insert(table_of(obj, records))))

    def update(call: Call) -> Response:
        return _write(call, lambda runs: _each(runs, lambda obj, records: org.writer.update(_with_ids(obj, records))))

    def _write(call: Call, work: Callable[[list[Run]], list[Outcome]]) -> Response:
        body = json_object(call)
        runs = _runs(org, _records(body))
        outcomes = _perhaps_together(org, body.get("allOrNone"), lambda: written(call, lambda: work(runs)))
        return answer([row_answer(outcome) for outcome in outcomes])

    def upsert(call: Call) -> Response:
        obj, key, body = object_of(org, call), call.request.path_params["key"], json_object(call)
        records = _records(body)
        if any(type_of(record).lower() != obj.name.lower() for record in records):
            raise Refusal(400, "INVALID_TYPE", f"All records must be of type {obj.name}")
        table = _with_ids(obj, records) if key.lower() == "id" else table_of(obj, records)
        work = lambda: written(call, lambda: org.writer.upsert(table, key))  # noqa: E731
        outcomes = _perhaps_together(org, body.get("allOrNone"), work)
        return answer([row_answer(outcome, says_created=True) for outcome in outcomes])

    def delete(call: Call) -> Response:
        told = call.request.query_params.get("ids", "")
        ids = [text.strip() for text in told.split(",") if text.strip()]
        if not ids:
            raise Refusal(400, "MISSING_ARGUMENT", "ids is missing")
        _at_most(len(ids), MOST_RECORDS)
        runs = [
            (org.catalogue.of_id(prefix), list(group))
            for prefix, group in itertools.groupby(ids, key=lambda text: text[:3])
        ]
        _chunks(len(runs))
        work = lambda: [outcome for obj, group in runs for outcome in _delete(org, obj, group)]  # noqa: E731
        outcomes = _perhaps_together(org, call.request.query_params.get("allOrNone") == "true", work)
        return answer([row_answer(outcome) for outcome in outcomes])

    def read(call: Call) -> Response:
        params = call.request.query_params
        return _read(org, call, params.get("ids", "").split(","), params.get("fields", "").split(","), MOST_RECORDS)

    def read_many(call: Call) -> Response:
        body = json_object(call)
        return _read(org, call, member(body, "ids", list), member(body, "fields", list), MOST_READ)

    base = f"{DATA}/composite/sobjects"
    return [
        *both(org, base, create, ("POST",)),
        *both(org, base, update, ("PATCH",)),
        *both(org, base, delete, ("DELETE",)),
        *both(org, f"{base}/{{object}}", read, ("GET",)),
        *both(org, f"{base}/{{object}}", read_many, ("POST",)),
        *both(org, f"{base}/{{object}}/{{key}}", upsert, ("PATCH",)),
    ]


def type_of(record: Record) -> str:
    """The object that a record names in its attributes.

    Raises:
        Refusal: 400 where it names none.
    """
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(kind, str):
        raise Refusal(400, "INVALID_TYPE", "Include an entity type in the attributes of each record.")
    return kind


def _records(body: Record) -> list[Record]:
    records = member(body, "records", list)
    _at_most(len(records), MOST_RECORDS)
    if not all(isinstance(record, dict) for record in records):
        raise malformed("records holds something that is no object at [line:1, column:1]")
    return records


def _runs(org: Org, records: Sequence[Record]) -> list[Run]:
    runs: list[Run] = []
    for kind, group in itertools.groupby(records, key=type_of):
        obj = org.catalogue.get(kind)
        if obj is None:
            raise Refusal(400, "INVALID_TYPE", f"sObject type '{kind}' is not supported.")
        runs.append((obj, list(group)))
    _chunks(len(runs))
    return runs


def _each(runs: list[Run], write: Callable[[SObject, list[Any]], list[Outcome]]) -> list[Outcome]:
    return [outcome for obj, records in runs for outcome in write(obj, records)]


def _with_ids(obj: SObject, records: Sequence[Record]) -> Table:
    """`id` may be written in any case."""
    return table_of(
        obj, [{("Id" if name.lower() == "id" else name): value for name, value in record.items()} for record in records]
    )


def _delete(org: Org, obj: SObject | None, ids: list[str]) -> list[Outcome]:
    if obj is not None:
        return org.writer.delete(obj, ids)
    return [
        Outcome(
            None,
            created=False,
            errors=(
                UNKNOWN_REFERENCE if canonical(text) else RowError("MALFORMED_ID", f"malformed id {text}", ("Id",)),
            ),
        )
        for text in ids
    ]


def _perhaps_together(org: Org, all_or_none: object, work: Callable[[], list[Outcome]]) -> list[Outcome]:
    return org.writer.together(work) if all_or_none is True else work()


def _read(org: Org, call: Call, ids: Sequence[object], names: Sequence[object], most: int) -> Response:
    """The records in the order of the ids, null where there is none."""
    obj = object_of(org, call)
    wanted = [canonical(str(text).strip()) for text in ids]
    fields = ["Id", *(str(name).strip() for name in names)]
    _at_most(len(wanted), most)
    items = tuple(Item(Path(tuple(name.split(".")), 0), None) for name in dict.fromkeys(fields))
    known = tuple(Literal("string", record_id, 0) for record_id in dict.fromkeys(wanted) if record_id)
    if not known:
        return answer([None] * len(wanted))
    where = Membership(Path(("Id",), 0), negated=False, values=known, at=0)
    try:
        asking = org.asking(call.request, everything=False)
        statement = compile_select(Select(items, obj.name, 0, where=where), asking)
    except SoqlError as error:
        missing = next((name for name in fields if obj.field(name) is None), fields[0])
        raise Refusal(400, "INVALID_FIELD", f"No such column '{missing}' on sobject of type {obj.name}") from error
    found = {record["Id"]: record for record in map(json.loads, beginning(org.store, statement, most))}
    return answer([found.get(record_id) for record_id in wanted])


def _at_most(count: int, most: int) -> None:
    if count > most:
        text = f"record limit reached. cannot submit more than {most} records into this call"
        raise Refusal(400, "EXCEEDED_ID_LIMIT", text)


def _chunks(count: int) -> None:
    if count > MOST_CHUNKS:
        text = f"The request cannot have more than {MOST_CHUNKS} chunks of records of one type"
        raise Refusal(400, "LIMIT_EXCEEDED", text)
