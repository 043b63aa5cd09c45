"""Archives: what has no counterpart in Kommo is counted, written as CSV outside the CRM, and looked at again."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.errors import GateClosed, PermanentFailure
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.reports.text import plan_text, status_text, story_text
from migration_pipelines.stages import archived
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.world import World, small_firm, write_project

OLIVIA = make_id("005", 2)
FORMULA, ODD, EMPTY, GONE = (make_id("500", n) for n in range(1, 5))
VISIT = make_id("a00", 1)
ROWS: dict[str, list[dict[str, Any]]] = {
    "Case": [
        {"Id": FORMULA, "Subject": "=1+1", "SuppliedPhone": "+1 555", "Status": "New", "OwnerId": OLIVIA},
        {
            "Id": ODD,
            "Subject": "Ship 🚢, late",
            "Description": 'two\nlines, "quoted"',
            "Status": "New",
            "OwnerId": OLIVIA,
        },
        {"Id": EMPTY, "Status": "Closed", "OwnerId": OLIVIA},
        {"Id": GONE, "Subject": "in the Recycle Bin", "IsDeleted": True, "OwnerId": OLIVIA},
    ],
    "Visit__c": [{"Id": VISIT, "Name": "First visit", "Stars__c": 4.5}],
}
VISITS = {
    "name": "Visit__c", "label": "Visit", "labelPlural": "Visits", "keyPrefix": "a00", "custom": True,
    "fields": [
        {"name": "Id", "type": "id", "label": "Record ID"},
        {"name": "IsDeleted", "type": "boolean", "label": "Deleted"},
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "SystemModstamp", "type": "datetime"},
        {"name": "Stars__c", "type": "double", "precision": 3, "scale": 1, "custom": True},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm, cases and visits."""
    folder = small_firm(tmp_path_factory.mktemp("archive"))
    (folder / "describe" / "Visit__c.json").write_text(json.dumps(VISITS), "utf-8")
    for name, rows in ROWS.items():
        (folder / "rows" / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


@pytest.fixture
def world(ledger: Ledger, source: str, tmp_path: Path) -> Iterator[World]:
    """The project says of visits that they are archived; of cases the pair does."""
    projects = write_project(tmp_path / "projects")
    with (projects / "demo" / "project.yaml").open("a", encoding="utf-8") as file:
        file.write("  Visit__c: {archived: read once a year}\n")
    with World.open(ledger, source, projects, tmp_path) as world:
        yield world


def approve(world: World) -> None:
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")


def archive(world: World) -> dict[str, Any]:
    with world.partition() as partition:
        return dict(stages.archive(partition))


def case_file(world: World) -> Path:
    return world.settings.home / "archive" / world.key / "Case.csv"


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["Id"]: row for row in csv.DictReader(file)}


def events(world: World) -> list[dict[str, Any]]:
    with world.partition() as partition:
        return [dict(one["detail"]) for one in partition.ledger.events("archived")]


def claim(world: World) -> Any:
    with world.partition() as partition:
        found = stages.judge_object("archive", archived.archive_figures(partition))
        return found["every_archive_is_as_it_was_written"]


