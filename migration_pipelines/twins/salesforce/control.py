"""Endpoints under /__twin__/ that only this twin has: rows as a person or the platform would have changed them."""

import json
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.control import CONTROL_PATH
from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.metadata import ENTITIES, FIELDS
from migration_pipelines.twins.salesforce.org import Org


def control_routes(org: Org) -> list[Route]:
    def rows(call: Call) -> Response:
        """{"object": "Contact", "rows": [{"Id": ..., "Phone": ...}]}: a row without a known Id is new."""
        told = json.loads(call.body)
        return JSONResponse({"ids": org.store.upsert(_object(org, told), told["rows"], org.clock.now())})

    def remove(call: Call) -> Response:
        """{"object": "Contact", "id": ...}: into the Recycle Bin."""
        told = json.loads(call.body)
        record_id = canonical(str(told["id"]))
        if record_id is None or not org.store.remove(_object(org, told), record_id, org.clock.now()):
            raise ValueError(f"no live row of {told['object']} has the id {told['id']}")
        return Response(status_code=204)

    return [_post(org, "rows", rows), _post(org, "remove", remove)]


def snapshot(org: Org) -> dict[str, object]:
    """The rows of each object that has any, by id; metadata left out."""
    return {
        obj.name: rows
        for obj in org.catalogue
        if obj.name not in (ENTITIES, FIELDS) and (rows := list(org.store.rows(obj, 'ORDER BY "Id"')))
    }


def _post(org: Org, path: str, handler: Callable[[Call], Response]) -> Route:
    def answer(call: Call) -> Response:
        try:
            return handler(call)
        except KeyError as error:
            raise ValueError(f"{error} is missing") from error

    return Route(CONTROL_PATH + path, org.serial.endpoint(answer), methods=["POST"])


def _object(org: Org, told: dict[str, Any]) -> SObject:
    obj = org.catalogue.get(told["object"])
    if obj is None:
        raise ValueError(f"no object {told['object']}")
    return obj
