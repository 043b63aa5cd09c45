"""Gates and claims: what is closed says what to do and writes nothing; what is not so any more turns its claim false."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.errors import GateClosed, InvalidInput, MappingError
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.reports.text import plan_text, status_text, story_text
from migration_pipelines_tests import world as worlds
from migration_pipelines_tests.world import World, end_state, write_project

Seed = Callable[[dict[str, Any]], None]


def change(world: World, old: str, new: str, file: str = "project.yaml") -> None:
    path = world.projects / "demo" / file
    text = path.read_text("utf-8")
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def closed(world: World, verb: Callable[[stages.OpenPartition], Any]) -> str:
    """The sentence of the gate that a verb meets; nothing may have been written to the target."""
    with world.partition() as partition, pytest.raises(GateClosed) as gate:
        verb(partition)
    assert [one for one in world.requests() if one["method"] != "GET"] == []
    return str(gate.value)


def approve(partition: stages.OpenPartition) -> str:
    return stages.approve_plan(partition, who="a test")


def kommo_api(world: World) -> httpx.Client:
    token = world.environ["DEMO_KOMMO_TOKEN"]
    return httpx.Client(
        base_url=f"{world.environ['DEMO_KOMMO_URL']}/api/v4/", headers={"Authorization": f"Bearer {token}"}
    )


@pytest.fixture
def world_with(ledger: Ledger, small_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world whose Kommo account was seeded otherwise."""

    def open_one(seed: Seed) -> Any:
        plain = worlds.kommo.write_account

        def seeded(firm: Any, path: Path) -> None:
            plain(firm, path)
            content = json.loads(path.read_text("utf-8"))
            seed(content)
            path.write_text(json.dumps(content), "utf-8")

        monkeypatch.setattr(worlds.kommo, "write_account", seeded)
        return World.open(ledger, small_source, write_project(tmp_path / "projects"), tmp_path)

    return open_one


# Before the plan


def test_an_open_decision_closes_the_plan_and_says_what_it_takes(world: World) -> None:
    """SF-KOMMO-41."""
    change(world, "unmatched_owner: stop", "unmatched_owner:")
    with world.partition() as partition:
        stages.discover(partition)

    for verb in (stages.plan, lambda partition: stages.confirm_rows(partition, who="a test")):
        says = closed(world, verb)
        assert "unmatched_owner" in says
        assert "'stop'" in says
        assert "'hold'" in says
        assert "project.yaml" in says


def test_a_plan_before_discovery_or_extraction_says_what_comes_first(world: World) -> None:
    assert "crm-migrate discover" in closed(world, stages.plan)
    assert "crm-migrate discover" in closed(world, stages.propose)
    with world.partition() as partition:
        stages.discover(partition)
    assert "crm-migrate extract" in closed(world, stages.plan)


def test_a_filled_field_that_nobody_has_disposed_of_closes_the_plan(world: World) -> None:
    """SF-KOMMO-29."""
    change(world, "      SEGMENT:    {from: Segment__c}", "      #", "mapping/accounts.yaml")
    with world.partition() as partition:
        stages.discover(partition)
        for name in partition.source_objects:
            stages.extract(partition, name)

    says = closed(world, stages.plan)

    assert "Account.Segment__c" in says
    assert "lost:" in says
    with world.partition() as partition:
        assert stages.propose(partition) == ["accounts: Account.Segment__c is undecided"]
    assert "Account.Segment__c" in closed(world, stages.plan), "a proposal decides nothing"


def test_a_mapping_that_names_what_was_not_discovered_says_so(world: World) -> None:
    world.prepare()
    change(world, "tables:\n", "  - source: Lead\n    target: leads\n    fields: {name: {from: LastName}}\ntables:\n",
           "mapping/opportunities.yaml")  # fmt: skip

    for verb in (stages.plan, stages.status, approve, lambda partition: stages.extract(partition, "Lead")):
        says = closed(world, verb)
        assert "mapping/opportunities.yaml names Lead" in says
        assert "crm-migrate discover" in says


