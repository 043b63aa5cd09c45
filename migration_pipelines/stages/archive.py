"""Archive: write the records of every source object that is archived outside both CRMs: as a CSV file, or as a table of the
project's own database. Needs no target.

Each is written once for what a plan says of it: whole or not at all, with its row count and SHA-256 kept in the ledger.
In a file a cell that a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from migration_pipelines.archive_database import as_text
from migration_pipelines.core.claims import AS_WRITTEN
from migration_pipelines.core.crm_objects import ARCHIVE
from migration_pipelines.errors import GateClosed
from migration_pipelines.reports.spreadsheet import write_csv
from migration_pipelines.stages import archived, gates
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report
from migration_pipelines.stages.reconcile import figures_of, reconcile


def archive(partition: OpenPartition, report: Report = lambda _line: None) -> Mapping[str, Any]:
    """Write every archive of the approved plan that does not stand yet, and prove all of them.

    Returns:
        the figures of the archive.

    Raises:
        GateClosed: the plan is not approved, another run is at work, or records were extracted anew since.
    """
    plan = gates.require_approved_plan(partition)
    if not archived.planned(partition):
        return figures_of(partition, ARCHIVE)
    partition.lock()
    for name, one in archived.archives(partition).items():
        if one["state"] != AS_WRITTEN:
            _write(partition, name, plan["id"], report)
    return reconcile(partition, ARCHIVE, plan["id"])


def _write(partition: OpenPartition, source_object: str, plan_id: int, report: Report) -> None:
    meant = archived.planned(partition)[source_object]
    progress = Progress(report, f"{source_object}: archived", meant["records"])
    pages = _pages(partition, source_object, meant, progress)
    detail = {"object": source_object, "key": archived.key_of(source_object, meant["kept_in"])}
    detail |= {"records": meant["records"], "content": meant["content"]}
    if meant["kept_in"] == archived.DATABASE:
        texts = ([[as_text(cell) for cell in row] for row in page] for page in pages)
        held = partition.archive_database.write(partition.key, source_object, plan_id, meant["columns"], texts)
        detail |= {"sha256": held.sha256}
    else:
        path = write_csv(archived.path_of(partition, source_object), meant["columns"], chain.from_iterable(pages))
        detail |= {"file": path.name, "sha256": archived.sha256_of(path)}
    partition.ledger.add_event("archived", detail=detail)


def _pages(
    partition: OpenPartition, source_object: str, meant: Mapping[str, Any], progress: Progress
) -> Iterator[list[list[object]]]:
    """The rows of an archive. Raises GateClosed at the end where they are not those of the plan: nothing is kept then."""
    contents = archived.Contents()
    for page in partition.ledger.records.pages(source_object):
        records = archived.live(page)
        contents.add(records)
        yield [[_cell(record.values.get(column)) for column in meant["columns"]] for record in records]
        progress.add(len(records))
    if contents.as_json()["content"] != meant["content"]:
        raise GateClosed(
            f"{partition.key}: {source_object} was extracted anew after the plan was made, and is not what was approved. "
            f"Run: crm-migrate plan {partition.key}"
        )


def _cell(value: object) -> object:
    """JSON's words for what is neither text nor number."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | dict | list) else value
