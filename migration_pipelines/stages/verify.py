"""Verify: read records back from the target and compare every written field and reference with what was meant."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from migration_pipelines.connectors.base import Found
from migration_pipelines.core.crm_objects import ARCHIVE, NAMES
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.proof import Written
from migration_pipelines.stages import archived
from migration_pipelines.stages.canary import ignored_fields
from migration_pipelines.stages.compare import findings_of
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.progress import Progress, Report
from migration_pipelines.stages.reconcile import reconcile
from migration_pipelines.stages.taken_over import look_for_left_behind


def verify(partition: OpenPartition, report: Report = lambda _line: None) -> dict[str, Mapping[str, Any]]:
    """Read back everything that was loaded or archived, and reconcile anew. Writes nothing to the target.

    Returns:
        CRM object -> figures; "archive" stands for the archives.

    Raises:
        GateClosed: nothing has been loaded yet.
    """
    plan = partition.ledger.plans.current()
    if plan is None or not any(partition.ledger.proof.reconciliation(name) for name in NAMES):
        raise GateClosed(f"{partition.key}: nothing has been loaded yet. Run: crm-migrate apply {partition.key}")
    for _, compiled in partition.routes:
        verify_route(partition, compiled, only_unverified=False, report=report)
    names = [name for name in NAMES if partition.routes_of(name)] + ([ARCHIVE] if archived.planned(partition) else [])
    return {name: reconcile(partition, name, plan["id"]) for name in names}


def verify_route(partition: OpenPartition, compiled: CompiledRoute, *, only_unverified: bool, report: Report) -> None:
    """Read back the loaded entries of a route, a page at a time, and keep what is different."""
    progress = Progress(report, f"{compiled.key}: read back", 0)
    ignored = ignored_fields(partition, compiled.route.target)
    done = 0
    for page, found in _read_back(partition, compiled, only_unverified=only_unverified):
        findings = [
            (finding.entry_id, finding.field, str(finding.verdict), finding.meant, finding.found)
            for one in page
            for finding in findings_of(one, found.get(one.target_id), ignored=ignored)
        ]
        partition.ledger.proof.keep_findings([one.entry_id for one in page], findings)
        done += len(page)
        progress.add(len(page))
    if done:
        partition.ledger.proof.mark_verified(compiled.key)
    look_for_left_behind(partition, compiled)


def _read_back(
    partition: OpenPartition, compiled: CompiledRoute, *, only_unverified: bool
) -> Iterator[tuple[Sequence[Written], Mapping[str, Found]]]:
    """Pages of entries with what the target says of them; the next is asked for while one is being looked at."""

    def ask(page: Sequence[Written]) -> Mapping[str, Found]:
        return partition.target.read_back(compiled.route.target, [one.target_id for one in page])

    asked: deque[tuple[Sequence[Written], Future[Mapping[str, Found]]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane") as lane:
        for page in partition.ledger.proof.written(compiled.key, only_unverified=only_unverified):
            asked.append((page, lane.submit(ask, page)))
            if len(asked) > 1:
                before, found = asked.popleft()
                yield before, found.result()
        for last, found in asked:
            yield last, found.result()
