"""Own work: what a record costs from Salesforce to Kommo where no vendor makes us wait, stage by stage.

    python -m benchmarks.own_work [--records 20000] [--rounds 3]

Both twins run without limits. Own work is the time on the wall less the time blocked on HTTP; waits for PostgreSQL are
part of it. CPU of our process and of all of PostgreSQL stand beside it. A record is a source record: a contact counts once,
though its link to the company is a row of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from statistics import median

from benchmarks.blocked import watching
from benchmarks.company import WHO, moving, require_whole
from benchmarks.machine import Database, calibration, peak_mb, table
from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo import model

LIMIT = 220  # microseconds a record, for extract, plan, and load with its read-back together
UNLIMITED = 100_000  # requests a second


@dataclass(frozen=True)
class Spent:
    """Microseconds a record."""

    wall: float
    own: float
    ours: float
    database: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=3)
    told = arguments.parse_args()
    rounds = [dict(_round(told.records)) for _ in range(told.rounds)]
    middle = {
        stage: Spent(*(median(getattr(one[stage], field.name) for one in rounds) for field in fields(Spent)))
        for stage in rounds[0]
    }
    print(f"calibration: {calibration():.0f} ms; {told.records:,} records, {told.rounds} rounds, medians")
    rows = [(stage, *_cells(spent)) for stage, spent in middle.items()]
    counted = [middle[stage] for stage in ("extract", "plan", "load, read back")]
    together = Spent(*(sum(getattr(one, field.name) for one in counted) for field in fields(Spent)))
    rows.append((f"these three (limit {LIMIT})", *_cells(together)))
    head = ("us a record", "wall", "own work", "our CPU", "PostgreSQL's CPU")
    table("Own work, Salesforce to Kommo, without limits", head, [*rows[:3], rows[-1], *rows[3:-1]])
    print(f"  our peak memory: {peak_mb():.0f} MB")


def _cells(spent: Spent) -> tuple[str, ...]:
    return tuple(f"{getattr(spent, field.name):.0f}" for field in fields(Spent))


def _round(records: int) -> Iterator[tuple[str, Spent]]:
    companies, deals = records // 20, records // 20
    firm = model.build(companies=companies, people=records - companies - deals, deals=deals)
    switches = {"requests_per_second": 0, "array_ceiling": 250}
    with moving(firm, per_second=UNLIMITED, quiet_seconds=0, switches=switches) as move:
        postgresql = Database(move.database_url)

        def spend(work: Callable[[], object]) -> Spent:
            wall, ours, database = time.perf_counter(), time.process_time(), postgresql.cpu_seconds()
            with watching() as blocked:
                work()
            wall = time.perf_counter() - wall
            seconds = (wall, wall - blocked.seconds(), time.process_time() - ours, postgresql.cpu_seconds() - database)
            return Spent(*(one / records * 1e6 for one in seconds))

        with move.open() as partition:
            stages.discover(partition)
            yield "extract", spend(lambda: [stages.extract(partition, one) for one in partition.source_objects])
            stages.confirm_rows(partition, who=WHO)
            stages.vouch(partition, who=WHO)
            yield "plan", spend(lambda: stages.plan(partition))
            stages.approve_plan(partition, who=WHO)
        with move.open() as partition:
            stages.provision(partition)
            yield "load, read back", spend(lambda: _load(partition))
            require_whole(partition)
            yield "verify all again", spend(lambda: stages.verify(partition))
        with move.open() as partition:
            yield "load again, no change", spend(lambda: _load(partition))


def _load(partition: stages.OpenPartition) -> None:
    for name in NAMES:
        stages.load(partition, name)


if __name__ == "__main__":
    main()
