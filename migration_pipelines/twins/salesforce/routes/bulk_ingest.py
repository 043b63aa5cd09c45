"""Bulk API 2.0 ingest: `jobs/ingest`."""

import shutil
from collections.abc import Iterator, Mapping

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.content.multipart import MultipartError, parts_of
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer, not_found
from migration_pipelines.twins.salesforce.ingest.job import UPLOAD, IngestJob
from migration_pipelines.twins.salesforce.ingest.results import Kind
from migration_pipelines.twins.salesforce.ingest.uploads import LARGEST_BYTES
from migration_pipelines.twins.salesforce.ingest.work import Task
from migration_pipelines.twins.salesforce.jobs.lifecycle import TERMINAL, State
from migration_pipelines.twins.salesforce.jobs.query import UNSUPPORTED as NOT_QUERIED
from migration_pipelines.twins.salesforce.jobs.telling import DELIMITERS, LINE_ENDINGS, choice, required, told
from migration_pipelines.twins.salesforce.org import Org, version_of
from migration_pipelines.twins.salesforce.routes.jobs import csv_answer, found, job_routes
from migration_pipelines.twins.salesforce.routes.paths import DATA, both

OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
UNSUPPORTED = NOT_QUERIED | {"ContentDocument", "ContentNote", "ContentVersion", "Document"}
"""Bodies of files do not travel in CSV."""
MULTIPART_CHARACTERS = 100_000
DAY_SECONDS = 24 * 60 * 60
_KEYS = frozenset(
    {
        *("object", "operation", "externalIdFieldName", "contentType", "columnDelimiter", "lineEnding"),
        *("assignmentRuleId", "concurrencyMode"),
    }
)
_RESULTS = {
    "successfulresults": Kind.SUCCESSFUL,
    "failedresults": Kind.FAILED,
    "unprocessedrecords": Kind.UNPROCESSED,
}


