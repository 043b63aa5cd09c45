"""Runs a job in this process on the shared Dagster instance, for the command line: no daemon, and it shows in the UI."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
from sqlalchemy.exc import OperationalError

from migration_pipelines.definitions import build_definitions
from migration_pipelines.errors import PermanentFailure
from migration_pipelines.ledger.outage import outage
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
    except OperationalError as error:  # Dagster keeps its own account in the ledger's database
        raise (failures or [outage(error.orig or error)])[0] from None
    finally:
        listeners.remove(listen)
    if failures:
        raise failures[0]
    if not result.success:
        raise PermanentFailure(f"Run {result.run_id} failed: {_why(result)}. Its page in the Dagster UI shows where.")
    return str(result.run_id)


def _why(result: dg.ExecuteInProcessResult) -> str:
    """The innermost error of the first step that failed."""
    error = next((event.step_failure_data.error for event in result.all_events if event.is_step_failure), None)
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else "no step says why"
