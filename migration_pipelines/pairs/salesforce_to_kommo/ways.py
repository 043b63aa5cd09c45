"""The ways of a custom object, which Kommo does not have: onto its card, into a note, a list, an archive, a database.

Each says whole what to write, so that it makes a plan as it stands; a name may then be bettered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migration_pipelines.core.proposals import code_for, propose_row
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.core.ways import Lines, Parent, Way
from migration_pipelines.yaml_text import lines_of

CUSTOM_OBJECTS = "mapping/custom_objects.yaml"
_CARDS = {"leads": "lead", "contacts": "contact", "companies": "company"}
_HEAD = {"cardinality": "lossy", "support": "mapping required"}


def ways_of(found: ObjectSchema, parents: Sequence[Parent]) -> tuple[Way, ...]:
    """Those that are open to an object: the first three want its fields, and a card that its rows hang on."""
    cards = [one for one in parents if one.target in _CARDS]
    own = [one for one in found.fields.values() if one.is_custom and one.name not in {card.field for card in cards}]
    ways = [_on_card(found, own, card) for card in cards if own]
    ways += [_in_a_note(found, card) for card in cards]
    if found.fields:
        ways.append(_in_a_list(found, own, cards))
    return (*ways, *_outside(found))


def _on_card(found: ObjectSchema, own: Sequence[FieldSchema], card: Parent) -> Way:
    rows: dict[str, Any] = {}
    for one in own:
        rows |= propose_row(one, code_for(_code(found) + one.name, rows), takes_fields=True, child=found.name).row
    route = {
        "source": found.name, "target": card.target, **_HEAD, "when": {card.field: {"empty": False}},
        "carried_by": {card.source: card.field}, "lost": _lost(found, (*own, found.fields[card.field]), "not on a card"),
    }  # fmt: skip
    return Way(
        f"as fields of the {_CARDS[card.target]} that {card.field} names; with several rows the newest one's",
        (
            Lines(f"mapping/{card.crm_object}.yaml", f"fields: of {card.source} to {card.target}", _indented(rows, 6)),
            Lines(CUSTOM_OBJECTS, "routes:", _route(route)),
        ),
    )


def _in_a_note(found: ObjectSchema, card: Parent) -> Way:
    reference = _CARDS[card.target]
    route = {
        "source": found.name, "target": "notes", **_HEAD, "when": {card.field: {"empty": False}},
        "fields": {
            "type": {"value": "common"}, "text": {"rule": "archive_reference"},
            "created_at": {"from": "CreatedDate", "convert": "moment", "apart_on": reference},
        },
        "references": {reference: {"from": card.field, "to": card.crm_object}},
    }  # fmt: skip
    return Way(
        f"in an archive, with a note on the {reference} that {card.field} names",
        (Lines(CUSTOM_OBJECTS, "routes:", _route(route)), _disposed(found, "archived")),
    )


def _in_a_list(found: ObjectSchema, own: Sequence[FieldSchema], cards: Sequence[Parent]) -> Way:
    into = f"list:{found.label or found.name}"
    rows: dict[str, Any] = {"name": {"from": "Name", "required": True}}
    for one in own:
        rows |= propose_row(one, code_for(one.name, rows), takes_fields=True).row
    deal = next((one for one in cards if one.target == "leads"), None)
    read = (*own, found.fields.get("Name"), found.fields.get(deal.field) if deal else None)
    routes = [
        {"source": found.name, "target": into, **_HEAD, "fields": rows, "lost": _lost(found, read, "not in the list")}
    ]
    if deal:
        element = {"from": "Id", "to": f"custom_objects>{into}"}
        routes.append({
            "source": found.name, "target": "lead_elements", **_HEAD, "when": {deal.field: {"empty": False}},
            "references": {"lead": {"from": deal.field, "to": deal.crm_object}, "element": element},
        })  # fmt: skip
    return Way(
        f"as elements of a list{f', linked to the lead that {deal.field} names' if deal else ''}",
        (Lines(CUSTOM_OBJECTS, "routes:", tuple(line for one in routes for line in _route(one))),),
        first=f"Make a list {into.removeprefix('list:')!r} in Kommo, then discover",
    )


def _outside(found: ObjectSchema) -> Iterator[Way]:
    yield Way("in an archive alone, as a CSV file", (_disposed(found, "archived"),))
    yield Way(
        "in a table of a database of your own", (_disposed(found, "database"),),
        first="Name archive_database: below every one of environments:",
    )  # fmt: skip
    yield Way("nowhere", (_disposed(found, "lost"),))


def _disposed(found: ObjectSchema, how: str) -> Lines:
    return Lines("project.yaml", "objects:", _indented({found.name: {how: "write the reason here"}}, 2))


def _lost(found: ObjectSchema, read: Sequence[FieldSchema | None], why: str) -> dict[str, str]:
    names = {one.name for one in read if one}
    return {
        one.name: why for one in found.fields.values() if one.is_business and one.name not in names and one.type != "id"
    }


def _code(found: ObjectSchema) -> str:
    return found.name.removesuffix("__c") + "_"


def _route(route: dict[str, Any]) -> tuple[str, ...]:
    first, *rest = _indented(route, 4)
    return (f"  - {first.lstrip()}", *rest)


def _indented(entries: dict[str, Any], indent: int) -> tuple[str, ...]:
    return tuple(lines_of(entries, indent))
