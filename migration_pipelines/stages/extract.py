"""Extract: copy one source object into the ledger, whole, and compare with the source's own count."""

from __future__ import annotations

from dataclasses import dataclass

from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report


@dataclass(frozen=True, slots=True)
class Extracted:
    """`records` are held by the ledger now, `changed` of them new or different, `source_count` says the source."""

    records: int
    changed: int
    source_count: int


def extract(partition: OpenPartition, source_object: str, report: Report = lambda _line: None) -> Extracted:
    """Read all records of an object, page by page; each page is durable before the next is asked for."""
    fields = list(partition.source_schema(source_object).fields)
    changed = 0
    progress = Progress(report, f"{source_object}: read", partition.source.count(source_object))
    with partition.ledger.records.extraction(source_object, partition.source.now()) as extraction:
        for page in partition.source.read(source_object, fields, parent_field=partition.parent_field(source_object)):
            changed += extraction.store(page)
            progress.add(len(page))
        source_count = partition.source.count(source_object)
        records = extraction.finish(source_count)
    return Extracted(records, changed, source_count)
