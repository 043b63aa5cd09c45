"""What an event would have started: bots of the digital pipeline, and webhooks. The twin notes it and starts nothing."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import JSONResponse, Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.twin import Kommo

DIGITAL_PIPELINE = "digital_pipeline"
SINGULAR: Mapping[str, str] = MappingProxyType(
    {"leads": "lead", "contacts": "contact", "companies": "company", "customers": "customer"}
)
_WEBHOOKS: Mapping[str, str] = MappingProxyType(
    {
        "lead_added": "add_lead",
        "contact_added": "add_contact",
        "company_added": "add_company",
        "customer_added": "add_customer",
        "task_added": "add_task",
        "lead_status_changed": "status_lead",
        "entity_responsible_changed": "responsible_{}",
    }
)
"""Kommo REST v4, webhooks: the subscription that an event is told to; {} is the kind of card."""
_OF_THE_PIPELINE = frozenset({"lead_added", "lead_status_changed"})


def start(twin: Kommo, event: str, card: tuple[str | None, int | None], *, by_note: bool = False) -> None:
    """Note what an event on a card would start."""
    kind, card_id = card
    setting = "note_{}" if by_note else _WEBHOOKS.get(event)
    if setting is None:
        return
    setting = setting.format(SINGULAR.get(kind or "", kind))
    hooks = [
        hook["destination"]
        for hook in twin.store.documents("webhooks")
        if setting in hook["settings"] and not hook["disabled"]
    ]
    in_pipeline = event in _OF_THE_PIPELINE or (by_note and kind == "leads")
    for what in ([DIGITAL_PIPELINE] if in_pipeline else []) + hooks:
        twin.store.sql(
            "INSERT INTO automation (event, entity_type, entity_id, started) VALUES (?, ?, ?, ?)",
            (event, kind, card_id, what),
        )


def show(twin: Kommo, _: Call) -> Response:
    """GET automations: what would have been started, in order."""
    rows = twin.store.sql("SELECT event, entity_type, entity_id, started FROM automation ORDER BY id")
    return JSONResponse([dict(row) for row in rows])
