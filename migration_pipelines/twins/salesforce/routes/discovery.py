"""What the org is: API versions, resources, limits, objects and their describes."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import Catalogue, SObject
from migration_pipelines.twins.salesforce.describe_keys import (
    GLOBAL_KEYS,
    MASTER_RECORD_TYPE,
    Describe,
    record_type_info,
)
from migration_pipelines.twins.salesforce.errors import answer, not_found
from migration_pipelines.twins.salesforce.org import NEWEST_VERSION, OLDEST_VERSION, Org, version_of
from migration_pipelines.twins.salesforce.routes.login import identity_url
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.storage import data_megabytes, file_megabytes

_SEASONS = ("Winter", "Spring", "Summer")
_RESOURCES = ("composite", "jobs", "limits", "query", "queryAll", "sobjects", "tooling")


def discovery_routes(org: Org) -> list[Route]:
    def versions(_: Call) -> Response:
        return answer([_version(number) for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)])

    def resources(call: Call) -> Response:
        base = DATA.format(version=version_of(call.request))
        return answer({name: f"{base}/{name}" for name in _RESOURCES} | {"identity": identity_url(org, call)})

    def limits(_: Call) -> Response:
        return answer(_limits(org))

    def record_count(call: Call) -> Response:
        told = call.request.query_params.get("sObjects", "")
        wanted = (
            [obj for name in told.split(",") if (obj := org.catalogue.get(name.strip()))] if told else org.catalogue
        )
        counted = [{"count": org.store.count(obj), "name": obj.name} for obj in wanted if obj.key_prefix]
        return answer({"sObjects": counted})

    def global_describe(call: Call) -> Response:
        return answer(global_describe_of(org.catalogue, DATA.format(version=version_of(call.request))))

    def basic(call: Call) -> Response:
        entry = _entry(object_of(org, call), DATA.format(version=version_of(call.request)))
        return answer({"objectDescribe": entry, "recentItems": []})

    def describe(call: Call) -> Response:
        obj = object_of(org, call)
        headers = {"Last-Modified": format_datetime(datetime.fromtimestamp(int(org.described_at), UTC), usegmt=True)}
        if _is_known(call, org.described_at):
            return Response(status_code=304, headers=headers)
        return answer(full_describe(org, obj, DATA.format(version=version_of(call.request))), headers=headers)

    return [
        *both(org, "/services/data", versions),
        *both(org, DATA, resources),
        *both(org, f"{DATA}/limits", limits),
        *both(org, f"{DATA}/limits/recordCount", record_count),
        *both(org, f"{DATA}/sobjects", global_describe),
        *both(org, f"{DATA}/sobjects/{{object}}/describe", describe),
        *both(org, f"{DATA}/sobjects/{{object}}", basic),
    ]


def object_of(org: Org, call: Call) -> SObject:
    """The object that the path names.

    Raises:
        Refusal: 404, as for any resource that does not exist.
    """
    obj = org.catalogue.get(call.request.path_params["object"])
    if obj is None:
        raise not_found()
    return obj


def _version(number: int) -> Describe:
    # Three releases a year: 50.0 was Winter '21, 66.0 is Spring '26, 67.0 is Summer '26.
    years, season = divmod(number - 50, 3)
    label = f"{_SEASONS[season]} '{21 + years}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def _limits(org: Org) -> dict[str, dict[str, int]]:
    fixed = {
        "AnalyticsExternalDataSizeMB": 40_960,
        "ConcurrentAsyncGetReportInstances": 200,
        "ConcurrentSyncReportRuns": 20,
        "DailyAsyncApexExecutions": 250_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DailyDurableStreamingApiEvents": 10_000,
        "DailyGenericStreamingApiEvents": 10_000,
        "DailyStreamingApiEvents": 10_000,
        "DailyWorkflowEmails": 1_000,
        "HourlyODataCallout": 1_000,
        "HourlyTimeBasedWorkflow": 1_000,
        "MassEmail": 5_000,
        "PermissionSets": 1_500,
        "SingleEmail": 5_000,
    }
    used = {
        "DailyApiRequests": (org.usage.most, org.usage.used(org.clock.now())),
        "DailyBulkApiBatches": (org.bulk_batches.most, org.bulk_batches.used(org.clock.now())),
        "DailyBulkV2QueryJobs": (org.query_jobs.most, org.query_jobs.used(org.clock.now())),
        "DataStorageMB": (org.switches.data_storage_mb, data_megabytes(org.store, org.catalogue)),
        "FileStorageMB": (org.switches.file_storage_mb, file_megabytes(org.store)),
    }
    limits = {name: {"Max": most, "Remaining": most} for name, most in fixed.items()}
    limits |= {name: {"Max": most, "Remaining": most - gone} for name, (most, gone) in used.items()}
    return dict(sorted(limits.items()))


def global_describe_of(catalogue: Catalogue, base: str) -> Describe:
    """What `GET sobjects` answers; `base` is the path that `sobjects` follows."""
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [_entry(obj, base) for obj in catalogue]}


def full_describe(org: Org, obj: SObject, base: str) -> Describe:
    """What `GET sobjects/X/describe` answers."""
    path = f"{base}/sobjects/{obj.name}"
    more = {
        "compactLayouts": f"{path}/describe/compactLayouts",
        "approvalLayouts": f"{path}/describe/approvalLayouts",
        "listviews": f"{path}/listviews",
        "quickActions": f"{path}/quickActions",
        "uiDetailTemplate": "/{ID}",
        "uiEditTemplate": "/{ID}/e",
        "uiNewRecord": f"/{obj.key_prefix}/e",
    }
    if obj.answer["layoutable"]:
        more["layouts"] = f"{path}/describe/layouts"
    filled = {"urls": _urls(obj, base) | more, "recordTypeInfos": _record_types(org, obj, path)}
    return dict(sorted((filled | obj.answer).items()))


def _urls(obj: SObject, base: str) -> dict[str, str]:
    path = f"{base}/sobjects/{obj.name}"
    return {"describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}", "sobject": path}


def _entry(obj: SObject, base: str) -> Describe:
    return {key: _urls(obj, base) if key == "urls" else obj.answer[key] for key in GLOBAL_KEYS}


def _record_types(org: Org, obj: SObject, path: str) -> list[Describe]:
    base = f"{path}/describe/layouts"
    own = [
        record_type_info(
            name=str(row["Name"]),
            developer_name=str(row["DeveloperName"]),
            record_type_id=str(row["Id"]),
            is_master=False,
            is_default=False,
            url=f"{base}/{row['Id']}",
            active=bool(row["IsActive"]),
        )
        for row in org.store.rows(org.catalogue["RecordType"], 'WHERE "SobjectType" = ?', (obj.name,))
    ]
    master = record_type_info(
        name="Master",
        developer_name="Master",
        record_type_id=MASTER_RECORD_TYPE,
        is_master=True,
        is_default=True,
        url=f"{base}/{MASTER_RECORD_TYPE}",
    )
    return [*own, master]


def _is_known(call: Call, described_at: float) -> bool:
    since = call.request.headers.get("If-Modified-Since")
    try:
        return since is not None and parsedate_to_datetime(since).timestamp() >= int(described_at)
    except ValueError:
        return False
