"""Extraction at size: a Salesforce org's Tasks into the ledger, through HTTP and PostgreSQL, all of it.

    python -m benchmarks.extract [--records 100000 1000000]

Prints records a second, our own CPU a record, the twin's beside it, and our highest resident memory at each size, which
must not grow with it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.activities import write_seed
from benchmarks.machine import calibration, in_a_process, measure, report, salesforce_twin, table
from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger

TOKEN = "bench"
MEMORY_MAY_GROW = 1.10


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, nargs="+", default=[100_000, 1_000_000])
    arguments.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.child:
        _extract(*told.child)
    else:
        _run(told.records)


def _run(sizes: list[int]) -> None:
    print(f"calibration: {calibration():.0f} ms (200,000 numbers into text, in Python)")
    rows, peaks = [], []
    for records in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            seed = write_seed(Path(folder) / "seed", records)
            database = EmbeddedServer(Path(folder) / "home")
            try:
                with salesforce_twin(seed, token=TOKEN) as twin:
                    before = twin.cpu_seconds()
                    cost = in_a_process("benchmarks.extract", "--child", twin.url, database.start())
                    twin_cpu = twin.cpu_seconds() - before
                    rows.append((
                        f"{records:,}", f"{records / cost.wall_seconds:,.0f}", f"{cost.cpu_seconds / records * 1e6:.1f}",
                        f"{twin_cpu / records * 1e6:.1f}", f"{cost.peak_mb:.0f}", f"{twin.peak_mb():.0f}",
                    ))  # fmt: skip
                    peaks.append(cost.peak_mb)
            finally:
                database.erase()
    head = ("records", "records/s", "our CPU us/record", "twin's CPU us/record", "our peak MB", "twin's peak MB")
    table("Extraction of Salesforce Tasks into the ledger", head, rows)
    growth = peaks[-1] / peaks[0]
    print(f"  memory from the smallest to the largest: x {growth:.2f} (limit x {MEMORY_MAY_GROW:.2f})")
    if growth > MEMORY_MAY_GROW:
        raise SystemExit("memory grows with the number of records")


def _extract(url: str, database_url: str) -> None:
    """In a process of its own: what `stages.extract` does, for an object that no mapping names."""
    source, ledger = SalesforceSource(url, Credentials(token=TOKEN)), Ledger(database_url)
    schema = source.describe(["Task"]).objects["Task"]
    records = ledger.partition("bench").records

    def work() -> None:
        with records.extraction("Task", source.now()) as extraction:
            for page in source.read("Task", list(schema.fields), parent_field=None):
                extraction.store(page)
            told = source.count("Task")
            if (held := extraction.finish(told)) != told:
                raise SystemExit(f"the org counts {told} Tasks, the ledger holds {held}")

    report(measure(work))
    source.close()
    ledger.close()


if __name__ == "__main__":
    main()
