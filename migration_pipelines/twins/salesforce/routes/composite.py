"""Composite: several requests in one, later ones naming the answers of earlier ones; graphs of them; and plain batches."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import Refusal, answer
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.bodies import Record, json_object, malformed, member
from migration_pipelines.twins.salesforce.routes.inside import Answer, Inside
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.routes.references import UnknownReferenceError, substituted

MOST_SUBREQUESTS, MOST_QUERIES, MOST_GRAPHS, MOST_IN_GRAPHS = 25, 5, 75, 500
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
_NAME = re.compile(r"[A-Za-z0-9_]+")
_HEAVY = re.compile(r"/services/data/v[\d.]+/(query|queryAll|composite/sobjects)\b", re.IGNORECASE)
_INSIDE = re.compile(r"/services/data/v[\d.]+/(?!jobs\b|composite(?!/sobjects\b))", re.IGNORECASE)
_IN_GRAPH = re.compile(r"/services/data/v[\d.]+/sobjects/[^/?]+(/[^?]*)?(\?.*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Subrequest:
    name: str
    method: str
    url: str
    body: Any
    headers: dict[str, str]


def composite_routes(org: Org, inside: Inside) -> list[Route]:
    def composite(call: Call) -> Response:
        body = json_object(call)
        subrequests = _subrequests(body)
        _at_most(len(subrequests), MOST_SUBREQUESTS, "subrequests")
        _at_most(sum(map(_is_heavy, subrequests)), MOST_QUERIES, "queries and collections")
        answers = _work_off(org, inside, call, subrequests, all_or_none=body.get("allOrNone") is True)
        return answer({"compositeResponse": _responses(subrequests, answers)})

    def graph(call: Call) -> Response:
        graphs = member(json_object(call), "graphs", list)
        if not all(isinstance(one, dict) for one in graphs):
            raise malformed("graphs holds something that is no object at [line:1, column:1]")
        names = [member(one, "graphId", str) for one in graphs]
        parts = [_subrequests(one) for one in graphs]
        if len(set(names)) < len(names):
            raise _misused("graphId must be unique in a request")
        _at_most(len(graphs), MOST_GRAPHS, "graphs")
        _at_most(sum(map(len, parts)), MOST_IN_GRAPHS, "subrequests")
        wrong = [one.url for part in parts for one in part if not _IN_GRAPH.fullmatch(one.url)]
        if wrong:
            raise _misused(f"{wrong[0]} is not supported in a graph")
        told = [
            _graph(name, part, _work_off(org, inside, call, part, all_or_none=True))
            for name, part in zip(names, parts, strict=True)
        ]
        return answer({"graphs": told})

    def batch(call: Call) -> Response:
        body = json_object(call)
        requests = member(body, "batchRequests", list)
        _at_most(len(requests), MOST_SUBREQUESTS, "subrequests")
        results: list[Record] = []
        failed = False
        for request in requests:
            if failed and body.get("haltOnError") is True:
                halted = {"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}
                results.append({"statusCode": 412, "result": [halted]})
                continue
            one = _batched(request)
            got = _ask(inside, call, one)
            failed = failed or not got.is_good
            results.append({"statusCode": got.status, "result": got.body})
        return answer({"hasErrors": failed, "results": results})

    base = f"{DATA}/composite"
    return [
        *both(org, base, composite, ("POST",)),
        *both(org, f"{base}/graph", graph, ("POST",)),
        *both(org, f"{base}/batch", batch, ("POST",)),
        *both(org, base, _overview, ("GET",)),
    ]


def _overview(call: Call) -> Response:
    base = f"{DATA.format(version=version_of(call.request))}/composite"
    return answer({name: f"{base}/{name}" for name in ("batch", "graph", "sobjects", "tree")})


def _work_off(
    org: Org, inside: Inside, call: Call, subrequests: Sequence[Subrequest], *, all_or_none: bool
) -> list[Answer]:
    with org.store.savepoint() as undo:
        answers: list[Answer] = []
        bodies: dict[str, Any] = {}
        for one in subrequests:
            try:
                got = _ask(inside, call, _put_together(one, bodies))
            except UnknownReferenceError as error:
                got = _halted(str(error))
            if got.is_good:
                bodies[one.name] = got.body
            answers.append(got)
            if all_or_none and not got.is_good:
                undo()
                break
    if all_or_none and answers and not answers[-1].is_good:
        return [answers[-1] if place == len(answers) - 1 else _halted(ROLLED_BACK) for place in range(len(subrequests))]
    return answers


def _put_together(one: Subrequest, bodies: dict[str, Any]) -> Subrequest:
    return Subrequest(one.name, one.method, substituted(one.url, bodies), substituted(one.body, bodies), one.headers)


def _ask(inside: Inside, call: Call, one: Subrequest) -> Answer:
    if not _INSIDE.match(one.url):
        return _refused(400, "INVALID_INPUT", f"{one.url} cannot be a subrequest")
    return inside.ask(call, one.method, one.url, one.body, one.headers)


def _responses(subrequests: Sequence[Subrequest], answers: Sequence[Answer]) -> list[Record]:
    return [
        {
            "body": got.body,
            "httpHeaders": got.headers,
            "httpStatusCode": got.status,
            "referenceId": one.name,
        }
        for one, got in zip(subrequests, answers, strict=True)
    ]


def _graph(name: str, part: Sequence[Subrequest], answers: Sequence[Answer]) -> Record:
    return {
        "graphId": name,
        "graphResponse": {"compositeResponse": _responses(part, answers)},
        "isSuccessful": all(got.is_good for got in answers),
    }


def _subrequests(body: Record) -> list[Subrequest]:
    """The parts of a request.

    Raises:
        Refusal: 400 where one lacks something, or two have one name.
    """
    told = member(body, "compositeRequest", list)
    if not all(isinstance(one, dict) for one in told):
        raise malformed("compositeRequest holds something that is no object at [line:1, column:1]")
    subrequests = [
        Subrequest(
            name=member(one, "referenceId", str),
            method=member(one, "method", str),
            url=member(one, "url", str),
            body=one.get("body"),
            headers={str(name): str(value) for name, value in member(one, "httpHeaders", dict, {}).items()},
        )
        for one in told
    ]
    names = [one.name for one in subrequests]
    if len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        raise _misused("referenceId must be unique, and consist of letters, digits and underscores")
    return subrequests


def _batched(request: object) -> Subrequest:
    """URLs of a batch begin with the version: `v60.0/sobjects/Account`."""
    if not isinstance(request, dict):
        raise malformed("batchRequests holds something that is no object at [line:1, column:1]")
    url = member(request, "url", str).removeprefix("/").removeprefix("services/data/")
    return Subrequest("", member(request, "method", str), f"/services/data/{url}", request.get("richInput"), {})


def _is_heavy(one: Subrequest) -> bool:
    return _HEAVY.match(one.url) is not None


def _at_most(count: int, most: int, what: str) -> None:
    if count > most:
        raise Refusal(400, "LIMIT_EXCEEDED", f"The request has {count} {what}; the most is {most}")


def _misused(text: str) -> Refusal:
    return Refusal(400, "INVALID_INPUT", text)


def _halted(text: str) -> Answer:
    return _refused(400, "PROCESSING_HALTED", text)


def _refused(status: int, code: str, text: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": text}], {})
