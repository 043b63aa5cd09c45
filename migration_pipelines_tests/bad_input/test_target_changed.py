"""The target changed by people between the plan and the last record: apply says what, and goes on once it is put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo.salesforce import account_id, contact_id, opportunity_id
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.store import Ledger
from migration_pipelines_tests.stages.test_gates import approve, closed, kommo_api
from migration_pipelines_tests.world import World, end_state, firm, kommo, write_project

SEGMENTS = ("Enterprise", "Mid-market", "Small")
NEXT_STEP = {"name": "Next step", "code": "NEXT_STEP", "type": "text"}
SEGMENT = {"name": "Segment", "code": "SEGMENT", "type": "select", "enums": [{"value": one} for one in SEGMENTS]}


class Admin:
    """An administrator at work in the account's settings."""

    def __init__(self, api: httpx.Client) -> None:
        self._api = api

    def ask(self, method: str, path: str, told: Any = None) -> Any:
        answer = self._api.request(method, path, json=told)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def field(self, entity: str, code: str) -> str:
        """Path of a field."""
        fields = self.ask("GET", f"{entity}/custom_fields?limit=250")["_embedded"]["custom_fields"]
        return f"{entity}/custom_fields/{next(one['id'] for one in fields if one['code'] == code)}"

    def pipeline(self) -> dict[str, Any]:
        pipelines = self.ask("GET", "leads/pipelines")["_embedded"]["pipelines"]
        return dict(next(one for one in pipelines if one["name"] == "Salesforce"))

    def stage(self, name: str) -> str:
        """Path of a stage of our pipeline."""
        pipeline = self.pipeline()
        found = next(one["id"] for one in pipeline["_embedded"]["statuses"] if one["name"] == name)
        return f"leads/pipelines/{pipeline['id']}/statuses/{found}"

    def user(self, name: str) -> list[dict[str, int]]:
        users = self.ask("GET", "users?limit=250")["_embedded"]["users"]
        return [{"id": next(one["id"] for one in users if one["name"] == name)}]


@pytest.fixture
def admin(world: World) -> Iterator[Admin]:
    with kommo_api(world) as api:
        yield Admin(api)


def stands_once(world: World) -> bool:
    """Whether every company, contact and deal of the firm stands in the account, and none of them twice."""
    there, of = end_state(world.snapshot()), firm()
    return (
        sorted(there["companies"]) == sorted(account_id(one) for one in of.companies)
        and sorted(there["contacts"]) == sorted(contact_id(one) for one in of.people if not one.is_held)
        and sorted(there["leads"]) == sorted(opportunity_id(one) for one in of.deals if not one.is_held)
    )


@pytest.fixture
def furnished(ledger: Ledger, small_source: str, tmp_path: Path) -> Iterator[World]:
    """A world whose account has some of the mapped fields already."""
    seed = tmp_path / "furnished.json"
    kommo.write_account(firm(), seed, {"custom_fields": {"companies": [SEGMENT], "leads": [NEXT_STEP]}})
    with World.open(ledger, small_source, write_project(tmp_path / "projects"), tmp_path, account=seed) as world:
        yield world


def test_what_was_taken_away_between_plan_and_apply_is_named_before_anything_is_written(furnished: World) -> None:
    world = furnished
    world.prepare()
    with world.partition() as partition:
        approve(partition)
    with kommo_api(world) as api:
        admin = Admin(api)
        (olivia,) = admin.user("Olivia Stone")

        def choices(*names: str) -> None:
            admin.ask("PATCH", admin.field("companies", "SEGMENT"), {"enums": [{"value": one} for one in names]})

        done: list[tuple[Callable[[], Any], Callable[[], Any], str]] = [
            (
                lambda: admin.ask("DELETE", admin.field("leads", "NEXT_STEP")),
                lambda: admin.ask("POST", "leads/custom_fields", [NEXT_STEP]),
                "changed since the plan was made: leads.NEXT_STEP is gone. Put it back",
            ),
            (
                lambda: choices("Enterprise", "Small", "Tiny"),
                lambda: choices(*SEGMENTS),
                "companies.SEGMENT has lost the choice 'Mid-market'; companies.SEGMENT has got the choice 'Tiny'",
            ),
            (
                lambda: admin.ask("POST", "users/deactivate", [olivia]),
                lambda: admin.ask("POST", "users/activate", [olivia]),
                f"Olivia Stone (user {olivia['id']}), who is to own the records of Maria Silva, is not active in the target",
            ),
        ]
        for take_away, give_back, words in done:
            take_away()
            world.forget_requests()
            says = closed(world, stages.provision)
            assert words in says
            assert f"crm-migrate discover {world.key}" in says
            give_back()

    world.apply()

    assert world.broken_claims() == {}
    assert stands_once(world)


