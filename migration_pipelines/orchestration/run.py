"""Runs a job in this process on the shared Dagster instance, for the command line: no daemon, and it shows in the UI."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from migration_pipelines.definitions import build_definitions
from migration_pipelines.errors import PermanentFailure
from migration_pipelines.orchestration.resources import failures, listeners


def run_job(
    job: str,
    partition_key: str,
    *,
    assets: Sequence[str] | None = None,
    config: dict[str, Any] | None = None,
    listen: Callable[[str], None] = lambda _line: None,
) -> str:
    """Run a job, or some of its assets ("source" stands for all source assets). Returns the run's id.

    Raises:
        MigrationError: the one that ended the run.
    """
    definitions = build_definitions()
    selection = None
    if assets is not None:
        selection = [key for key in definitions.resolve_all_asset_keys() if key.path[0] in assets]
    failures.clear()
    listeners.append(listen)
    try:
        with dg.DagsterInstance.get() as instance:
            result = definitions.resolve_job_def(job).execute_in_process(
                partition_key=partition_key,
                instance=instance,
                asset_selection=selection,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, **(config or {})},
            )
    finally:
        listeners.remove(listen)
    if failures:
        raise failures[0]
    if not result.success:
        raise PermanentFailure(
            f"Run {result.run_id} failed for a reason of Dagster's own; its page in the UI shows it."
        )
    return str(result.run_id)
