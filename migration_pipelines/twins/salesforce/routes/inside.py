"""Subrequests: answered by the same routes, inside the request that carries them and inside its transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import Refusal, not_found, refuse
from migration_pipelines.twins.salesforce.org import Org


@dataclass(frozen=True)
class Answer:
    """Attributes: `body` is the parsed JSON, None where there is none."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        return self.status < 300


class Inside:
    """Answers paths of the versioned API by these routes."""

    def __init__(self, org: Org, routes: Sequence[Route]) -> None:
        self._org = org
        self._routes = routes

    def ask(self, outer: Call, method: str, url: str, body: object, headers: Mapping[str, str]) -> Answer:
        """Answer one subrequest. What it wrote is undone where it is refused.

        Args:
            url: from the root, `/services/data/v60.0/sobjects/Account`, with its query.
        """
        path, _, query = url.partition("?")
        scope = {
            **outer.request.scope,
            "method": method.upper(),
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": _headers(outer, headers),
            "path_params": {},
        }
        try:
            with self._org.store.savepoint():
                response = self._answer(scope, body)
        except Refusal as refusal:
            response = refuse(refusal)
        return Answer(response.status_code, _content(response), _shown(response))

    def _answer(self, scope: dict[str, Any], body: object) -> Response:
        other_method = False
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                call = Call(Request({**scope, **child}), BytesIO(b"" if body is None else json.dumps(body).encode()))
                return self._org.handlers[route.endpoint](call)
            other_method = other_method or match is Match.PARTIAL
        if other_method:
            raise Refusal(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{scope['method']}' not allowed.")
        raise not_found()


def _headers(outer: Call, given: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    own = {name.lower() for name in given}
    kept = [
        (name, value) for name, value in outer.request.scope["headers"] if name.decode("latin-1").lower() not in own
    ]
    return [*kept, *((name.lower().encode(), str(value).encode()) for name, value in given.items())]


def _content(response: Response) -> Any:
    body = bytes(getattr(response, "body", b""))
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def _shown(response: Response) -> dict[str, str]:
    place = response.headers.get("Location")
    return {"Location": place} if place else {}
