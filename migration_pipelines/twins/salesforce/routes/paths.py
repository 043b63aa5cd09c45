"""Building routes: Salesforce answers a path with and without a trailing slash."""

from collections.abc import Callable, Sequence

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.org import Org

DATA = "/services/data/v{version}"


def both(org: Org, path: str, handler: Callable[[Call], Response], methods: Sequence[str] = ("GET",)) -> list[Route]:
    endpoint = org.endpoint(handler)
    return [Route(form, endpoint, methods=list(methods)) for form in (path + "/", path)]


def origin(call: Call) -> str:
    """The instance's own origin, as its absolute URLs name it."""
    url = call.request.base_url
    return f"{url.scheme}://{url.netloc}"
