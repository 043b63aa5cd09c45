"""The short lists that an administrator keeps, as one table: loss reasons, sources, roles, lists, field groups and such.

Each has the same verbs over the same envelope; what differs is in the table's rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, link_to, listing, object_body, page_of, request_ids
from migration_pipelines.twins.kommo.twin import ACCOUNT_ID, Kommo, Route, for_admins

EVERY_VERB = frozenset({"GET", "POST", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Kept:
    """One list.

    Attributes:
        kind: what the store calls it.
        path: under /api/v4/; `{parent:int}` in it is the record it belongs to.
        key: in `_embedded`.
        required: keys that a new one must name.
        settable: keys that a write may carry, with what stands there if it does not.
        fixed: keys that no write changes.
        most: how many there can be.
        made: status of the answer to POST.
        refusal: why the list is not to be had, or None.
        new_id: makes an id; by default the next number.
        check: complains of an item, or changes it.
        shown: adds to what a read shows.
    """

    kind: str
    path: str
    key: str
    settable: Mapping[str, Any]
    required: tuple[str, ...] = ("name",)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    verbs: frozenset[str] = EVERY_VERB
    has_bulk_patch: bool = False
    has_stamps: bool = True
    most: int = 0
    made: int = 200
    id_form: str = "int"
    refusal: Callable[[Kommo], Response | None] = lambda _: None
    new_id: Callable[[Kommo], int | str] | None = None
    check: Callable[[Kommo, Json, Json], None] = lambda _, __, ___: None
    shown: Callable[[Kommo, Json, Call], Json] = lambda _, one, __: one


def make(twin: Kommo, kept: Kept, item: Json, request_id: str = "0", parent: int = 0) -> Json:
    """Make one; `item` may bring its own id where a seed is read."""
    missing = [Complaint("FieldMissing", key) for key in kept.required if item.get(key) in (None, "")]
    if missing:
        raise invalid(*missing, request_id=request_id)
    if kept.most and len(twin.store.documents(kept.kind, parent)) >= kept.most:
        raise refuse(400, f"There can be {kept.most} at most")
    brought = item.get("id") if twin.by_person else None
    if brought:
        twin.store.keep_past(kept.kind, brought)
    one: Json = {
        "id": brought or (kept.new_id(twin) if kept.new_id else twin.store.next_id(kept.kind)),
        **{key: default if item.get(key) is None else item[key] for key, default in kept.settable.items()},
        **kept.fixed,
    }
    if kept.has_stamps:
        one |= {"created_at": twin.now(), "updated_at": twin.now()}
    kept.check(twin, one, item)
    twin.store.put_document(kept.kind, one, parent)
    return one


def routes_of(kept: Kept) -> Iterator[Route]:
    one = f"{kept.path}/{{id:{kept.id_form}}}"
    table = (
        ("GET", kept.path, _get_all, True),
        ("GET", one, _get, True),
        ("POST", kept.path, _post, False),
        ("PATCH", kept.path, _patch_all, False),
        ("PATCH", one, _patch, False),
        ("DELETE", one, _delete, False),
    )
    for method, path, handler, is_open in table:
        if method in kept.verbs and (handler is not _patch_all or kept.has_bulk_patch):
            answer = partial(_where_it_is, kept, handler)
            yield method, path, answer if is_open else for_admins(answer)


_Handler = Callable[[Kept, Kommo, Call, int], Response]


def _where_it_is(kept: Kept, handler: _Handler, twin: Kommo, call: Call) -> Response:
    return kept.refusal(twin) or handler(kept, twin, call, call.request.path_params.get("parent", 0))


def _get_all(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    page = page_of(call, twin.switches)
    found = twin.store.documents(kept.kind, parent)
    shown = [_linked(kept, twin, call, one) for one in page.of(found)]
    has_next = page.number < page.count(len(found))
    return listing(call, page, kept.key, shown, len(found), has_next=has_next)


def _get(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    return hal(_linked(kept, twin, call, _known(kept, twin, call.request.path_params["id"], parent)))


def _post(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    items = array_body(call)
    made = [
        {**_linked(kept, twin, call, make(twin, kept, item, request_id, parent)), "request_id": request_id}
        for item, request_id in zip(items, request_ids(items), strict=True)
    ]
    return _many(kept, call, made, kept.made)


def _patch(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    changed = _change(kept, twin, object_body(call), call.request.path_params["id"], parent)
    return hal(_linked(kept, twin, call, changed))


def _patch_all(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    items = array_body(call)
    changed = []
    for item, request_id in zip(items, request_ids(items), strict=True):
        if "id" not in item:
            raise invalid(Complaint("FieldMissing", "id"), request_id=request_id)
        one = _linked(kept, twin, call, _change(kept, twin, item, item["id"], parent))
        changed.append({**one, "request_id": request_id})
    return _many(kept, call, changed, 200)


def _delete(kept: Kept, twin: Kommo, call: Call, parent: int) -> Response:
    one = _known(kept, twin, call.request.path_params["id"], parent)
    twin.store.drop_document(kept.kind, one["id"], parent)
    return nothing()


def _change(kept: Kept, twin: Kommo, item: Json, one_id: int | str, parent: int) -> Json:
    one = _known(kept, twin, one_id, parent)
    one |= {key: item[key] for key in kept.settable if item.get(key) is not None}
    if kept.has_stamps:
        one["updated_at"] = twin.now()
    kept.check(twin, one, item)
    twin.store.put_document(kept.kind, one, parent)
    return one


def _known(kept: Kept, twin: Kommo, one_id: int | str, parent: int) -> Json:
    one = twin.store.document(kept.kind, one_id, parent)
    if one is None:
        raise refuse(404, "Not found")
    return one


def _linked(kept: Kept, twin: Kommo, call: Call, one: Json) -> Json:
    path = kept.path.replace("{parent:int}", str(call.request.path_params.get("parent", "")))
    return {**kept.shown(twin, one, call), "_links": link_to(call.request, f"{path}/{one['id']}")}


def _many(kept: Kept, call: Call, shown: list[Json], status: int) -> Response:
    path = kept.path.replace("{parent:int}", str(call.request.path_params.get("parent", "")))
    body = {"_total_items": len(shown), "_links": link_to(call.request, path), "_embedded": {kept.key: shown}}
    return hal(body, status)


def stamped_by(twin: Kommo, one: Json, _: Json) -> None:
    """A `check` that says who made a thing and who changed it last."""
    one.setdefault("created_by", twin.me())
    one["updated_by"] = twin.me()
    one["account_id"] = ACCOUNT_ID
