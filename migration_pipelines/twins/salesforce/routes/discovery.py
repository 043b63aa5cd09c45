"""What the org is: API versions, resources, limits, objects and their describes."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import SObject
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

_SEASONS = ("Winter", "Spring", "Summer")
_RESOURCES = ("limits", "query", "queryAll", "sobjects")


def discovery_routes(org: Org) -> list[Route]:
    def versions(_: Call) -> Response:
        return answer([_version(number) for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)])

    def resources(call: Call) -> Response:
        base = DATA.format(version=version_of(call.request))
        return answer({name: f"{base}/{name}" for name in _RESOURCES} | {"identity": identity_url(org, call)})

    def limits(_: Call) -> Response:
        used = org.usage.used(org.clock.now())
        return answer(_limits(used, org.usage.most))

    def record_count(call: Call) -> Response:
        told = call.request.query_params.get("sObjects", "")
        wanted = (
            [obj for name in told.split(",") if (obj := org.catalogue.get(name.strip()))] if told else org.catalogue
        )
        counted = [{"count": org.store.count(obj), "name": obj.name} for obj in wanted if obj.key_prefix]
        return answer({"sObjects": counted})

    def global_describe(call: Call) -> Response:
        objects = [_entry(obj, version_of(call.request)) for obj in org.catalogue]
        return answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})

    def basic(call: Call) -> Response:
        entry = _entry(object_of(org, call), version_of(call.request))
        return answer({"objectDescribe": entry, "recentItems": []})

    def describe(call: Call) -> Response:
        obj = object_of(org, call)
        headers = {"Last-Modified": format_datetime(datetime.fromtimestamp(int(org.described_at), UTC), usegmt=True)}
        if _is_known(call, org.described_at):
            return Response(status_code=304, headers=headers)
        return answer(_full(org, obj, version_of(call.request)), headers=headers)

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


def _limits(used: int, most: int) -> dict[str, dict[str, int]]:
    fixed = {
        "DailyBulkApiBatches": 15_000,
        "DailyBulkV2QueryJobs": 10_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DataStorageMB": 10_240,
        "FileStorageMB": 10_240,
        "MassEmail": 5_000,
        "SingleEmail": 5_000,
    }
    return {"DailyApiRequests": {"Max": most, "Remaining": most - used}} | {
        name: {"Max": value, "Remaining": value} for name, value in fixed.items()
    }


def _urls(obj: SObject, version: str) -> dict[str, str]:
    base = f"{DATA.format(version=version)}/sobjects/{obj.name}"
    return {"describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}", "sobject": base}


def _entry(obj: SObject, version: str) -> Describe:
    return {key: _urls(obj, version) if key == "urls" else obj.answer[key] for key in GLOBAL_KEYS}


def _full(org: Org, obj: SObject, version: str) -> Describe:
    filled = {"urls": _urls(obj, version), "recordTypeInfos": _record_types(org, obj, version)}
    return dict(sorted((filled | obj.answer).items()))


def _record_types(org: Org, obj: SObject, version: str) -> list[Describe]:
    base = f"{DATA.format(version=version)}/sobjects/{obj.name}/describe/layouts"
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
