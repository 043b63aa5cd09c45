"""Reading a request: PHP-style query keys, page and limit, bodies that must be an array or an object, HAL links."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.shapes import LARGEST, misshapen
from migration_pipelines.twins.kommo.switches import Switches

LARGEST_LIMIT = 250
LARGEST_PAGE = 10**9
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    number: int
    limit: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.limit

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        return rows[self.offset : self.offset + self.limit]

    def count(self, total: int) -> int:
        return -(-total // self.limit)


def page_of(call: Call, switches: Switches, largest: int = LARGEST_LIMIT) -> Page:
    """Kommo limits: 250 records a page; asking for more silently gives the default of 50."""

    def positive(name: str, default: int) -> int:
        told = call.request.query_params.get(name, "")
        return int(told) if told.isdigit() and 0 < int(told) < LARGEST_PAGE else default

    default = min(switches.default_limit, largest)
    limit = positive("limit", default)
    if limit > largest:
        limit = default if switches.over_limit == "default" else largest
    return Page(positive("page", 1), limit)


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


def filters_of(call: Call) -> Json:
    """`filter[..]`, empty where the request has none."""
    filters = nested(call).get("filter")
    return filters if isinstance(filters, dict) else {}


def several(told: object) -> list[str]:
    """One value or several, whichever way the client wrote them."""
    return [str(value) for value in told.values()] if isinstance(told, dict) else [str(told)]


def whole_numbers(told: object) -> list[int]:
    try:
        numbers = [int(value) for value in several(told)]
    except ValueError:
        numbers = [LARGEST + 1]
    if any(abs(number) > LARGEST for number in numbers):
        raise refuse(400, "Invalid filter value")
    return numbers


def wanted(call: Call) -> frozenset[str]:
    """The values of `with=`, written with commas or as `with[]=`."""
    told = nested(call).get("with", "")
    return frozenset(part.strip() for one in several(told) for part in one.split(",") if part.strip())


def array_length(call: Call) -> int:
    """How many items a body has; 0 where it is no array."""
    if not call.body.startswith(b"["):
        return 0
    body = _json(call)
    return len(body) if isinstance(body, list) else 0


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


def optional_object_body(call: Call) -> Json:
    return object_body(call) if call.body else {}


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


def listing(call: Call, page: Page, key: str, shown: Sequence[Json], total: int | None, *, has_next: bool) -> Response:
    """A page of a collection. `total` is told by some collections only; an empty page is 204."""
    if not shown:
        return nothing()
    counted: Json = {} if total is None else {"_total_items": total, "_page_count": page.count(total)}
    links = page_links(call.request, page, has_next=has_next)
    return hal({"_page": page.number, **counted, "_links": links, "_embedded": {key: shown}})


def request_ids(items: Iterable[Json]) -> list[str]:
    """Kommo REST v4: `request_id` is echoed; an item without one gets its index as a string."""
    return [str(item.get("request_id", index)) for index, item in enumerate(items)]
