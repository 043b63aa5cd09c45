"""Which path is answered by which handler."""

from collections.abc import Callable, Iterator

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import (
    account,
    attachments,
    calls,
    complex,  # noqa: A004 - Kommo's word, and the path's
    customers,
    drive,
    events,
    fields,
    links,
    notes,
    pipelines,
    reading,
    tags,
    unsorted,
    users,
    webhooks,
    writing,
)
from migration_pipelines.twins.kommo.answers import refuse
from migration_pipelines.twins.kommo.entities import CARDS, TASKS, Entity, FieldOwner, elements_of, fields_of_catalog
from migration_pipelines.twins.kommo.kept import routes_of as kept_routes
from migration_pipelines.twins.kommo.kept_lists import ACCOUNT_LISTS, groups_of
from migration_pipelines.twins.kommo.twin import EntityHandler, Handler, Kommo, Route, for_admins, on

RECORDS: tuple[tuple[str, str, EntityHandler], ...] = (
    ("GET", "", reading.get_records),
    ("POST", "", writing.post_records),
    ("PATCH", "", writing.patch_records),
    ("GET", "/{id:int}", reading.get_record),
    ("PATCH", "/{id:int}", writing.patch_record),
)
"""Method, path under the entity's own, handler. No DELETE: Kommo keeps its records."""

OF_CARDS: tuple[tuple[str, str, EntityHandler], ...] = (
    *RECORDS,
    ("GET", "/tags", tags.get_tags),
    ("POST", "/tags", tags.post_tags),
    ("GET", "/{id:int}/links", links.get_links),
    ("POST", "/{id:int}/link", links.post_link),
    ("POST", "/{id:int}/unlink", links.post_unlink),
    ("GET", "/links", links.get_mass_links),
    ("POST", "/link", links.post_mass_link),
    ("POST", "/unlink", links.post_mass_unlink),
    ("GET", "/{id:int}/files", attachments.get_files),
    ("PUT", "/{id:int}/files", attachments.put_files),
    ("DELETE", "/{id:int}/files", attachments.delete_files),
)

SEGMENTS = FieldOwner("segments", "customers/segments")

OF_THE_ACCOUNT: tuple[Route, ...] = (
    *account.ROUTES,
    *users.ROUTES,
    *webhooks.ROUTES,
    *pipelines.ROUTES,
    *complex.ROUTES,
    *unsorted.ROUTES,
    *calls.ROUTES,
    *events.ROUTES,
    *customers.ROUTES,
    *drive.ROUTES,
)


def every_route() -> Iterator[Route]:
    yield from OF_THE_ACCOUNT
    for kept in ACCOUNT_LISTS:
        yield from kept_routes(kept)
    for method, path, handler in notes.ROUTES:
        yield method, path, _if_enabled(path.split("/")[0], handler)
    for card in CARDS.values():
        for method, path, of_card in OF_CARDS:
            yield method, card.path + path, _if_enabled(card.name, _of(card, of_card))
        if card.fields:
            yield from _field_routes(_always(card.fields), card.path)
            yield from kept_routes(groups_of(card.fields))
    yield from _field_routes(_always(SEGMENTS), SEGMENTS.path)
    for method, path, of_task in RECORDS:
        yield method, TASKS.path + path, _of(TASKS, of_task)
    for method, path, of_element in RECORDS:
        yield method, "catalogs/{catalog_id:int}/elements" + path, on(_elements, of_element)
    yield from _field_routes(_of_catalog, "catalogs/{catalog_id:int}")


def _of(entity: Entity, handler: EntityHandler) -> Handler:
    return lambda twin, call: handler(twin, entity, call)


def _if_enabled(card: str, handler: Handler) -> Handler:
    return customers.enabled(handler) if card == "customers" else handler


_FindOwner = Callable[[Kommo, Call], FieldOwner]


def _field_routes(find: _FindOwner, under: str) -> Iterator[Route]:
    """The definitions of custom fields. Kommo REST v4: administrators make them, everybody reads them."""

    def of(handler: fields.FieldsHandler) -> Handler:
        return lambda twin, call: handler(twin, find(twin, call), call)

    for method, path, handler in fields.HANDLERS:
        yield method, f"{under}/custom_fields{path}", of(handler) if method == "GET" else for_admins(of(handler))


def _always(owner: FieldOwner) -> _FindOwner:
    return lambda _, __: owner


def _elements(twin: Kommo, call: Call) -> Entity:
    return elements_of(_catalog(twin, call))


def _of_catalog(twin: Kommo, call: Call) -> FieldOwner:
    return fields_of_catalog(_catalog(twin, call))


def _catalog(twin: Kommo, call: Call) -> int:
    catalog_id = int(call.request.path_params["catalog_id"])
    if twin.store.document("catalogs", catalog_id) is None:
        raise refuse(404, "List not found")
    return catalog_id
