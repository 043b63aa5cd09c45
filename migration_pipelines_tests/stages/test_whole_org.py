"""An org of 100,000 records: what discovery says it holds, and what extraction brings, is all of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from migration_pipelines import stages
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.world import World, write_project

ACCOUNTS, CONTACTS, OPPORTUNITIES, ROLES, DELETED = 10_000, 50_000, 20_000, 20_000, 7
LIVE = {"Account": ACCOUNTS, "Contact": CONTACTS, "Opportunity": OPPORTUNITIES, "OpportunityContactRole": ROLES}
assert sum(LIVE.values()) == 100_000


def write_seed(folder: Path) -> Path:
    """The rows of the org, and on top of each object a few in the Recycle Bin."""
    rows = folder / "rows"
    rows.mkdir(parents=True)

    def write(name: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
        with (rows / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("Id", "IsDeleted", *head))
            writer.writerows(lines)

    def ids(prefix: str, live: int) -> Iterator[tuple[int, str, bool]]:
        return ((n, make_id(prefix, n), n > live) for n in range(1, live + DELETED + 1))

    write("Account", ["Name"], ((key, gone, f"Company {n}") for n, key, gone in ids("001", ACCOUNTS)))
    write(
        "Contact", ["LastName", "Email", "AccountId"],
        (
            (key, gone, f"Person {n}", f"p{n}@people.example", make_id("001", 1 + n % ACCOUNTS))
            for n, key, gone in ids("003", CONTACTS)
        ),
    )  # fmt: skip
    write(
        "Opportunity", ["Name", "StageName", "CloseDate", "Amount", "AccountId"],
        (
            (key, gone, f"Deal {n}", "Prospecting", "2026-05-04", n / 4, make_id("001", 1 + n % ACCOUNTS))
            for n, key, gone in ids("006", OPPORTUNITIES)
        ),
    )  # fmt: skip
    write(
        "OpportunityContactRole", ["OpportunityId", "ContactId"],
        (
            (key, gone, make_id("006", 1 + n % OPPORTUNITIES), make_id("003", 1 + n % CONTACTS))
            for n, key, gone in ids("00K", ROLES)
        ),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def large_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    seed = write_seed(tmp_path_factory.mktemp("large"))
    app = build_salesforce_twin(seed=seed, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


def test_discovery_and_extraction_are_complete_by_the_orgs_own_counts(
    ledger: Ledger, large_source: str, tmp_path: Path
) -> None:
    """COMMON-30, SF-KOMMO-36: nothing that is alive is missed, nothing that is deleted is brought."""
    projects = write_project(tmp_path / "projects")
    with World.open(ledger, large_source, projects, tmp_path) as world, world.partition() as partition:
        found = stages.discover(partition).source
        brought = {name: stages.extract(partition, name) for name in partition.source_objects if name in LIVE}

        assert {name: found.objects[name].records for name in LIVE} == LIVE
        assert {name: one.source_count for name, one in brought.items()} == LIVE
        assert {name: one.records for name, one in brought.items()} == LIVE
        assert {name: partition.ledger.records.count(name) for name in LIVE} == LIVE
        last = next(row for page in partition.ledger.records.pages("Contact") for row in reversed(page))
        assert last.values["AccountId"].startswith("001")
