"""The graph on a real Dagster instance in PostgreSQL: partitions, blocking checks, gates that hold across runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.event_api import PartitionKeyFilter

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.definitions import build_definitions
from migration_pipelines.errors import GateClosed, InvalidInput, ProofFailed
from migration_pipelines.orchestration.run import run_job
from migration_pipelines_tests.world import World


def checks_of(run_id: str) -> dict[tuple[str, str], Any]:
    with dg.DagsterInstance.get() as instance:
        records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    found = [record.event_log_entry.dagster_event.event_specific_data for record in records]
    return {(one.asset_key.to_user_string(), one.check_name): one for one in found}


def newest_run() -> dg.DagsterRun:
    with dg.DagsterInstance.get() as instance:
        return instance.get_runs(limit=1)[0]


def asset_check_state(world: World, asset: str, check: str) -> str:
    """What the Partitions tab of a check shows for this world's partition."""
    with dg.DagsterInstance.get() as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey(asset), check)], partition_filter=PartitionKeyFilter(key=world.key)
        )
    return str(next(iter(found.values())).status.value)


def latest_check(world: World, asset: str, check: str) -> Any:
    """The newest result of a check for this world's partition, as the asset's page shows it."""
    with dg.DagsterInstance.get() as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(asset), check), limit=50
        )
    evaluations = [record.event.dagster_event.event_specific_data for record in records if record.event]
    return next(one for one in evaluations if getattr(one, "partition", None) == world.key)


def test_a_migration_runs_through_the_graph_and_every_check_is_recorded_for_its_partition(dagster_world: World) -> None:
    """COMMON-29, COMMON-30: parents first, and each object's reconciliation before the next begins."""
    dagster_world.prepare()
    with dagster_world.partition() as partition:
        stages.approve_plan(partition, who="a test")

    run_id = run_job("migrate", dagster_world.key)

    found = checks_of(run_id)
    assert {asset for asset, _ in found} == {"plan", "archive", *NAMES}
    assert all(one.passed and one.partition == dagster_world.key for one in found.values())
    assert found["contacts", "what_was_loaded_is_there"].description.startswith(f"{dagster_world.key}: 18 of 18")
    assert dagster_world.broken_claims() == {}
    report = Path(found["contacts", "what_was_loaded_is_there"].metadata["report"].value)
    assert report.read_text("utf-8").startswith("<!doctype html>")
    assert asset_check_state(dagster_world, "contacts", "the_outcomes_add_up") == "SUCCEEDED"
    assert asset_check_state(dagster_world, "plan", "every_mapping_row_is_confirmed") == "SUCCEEDED"


def test_a_run_writes_the_report_once_with_its_last_object_and_where_it_ends_early(
    dagster_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SF-KOMMO-70: gathered anew for each object it would take longer than the load."""
    written: list[str] = []
    plain = stages.write_report

    def noted(partition: Any) -> Path:
        written.append(partition.key)
        return plain(partition)

    monkeypatch.setattr(stages, "write_report", noted)
    dagster_world.prepare()
    with pytest.raises(GateClosed, match="approve"):
        run_job("migrate", dagster_world.key, assets=["users", "accounts"])
    assert len(written) == 1
    with dagster_world.partition() as partition:
        stages.approve_plan(partition, who="a test")
    run_job("migrate", dagster_world.key, assets=["archive", "provision", "users", "accounts"])
    assert len(written) == 2
    run_job("migrate", dagster_world.key, assets=["contacts"])
    assert len(written) == 3


def test_what_is_archived_is_extracted_by_one_asset_written_before_the_load_and_checked(dagster_world: World) -> None:
    """SF-KOMMO-31: the org's one price book, for once archived."""
    project = dagster_world.folder / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("Pricebook2: {lost:", "Pricebook2: {archived:"), "utf-8")
    run_job("migrate", dagster_world.key, assets=["discovery", "source"])
    with dagster_world.partition() as partition:
        stages.confirm_rows(partition, who="a test")
        stages.vouch(partition, who="a test")
    run_job("migrate", dagster_world.key, assets=["plan"])
    with dagster_world.partition() as partition:
        stages.approve_plan(partition, who="a test")

    run_id = run_job("migrate", dagster_world.key, assets=["archive"])

    check = checks_of(run_id)["archive", "every_archive_is_as_it_was_written"]
    assert (check.passed, check.description) == (
        True,
        f"{dagster_world.key}: 1 archives with 1 records are as they were written",
    )
    file = dagster_world.settings.home / "archive" / dagster_world.key / "Pricebook2.csv"
    file.write_text("nothing", "utf-8")
    dagster_world.apply()
    assert "Standard Price Book" in file.read_text("utf-8")
    file.unlink()
    with pytest.raises(ProofFailed, match=r"Pricebook2 \(.*\) is missing"):
        run_job("verify", dagster_world.key)
    assert asset_check_state(dagster_world, "archive", "every_archive_is_as_it_was_written") == "FAILED"


