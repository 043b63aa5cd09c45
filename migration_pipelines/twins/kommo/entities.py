"""Every kind of record, as a table: its keys, filters, order and embedded records. What they share is code elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

Filter = Literal["ids", "text", "range", "flag"]


@dataclass(frozen=True)
class FieldOwner:
    """Who has custom fields: a kind of record, one list, or the segments.

    Attributes:
        type: what a definition shows as `entity_type`.
        path: under /api/v4/.
    """

    type: str
    path: str

    @property
    def kind(self) -> str:
        return f"custom_fields:{self.path}"


@dataclass(frozen=True)
class Entity:
    """One kind of record, or those of them that stand under one path.

    Attributes:
        name: what links, events and the store call it; also its key in `_embedded` unless `key` says otherwise.
        path: under /api/v4/.
        scope: columns that the path fixes, as `entity_type` of the notes of leads.
        fields: whose custom fields it carries, if any.
        writable: top-level keys that a write may carry, besides fields, tags and embedded records.
        required: those that a new one must name.
        readable: columns shown in a read, in order.
        constants: what every read shows besides; nothing of this twin's changes it.
        filters: `filter[name]` and how it compares; `columns` where the column has another name.
        orders: what `order[name]` may name.
        embedded: linked kinds that every read shows; `embedded_with` where `with=` asks for them.
        shown_with: columns shown where `with=` asks for them.
        links: kinds that may be linked from this side.
        created_with: what the answer to POST says besides id and request_id; `patched_with` the one to PATCH.
        added: the event that a new one leaves behind.
    """

    name: str
    path: str
    writable: tuple[str, ...]
    readable: tuple[str, ...]
    filters: Mapping[str, Filter]
    orders: frozenset[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    scope: Mapping[str, object] = field(default_factory=dict)
    fields: FieldOwner | None = None
    required: tuple[str, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    has_tags: bool = True
    embedded: tuple[str, ...] = ()
    embedded_with: tuple[str, ...] = ()
    shown_with: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    created_with: Mapping[str, object] = field(default_factory=dict)
    patched_with: tuple[str, ...] = ()
    added: str = ""

    @property
    def embedded_key(self) -> str:
        return self.key or self.name

    def under(self, path: str, **scope: object) -> "Entity":
        return replace(self, path=path, scope=scope)


_STAMPS = ("created_by", "updated_by", "created_at", "updated_at")
_OWNED = ("responsible_user_id", "group_id", *_STAMPS)
_CARD = ("name", *_OWNED)
_CARD_FILTERS: Mapping[str, Filter] = MappingProxyType(
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

COMPANIES = Entity(
    name="companies",
    path="companies",
    fields=FieldOwner("companies", "companies"),
    writable=_CARD,
    readable=("id", *_CARD, "closest_task_at", "is_deleted"),
    filters={**_CARD_FILTERS, "created_at": "range"},
    orders=frozenset({"updated_at", "id"}),
    embedded_with=("leads", "contacts", "catalog_elements", "customers"),
    links=("contacts", "leads", "catalog_elements"),
    created_with={"is_deleted": False},
    patched_with=("name", "updated_at"),
    added="company_added",
)
CONTACTS = Entity(
    name="contacts",
    path="contacts",
    fields=FieldOwner("contacts", "contacts"),
    writable=(*_CARD, "first_name", "last_name"),
    readable=("id", "name", "first_name", "last_name", *_OWNED, "closest_task_at", "is_deleted", "is_unsorted"),
    filters=_CARD_FILTERS,
    orders=frozenset({"updated_at", "id"}),
    embedded=("companies",),
    embedded_with=("leads", "catalog_elements", "customers"),
    links=("companies", "catalog_elements"),
    created_with={"is_deleted": False, "is_unsorted": False},
    patched_with=("name", "updated_at"),
    added="contact_added",
)
LEADS = Entity(
    name="leads",
    path="leads",
    fields=FieldOwner("leads", "leads"),
    writable=(*_CARD, "price", "status_id", "pipeline_id", "closed_at", "loss_reason_id"),
    readable=(
        *("id", "name", "price", "responsible_user_id", "group_id", "status_id", "pipeline_id", "loss_reason_id"),
        *(*_STAMPS, "closed_at", "closest_task_at", "is_deleted"),
    ),
    constants={"score": None, "labor_cost": None, "is_price_computed": False},
    filters={
        **_CARD_FILTERS,
        "price": "range",
        "created_at": "range",
        "closed_at": "range",
        "pipeline_id": "ids",
    },
    orders=frozenset({"created_at", "updated_at", "id"}),
    embedded=("companies",),
    embedded_with=("contacts", "catalog_elements"),
    shown_with=("source_id", "is_price_modified_by_robot"),
    links=("contacts", "companies", "catalog_elements"),
    patched_with=("updated_at",),
    added="lead_added",
)
CUSTOMERS = Entity(
    name="customers",
    path="customers",
    fields=FieldOwner("customers", "customers"),
    writable=(*_CARD, "next_price", "next_date", "periodicity", "status_id"),
    readable=(
        *("id", "name", "next_price", "next_date", "periodicity", "status_id", *_OWNED),
        *("closest_task_at", "is_deleted"),
    ),
    filters={**_CARD_FILTERS, "created_at": "range", "next_date": "range"},
    orders=frozenset({"created_at", "updated_at", "id"}),
    embedded_with=("contacts", "companies", "catalog_elements"),
    links=("contacts", "companies", "catalog_elements"),
    patched_with=("updated_at",),
    added="customer_added",
)
ELEMENTS = Entity(
    name="catalog_elements",
    path="catalogs/{catalog_id:int}/elements",
    key="elements",
    has_tags=False,
    writable=("name", *_STAMPS, "currency_id"),
    required=("name",),
    readable=("id", "name", *_STAMPS, "is_deleted", "catalog_id"),
    filters={"id": "ids", "name": "text"},
    orders=frozenset({"id"}),
    patched_with=("name", "updated_at"),
)
TASKS = Entity(
    name="tasks",
    path="tasks",
    has_tags=False,
    writable=(
        *("text", "complete_till", "entity_id", "entity_type", "task_type_id", "is_completed", "result", "duration"),
        *("responsible_user_id", *_STAMPS),
    ),
    required=("text", "complete_till"),
    readable=(
        *("id", "created_by", "updated_by", "created_at", "updated_at", "responsible_user_id", "group_id"),
        *("entity_id", "entity_type", "duration", "is_completed", "task_type_id", "text", "result", "complete_till"),
    ),
    filters={
        "id": "ids",
        "responsible_user_id": "ids",
        "is_completed": "flag",
        "task_type": "ids",
        "task_type_id": "ids",
        "entity_type": "text",
        "entity_id": "ids",
        "updated_at": "range",
    },
    columns={"task_type": "task_type_id"},
    orders=frozenset({"created_at", "complete_till", "id"}),
    patched_with=("updated_at",),
    added="task_added",
)
NOTES = Entity(
    name="notes",
    path="{entity_type}/notes",
    has_tags=False,
    writable=("note_type", "params", "responsible_user_id", *_STAMPS),
    readable=(
        *("id", "entity_id", "created_by", "updated_by", "created_at", "updated_at", "responsible_user_id"),
        *("group_id", "note_type", "params"),
    ),
    filters={"id": "ids", "entity_id": "ids", "note_type": "text", "updated_at": "range"},
    orders=frozenset({"updated_at", "id"}),
    shown_with=("is_pinned",),
    patched_with=("updated_at",),
)

CARDS: Mapping[str, Entity] = MappingProxyType(
    {entity.name: entity for entity in (COMPANIES, CONTACTS, LEADS, CUSTOMERS)}
)
"""What a person opens: it has custom fields, tags, links, notes, tasks and files."""

JSON_COLUMNS = frozenset({"params", "result"})
FLAG_COLUMNS = frozenset({"is_deleted", "is_unsorted", "is_completed", "is_pinned", "is_price_modified_by_robot"})


def notes_of(entity_type: str, entity_id: int | None = None) -> Entity:
    """The notes of a kind of record, or of one record."""
    if entity_id is None:
        return NOTES.under(f"{entity_type}/notes", entity_type=entity_type)
    return NOTES.under(f"{entity_type}/{entity_id}/notes", entity_type=entity_type, entity_id=entity_id)


def elements_of(catalog_id: int) -> Entity:
    elements = ELEMENTS.under(f"catalogs/{catalog_id}/elements", catalog_id=catalog_id)
    return replace(elements, fields=fields_of_catalog(catalog_id))


def fields_of_catalog(catalog_id: int) -> FieldOwner:
    return FieldOwner("catalogs", f"catalogs/{catalog_id}")
