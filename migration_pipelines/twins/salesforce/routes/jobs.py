"""What the resources of query and ingest jobs share: list, look, abort, delete."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import answer
from migration_pipelines.twins.salesforce.jobs.lifecycle import Job, Kind
from migration_pipelines.twins.salesforce.jobs.telling import choice, told
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.paths import both

CSV_TYPE = "text/csv; charset=UTF-8"
_GZIP = 16 + zlib.MAX_WBITS


def job_routes(org: Org, kind: type[Kind], base: str, patch: Callable[[Call, Kind], None]) -> list[Route]:
    """GET of the list, GET, PATCH and DELETE of one job.

    Args:
        base: path of the list.
        patch: does what a PATCH asks.
    """

    def list_all(call: Call) -> Response:
        asked = call.request.query_params
        if asked.get("jobType", kind.kind) != kind.kind:
            return answer({"done": True, "records": [], "nextRecordsUrl": None})
        page, following = org.jobs.page(kind, asked.get("queryLocator"), org.clock.now())
        path = call.request.url.path.rstrip("/")
        return answer(
            {
                "done": following is None,
                "records": [job.summary() for job in page],
                "nextRecordsUrl": f"{path}?queryLocator={following}" if following else None,
            }
        )

    def look(call: Call) -> Response:
        return answer(found(org, call, kind).info())

    def change(call: Call) -> Response:
        job = found(org, call, kind)
        patch(call, job)
        return answer(job.summary())

    def delete(call: Call) -> Response:
        org.jobs.delete(found(org, call, kind))
        return Response(status_code=204)

    return [
        *both(org, base, list_all),
        *both(org, f"{base}/{{id}}", look),
        *both(org, f"{base}/{{id}}", change, ["PATCH"]),
        *both(org, f"{base}/{{id}}", delete, ["DELETE"]),
    ]


def abort(org: Org, call: Call, job: Job) -> None:
    """`{"state": "Aborted"}`.

    Raises:
        Refusal: the body says something else, or the job has ended.
    """
    choice(told(call.body, {"state"}), "state", {"Aborted"})
    org.jobs.abort(job, org.clock.now())


def found(org: Org, call: Call, kind: type[Kind]) -> Kind:
    """The job that the path names, as it stands now."""
    return org.jobs.get(kind, call.request.path_params["id"], org.clock.now())


def csv_answer(org: Org, call: Call, blocks: Iterator[bytes], headers: Mapping[str, str] | None = None) -> Response:
    """Results, read and sent block by block, so that they never sit in memory and other requests go in between."""
    is_compressed = "gzip" in call.request.headers.get("Accept-Encoding", "")
    packer = zlib.compressobj(level=1, wbits=_GZIP)

    def following() -> bytes | None:
        block = next(blocks, None)
        return packer.compress(block) if block is not None and is_compressed else block

    async def body() -> AsyncIterator[bytes]:
        while (block := await org.serial.run(following)) is not None:
            yield block
        if is_compressed:
            yield packer.flush()

    encoding = {"Content-Encoding": "gzip"} if is_compressed else {}
    return StreamingResponse(body(), headers={**(headers or {}), **encoding}, media_type=CSV_TYPE)
