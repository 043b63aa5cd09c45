"""In which order are routes planned and loaded? Parents first, then the second waves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migration_pipelines.core.mapping import FieldMap, ObjectMapping, Route
from migration_pipelines.errors import MappingError


def routes_in_order(
    mappings: Mapping[str, ObjectMapping], crm_objects: Sequence[str], decisions: Mapping[str, object]
) -> Iterator[tuple[str, Route]]:
    """(CRM object, route) in load order, without the routes and fields that a decision switches off.

    Raises:
        MappingError: a mapping is for no known CRM object, or a route waits for one that does not come before it.
    """
    if strangers := set(mappings) - set(crm_objects):
        raise MappingError(
            f"no such CRM object: {', '.join(sorted(strangers))}. Name the mapping file after one of: "
            f"{', '.join(crm_objects)}."
        )
    for position, crm_object in enumerate(crm_objects):
        for route in mappings[crm_object].routes if crm_object in mappings else ():
            if route.after and route.after not in crm_objects[: position + 1]:
                raise MappingError(
                    f"{crm_object}: {route.source} waits for {route.after!r}, which does not come before it"
                )
            if _is_decided(route.only_if, decisions):
                yield crm_object, _with_decided_fields(route, decisions)


def _with_decided_fields(route: Route, decisions: Mapping[str, object]) -> Route:
    fields = {name: _said(row, decisions) for name, row in route.fields.items() if _is_decided(row.only_if, decisions)}
    return route if fields == route.fields else route.model_copy(update={"fields": fields})


def _said(row: FieldMap, decisions: Mapping[str, object]) -> FieldMap:
    """A field that a decision fills is one with a constant, once that is taken."""
    if row.decision is None:
        return row
    return row.model_copy(update={"value": decisions.get(row.decision), "decision": None})


def _is_decided(only_if: Mapping[str, object], decisions: Mapping[str, object]) -> bool:
    return all(
        decisions.get(name) in value if isinstance(value, list) else decisions.get(name) == value
        for name, value in only_if.items()
    )
