"""Roll back in an account that cannot delete: quarantined, marked, unlinked, and taken up again by a later load."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.errors import GateClosed, TransientFailure
from migration_pipelines.reports.text import status_text
from migration_pipelines.stages.roll_back import RolledBack
from migration_pipelines_tests.world import World, end_state, firm

EMPLOYED = sum(person.company is not None for person in firm().people)
KINDS = ("companies", "contacts", "leads")


@pytest.fixture
def loaded(world: World) -> Iterator[World]:
    """A world that is loaded, in an account that had records of its own before."""
    for one in ("companies", "contacts", "deals"):
        change_project(world, f"existing_{one}: refuse if not empty", f"existing_{one}: create anyway")
    with kommo_api(world) as person:
        company = person.post("/api/v4/companies", json=[{"name": "Was here"}]).json()["_embedded"]["companies"][0][
            "id"
        ]
        contact = person.post("/api/v4/contacts", json=[{"first_name": "Was", "last_name": "Here"}])
        contact_id = contact.json()["_embedded"]["contacts"][0]["id"]
        linked = {"companies": [{"id": company}], "contacts": [{"id": contact_id}]}
        person.post("/api/v4/leads", json=[{"name": "Was here", "price": 5, "_embedded": linked}])
        person.post(
            f"/api/v4/companies/{company}/link", json=[{"to_entity_id": contact_id, "to_entity_type": "contacts"}]
        )
    world.prepare()
    world.apply()
    world.forget_requests()
    return world


def kommo_api(world: World) -> httpx.Client:
    token = world.environ["DEMO_KOMMO_TOKEN"]
    return httpx.Client(base_url=world.environ["DEMO_KOMMO_URL"], headers={"Authorization": f"Bearer {token}"})


def change_project(world: World, old: str, new: str, file: str = "project.yaml") -> None:
    path = world.projects / "demo" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def roll_back(world: World, *, force: bool = False) -> RolledBack:
    with world.partition() as partition:
        return stages.roll_back(partition, force=force)


def edit(world: World, kind: str, record: dict[str, Any], **changes: Any) -> None:
    """A person edits a record on the screen."""
    answer = world.kommo.post("edit", json={"entity": kind, "id": record["id"], "changes": changes})
    assert answer.is_success, answer.text


def ours(snapshot: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in snapshot[kind] if "SF_ID" in one["custom_fields"]]


def theirs(snapshot: dict[str, Any]) -> Any:
    """The records that were there before, whole, with their links and stamps."""
    ids = {(kind, one["id"]) for kind in KINDS for one in snapshot[kind] if "SF_ID" not in one["custom_fields"]}
    return (
        {kind: [one for one in snapshot[kind] if (kind, one["id"]) in ids] for kind in KINDS},
        [one for one in snapshot["links"] if (one["entity"], one["id"]) in ids],
    )


def test_rolled_back_means_quarantined_marked_and_unlinked(loaded: World) -> None:
    """COMMON-02: Kommo has no delete."""
    done = roll_back(loaded)

    assert done.left == {}
    snapshot = loaded.snapshot()
    cards = {
        "opportunities/Opportunity>leads": 3, "contacts/Contact>company_contacts": EMPLOYED, "contacts/Contact>contacts": 10,
        "accounts/Account>companies": 5,
    }  # fmt: skip
    assert {route: done.undone[route] for route in cards} == cards
    assert list(done.undone)[-4:] == list(cards), "what hangs on cards is undone before them"
    assert snapshot["tasks"]
    assert snapshot["notes"]
    assert all(one["is_completed"] and "[rolled back]" in json.dumps(one["result"]) for one in snapshot["tasks"])
    assert {
        re.sub(r"\s*\[SF:\w+\]", "", one["params"]["text"]) for one in snapshot["notes"] if "text" in one["params"]
    } == {"[rolled back]"}
    assert snapshot["attached"] == []
    assert all(one["deleted_at"] for one in snapshot["files"])
    (quarantine,) = [one for one in snapshot["pipelines"] if one["name"] == "Rolled back migration"]
    assert {one["pipeline_id"] for one in ours(snapshot, "leads")} == {quarantine["id"]}
    assert not {one["status_id"] for one in ours(snapshot, "leads")} & {142, 143}
    assert all(one["name"].startswith("[rolled back]") for kind in KINDS[:2] for one in ours(snapshot, kind))
    assert all(one["tags"] == ["rolled back"] for kind in KINDS for one in ours(snapshot, kind))
    mine = {(kind, one["id"]) for kind in KINDS for one in ours(snapshot, kind)}
    assert [one for one in snapshot["links"] if (one["entity"], one["id"]) in mine] == []


def test_nothing_that_was_there_before_differs_after_a_load_and_a_roll_back(loaded: World) -> None:
    """COMMON-02: exactly the records of this project, and field by field nothing of anybody else's."""
    before = theirs(loaded.snapshot())
    assert [len(one) for one in before[0].values()] == [1, 1, 1]
    assert len(before[1]) == 3

    roll_back(loaded, force=True)

    assert theirs(loaded.snapshot()) == before


