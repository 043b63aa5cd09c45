"""Requests: how many a load into Kommo sends, against the fewest that could do, and whether it keeps Kommo's pace.

    python -m benchmarks.kommo_load [--small]

A generated company goes through the real stages, at Kommo's own seven requests a second, into an account that takes
arrays of 50 and into one that takes 250. What is counted begins after `provision` and ends with the last read-back.
Counts are the same on every machine, and the limits on them are judged. Seconds are those of a machine that may be
shared: they are shown beside their limit, with the CPU that we used ourselves.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.company import WHO, moving, require_whole
from benchmarks.machine import Server, calibration, measure, table
from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo import model

PER_SECOND = 5  # the default; 7 is the ceiling
PAGE = 250  # records that one read may bring, as Kommo documents it
CEILINGS = (50, 250)
FULL, SMALL = (300, 9_700, 10_000), (20, 150, 130)  # companies, contacts, deals
REQUESTS_LIMIT, SECONDS_LIMIT = 1.2, 1.1


@dataclass(frozen=True)
class Figures:
    """One load, as the plan had estimated it and as the twin counted it."""

    planned: int
    requests: int
    seconds: float
    cpu_seconds: float
    too_fast: int
    refused: int
    endpoints: dict[str, int]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--small", action="store_true", help="some 300 records, three times; shows that it runs")
    is_small = arguments.parse_args().small
    companies, people, deals = SMALL if is_small else FULL
    firm = model.build(companies=companies, people=people, deals=deals)
    print(f"calibration: {calibration():.0f} ms; {companies + people + deals:,} records")
    rows, over = [], []
    for ceiling in CEILINGS:
        rounds = [_load(firm, ceiling) for _ in range(3 if is_small else 1)]
        least = fewest(firm, ceiling)
        requests, seconds = median(one.requests for one in rounds), median(one.seconds for one in rounds)
        too_fast, refused = max(one.too_fast for one in rounds), max(one.refused for one in rounds)
        of_fewest, of_pace = requests / least, seconds / (requests / PER_SECOND)
        refusals_allowed = int(ceiling < max(CEILINGS))  # the one that finds out what the account takes
        rows.append((
            ceiling, f"{rounds[0].planned:,}", f"{requests:,.0f}", f"{least:,}", f"{of_fewest:.2f}", f"{seconds:.1f}",
            f"{median(one.cpu_seconds for one in rounds):.1f}", f"{of_pace:.2f}", too_fast, f"{refused} ({refusals_allowed})",
        ))  # fmt: skip
        counted = {"429 answers": too_fast > 0, "other refusals": refused > refusals_allowed}
        if not is_small:  # of a few requests those that begin a load are the most
            counted["requests"] = of_fewest > REQUESTS_LIMIT
        over += [f"{what} with arrays of {ceiling}" for what, is_over in counted.items() if is_over]
        for endpoint, count in rounds[-1].endpoints.items():
            print(f"    {ceiling}: {count:5,} {endpoint}")
    head = (
        "array", "planned", "requests", "fewest", f"ratio ({REQUESTS_LIMIT})", "seconds", "our CPU",
        f"of the pace ({SECONDS_LIMIT})", "429 (0)", "refused (limit)",
    )  # fmt: skip
    table(f"Load and read-back into Kommo at {PER_SECOND} requests a second; limits in brackets", head, rows)
    if over:
        raise SystemExit(f"over the limit: {'; '.join(over)}")


def fewest(firm: model.Firm, ceiling: int) -> int:
    """The requests that no client of Kommo's can do without, from the numbers of records alone."""
    companies, people = len(firm.companies), len(firm.people)
    deals = sum(deal.stage != model.RETIRED_STAGE for deal in firm.deals)  # those are held
    links = sum(person.company is not None for person in firm.people)
    employers = len({person.company.number for person in firm.people if person.company})
    # Deals bring their company and contacts with them. A company takes its contacts in a call of its own.
    writes = sum(math.ceil(records / ceiling) for records in (companies, people, deals)) + employers
    # Links are read with the contacts, and the owners with the list of users: a kind of record each.
    reads = sum(math.ceil(records / PAGE) for records in (companies, people, links, deals, len(firm.sellers)))
    return writes + reads


def _load(firm: model.Firm, ceiling: int) -> Figures:
    with moving(firm, per_second=PER_SECOND, quiet_seconds=1, switches={"array_ceiling": ceiling}) as move:
        with move.open() as partition:
            stages.discover(partition)
            for one in partition.source_objects:
                stages.extract(partition, one)
            stages.confirm_rows(partition, who=WHO)
            stages.vouch(partition, who=WHO)
            planned = stages.plan(partition)["cost"]["requests"]
            stages.approve_plan(partition, who=WHO)
        with move.open() as partition, _control(move.target) as control:
            stages.provision(partition)
            control.post("statistics/reset").raise_for_status()
            cost = measure(lambda: [stages.load(partition, one) for one in NAMES])
            counted: dict[str, Any] = control.get("statistics").json()
            require_whole(partition)  # two deals on a retired stage are held, and nothing else
    too_fast = counted["by_status"].get("429", 0)
    return Figures(
        planned, counted["requests"], cost.wall_seconds, cost.cpu_seconds, too_fast, counted["refusals"] - too_fast,
        counted["by_endpoint"],
    )  # fmt: skip


def _control(twin: Server) -> httpx.Client:
    return httpx.Client(base_url=f"{twin.url}/__twin__/")


if __name__ == "__main__":
    main()
