"""The resource that opens partitions for the length of a run, and the one place where our errors become Dagster's."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import PrivateAttr

from migration_pipelines.errors import MigrationError, PermanentFailure, refused_by_machine
from migration_pipelines.ledger.life_sign import LifeSign, shows_life
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.settings import load_settings
from migration_pipelines.stages.partition import OpenPartition

# Who runs a job in this process may listen to its progress and learn how it failed.
listeners: list[Callable[[str], None]] = []
failures: list[MigrationError] = []


class Partitions(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens partitions. Takes no configuration: secrets and addresses stay in the environment."""

    _run_id: str | None = PrivateAttr(default=None)
    _ledger: Ledger | None = PrivateAttr(default=None)
    _life_sign: LifeSign | None = PrivateAttr(default=None)
    _open: dict[str, OpenPartition] = PrivateAttr(default_factory=dict)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._run_id = context.run.run_id if context.run else None

    def open(self, key: str) -> OpenPartition:
        """The partition, the same one for all steps of a run; its lock is held until the run ends."""
        if key not in self._open:
            ledger = self._opened_ledger()
            if self._run_id and self._life_sign is None:
                self._life_sign = LifeSign(ledger.engine, self._run_id)
            self._open[key] = OpenPartition(load_settings(os.environ), ledger, key)
        return self._open[key]

    def shows_life(self, run_id: str) -> bool:
        """Whether a run's process still lives."""
        return shows_life(self._opened_ledger().engine, run_id)

    def _opened_ledger(self) -> Ledger:
        if self._ledger is None:
            url = load_settings(os.environ).database_url
            if url is None:
                raise PermanentFailure(
                    "MIGRATION_DATABASE_URL is not set. Start Dagster through the launcher: "
                    "python -m migration_pipelines.launcher -- dagster dev"
                )
            self._ledger = Ledger(url)
        return self._ledger

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        del context
        for partition in self._open.values():
            partition.close()
        self._open.clear()
        if self._life_sign:
            self._life_sign.release()
            self._life_sign = None
        if self._ledger:
            self._ledger.close()
            self._ledger = None


@contextmanager
def as_failure() -> Iterator[None]:
    """Turn a MigrationError into dg.Failure with its sentence; only what could succeed by itself may be retried."""
    try:
        try:
            yield
        except OSError as error:
            raise refused_by_machine(error) from error
    except MigrationError as error:
        failures.append(error)
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize()  # GateClosed -> Gate closed
        raise dg.Failure(f"{kind}: {error}", allow_retries=not isinstance(error, PermanentFailure)) from None


def reporter(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Callable[[str], None]:
    """Progress for whoever listens in this process, else for the run's log."""

    def report(line: str) -> None:
        if listeners:
            for listen in listeners:
                listen(line)
        else:
            context.log.info(line)

    return report
