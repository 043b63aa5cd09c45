"""Extract: copy one source object into the ledger, whole, and compare with the source's own count.

Of a record that stands for a file, and that a route takes the body of, the body is kept in the file store first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.stages.keep_file import BODY_DIGEST, Keeper
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report

FILES_A_PART = 20


@dataclass(frozen=True, slots=True)
class Extracted:
    """`records` are held by the ledger now, `changed` of them new or different, `source_count` says the source."""

    records: int
    changed: int
    source_count: int


def extract(partition: OpenPartition, source_object: str, report: Report = lambda _line: None) -> Extracted:
    """Read all records of an object, page by page; each page is durable before the next is asked for."""
    paths = [one for one in partition.paths(source_object) if one != BODY_DIGEST]
    fields = [*partition.source_schema(source_object).fields, *paths]
    keeping, absent = _Keeping(partition, source_object), dict.fromkeys(partition.absent(source_object))
    changed = 0
    progress = Progress(report, f"{source_object}: read", partition.source.count(source_object))
    with partition.ledger.records.extraction(source_object, partition.source.now()) as extraction:
        for page in partition.source.read(source_object, fields, parent_field=partition.parent_field(source_object)):
            for part in keeping.parts(page):
                changed += extraction.store(
                    [replace(one, values={**one.values, **absent}) for one in part] if absent else part
                )
                progress.add(len(part))
        source_count = partition.source.count(source_object)
        records = extraction.finish(source_count)
    return Extracted(records, changed, source_count)


class _Keeping:
    """Pages of an object with the bodies of files, in small parts: what is kept is not fetched again after a failure."""

    def __init__(self, partition: OpenPartition, source_object: str) -> None:
        self._routes = [
            compiled for compiled in partition.routes_from(source_object) if BODY_DIGEST in compiled.route.reads
        ]
        known = partition.ledger.records.pages(source_object) if self._routes else ()
        self._keeper = Keeper(partition.source, partition.files, known)

    def parts(self, page: Sequence[SourceRecord]) -> Iterator[Sequence[SourceRecord]]:
        if not self._routes:
            yield page
            return
        for start in range(0, len(page), FILES_A_PART):
            yield [self._kept(record) for record in page[start : start + FILES_A_PART]]

    def _kept(self, record: SourceRecord) -> SourceRecord:
        if any(compiled.takes(record) for compiled in self._routes):
            return self._keeper.keep(record)
        return replace(record, values={**record.values, BODY_DIGEST: None})
