"""Reading a request: PHP-style query keys, page and limit, bodies that must be an array or an object, HAL links."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, invalid, refuse
from migration_pipelines.twins.kommo.shapes import misshapen

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 250
LARGEST_PAGE = 10**9


@dataclass(frozen=True)
class Page:
    number: int
    limit: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.limit


def page_of(call: Call) -> Page:
    """Kommo limits: 250 records a page; asking for more silently gives the default of 50."""

    def positive(name: str, default: int) -> int:
        told = call.request.query_params.get(name, "")
        return int(told) if told.isdigit() and 0 < int(told) < LARGEST_PAGE else default

    limit = positive("limit", DEFAULT_LIMIT)
    return Page(positive("page", 1), limit if limit <= LARGEST_LIMIT else DEFAULT_LIMIT)


def nested(call: Call) -> Json:
    """The query as PHP reads it: `a[b][]=1&a[b][]=2` and `a[b][0]=1&a[b][1]=2` are {a: {b: {0: 1, 1: 2}}}."""
    found: Json = {}
    for key, value in call.request.query_params.multi_items():
        first, *rest = re.findall(r"^[^\[]+|\[[^\]]*\]", key) or [key]
        *parents, last = [first, *(part[1:-1] for part in rest)]
        level = found
        for parent in parents:
            below = level.setdefault(parent, {})
            if not isinstance(below, dict):
                below = level[parent] = {}
            level = below
        level[last or str(len(level))] = value
    return found


def several(told: object) -> list[str]:
    """One value or several, whichever way the client wrote them."""
    return [str(value) for value in told.values()] if isinstance(told, dict) else [str(told)]


def whole_numbers(told: object) -> list[int]:
    try:
        return [int(value) for value in several(told)]
    except ValueError:
        raise refuse(400, "Invalid filter value") from None


def wanted(call: Call) -> frozenset[str]:
    """The values of `with=`."""
    return frozenset(part.strip() for part in call.request.query_params.get("with", "").split(",") if part.strip())


def array_body(call: Call) -> list[Json]:
    """Kommo REST v4: POST and PATCH on a collection take an array, even for one item."""
    body = _json(call)
    if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
        raise refuse(400, "Request body must be a not empty array of objects")
    for item, request_id in zip(body, request_ids(body), strict=True):
        if faults := list(misshapen(item)):
            raise invalid(*faults, request_id=request_id)
    return body


def object_body(call: Call) -> Json:
    """Kommo REST v4: PATCH on one record takes one object."""
    body = _json(call)
    if not isinstance(body, dict):
        raise refuse(400, "Request body must be an object")
    if faults := list(misshapen(body)):
        raise invalid(*faults)
    return body


def _json(call: Call) -> Any:
    try:
        return json.loads(call.body)
    except ValueError:
        raise refuse(400, "Request body is not valid JSON") from None


def link_to(request: Request, path: str) -> Json:
    """An absolute link on the host that the client asked for."""
    return {"self": {"href": f"{origin(request)}/api/v4/{path}"}}


def origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def page_links(request: Request, page: Page, *, has_next: bool, last: int | None = None) -> Json:
    """`next` stands there only when there is a next page."""

    def at(number: int) -> Json:
        return {"href": str(request.url.include_query_params(page=number, limit=page.limit))}

    links = {"self": at(page.number)}
    if has_next:
        links["next"] = at(page.number + 1)
    if last is not None:
        links["last"] = at(last)
    return links


def request_ids(items: Iterable[Json]) -> list[str]:
    """Kommo REST v4: `request_id` is echoed; an item without one gets its index as a string."""
    return [str(item.get("request_id", index)) for index, item in enumerate(items)]
