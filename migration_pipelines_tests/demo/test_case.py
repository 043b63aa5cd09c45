"""The case study at the size of a small office, with all that is planted in it: the account, the archives, the final report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.demo import already, kommo_case, proof, salesforce_case
from migration_pipelines.demo import case as study
from migration_pipelines.demo.final_report import FinalReport
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines_tests.office import office, office_source, write_office_account, write_office_project
from migration_pipelines_tests.world import World

SMALL = office()


@pytest.fixture(scope="module")
def migrated(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The small case, brought over and reported."""
    folder = tmp_path_factory.mktemp("case")
    account = write_office_account(folder / "account.json")
    projects = write_office_project(folder / "projects")
    with office_source(folder) as url, World.open(ledger, url, projects, folder, account=account) as world:
        world.prepare()
        world.apply()
        with world.partition() as partition:
            stages.write_report(partition)
        yield world


def final_report(world: World) -> FinalReport:
    with world.partition() as partition:
        return FinalReport.read(partition.ledger, partition.review)


def test_the_account_is_what_the_model_says(migrated: World) -> None:
    """SF-KOMMO-44, SF-KOMMO-45, SF-KOMMO-46, SF-KOMMO-66, SF-KOMMO-67, SF-KOMMO-68, SF-KOMMO-69, SF-KOMMO-72."""
    assert migrated.broken_claims() == {}
    found = proof.differences(kommo_case.expected(SMALL), migrated.snapshot())
    assert not found, "\n".join(found)


def test_the_archives_have_every_row(migrated: World) -> None:
    """SF-KOMMO-46."""
    folder = migrated.settings.home / "archive" / migrated.key
    assert proof.archive_differences(kommo_case.expected(SMALL)["archives"], folder) == []


def test_every_planted_record_ends_as_the_manifest_says(migrated: World) -> None:
    """SF-KOMMO-71: whatever does not transfer is itemised."""
    found = final_report(migrated).differences(SMALL.manifest, proof.responsible(migrated.snapshot()))
    assert not found, "\n".join(found)


def test_the_final_report_is_held_against_the_manifest(migrated: World) -> None:
    """A comparison that cannot fail would prove nothing."""
    report, responsible = final_report(migrated), proof.responsible(migrated.snapshot())
    verified, held = (next(one for one in SMALL.manifest if one.outcome == word) for word in ("verified", "held"))

    for wrong, told in (
        (replace(verified, outcome="held"), "expected held, is verified"),
        (replace(held, outcome="verified"), "expected verified, is held"),
        (replace(verified, given_to="nobody@harbor.example"), "is not given to nobody@harbor.example"),
        (replace(verified, listed="values to look at"), "is not on the list"),
        (replace(held, reason="no reason at all"), "no reason at all, said is"),
        (replace(verified, source_ids=["003000000000001AAA"]), "is not extracted"),
    ):
        found = report.differences([wrong], responsible)
        assert len(found) == len(wrong.source_ids), wrong
        assert told in found[0]


def test_a_second_apply_writes_nothing(migrated: World) -> None:
    """SF-KOMMO-70: everything is there."""
    migrated.forget_requests()
    migrated.apply()

    assert {one["method"] for one in migrated.requests()} == {"GET"}


def test_the_case_is_of_the_size_that_is_asked_for(tmp_path: Path) -> None:
    """SF-KOMMO-70: 890 accounts, 6,200 contacts, 1,400 opportunities, 34,000 tasks, calls and events, 8 custom objects, and 31
    custom fields of opportunities and 22 of contacts."""
    salesforce_case.write(study.build(study.FULL), tmp_path / "seed")

    rows = {path.stem: json.loads(path.read_text("utf-8")) for path in (tmp_path / "seed" / "rows").glob("*.json")}
    live = {name: sum(not row.get("IsDeleted") for row in some) for name, some in rows.items()}
    assert {name: live[name] for name in ("Account", "Contact", "Opportunity")} == {
        "Account": 890, "Contact": 6_200, "Opportunity": 1_400,
    }  # fmt: skip
    assert live["Task"] + live["Event"] == 34_000
    assert len([name for name in live if name.endswith("__c") and live[name]]) == 8
    for name, count in (("Opportunity", 31), ("Contact", 22)):
        described = json.loads((tmp_path / "seed" / "describe" / f"{name}.json").read_text("utf-8"))
        own = {field["name"] for field in described["fields"] if field.get("custom")}
        filled = {field for row in rows[name] for field, value in row.items() if value is not None}
        assert len(own) == count
        assert own <= filled
    assert max(Counter(role["OpportunityId"] for role in rows["OpportunityContactRole"]).values()) > 100
    for name, some in rows.items():
        ids = [row["Id"] for row in some]
        assert len(ids) == len(set(ids)), name


def test_the_case_repeats_itself(tmp_path: Path) -> None:
    for folder in ("once", "again"):
        salesforce_case.write(study.build(study.SMALL), tmp_path / folder)
    for path in (tmp_path / "once").rglob("*.json"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "once")).read_bytes(), path.name


def test_what_people_typed_into_kommo_is_planted_where_it_is_asked_for() -> None:
    """Each kind of match can be told from the others: nobody else in Salesforce has that name, address or number."""
    seed = {
        "users": [{"name": "Kim Owner", "email": "kim@harbor.example", "is_admin": True}],
        **already.records(SMALL.typed),
    }
    with (
        serve_in_thread(build_kommo_twin(seed=seed, tokens=("T",))) as twin,
        httpx.Client(base_url=f"{twin.url}/__twin__/") as control,
    ):
        snapshot = control.get("snapshot").json()

    mails = [one["value"] for card in snapshot["contacts"] for one in card["custom_fields"].get("EMAIL", ())]
    ours = [person.email for person in SMALL.firm.people if person.email]
    assert len(snapshot["companies"]) == 2
    assert len(snapshot["contacts"]) == 5
    assert sorted(ours.count(mail.lower()) for mail in set(mails)) == [1, 1]
    assert max(Counter(mails).values()) == 2