def test_the_partition_says_that_it_is_rolled_back_and_a_load_needs_a_new_word(loaded: World) -> None:
    roll_back(loaded)

    with loaded.partition() as partition:
        assert partition.step == "rolled back"
        said = status_text(stages.status(partition))
        assert f"To load again: crm-migrate plan {loaded.key}, then crm-migrate apply {loaded.key}." in said
        assert "the pipeline may keep its name" in said
        assert stages.preview(partition) == {}
        with pytest.raises(GateClosed, match="not approved"):
            stages.load(partition, "users")


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("leads", {"name": "Renamed by a person"}, id="a deal's name"),
        pytest.param("leads", {"price": 7}, id="a deal's price"),
        pytest.param("contacts", {"last_name": "Married"}, id="a contact's name"),
        pytest.param("companies", {"name": "Merged"}, id="a company's name"),
        pytest.param("leads", {"responsible_user_id": 1}, id="a deal's responsible user"),
    ],
)
def test_a_record_that_a_person_changed_since_is_listed_and_left_alone_unless_forced(
    loaded: World, kind: str, changes: dict[str, Any]
) -> None:
    """COMMON-02: what could not be undone is reported."""
    snapshot = loaded.snapshot()
    record = ours(snapshot, kind)[0]
    if "responsible_user_id" in changes:
        changes = {"responsible_user_id": next(
            one["id"] for one in snapshot["users"] if one["id"] != record["responsible_user_id"]
        )}  # fmt: skip
    edit(loaded, kind, record, **changes)
    edited = next(one for one in loaded.snapshot()[kind] if one["id"] == record["id"])

    done = roll_back(loaded)

    ((source_id, why),) = [one for rows in done.left.values() for one in rows]
    assert source_id == record["custom_fields"]["SF_ID"][0]["value"]
    assert next(iter(changes)) in why
    left = next(one for one in loaded.snapshot()[kind] if one["id"] == record["id"])
    assert {**left, "updated_at": 0} == {**edited, "updated_at": 0}
    with loaded.partition() as partition:
        assert [row["source_id"] for row in partition.ledger.batches.left_alone()] == [source_id]


def test_what_a_person_changed_is_undone_too_where_that_is_forced(loaded: World) -> None:
    edit(loaded, "leads", ours(loaded.snapshot(), "leads")[0], name="Renamed by a person")

    done = roll_back(loaded, force=True)

    assert done.left == {}
    assert all(one["tags"] == ["rolled back"] for one in ours(loaded.snapshot(), "leads"))


def test_what_was_left_alone_can_be_forced_afterwards(loaded: World) -> None:
    edit(loaded, "leads", ours(loaded.snapshot(), "leads")[0], name="Renamed by a person")
    roll_back(loaded)

    roll_back(loaded, force=True)

    assert all(one["tags"] == ["rolled back"] for one in ours(loaded.snapshot(), "leads"))


