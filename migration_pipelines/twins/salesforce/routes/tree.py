"""Composite tree: parents with their children in one request, level by level, all or none."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import Child, SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.bodies import (
    Record,
    json_object,
    malformed,
    member,
    row_errors,
    written,
)
from migration_pipelines.twins.salesforce.routes.collections import type_of
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.writing import Outcome, table_of

MOST_RECORDS, MOST_TYPES, MOST_LEVELS = 200, 5, 5


@dataclass(frozen=True)
class Node:
    """One record of the tree.

    Attributes:
        parent: its parent's name, None at the root; `field` is the reference to it.
        values: the record's own fields.
    """

    name: str
    obj: SObject
    values: Record
    parent: str | None
    field: str
    level: int


def tree_routes(org: Org) -> list[Route]:
    def plant(call: Call) -> Response:
        obj, body = object_of(org, call), json_object(call)
        nodes = list(_nodes(org, obj, _records_of(body), None, "", 1))
        _check(nodes)
        names: list[str] = []
        outcomes = org.writer.together(lambda: written(call, lambda: _insert(org, nodes, names)))
        if all(outcome.is_written for outcome in outcomes):
            ids = dict(zip(names, (outcome.id for outcome in outcomes), strict=True))
            results = [{"referenceId": node.name, "id": ids[node.name]} for node in nodes]
            return answer({"hasErrors": False, "results": results}, 201)
        refused = [
            {"referenceId": name, "errors": row_errors(outcome)}
            for name, outcome in zip(names, outcomes, strict=True)
            if outcome.errors[0].code != "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        ]
        return answer({"hasErrors": True, "results": refused}, 400)

    return both(org, f"{DATA}/composite/tree/{{object}}", plant, ("POST",))


def _insert(org: Org, nodes: list[Node], names: list[str]) -> list[Outcome]:
    """Insert level by level, each object of a level at once, until something is refused."""
    ids: dict[str, str | None] = {}
    outcomes: list[Outcome] = []
    for level in range(1, MOST_LEVELS + 1):
        kinds = {node.obj.name: node.obj for node in nodes if node.level == level}
        for obj in kinds.values():
            some = [node for node in nodes if node.level == level and node.obj is obj]
            records = [node.values | ({node.field: ids[node.parent]} if node.parent else {}) for node in some]
            got = org.writer.insert(table_of(obj, records))
            names += [node.name for node in some]
            outcomes += got
            ids |= {node.name: outcome.id for node, outcome in zip(some, got, strict=True)}
        if not all(outcome.is_written for outcome in outcomes):
            break
    return outcomes


def _nodes(org: Org, obj: SObject, records: list[Record], parent: str | None, field: str, level: int) -> Iterator[Node]:
    """The records and all beneath them, parents first."""
    if level > MOST_LEVELS:
        raise _misused(f"The tree has more than {MOST_LEVELS} levels")
    for record in records:
        if type_of(record).lower() != obj.name.lower():
            raise Refusal(400, "INVALID_TYPE", f"A record of type {obj.name} is expected here")
        name = record["attributes"].get("referenceId")
        if not isinstance(name, str) or not name:
            raise _misused("Include a reference ID for each record in the request.")
        children = {
            key: child for key in record if (child := obj.children.get(key.lower())) and isinstance(record[key], dict)
        }
        children = {key: child for key, child in children.items() if "records" in record[key]}
        values = {key: value for key, value in record.items() if key not in children}
        yield Node(name, obj, values, parent, field, level)
        for key, child in children.items():
            yield from _nodes(org, _child(org, child), _records_of(record[key]), name, child.field, level + 1)


def _child(org: Org, child: Child) -> SObject:
    return org.catalogue[child.child]


def _records_of(body: Record) -> list[Record]:
    records = member(body, "records", list)
    if not all(isinstance(record, dict) for record in records):
        raise malformed("records holds something that is no object at [line:1, column:1]")
    return records


def _check(nodes: list[Node]) -> None:
    if len({node.name for node in nodes}) < len(nodes):
        raise _misused("Duplicate reference ID provided in the request.")
    if len(nodes) > MOST_RECORDS or len({node.obj.name for node in nodes}) > MOST_TYPES:
        raise _misused(f"The tree has more than {MOST_RECORDS} records or {MOST_TYPES} types")


def _misused(text: str) -> Refusal:
    return Refusal(400, "INVALID_INPUT", text)