def test_what_has_no_counterpart_is_archived_counted_and_shown(world: World) -> None:
    """SF-KOMMO-01, SF-KOMMO-21, SF-KOMMO-31, SF-KOMMO-46, SF-KOMMO-72, SF-KOMMO-77: extracted whole, one outcome each, a
    file with count and digest."""
    world.prepare()
    with world.partition() as partition:
        assert partition.archived == ("Case", "Visit__c")
        current = partition.ledger.plans.current()
        assert current
        shown = plan_text(world.key, current["summary"])
        assert "Case: archived: Kommo has no cases (3 records)" in shown
        assert "Visit__c: archived: read once a year (1 records)" in shown
        assert partition.ledger.records.last_extraction("Case")["source_count"] == 3  # type: ignore[index]

    world.apply()

    assert world.broken_claims() == {}
    assert set(rows_of(case_file(world))) == {FORMULA, ODD, EMPTY}
    (visit,) = rows_of(case_file(world).with_name("Visit__c.csv")).values()
    assert (visit["Name"], visit["Stars__c"], visit["IsDeleted"]) == ("First visit", "4.5", "false")
    written = {one["object"]: (one["records"], one["sha256"]) for one in events(world)}
    assert written == {
        "Case": (3, hashlib.sha256(case_file(world).read_bytes()).hexdigest()),
        "Visit__c": (1, hashlib.sha256(case_file(world).with_name("Visit__c.csv").read_bytes()).hexdigest()),
    }
    with world.partition() as partition:
        assert partition.ledger.proof.outcomes("archive/Case>csv") == {"archived": 3}
        assert partition.step == "verified"
        lines = status_text(stages.status(partition)).splitlines()
        assert any(line.split()[:5] == ["archive", "Case>csv", "3", "3", "-"] for line in lines)
        story = story_text(stages.explain(partition, ODD)).splitlines()
        assert story == [
            "archive/Case>csv: archived",
            "  note: Kommo has no cases",
            f"  in {case_file(world)}, which is as it was written",
        ]
        page = stages.write_report(partition).read_text("utf-8")
        content = stages.read_report(partition)
    of_cases = next(one for one in content["records"] if one["source_object"] == "Case")
    assert (of_cases["source_count"], of_cases["extracted"], of_cases["live"]) == (3, 3, 3)
    assert (of_cases["outcomes"], of_cases["adds_up"]) == ({"archived": 3}, True)
    assert content["verdict"]["state"] == "holds"
    assert written["Case"][1] in page


def test_no_cell_acts_as_a_formula_and_what_is_odd_stays_as_it_is(world: World) -> None:
    """SF-KOMMO-31: the archive is opened in a spreadsheet. Others on the machine cannot read it."""
    world.prepare()
    approve(world)

    archive(world)

    rows = rows_of(case_file(world))
    assert (rows[FORMULA]["Subject"], rows[FORMULA]["SuppliedPhone"]) == ("'=1+1", "'+1 555")
    assert (rows[ODD]["Subject"], rows[ODD]["Description"]) == ("Ship 🚢, late", 'two\nlines, "quoted"')
    assert rows[EMPTY]["Subject"] == ""
    assert case_file(world).stat().st_mode & 0o777 == 0o600


