"""What a mapping file could say of a source field that nobody has disposed of: the row itself, or what has to be decided.

A proposal is a beginning and decides nothing. What it says ready to use makes a plan; what would not is left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migration_pipelines.core.mapping import Route
from migration_pipelines.core.schema import FieldSchema

CONVERTERS = {
    "date": "day", "datetime": "moment", "integer": "decimal", "decimal": "decimal", "multiselect": "choices",
}  # fmt: skip
"""Type of a source field -> the converter without which its value does not fit the field made for it."""

_AS_THEY_ARE = frozenset({"text", "textarea", "url", "select", "boolean"})
_OURS = "SF_"
"""How the codes of fields begin that belong to the migration itself, its key first of all."""


@dataclass(frozen=True)
class Proposal:
    """`row` is keyed by the target field that it fills. Where `decide` says something, the row is only an example."""

    row: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decide: str = ""


def propose_row(
    source: FieldSchema, code: str, *, takes_fields: bool, strays: Sequence[str] = (), child: str | None = None
) -> Proposal:
    """The row that brings a field over into one that is made for it.

    Args:
        code: the name of the target field, see `code_for`.
        takes_fields: whether fields can be made in the target object.
        strays: values of the records that are no choice of the field any more.
        child: the object whose rows are carried by the records of the route, where the field is one of its.
    """
    if not takes_fields:
        return Proposal(
            decide="the target has no room for it in a field of its own: write it below lost: with the reason, or let a rule "
            "say it in a text"
        )
    row: dict[str, Any] = {"from": source.name}
    decide = ""
    if source.type == "reference" and source.name_path:
        row = {"from": source.name_path, "label": _name_of(source)}
    elif strays:
        row["convert"] = "text"
        decide = (
            f"{_listed(strays)} no choice any more. As text all values arrive; as a list of choices the records with "
            "these are held"
        )
    elif source.type in CONVERTERS:
        if source.currency_field:
            row["exchange"] = source.currency_field
        row["convert"] = CONVERTERS[source.type]
    elif source.type not in _AS_THEY_ARE:
        row["convert"] = "text"
        decide = "no name of what it points at can be read; its id alone says little in the target"
    if child:
        row = {"child": child, **row, "many": "newest"}
    return Proposal({code: row}, decide)


def code_for(name: str, taken: Collection[str]) -> str:
    """The name of the target field for a source field: "Sales_Engineer__c" -> "SALES_ENGINEER", "FaxNumber" -> "FAX_NUMBER".

    Args:
        taken: names that other fields of the target object have, in any case.
    """
    plain = re.sub(r"__p?[cs]$", "", name)
    code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", plain).upper()
    others = {one.upper() for one in taken}
    if code in others or code.startswith(_OURS):
        code = _OURS + code
    number, free = 1, code
    while free in others:
        number += 1
        free = f"{code}_{number}"
    return free


def taken_in(target_object: str, fields: Collection[str], routes: Collection[Route]) -> set[str]:
    """The names that fields of a target object have: those that are there, that routes fill, and that were proposed."""
    taken = set(fields)
    for route in routes:
        if route.target == target_object:
            taken |= route.fills
            for undecided in route.undecided.values():
                taken |= set(undecided.proposed)
    return taken


def _name_of(source: FieldSchema) -> str:
    """What a reference is called in the target: "Sales Engineer" of "Sales Engineer ID"."""
    return re.sub(r"\s+ID$", "", source.label) or source.name


def _listed(strays: Sequence[str]) -> str:
    return f"{', '.join(repr(one) for one in strays)} {'are' if len(strays) > 1 else 'is'}"
