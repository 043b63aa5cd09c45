"""Companies, contacts and leads: what differs among the three, as a table. Whatever they share is code elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Filter = Literal["ids", "text", "range"]

WRITABLE = ("name", "responsible_user_id", "group_id", "created_by", "updated_by", "created_at", "updated_at")
FILTERS: Mapping[str, Filter] = MappingProxyType(
    {
        "id": "ids",
        "name": "text",
        "created_by": "ids",
        "updated_by": "ids",
        "responsible_user_id": "ids",
        "updated_at": "range",
        "closest_task_at": "range",
    }
)


@dataclass(frozen=True)
class Entity:
    """One kind of record.

    Attributes:
        writable: top-level keys that a write may carry, besides fields, tags and embedded records.
        readable: columns shown in a read, in order.
        filters: `filter[name]` and how it compares.
        orders: what `order[name]` may name.
        embedded: linked kinds that every read shows.
        embedded_with: linked kinds shown when `with=` asks for them.
        links: kinds that may be linked from this side.
        created_with: what the answer to POST says besides id and request_id.
    """

    name: str
    writable: tuple[str, ...]
    readable: tuple[str, ...]
    filters: Mapping[str, Filter]
    orders: frozenset[str]
    embedded: tuple[str, ...]
    embedded_with: tuple[str, ...]
    links: tuple[str, ...]
    created_with: tuple[str, ...] = ()
    patched_with: tuple[str, ...] = ("name",)


_STAMPS = ("created_by", "updated_by", "created_at", "updated_at")

COMPANIES = Entity(
    name="companies",
    writable=WRITABLE,
    readable=("id", "name", "responsible_user_id", "group_id", *_STAMPS, "closest_task_at", "is_deleted"),
    filters={**FILTERS, "created_at": "range"},
    orders=frozenset({"updated_at", "id"}),
    embedded=(),
    embedded_with=("leads", "contacts"),
    links=("contacts", "leads"),
    created_with=("is_deleted",),
)
CONTACTS = Entity(
    name="contacts",
    writable=(*WRITABLE, "first_name", "last_name"),
    readable=(
        *("id", "name", "first_name", "last_name", "responsible_user_id", "group_id"),
        *_STAMPS,
        *("closest_task_at", "is_deleted", "is_unsorted"),
    ),
    filters=FILTERS,
    orders=frozenset({"updated_at", "id"}),
    embedded=("companies",),
    embedded_with=("leads",),
    links=("companies",),
    created_with=("is_deleted", "is_unsorted"),
)
LEADS = Entity(
    name="leads",
    writable=(*WRITABLE, "price", "status_id", "pipeline_id", "closed_at", "loss_reason_id"),
    readable=(
        *("id", "name", "price", "responsible_user_id", "group_id", "status_id", "pipeline_id", "loss_reason_id"),
        *_STAMPS,
        *("closed_at", "closest_task_at", "is_deleted"),
    ),
    filters={
        **FILTERS,
        "price": "range",
        "created_at": "range",
        "closed_at": "range",
        "pipeline_id": "ids",
    },
    orders=frozenset({"created_at", "updated_at", "id"}),
    embedded=("companies",),
    embedded_with=("contacts",),
    links=("contacts", "companies"),
    patched_with=(),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({entity.name: entity for entity in (COMPANIES, CONTACTS, LEADS)})