def test_a_project_that_archives_what_was_not_discovered_so_says_that_it_is_the_project(world: World) -> None:
    world.prepare()
    change(world, "Pricebook2: {lost:", "Pricebook2: {archived:")

    says = closed(world, lambda partition: stages.extract(partition, "Pricebook2"))

    assert "project.yaml, under objects:, names Pricebook2" in says
    assert "crm-migrate discover" in says


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("      ABOUT: ", "      X: {from: Webside}\n      ABOUT: ", "Webside", id="source field"),
        pytest.param("responsible_user_id: {from", "boss_id: {from", "boss_id", id="target reference"),
        pytest.param("target: companies", "target: company", "'company'", id="target object"),
    ],
)
def test_a_mapping_that_names_what_an_org_does_not_have_makes_no_plan(
    world: World, old: str, new: str, named: str
) -> None:
    change(world, old, new, "mapping/accounts.yaml")
    with world.partition() as partition:
        stages.discover(partition)
        for name in partition.source_objects:
            stages.extract(partition, name)

        with pytest.raises(MappingError, match=named):
            stages.plan(partition)
    assert [one for one in world.requests() if one["method"] != "GET"] == []


# Before the first write


def test_no_record_is_written_while_a_row_is_unconfirmed(world: World) -> None:
    """COMMON-05."""
    world.prepare()
    change(world, "POSITION:   {from: Title}", "POSITION:   {from: Title, convert: strip}", "mapping/contacts.yaml")
    with world.partition() as partition:
        stages.plan(partition)

    for verb in (approve, stages.provision, lambda partition: stages.load(partition, "users")):
        says = closed(world, verb)
        assert "contacts/Contact>contacts POSITION" in says
        assert "crm-migrate confirm" in says


def test_nothing_is_written_before_a_person_has_approved_the_plan(world: World) -> None:
    world.prepare()

    for verb in (stages.provision, lambda partition: stages.load(partition, "users")):
        says = closed(world, verb)
        assert "not approved" in says
        assert "crm-migrate apply" in says