def test_the_first_load_stops_after_the_plan_until_a_person_has_approved_it(dagster_world: World) -> None:
    dagster_world.prepare()
    dagster_world.forget_requests()

    with pytest.raises(GateClosed, match=r"plan [0-9a-f]{12} is not approved.*crm-migrate confirm .* --plan"):
        run_job("migrate", dagster_world.key)

    assert [one for one in dagster_world.requests() if one["method"] != "GET"] == []


def test_an_asset_alone_is_refused_while_what_comes_before_it_has_not_passed(dagster_world: World) -> None:
    """A Dagster check blocks within its own run only: the ledger refuses in every other (COMMON-29)."""
    dagster_world.prepare()
    with dagster_world.partition() as partition:
        stages.approve_plan(partition, who="a test")
    run_job("migrate", dagster_world.key, assets=["provision", "users"])
    dagster_world.forget_requests()

    with pytest.raises(GateClosed, match="contacts comes after accounts, which has not been loaded"):
        run_job("migrate", dagster_world.key, assets=["contacts"])

    assert "not loaded yet: " in latest_check(dagster_world, "contacts", "the_outcomes_add_up").description

    assert [one for one in dagster_world.requests() if one["method"] != "GET"] == []


def test_a_record_removed_behind_our_back_turns_the_checks_red(dagster_world: World) -> None:
    dagster_world.prepare()
    dagster_world.apply()
    victim = dagster_world.snapshot()["contacts"][0]["id"]
    dagster_world.kommo.post("remove", json={"entity": "contacts", "id": victim})

    with pytest.raises(ProofFailed, match="loaded records answered"):
        run_job("verify", dagster_world.key)
    with pytest.raises(ProofFailed, match="loaded records answered"):  # the second time as the first
        run_job("verify", dagster_world.key)

    assert asset_check_state(dagster_world, "contacts", "what_was_loaded_is_there") == "FAILED"
    shown = latest_check(dagster_world, "contacts", "what_was_loaded_is_there")
    assert not shown.passed
    assert " of 18 loaded records answered" in shown.description


def test_a_source_record_lost_from_the_ledger_turns_the_checks_red(dagster_world: World) -> None:
    dagster_world.prepare()
    dagster_world.apply()
    with dagster_world.partition() as partition:
        partition.ledger.execute(
            "DELETE FROM ledger.source_record WHERE ctid IN (SELECT ctid FROM ledger.source_record "
            "WHERE partition_id = :partition AND object_id = :object LIMIT 1)",
            object=partition.ledger.object_id("Account"),
        )

    with pytest.raises(ProofFailed, match="4 of 5 Account extracted"):
        run_job("verify", dagster_world.key)

    assert not latest_check(dagster_world, "accounts", "every_record_was_extracted").passed
    assert not latest_check(dagster_world, "accounts", "the_outcomes_add_up").passed


def test_a_roll_back_wants_the_partition_repeated(dagster_world: World) -> None:
    dagster_world.prepare()
    dagster_world.apply()
    dagster_world.forget_requests()

    with pytest.raises(InvalidInput, match="repeat its key"):
        run_job("roll_back", dagster_world.key)

    assert dagster_world.requests() == []


def test_the_definitions_load_and_name_every_partition(dagster_world: World) -> None:
    definitions = build_definitions()

    dg.Definitions.validate_loadable(definitions)
    assert dagster_world.key in definitions.resolve_job_def("migrate").partitions_def.get_partition_keys()


def test_an_invalid_project_loses_only_itself(dagster_world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken = dagster_world.projects / "broken"
    broken.mkdir()
    (broken / "project.yaml").write_text("name: broken\nsource: salesforce\n", "utf-8")

    keys = build_definitions().resolve_job_def("migrate").partitions_def.get_partition_keys()

    assert keys == [dagster_world.key]
    assert "broken" in caplog.text
    assert "target: Field required" in caplog.text