def bulk_ingest_routes(org: Org) -> list[Route]:
    base = f"{DATA}/jobs/ingest"

    def create(call: Call) -> Response:
        if call.request.headers.get("Content-Type", "").startswith("multipart/"):
            return answer(_create_with_data(org, call).summary())
        return answer(_create(org, call, call.body).summary())

    def upload(call: Call) -> Response:
        job = found(org, call, IngestJob)
        if job.state is not State.OPEN or org.clock.now() - job.created_at >= DAY_SECONDS:
            raise Refusal(400, "INVALIDJOBSTATE", f"Data cannot be added to a job that is {job.state.value}")
        if job.is_uploaded:
            text = (
                f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
                "create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise Refusal(400, "INVALIDJOBSTATE", text)
        with (job.folder / UPLOAD).open("wb") as file:
            shutil.copyfileobj(call.file, file)
            if file.tell() > LARGEST_BYTES:
                raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", f"A job takes {LARGEST_BYTES} bytes of data at most")
        job.is_uploaded = True
        return Response(status_code=201)

    def change(call: Call, job: IngestJob) -> None:
        state = State(choice(told(call.body, {"state"}), "state", {State.UPLOAD_COMPLETE.value, State.ABORTED.value}))
        if state is State.UPLOAD_COMPLETE:
            _close(org, job)
            return
        was = job.state
        org.jobs.abort(job, org.clock.now())
        if was is State.OPEN:  # a closed one is being seen to already
            org.serial.in_background(_steps(org, job))

    def results(call: Call) -> Response:
        job = found(org, call, IngestJob)
        kind = _RESULTS.get(call.request.path_params["results"].lower())
        if kind is None:
            raise not_found()
        if job.state not in TERMINAL:
            text = f"The job is {job.state.value}; results are there when it has ended"
            raise Refusal(400, "INVALIDJOBSTATE", text)
        return csv_answer(org, call, job.results(is_shuffled=False).read(kind))

    return [
        *both(org, base, create, ["POST"]),
        *both(org, f"{base}/{{id}}/batches", upload, ["PUT"]),
        *both(org, f"{base}/{{id}}/{{results}}", results),
        *job_routes(org, IngestJob, base, change),
    ]


def _create(org: Org, call: Call, body: bytes) -> IngestJob:
    given = told(body, _KEYS)
    operation = choice(given, "operation", OPERATIONS)
    choice(given, "contentType", {"CSV"}, "CSV")
    choice(given, "concurrencyMode", {"Parallel"}, "Parallel")
    obj = _object(org, given)
    if operation == "hardDelete" and not org.switches.hard_delete:
        text = "hardDelete operation requires special user profile permission, please contact your system administrator"
        raise Refusal(400, "FEATURENOTENABLED", text)
    rule = given.get("assignmentRuleId")
    job = IngestJob(
        id=org.jobs.new_id(),
        operation=operation,
        object_name=obj.name,
        created_by_id=org.store.user_id,
        created_at=org.clock.now(),
        version=version_of(call.request),
        column_delimiter=choice(given, "columnDelimiter", DELIMITERS.keys(), "COMMA"),
        line_ending=choice(given, "lineEnding", LINE_ENDINGS.keys(), "LF"),
        state=State.OPEN,
        key=_key(obj, given) if operation == "upsert" else None,
        assignment_rule_id=str(rule) if rule else None,
        clock=org.clock,
    )
    org.jobs.add(job)
    return job


def _create_with_data(org: Org, call: Call) -> IngestJob:
    """A job with up to 100,000 characters of data in one request, which closes it as well."""
    try:
        parts = {part.name: part for part in parts_of(call.file, call.request.headers["Content-Type"])}
    except MultipartError as error:
        raise Refusal(400, "INVALIDJOB", f"Multipart message cannot be parsed: {error}") from error
    told_part, content = parts.get("job"), parts.get("content")
    if told_part is None or content is None:
        raise Refusal(400, "INVALIDJOB", "The parts job and content are required")
    if content.size > MULTIPART_CHARACTERS:
        raise Refusal(
            400, "INVALIDJOB", f"At most {MULTIPART_CHARACTERS} characters of data travel with a job's creation"
        )
    job = _create(org, call, call.body[told_part.start : told_part.start + told_part.size])
    (job.folder / UPLOAD).write_bytes(call.body[content.start : content.start + content.size])
    job.is_uploaded = True
    _close(org, job)
    return job


def _close(org: Org, job: IngestJob) -> None:
    if job.state is not State.OPEN:
        raise Refusal(400, "INVALIDJOBSTATE", f"Closing already {job.state.value} Job not allowed")
    job.move(State.UPLOAD_COMPLETE, org.clock.now())
    org.serial.in_background(_steps(org, job))


def _steps(org: Org, job: IngestJob) -> Iterator[float]:
    switches = org.switches
    task = Task(
        writer=org.writer,
        obj=org.catalogue[job.object_name],
        operation=job.operation,
        key=job.key,
        upload=job.upload(inner_endings=switches.bulk_inner_line_endings, accepts_bom=switches.bulk_accepts_bom),
        results=job.results(is_shuffled=switches.bulk_shuffled_results),
        acting=lambda: org.acting(job.created_by_id),
        takes_a_batch=lambda: org.bulk_batches.count(org.clock.now()),
    )
    return job.steps(task, org.ingest_pace, switches.bulk_ingest_delay_seconds)


def _object(org: Org, given: Mapping[str, object]) -> SObject:
    name = given.get("object")
    if not isinstance(name, str) or not name:
        raise required("object")
    obj = org.catalogue.get(name)
    if obj is None or obj.name in UNSUPPORTED or not (obj.answer["createable"] or obj.answer["updateable"]):
        raise Refusal(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
    return obj


def _key(obj: SObject, given: Mapping[str, object]) -> str:
    name = given.get("externalIdFieldName")
    if not isinstance(name, str) or not name:
        raise required("externalIdFieldName")
    field = obj.field(name)
    if field is None or not (field.type == "id" or field.answer["externalId"] or field.answer["idLookup"]):
        text = (
            f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field for {obj.name}"
        )
        raise Refusal(400, "INVALIDJOB", text)
    return field.name