def test_a_mapping_that_changed_after_the_plan_needs_a_new_plan(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    change(world, "POSITION:   {from: Title}", "POSITION:   {from: Title, convert: strip}", "mapping/contacts.yaml")
    with world.partition() as partition:
        stages.confirm_rows(partition, who="a test")

    for verb in (approve, stages.provision, lambda partition: stages.load(partition, "users")):
        says = closed(world, verb)
        assert "changed after the plan" in says
        assert "crm-migrate plan" in says


def test_an_approval_holds_for_the_plan_that_was_read_and_no_other(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    change(world, "failed_allowed: 0", "failed_allowed: 1")
    with world.partition() as partition:
        stages.confirm_rows(partition, who="a test")
        stages.plan(partition)

    assert "not approved" in closed(world, stages.provision)


def test_a_target_that_changed_after_the_plan_needs_a_new_look(world: World) -> None:
    """A field of our name and another type has appeared: the plan was measured against something else."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    with kommo_api(world) as person:
        person.post("companies/custom_fields", json=[{"name": "Segment", "code": "SEGMENT", "type": "date"}])
    world.forget_requests()

    says = closed(world, stages.provision)

    assert "changed since the plan" in says
    assert "crm-migrate discover" in says


def test_records_that_are_there_already_close_the_plan_unless_decided(world: World) -> None:
    """Records of others that are there already."""
    with kommo_api(world) as person:
        person.post("companies", json=[{"name": "Was here"}])
    world.forget_requests()
    world.prepare()

    says = closed(world, approve)
    assert "the target holds companies already" in says
    assert "existing_companies" in says

    change(world, "existing_companies: refuse if not empty", "existing_companies: create anyway")
    world.prepare()
    world.apply()
    assert world.broken_claims() == {}
    assert len(world.snapshot()["companies"]) == 6


def test_records_that_appear_between_plan_and_load_close_it_as_well(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    with kommo_api(world) as person:
        person.post("contacts", json=[{"name": "Typed in meanwhile"}])
    world.forget_requests()

    assert "the target holds contacts already" in closed(world, stages.provision)


def test_a_live_webhook_closes_the_plan(world_with: Any) -> None:
    """it would fire for every record."""

    def seed(content: dict[str, Any]) -> None:
        content["webhooks"] = [{"destination": "https://hook.example/in", "settings": ["add_lead"]}]

    with world_with(seed) as world:
        world.prepare()
        says = closed(world, approve)

    assert "https://hook.example/in" in says
    assert "switch it off" in says


def test_a_pipeline_that_we_did_not_make_is_not_loaded_into(world: World) -> None:
    """its automations would write to customers."""
    with kommo_api(world) as person:
        status = [{"name": "Prospecting", "sort": 10, "color": "#fffeb2"}]
        item = {
            "name": "Salesforce",
            "sort": 9,
            "is_main": False,
            "is_unsorted_on": False,
            "_embedded": {"statuses": status},
        }
        assert person.post("leads/pipelines", json=[item]).is_success
    world.forget_requests()
    world.prepare()

    says = closed(world, approve)

    assert "'Salesforce' was not made by this project" in says
    assert "name another in the mapping" in says


def test_an_owner_without_a_counterpart_stops_everything_where_that_is_decided(world: World) -> None:
    """COMMON-28, SF-KOMMO-49."""
    (world.projects / "demo" / "owners.yaml").write_text("owners: {}\n", "utf-8")
    world.prepare()

    says = closed(world, approve)
    with world.partition() as partition:
        status, plan = stages.status(partition), partition.ledger.plans.current()

    assert plan
    # The companies 1 and 2, and one of the people there.
    for told in (says, status_text(status)):
        assert re.search(r"1 of \d owners unresolved: Maria Silva <maria\.silva@harbor\.example> \(3 records\)", told)
        assert "owners.yaml" in told
    assert "Maria Silva <maria.silva@harbor.example>, 3 records: " in plan_text(world.key, plan["summary"])


def test_records_of_an_owner_without_a_counterpart_are_held_where_that_is_decided(world: World) -> None:
    """COMMON-28: the rest goes through, and nothing is given to somebody else in silence."""
    world.prepare()  # a plan by which they would have been loaded
    (world.projects / "demo" / "owners.yaml").write_text("owners: {}\n", "utf-8")
    change(world, "unmatched_owner: stop", "unmatched_owner: hold")
    world.prepare()
    world.apply()

    with world.partition() as partition:
        held = partition.ledger.proof.not_loaded("accounts/Account>companies")
        first, *told = story_text(stages.explain(partition, held[0]["source_id"])).splitlines()
    assert first == "accounts/Account>companies: held"
    assert [line.split(":")[0].strip() for line in told] == ["responsible_user_id", "what to do"], (
        "it means no value now"
    )
    assert "owners.yaml" in told[1]
    firm = worlds.firm()
    marias = [company for company in firm.companies if company.owner.name == "Maria Silva"]
    assert marias
    assert [row["outcome"] for row in held] == ["held"] * len(marias)
    assert all(problem["reason"] == "OWNER_UNRESOLVED" for row in held for problem in row["problems"])
    assert len(world.snapshot()["companies"]) == len(firm.companies) - len(marias)
    assert world.broken_claims() == {}


# While it loads


def test_children_are_not_loaded_before_their_parents_are_proven(world: World) -> None:
    """COMMON-06."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    assert "not provisioned" in closed(world, lambda partition: stages.load(partition, "contacts"))
    with world.partition() as partition:
        stages.provision(partition)
        stages.load(partition, "users")
    world.forget_requests()

    says = closed(world, lambda partition: stages.load(partition, "contacts"))

    assert "contacts comes after accounts, which has not been loaded" in says
    assert "crm-migrate status" in says


def test_an_org_never_has_two_writers(world: World) -> None:
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    with world.partition() as first:
        first.lock()
        for verb in (stages.provision, stages.roll_back):
            says = closed(world, verb)
            assert "being written to by another run (process" in says
            assert "Wait" in says

    with world.partition() as partition:
        assert stages.provision(partition)


def test_a_run_whose_org_was_taken_over_stops_before_its_next_write(world: World) -> None:
    """The epoch: a run whose connection was cut does not know that it has lost the lock."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
    with world.partition() as partition:
        stages.load(partition, "users")
        partition.lock()
        partition.ledger.execute("UPDATE ledger.org_lock SET epoch = epoch + 1")
        world.forget_requests()

        with pytest.raises(GateClosed, match="taken over by another run"):
            stages.load(partition, "accounts")

    assert [one for one in world.requests() if one["method"] != "GET"] == []


def test_a_plan_that_is_switched_in_mid_load_stops_the_load(world: World) -> None:
    """A batch is prepared under the plan that was approved, or not at all."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
    world.forget_requests()

    class Switching(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            with world.partition() as planning:
                stages.plan(planning)
            return super().handle_request(request)

    with world.partition() as loading:
        stages.load(loading, "users")
        token, url = world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_KOMMO_URL"]
        loading.target.close()
        loading.target = KommoTarget(url, token, transport=Switching(), requests_per_second=10_000)
        with pytest.raises(GateClosed, match=r"newer plan .* Apply that"):
            stages.load(loading, "accounts")
        with pytest.raises(GateClosed, match="not provisioned for this plan"):
            stages.load(loading, "accounts")

    assert [one for one in world.requests() if one["method"] != "GET"] == []


def test_a_mapping_that_changed_after_a_run_died_is_not_a_dead_end(world: World) -> None:
    """What a dead run left open was settled by apply only, and apply wanted a new plan first, which wanted it settled."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
        stages.load(partition, "users")
    die_after_sending(world, "accounts")
    change(world, "POSITION:   {from: Title}", "POSITION:   {from: Title, convert: strip}", "mapping/contacts.yaml")

    world.prepare()  # discovers anew as well: the companies that are there by now are ours
    world.apply()

    assert world.broken_claims() == {}
    assert len(world.snapshot()["companies"]) == 5


def die_after_sending(world: World, crm_object: str) -> None:
    """As kill -9 between Kommo's answer and the ledger's note of it."""

    class Death(BaseException):
        pass

    class Dying(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if request.method == "POST":
                answer.close()
                self.close()
                raise Death
            return answer

    with world.partition() as partition:
        token, url = world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_KOMMO_URL"]
        partition.target = KommoTarget(url, token, transport=Dying(), requests_per_second=10_000)
        with pytest.raises(Death):
            stages.load(partition, crm_object)
    with world.partition() as partition:
        assert len(partition.ledger.batches.unsettled()) == 1


# Claims


@pytest.fixture
def loaded(world: World) -> World:
    world.prepare()
    world.apply()
    return world


def verified(world: World) -> dict[str, str]:
    with world.partition() as partition:
        stages.verify(partition)
    return world.broken_claims()


@pytest.mark.parametrize(
    ("entity", "crm_object"), [("companies", "accounts"), ("contacts", "contacts"), ("leads", "opportunities")]
)
def test_one_target_record_that_is_gone_turns_its_claim_false(loaded: World, entity: str, crm_object: str) -> None:
    """SF-KOMMO-60."""
    world_record = loaded.snapshot()[entity][0]
    loaded.kommo.post("remove", json={"entity": entity, "id": world_record["id"]})
    loaded.forget_requests()

    broken = verified(loaded)

    total = len(list(loaded.snapshot()[entity]))
    if crm_object == "contacts":  # links are loaded records too, and this one's went with it
        assert f"{crm_object} what_was_loaded_is_there" in broken
    else:
        assert broken[f"{crm_object} what_was_loaded_is_there"].startswith(f"{total - 1} of {total} loaded records")
    assert [one for one in loaded.requests() if one["method"] != "GET"] == []


def test_one_source_record_that_the_ledger_lost_turns_the_sum_false(loaded: World) -> None:
    """COMMON-30, SF-KOMMO-01."""
    with loaded.partition() as partition:
        partition.ledger.execute(
            "DELETE FROM ledger.source_record WHERE ctid = (SELECT ctid FROM ledger.source_record "
            "WHERE partition_id = :partition AND object_id = :object LIMIT 1)",
            object=partition.ledger.object_id("Account"),
        )

    broken = verified(loaded)

    assert broken["accounts every_record_was_extracted"].startswith("4 of 5 Account")
    assert broken["accounts the_outcomes_add_up"].startswith("1 of 5 records unaccounted for")


@pytest.mark.parametrize(
    ("entity", "crm_object", "field", "changes"),
    [
        ("companies", "accounts", "name", {"name": "Renamed"}),
        ("contacts", "contacts", "last_name", {"last_name": "Renamed"}),
        ("leads", "opportunities", "price", {"price": 1}),
    ],
)
def test_an_edited_field_is_shown_as_wrong(
    loaded: World, entity: str, crm_object: str, field: str, changes: dict[str, Any]
) -> None:
    """COMMON-04: a report by field, with what was meant and what is there."""
    record = loaded.snapshot()[entity][0]
    loaded.kommo.post("edit", json={"entity": entity, "id": record["id"], "changes": changes})

    broken = verified(loaded)

    assert list(broken) == [f"{crm_object} every_field_reads_back_as_meant"]
    assert next(iter(broken.values())).startswith("1 records read back differently, 0 were not read back")
    with loaded.partition() as partition:
        route = next(one.key for one in partition.routes_of(crm_object) if one.route.target == entity)
        (finding,) = partition.ledger.proof.findings(route)
    assert (finding["target_id"], finding["field"], finding["verdict"]) == (str(record["id"]), field, "wrong")
    assert (finding["meant"], finding["found"]) == (record[field], changes[field])


def test_a_link_that_is_gone_turns_the_claim_on_references_false(loaded: World) -> None:
    """COMMON-06."""
    link = next(
        one for one in loaded.snapshot()["links"] if one["entity"] == "leads" and one["to_entity"] == "companies"
    )
    with kommo_api(loaded) as person:
        person.post(f"leads/{link['id']}/unlink", json=[{"to_entity_id": link["to_id"], "to_entity_type": "companies"}])

    assert list(verified(loaded)) == ["opportunities references_point_at_what_was_meant"]


def test_a_proof_that_was_broken_and_mended_holds_again(loaded: World) -> None:
    before = end_state(loaded.snapshot())
    record = loaded.snapshot()["leads"][0]
    loaded.kommo.post("edit", json={"entity": "leads", "id": record["id"], "changes": {"name": "x"}})
    assert verified(loaded)
    loaded.kommo.post("edit", json={"entity": "leads", "id": record["id"], "changes": {"name": record["name"]}})

    assert verified(loaded) == {}
    assert end_state(loaded.snapshot()) == {**before, "leads": end_state(loaded.snapshot())["leads"]}


def test_a_verify_of_nothing_and_the_story_of_nobody_say_so(world: World) -> None:
    world.prepare()

    assert "nothing has been loaded" in closed(world, stages.verify)
    with world.partition() as partition, pytest.raises(InvalidInput, match="no record with source id '003'"):
        stages.explain(partition, "003")


def test_the_story_of_a_record_that_the_newest_plan_holds_marks_what_an_earlier_one_brought(loaded: World) -> None:
    company = next(one for one in worlds.firm().companies if one.owner.name == "Maria Silva")
    there = next(one for one in loaded.snapshot()["companies"] if one["name"] == company.name)
    (loaded.folder / "owners.yaml").write_text("owners: {}\n", "utf-8")
    change(loaded, "unmatched_owner: stop", "unmatched_owner: hold")
    with loaded.partition() as partition:
        stages.plan(partition)
        (story,) = stages.explain(partition, there["custom_fields"]["SF_ID"][0]["value"])

    lines = story_text([story]).splitlines()
    assert lines[0] == f"accounts/Account>companies: held, target id {there['id']}"
    assert not any(line.startswith("  meant") for line in lines)
    earlier = lines.index("  an earlier plan brought it to the target; what that plan meant:")
    assert f"    name: {company.name!r}" in lines[earlier:]
    assert story["payload"] is None
    assert story["earlier"]["payload"]["name"] == company.name


def hide(world: World, gap: str) -> None:
    """What a discovery keeps when the integration user may not see everything."""
    with world.partition() as partition:
        seen = partition.schema("source")
        partition.ledger.keep_schema("source", seen.model_copy(update={"gaps": (gap,)}))


def test_a_plan_stays_closed_while_the_source_hides_something(world: World) -> None:
    """Hidden records and fields give no error: they would stay behind, and every count would still add up."""
    world.prepare()
    hide(world, "the integration user lacks View All Data: records are hidden")

    says = closed(world, approve)

    assert "1 gap in what the source shows us: the integration user lacks View All Data" in says
    assert "visibility_gap: accept" in says


def test_a_gap_can_be_accepted_by_a_decision(world: World) -> None:
    change(world, "decisions:\n", "decisions:\n  visibility_gap: accept\n")
    world.prepare()
    hide(world, "the integration user lacks View All Data: records are hidden")

    with world.partition() as partition:
        assert stages.judge_plan(partition)["nothing_is_hidden_from_us"].holds
        assert approve(partition)
