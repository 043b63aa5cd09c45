"""Endpoints under /__twin__/ that only this twin has: rows as a person or the platform would have changed them."""

import json
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.control import CONTROL_PATH
from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.computed import COMPUTED
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.hidden import Hidden
from migration_pipelines.twins.salesforce.org import Org


def control_routes(org: Org) -> list[Route]:
    def rows(call: Call) -> Response:
        """{"object": "Contact", "rows": [{"Id": ..., "Phone": ...}]}: a row without a known Id is new."""
        told = json.loads(call.body)
        return JSONResponse({"ids": org.writer.put(_object(org, told), told["rows"])})

    def remove(call: Call) -> Response:
        """{"object": "Contact", "id": ...}: into the Recycle Bin."""
        told = json.loads(call.body)
        (outcome,) = org.writer.delete(_object(org, told), [told["id"]])
        if outcome.errors:
            raise ValueError(f"{told['object']} {told['id']}: {outcome.errors[0].message}")
        return Response(status_code=204)

    def undelete(call: Call) -> Response:
        """{"object": "Contact", "id": ...}: out of the Recycle Bin, with all that its deletion took along."""
        told = json.loads(call.body)
        (outcome,) = org.writer.undelete(_object(org, told), [told["id"]])
        if outcome.errors:
            raise ValueError(f"{told['object']} {told['id']}: {outcome.errors[0].message}")
        return Response(status_code=204)

    def hide(call: Call) -> Response:
        """What `hidden.json` may say: these fields and objects, and nothing else, are hidden from now on."""
        org.hide(Hidden.told(json.loads(call.body)))
        return JSONResponse(org.hidden.as_dict())

    def revoke(_: Call) -> Response:
        """Every session ends at once, given tokens too."""
        org.sessions.revoke_all()
        return Response(status_code=204)

    return [
        _post(org, "rows", rows),
        _post(org, "remove", remove),
        _post(org, "undelete", undelete),
        _post(org, "hidden", hide),
        _post(org, "sessions/revoke", revoke),
    ]


def snapshot(org: Org) -> dict[str, object]:
    """The rows of each object that has any, by id; metadata left out."""
    return {
        obj.name: rows
        for obj in org.catalogue.everything()
        if obj.name not in COMPUTED and (rows := list(org.store.rows(obj, 'ORDER BY "Id"')))
    }


def _post(org: Org, path: str, handler: Callable[[Call], Response]) -> Route:
    def answer(call: Call) -> Response:
        try:
            return handler(call)
        except KeyError as error:
            raise ValueError(f"{error} is missing") from error

    return Route(CONTROL_PATH + path, org.serial.endpoint(answer), methods=["POST"])


def _object(org: Org, told: dict[str, Any]) -> SObject:
    if told["object"] not in org.catalogue:
        raise ValueError(f"no object {told['object']}")
    return org.catalogue[told["object"]]
