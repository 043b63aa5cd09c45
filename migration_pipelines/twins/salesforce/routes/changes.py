"""What changed and what was deleted between two moments: `sobjects/X/updated` and `sobjects/X/deleted`."""

from datetime import UTC, datetime, timedelta

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.errors import Refusal, answer
from migration_pipelines.twins.salesforce.moments import moment, parse_moment
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.discovery import object_of
from migration_pipelines.twins.salesforce.routes.paths import DATA, both
from migration_pipelines.twins.salesforce.soql.names import quoted

UPDATED_DAYS, DELETED_DAYS = 30, 15
MOST_IDS = 600_000
_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
"""What tells when a row changed: the first that its object has."""


def change_routes(org: Org) -> list[Route]:
    def updated(call: Call) -> Response:
        obj = _replicated(org, call)
        start, end = _span(org, call, UPDATED_DAYS)
        ids = [record_id for record_id, _ in _found(org, obj, start, end, deleted=False)]
        return answer({"ids": ids, "latestDateCovered": moment(end)})

    def deleted(call: Call) -> Response:
        obj = _replicated(org, call)
        start, end = _span(org, call, DELETED_DAYS)
        found = _found(org, obj, start, end, deleted=True)
        return answer(
            {
                "deletedRecords": [{"deletedDate": at, "id": record_id} for record_id, at in found],
                "earliestDateAvailable": moment(_earliest(org, DELETED_DAYS)),
                "latestDateCovered": moment(end),
            }
        )

    base = f"{DATA}/sobjects/{{object}}"
    return [*both(org, f"{base}/updated", updated), *both(org, f"{base}/deleted", deleted)]


def _replicated(org: Org, call: Call) -> SObject:
    obj = object_of(org, call)
    if not obj.answer["replicateable"] or _stamp(obj) is None:
        raise Refusal(400, "INVALID_TYPE", f"{obj.name} is not replicable")
    return obj


def _span(org: Org, call: Call, days: int) -> tuple[datetime, datetime]:
    """From and until when is asked, to the minute.

    Raises:
        Refusal: a date is missing or malformed, they are not in order, or the first is too long ago.
    """
    start, end = (_date(call, name) for name in ("start", "end"))
    if end - start < timedelta(minutes=1):
        raise Refusal(400, "INVALID_REPLICATION_DATE", "startDate must precede endDate by more than one minute")
    if start < _earliest(org, days):
        raise Refusal(400, "INVALID_REPLICATION_DATE", f"startDate is more than {days} days ago")
    return start, min(end, datetime.fromtimestamp(int(org.clock.now()), UTC))


def _date(call: Call, name: str) -> datetime:
    told = call.request.query_params.get(name)
    if told is None:
        raise Refusal(400, "MISSING_ARGUMENT", f"{name} is required")
    try:
        # A "+" that was not encoded has come as a space.
        return parse_moment(told.replace(" ", "+")).astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, "INVALID_REPLICATION_DATE", f"{name} is no date and time: {told}") from error


def _earliest(org: Org, days: int) -> datetime:
    now = datetime.fromtimestamp(org.clock.now(), UTC)
    return now.replace(second=0, microsecond=0) - timedelta(days=days)


def _stamp(obj: SObject) -> str | None:
    return next((name for name in _STAMPS if name.lower() in obj.all_fields), None)


def _found(org: Org, obj: SObject, start: datetime, end: datetime, *, deleted: bool) -> list[tuple[str, str]]:
    """Ids and stamps of the rows that the acting user sees."""
    has_bin = "isdeleted" in obj.all_fields
    if deleted and not has_bin:
        return []
    table, stamp = quoted(obj.name), quoted(str(_stamp(obj)))
    conditions = [f"{stamp} >= ?", f"{stamp} <= ?"]
    if has_bin:
        conditions.append(f'"IsDeleted" = {int(deleted)}')
    if seen := org.visibility().condition(obj, table):
        conditions.append(seen)
    sql = f'SELECT "Id", {stamp} FROM {table} WHERE {" AND ".join(conditions)} ORDER BY {stamp}, "Id" LIMIT ?'  # noqa: S608
    found = org.store.run(sql, (moment(start), moment(end), MOST_IDS + 1)).fetchall()
    if len(found) > MOST_IDS:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"more than {MOST_IDS} ids; ask for a shorter span")
    return found