def test_a_roll_back_of_nothing_is_refused_and_takes_nothing_back(world: World) -> None:
    world.prepare()

    with pytest.raises(GateClosed, match="nothing to roll back"):
        roll_back(world)

    with world.partition() as partition:
        assert partition.step == "planned"
    assert [one for one in world.requests() if one["method"] != "GET"] == []


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_the_quarantine_is_made_once_though_the_answer_was_lost(loaded: World, kind: str) -> None:
    loaded.set_fault(kind, endpoint="POST /api/v4/leads/pipelines")

    roll_back(loaded)

    assert [one["name"] for one in loaded.snapshot()["pipelines"]].count("Rolled back migration") == 1


def test_what_a_new_plan_means_otherwise_is_not_a_persons_change(loaded: World) -> None:
    """A plan that was made and never applied: the account still holds what the one before meant."""
    change_project(loaded, "name:       {from: Name, required: true}", "name:       {from: Name, convert: strip}",
                   "mapping/accounts.yaml")  # fmt: skip
    change_project(loaded, "      WEB:        {from: Website}\n", "      WEB:        {value: https://new.example}\n",
                   "mapping/accounts.yaml")  # fmt: skip
    change_project(loaded, "    lost:\n      ParentId:", "    lost:\n      Website: written anew\n      ParentId:",
                   "mapping/accounts.yaml")  # fmt: skip
    with loaded.partition() as partition:
        stages.confirm_rows(partition, who="a test")
        stages.plan(partition)

    assert roll_back(loaded).left == {}


def test_a_roll_back_that_is_stopped_in_the_middle_is_finished_by_the_next(loaded: World) -> None:
    loaded.set_fault("500", endpoint="PATCH /api/v4/contacts", times=6)
    with pytest.raises(TransientFailure, match="crm-migrate rollback"):
        roll_back(loaded)
    assert not any("rolled back" in one["tags"] for one in ours(loaded.snapshot(), "companies"))
    loaded.kommo.delete("faults")

    done = roll_back(loaded)

    assert done.left == {}
    snapshot = loaded.snapshot()
    assert all(one["tags"] == ["rolled back"] for kind in KINDS for one in ours(snapshot, kind))
    assert all(one["name"].count("[rolled back]") == 1 for kind in KINDS[:2] for one in ours(snapshot, kind))


def test_a_second_roll_back_changes_nothing(loaded: World) -> None:
    roll_back(loaded)
    loaded.forget_requests()

    roll_back(loaded)

    assert [one for one in loaded.requests() if one["method"] != "GET"] == []


def test_a_later_load_takes_up_what_was_rolled_back_and_a_second_roll_back_works(loaded: World) -> None:
    """Adopted by the ids of the ledger; no doubles, names, links and the pipeline as they were."""
    before = end_state(loaded.snapshot())
    roll_back(loaded)
    after = end_state(loaded.snapshot())

    loaded.prepare()
    loaded.apply()

    adopted = end_state(loaded.snapshot())
    assert loaded.broken_claims() == {}
    assert {name: adopted[name] for name in (*KINDS, "links")} == {name: before[name] for name in (*KINDS, "links")}
    assert roll_back(loaded).left == {}
    assert end_state(loaded.snapshot()) == after


def test_the_administrator_gets_a_list_of_every_record_that_is_still_there(loaded: World) -> None:
    """Kommo has no delete: a person removes them on the screen, and must know which."""
    deal = ours(loaded.snapshot(), "leads")[0]
    edit(loaded, "leads", deal, price=1)

    done = roll_back(loaded)

    assert done.admin_list
    with done.admin_list.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    snapshot = loaded.snapshot()
    listed = {(row["object"], row["id in the target"]) for row in rows}
    assert listed >= {(kind, str(one["id"])) for kind in KINDS for one in ours(snapshot, kind)}
    assert not {row["object"] for row in rows} & {"company_contacts", "users"}, "links are gone, users were never made"
    (left,) = [row for row in rows if row["state"] == "left as it is"]
    assert left["id in the target"] == str(deal["id"])
    assert left["name"] == deal["name"]
    assert "price" in left["why"]