def test_what_is_taken_away_in_mid_load_stops_it_and_leaves_the_refused_planned(world: World, admin: Admin) -> None:
    """Records that are refused for it are not called failed: the next apply sends them, once it is put back."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
        for name in NAMES[: NAMES.index("opportunities")]:
            stages.load(partition, name)
        pipeline = admin.pipeline()
        admin.ask("DELETE", f"leads/pipelines/{pipeline['id']}")
        admin.ask("DELETE", admin.field("leads", "SF_AMOUNT"))
        with pytest.raises(GateClosed) as stopped:
            stages.load(partition, "opportunities")

        assert "changed while records were written" in str(stopped.value)
        assert "leads.SF_AMOUNT is gone; pipeline 'Salesforce' is gone. Put it back" in str(stopped.value)
        assert f"crm-migrate apply {world.key}" in str(stopped.value)
        assert "failed" not in partition.ledger.proof.outcomes("opportunities/Opportunity>leads")
        assert partition.ledger.batches.unsettled() == []
    assert world.snapshot()["leads"] == []

    world.forget_requests()
    assert "pipeline 'Salesforce' is gone" in closed(world, stages.provision), "still so at the next apply"

    open_stages = [one for one in pipeline["_embedded"]["statuses"] if one["is_editable"]]
    again = {key: pipeline[key] for key in ("name", "sort", "is_main", "is_unsorted_on")}
    again["_embedded"] = {"statuses": [{key: one[key] for key in ("name", "sort", "color")} for one in open_stages]}
    admin.ask("POST", "leads/pipelines", [again])
    admin.ask("POST", "leads/custom_fields", [{"name": "Amount", "code": "SF_AMOUNT", "type": "numeric"}])
    world.apply()

    assert world.broken_claims() == {}
    assert stands_once(world)


@pytest.mark.parametrize("world", [{"batch_failure": "partial"}], indirect=True)
def test_a_stage_that_is_gone_stops_its_deals_and_one_that_was_renamed_is_not_made_a_second_time(
    world: World, admin: Admin
) -> None:
    """Of one request a deal is taken and another is not: what is there is known. After the first load the pipeline is ours,
    and what people did with its stages is theirs to say."""
    world.prepare()
    with world.partition() as partition:
        approve(partition)
        stages.provision(partition)
        for name in NAMES[: NAMES.index("opportunities")]:
            stages.load(partition, name)
        admin.ask("DELETE", admin.stage("Prospecting"))
        with pytest.raises(GateClosed, match=r"pipeline 'Salesforce' has no stage 'Prospecting' any more. Put it back"):
            stages.load(partition, "opportunities")
        outcomes = partition.ledger.proof.outcomes("opportunities/Opportunity>leads")
    there = end_state(world.snapshot())["leads"]
    unfit = [opportunity_id(one) for one in firm().deals if one.stage == "Prospecting"]
    assert len(unfit) == outcomes["planned"] == 1
    assert len(there) == outcomes["loaded"] == 2
    assert unfit[0] not in there

    admin.ask("POST", f"leads/pipelines/{admin.pipeline()['id']}/statuses", [{"name": "Prospecting", "sort": 25}])
    world.apply()
    assert world.broken_claims() == {}
    assert stands_once(world)

    stage = admin.stage("Negotiation")
    admin.ask("PATCH", stage, {"name": "Bargaining"})
    world.forget_requests()
    assert "pipeline 'Salesforce' has no stage 'Negotiation' any more" in closed(world, stages.provision)
    admin.ask("PATCH", stage, {"name": "Negotiation"})
    world.forget_requests()
    world.apply()
    assert [one for one in world.requests() if one["method"] != "GET"] == []