def test_what_text_cannot_hold_is_archived_as_a_mark(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        (page,) = partition.ledger.records.pages("Case")
        rows = [record for record in page if not record.deleted]
        rows[0].values["Subject"] = "\0half \ud83d of a pair"  # type: ignore[index]
        with partition.ledger.records.extraction("Case", None) as extraction:
            extraction.store(rows)
            extraction.finish(3)
        stages.plan(partition)
    approve(world)

    archive(world)

    assert rows_of(case_file(world))[FORMULA]["Subject"] == "\ufffdhalf ? of a pair"


def test_archiving_again_writes_nothing_anew(world: World) -> None:
    world.prepare()
    approve(world)
    archive(world)
    before, written = case_file(world).stat().st_mtime_ns, events(world)

    archive(world)
    with world.partition() as partition:
        stages.plan(partition)  # the same records under a new plan
    approve(world)
    archive(world)

    assert (case_file(world).stat().st_mtime_ns, events(world)) == (before, written)


def test_a_run_that_died_between_the_file_and_its_event_is_made_up_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.prepare()
    approve(world)
    with monkeypatch.context() as patch:
        patch.setattr(archived, "sha256_of", lambda _path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            archive(world)
    assert case_file(world).exists()
    assert events(world) == []
    assert "Case" in claim(world).says
    assert "not written yet" in claim(world).says

    archive(world)

    assert [one["object"] for one in events(world)] == ["Case", "Visit__c"]
    assert claim(world).says == "2 archives with 4 records are as they were written"


def test_a_run_that_dies_in_the_middle_of_a_file_leaves_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.prepare()
    approve(world)
    monkeypatch.setattr(archived.Contents, "as_json", lambda _self: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        archive(world)

    assert list(case_file(world).parent.iterdir()) == []


@pytest.mark.parametrize("is_there", [pytest.param(True, id="altered"), pytest.param(False, id="missing")])
def test_a_file_that_is_altered_or_missing_is_said_and_written_again_by_the_next_run(
    world: World, is_there: bool
) -> None:
    world.prepare()
    world.apply()
    written = case_file(world).read_bytes()
    case_file(world).write_bytes(written.replace(b"late", b"soon")) if is_there else case_file(world).unlink()

    says = world.broken_claims()
    with world.partition() as partition:
        shown = status_text(stages.status(partition))
        stages.write_report(partition)
        report = stages.read_report(partition)

    state = "altered" if is_there else "missing"
    assert set(says) == {"archive every_archive_is_as_it_was_written"}
    assert f"Case ({case_file(world)}) is {state}" in shown
    assert (report["verdict"]["state"], state in " ".join(report["next"])) == ("open", True)
    archive(world)
    assert case_file(world).read_bytes() == written
    assert world.broken_claims() == {}


def test_what_was_extracted_anew_is_not_archived_under_an_older_plan(world: World) -> None:
    world.prepare()
    approve(world)
    with world.partition() as partition:
        (page,) = partition.ledger.records.pages("Case")
        with partition.ledger.records.extraction("Case", None) as extraction:
            extraction.store([record for record in page if record.id != ODD])
            extraction.finish(2)

    with pytest.raises(GateClosed, match="Case was extracted anew after the plan was made"):
        archive(world)

    assert not case_file(world).exists()
    with world.partition() as partition:
        stages.plan(partition)
    approve(world)
    figures = archive(world)
    assert figures["routes"]["archive/Case>csv"]["outcomes"] == {"archived": 2, "deleted in source": 1}
    assert set(rows_of(case_file(world))) == {FORMULA, EMPTY}


def test_an_object_whose_last_record_went_is_an_archive_without_rows(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        with partition.ledger.records.extraction("Case", None) as extraction:
            extraction.finish(0)
        stages.plan(partition)
    approve(world)

    archive(world)

    assert rows_of(case_file(world)) == {}
    assert claim(world).says == "2 archives with 1 records are as they were written"


def test_nothing_is_archived_before_a_person_has_confirmed_and_approved(world: World) -> None:
    """A default of the pair that is in force is a row to confirm; one for what the org has no rows of is none."""
    with world.partition() as partition:
        stages.discover(partition)
        named = {name for name in partition.rows() if name.startswith("object ")}
    assert named == {"object Case", "object Pricebook2", "object Visit__c"}

    world.prepare()
    with pytest.raises(GateClosed, match="is not approved"):
        archive(world)


def test_the_projects_own_word_wins_over_the_default(world: World) -> None:
    project = world.folder / "project.yaml"
    project.write_text(project.read_text("utf-8") + "  Case: {lost: nobody will miss them}\n", "utf-8")

    world.prepare()

    with world.partition() as partition:
        assert partition.dispositions["Case"] == {"lost": "nobody will miss them"}
        assert partition.archived == ("Visit__c",)
        assert partition.ledger.records.last_extraction("Case") is None


def test_a_field_that_is_hidden_meanwhile_stops_the_extraction_and_is_a_gap(ledger: Ledger, tmp_path: Path) -> None:
    """What is archived is all that the org shows; what it hides closes the plan until somebody decides."""
    folder = small_firm(tmp_path)
    (folder / "rows" / "Case.json").write_text(json.dumps(ROWS["Case"]), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with (
        serve_in_thread(app) as twin,
        httpx.Client(base_url=f"{twin.url}/__twin__/") as control,
        World.open(ledger, twin.url, write_project(tmp_path / "projects"), tmp_path) as world,
    ):
        with world.partition() as partition:
            stages.discover(partition)
            assert "Description" in partition.source_schema("Case").fields
            assert control.post("hidden", json={"fields": {"Case": ["Description"]}}).is_success
            with pytest.raises(PermanentFailure, match="Description"):
                stages.extract(partition, "Case")

        with world.partition() as partition:
            gaps = stages.discover(partition).source.gaps
            assert "Case has fields that the integration user may not read: Description" in gaps
            assert stages.extract(partition, "Case").records == 3