def test_a_pipeline_of_somebody_else_is_no_quarantine(loaded: World) -> None:
    with kommo_api(loaded) as person:
        status = [{"name": "Hot", "sort": 10, "color": "#fffeb2"}]
        item = {"name": "Rolled back migration", "sort": 9, "is_main": False, "is_unsorted_on": False,
                "_embedded": {"statuses": status}}  # fmt: skip
        assert person.post("/api/v4/leads/pipelines", json=[item]).is_success
    before = end_state(loaded.snapshot())

    with pytest.raises(GateClosed, match="'Rolled back migration' in the target is not ours"):
        roll_back(loaded)

    assert end_state(loaded.snapshot())["leads"] == before["leads"]


def test_a_load_without_our_ledger_takes_up_what_was_rolled_back(loaded: World) -> None:
    """By SF_ID: the account remembers what a lost ledger does not. That the pipeline is ours it does not remember."""
    as_loaded = end_state(loaded.snapshot())
    roll_back(loaded)
    number = {kind: len(loaded.snapshot()[kind]) for kind in (*KINDS, "tasks", "notes")}
    change_project(loaded, f"\n  {loaded.key.partition('-')[2]}:", f"\n  {loaded.key.partition('-')[2]}x:")
    change_project(loaded, "{value: Salesforce}", "{value: Salesforce again}", "mapping/opportunities.yaml")
    anew = replace(loaded, key=f"{loaded.key}x", lines=[])  # a partition that no ledger knows anything of
    anew.prepare()

    anew.apply()

    assert anew.broken_claims() == {}
    assert {kind: len(anew.snapshot()[kind]) for kind in number} == number, "nothing was made a second time"
    state = end_state(anew.snapshot())
    for deal in state["leads"].values():
        deal["pipeline"] = {"Salesforce again": "Salesforce"}.get(deal["pipeline"], deal["pipeline"])
    for part in (*KINDS, "links"):
        assert state[part] == as_loaded[part]


def test_what_a_person_deleted_meanwhile_does_not_stop_a_roll_back(loaded: World) -> None:
    record = ours(loaded.snapshot(), "companies")[0]
    loaded.kommo.post("remove", json={"entity": "companies", "id": record["id"]})

    done = roll_back(loaded)

    assert done.left == {}
    snapshot = loaded.snapshot()
    live = [one for one in ours(snapshot, "companies") if not one["is_deleted"]]
    assert all(one["tags"] == ["rolled back"] for one in live)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_lost_answer_of_any_write_of_a_roll_back_ends_the_same(loaded: World, kind: str) -> None:
    """Undoing is safe to repeat, and so is taking up again: each turn starts from the account that the last one left.

    One write in four, the kinds of fault taking turns; CHAOS=all does each.
    """
    before = end_state(loaded.snapshot())
    roll_back(loaded)
    expected = end_state(loaded.snapshot())
    take_up(loaded)
    loaded.forget_requests()
    roll_back(loaded)
    writes = [n for n, one in enumerate(loaded.requests(), 1) if one["method"] != "GET"]
    assert len(writes) > 6

    chosen = writes if os.environ.get("CHAOS") == "all" else writes[0 if kind == "cut_before" else 2 :: 4]
    for ordinal in chosen:
        take_up(loaded)
        adopted = end_state(loaded.snapshot())
        assert {name: adopted[name] for name in KINDS} == {name: before[name] for name in KINDS}, f"before {ordinal}"
        loaded.set_fault(kind, ordinal=ordinal)

        roll_back(loaded)

        assert end_state(loaded.snapshot()) == expected, f"{kind} of request {ordinal}"
        loaded.kommo.delete("faults")


def take_up(world: World) -> None:
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in NAMES:
            stages.load(partition, name)
