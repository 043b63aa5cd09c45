"""The tag lists of companies, contacts and leads. Tags cannot be deleted over the API."""

from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo import tag_store
from migration_pipelines.twins.kommo.answers import Complaint, hal, invalid
from migration_pipelines.twins.kommo.asking import (
    array_body,
    filters_of,
    link_to,
    listing,
    page_of,
    request_ids,
    whole_numbers,
)
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.twin import Kommo


def get_tags(twin: Kommo, entity: Entity, call: Call) -> Response:
    """Kommo REST v4: `filter[name]` is exact, `filter[id]` a list, `query` a part of the name."""
    page = page_of(call, twin.switches)
    filters = filters_of(call)
    tags = [dict(row) for row in twin.store.sql("SELECT id, name, color FROM tag WHERE entity = ?", (entity.name,))]
    if "name" in filters:
        tags = [tag for tag in tags if tag["name"] == filters["name"]]
    if "id" in filters:
        ids = set(whole_numbers(filters["id"]))
        tags = [tag for tag in tags if tag["id"] in ids]
    query = call.request.query_params.get("query", "").lower()
    tags = [tag for tag in tags if query in tag["name"].lower()]
    has_next = len(tags) > page.offset + page.limit
    return listing(call, page, "tags", page.of(tags), None, has_next=has_next)


def post_tags(twin: Kommo, entity: Entity, call: Call) -> Response:
    items = array_body(call)
    made = []
    for item, request_id in zip(items, request_ids(items), strict=True):
        if not item.get("name"):
            raise invalid(Complaint("FieldMissing", "name"), request_id=request_id)
        tag = tag_store.named(twin.store, entity.name, item["name"], item.get("color"))
        made.append({**tag, "request_id": request_id})
    return hal({"_links": link_to(call.request, f"{entity.name}/tags"), "_embedded": {"tags": made}})
