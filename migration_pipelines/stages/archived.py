"""What is archived: the plan's rows for it, and whether each archive is still what was written.

An archive is named in the plan by its records, its columns and a digest of both, so that what a load writes is what was
approved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from migration_pipelines.archive_database import table_of
from migration_pipelines.core.claims import AS_WRITTEN
from migration_pipelines.core.crm_objects import ARCHIVE
from migration_pipelines.core.fingerprint import canonical
from migration_pipelines.core.records import Outcome, SourceRecord
from migration_pipelines.errors import MigrationError
from migration_pipelines.ledger.plans import PlanRow
from migration_pipelines.stages.partition import OpenPartition

CSV, DATABASE = "csv", "database"
NOT_WRITTEN, MISSING, ALTERED = "not written yet", "missing", "altered"


class Contents:
    """The live records that an archive holds, told page by page: how many, with which columns, and a digest of them."""

    def __init__(self) -> None:
        self._columns: dict[str, None] = {}
        self._digest = hashlib.sha256()
        self._records = 0

    def add(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            self._columns.update(dict.fromkeys(record.values))
            self._digest.update(canonical([record.id, record.values]))
        self._records += len(records)

    def as_json(self) -> dict[str, Any]:
        columns = list(self._columns)
        return {
            "records": self._records,
            "columns": columns,
            "content": hashlib.sha256(self._digest.digest() + canonical(columns)).hexdigest(),
        }


def key_of(source_object: str, kept_in: str) -> str:
    """What stands for a route in the ledger: "archive/Case>csv", or "archive/Case>database"."""
    return f"{ARCHIVE}/{source_object}>{kept_in}"


def kept_in(partition: OpenPartition, source_object: str) -> str:
    """In what an object would be kept, as the project says now."""
    return DATABASE if "database" in partition.dispositions[source_object] else CSV


def path_of(partition: OpenPartition, source_object: str) -> Path:
    """Where the archive of an object is, or will be."""
    return partition.archive / f"{source_object}.csv"


def live(page: Sequence[SourceRecord]) -> list[SourceRecord]:
    return [record for record in page if not record.deleted]


def plan_rows(partition: OpenPartition, source_object: str, page: Sequence[SourceRecord]) -> Iterator[PlanRow]:
    """A plan row for each record of a page: archived, unless it was deleted in the source."""
    key = key_of(source_object, kept_in(partition, source_object))
    (why,) = partition.dispositions[source_object].values()
    for record in page:
        if record.deleted:
            yield PlanRow(key, record.id, Outcome.DELETED_IN_SOURCE)
        else:
            yield PlanRow(key, record.id, Outcome.ARCHIVED, problems=[{"message": why}])


def planned(partition: OpenPartition) -> Mapping[str, Mapping[str, Any]]:
    """Source object -> {kept_in, records, columns, content} of its archive, as the current plan says."""
    plan = partition.ledger.plans.current()
    found: Mapping[str, Mapping[str, Any]] = plan["summary"].get("archived", {}) if plan else {}
    return found


def archives(partition: OpenPartition) -> dict[str, dict[str, Any]]:
    """Source object -> {key, place, state, records, sha256} of each archive of the current plan, looked at as it is now.

    `records` and `sha256` are what was written; None where nothing was, or what was is not what the plan says.
    """
    written = {event["detail"]["object"]: event["detail"] for event in partition.ledger.events("archived")}
    found = {}
    for name, meant in planned(partition).items():
        event, key = written.get(name), key_of(name, meant["kept_in"])
        look = _table if meant["kept_in"] == DATABASE else _file
        if event is None or event["content"] != meant["content"] or event["key"] != key:
            event = {"records": None, "sha256": None}
        place, state = look(partition, name, event["sha256"])
        found[name] = {
            "key": key, "place": place, "state": state, "records": event["records"], "sha256": event["sha256"]
        }  # fmt: skip
    return found


def _file(partition: OpenPartition, source_object: str, sha256: str | None) -> tuple[str, str]:
    """(place, state) of an archive that is a file."""
    path = path_of(partition, source_object)
    if sha256 is None:
        return str(path), NOT_WRITTEN
    if not path.is_file():
        return str(path), MISSING
    return str(path), AS_WRITTEN if sha256_of(path) == sha256 else ALTERED


def _table(partition: OpenPartition, source_object: str, sha256: str | None) -> tuple[str, str]:
    """(place, state) of an archive that is a table. That nobody can look at it now is a state too."""
    place = table_of(source_object)
    try:
        place = f"{place} of {partition.archive_database.name}"
        held = partition.archive_database.read(source_object) if sha256 else None
    except MigrationError as error:
        return place, f"out of sight: {str(error).removesuffix('.')}"
    if sha256 is None:
        return place, NOT_WRITTEN
    if held is None:
        return place, MISSING
    return place, AS_WRITTEN if held.sha256 == sha256 else ALTERED


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archive_figures(partition: OpenPartition) -> dict[str, Any]:
    """What the claims on the archive are judged by: in the shape of a CRM object's figures, with `archives` beside."""
    records, proof, stand = partition.ledger.records, partition.ledger.proof, archives(partition)
    objects: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for name, one in stand.items():
        key, extraction = one["key"], records.last_extraction(name)
        objects[name] = {
            "source_count": extraction["source_count"] if extraction else None,
            "extracted": records.count(name),
            "unaccounted": proof.unaccounted(name, [key]),
            "without_record": proof.without_record(name, [key]),
        }
        outcomes = proof.outcomes(key)
        routes[key] = {
            "rows": sum(outcomes.values()), "outcomes": outcomes,
            "present": one["records"] if one["state"] == AS_WRITTEN else 0, "read_back_at": None, "wrong": 0,
            "wrong_references": 0, "unverified": 0, "findings": [], "not_loaded": [], "ignored": [],
        }  # fmt: skip
        one["planned"] = outcomes.get(Outcome.ARCHIVED, 0)
    return {"objects": objects, "routes": routes, "archives": stand, "failed_allowed": 0}
