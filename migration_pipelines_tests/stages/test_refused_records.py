"""Records that the target refuses in mid-load: found among the others, itemised in its words, and nothing made twice."""

from __future__ import annotations

import json

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo.model import RETIRED_STAGE
from migration_pipelines.demo.salesforce import contact_id, opportunity_id
from migration_pipelines.errors import GateClosed
from migration_pipelines_tests.world import World, end_state, firm


class Spoiler(httpx.HTTPTransport):
    """Gives one record a responsible user whom the account does not have."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path == "/api/v4/contacts":
            items = json.loads(request.content)
            for item in items:
                if item["request_id"] == self._key:
                    item["responsible_user_id"] = 424242
            headers = {name: value for name, value in request.headers.items() if name != "content-length"}
            request = httpx.Request("POST", request.url, headers=headers, json=items)
        return super().handle_request(request)


@pytest.mark.parametrize(
    "world",
    [
        {"batch_failure": "all_or_nothing"},
        {"batch_failure": "partial"},
        {"unknown_user": "detail"},
        {"batch_failure": "partial", "array_ceiling": 4},
        {"array_ceiling": 3, "over_ceiling_applies": True},
    ],
    ids=str,
    indirect=True,
)
def test_one_refused_record_is_failed_in_its_words_and_all_others_arrive_once(world: World) -> None:
    bad = contact_id(firm().people[4])
    world.prepare()
    with world.partition() as partition:
        token, url = world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_KOMMO_URL"]
        partition.target = KommoTarget(url, token, transport=Spoiler(bad), requests_per_second=10_000, quiet_seconds=0)
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in NAMES[:3]:
            stages.load(partition, name)
        failed = list(partition.ledger.proof.not_loaded("contacts/Contact>contacts"))
        with pytest.raises(GateClosed, match="opportunities comes after contacts, which has open checks"):
            stages.load(partition, "opportunities")

    there = sorted(one["custom_fields"]["SF_ID"][0]["value"] for one in world.snapshot()["contacts"])
    assert there == sorted(contact_id(person) for person in firm().people if contact_id(person) != bad)
    assert [(row["source_id"], row["outcome"]) for row in failed] == [(bad, "failed")]
    words = failed[0]["problem"]["message"]
    assert "Users are not associated" in words or "responsible_user_id" in words
    broken = world.broken_claims()
    assert list(broken) == ["contacts failures_stay_within_the_decision"]
    assert bad in next(iter(broken.values()))


def test_a_deal_arrives_without_the_contact_that_was_refused_and_the_link_is_held(world: World) -> None:
    """Where the mapping says `if_held: bare`, a parent that was refused in mid-load is left out, and all else is proven."""
    project = world.projects / "demo" / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("failed_allowed: 0", "failed_allowed: 1"), "utf-8")
    deal = next(
        one for one in firm().deals if one.stage != RETIRED_STAGE and any(person.company for person in one.people)
    )
    bad = contact_id(deal.people[0])
    world.prepare()
    with world.partition() as partition:
        token, url = world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_KOMMO_URL"]
        partition.target = KommoTarget(url, token, transport=Spoiler(bad), requests_per_second=10_000, quiet_seconds=0)
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in NAMES[: NAMES.index("opportunities") + 1]:
            stages.load(partition, name)
        held = partition.ledger.proof.not_loaded("contacts/Contact>company_contacts")

    assert world.broken_claims() == {}
    assert [(row["source_id"], row["outcome"], row["problem"]["reason"]) for row in held] == [
        (bad, "held", "PARENT_FAILED")
    ]
    there = end_state(world.snapshot())
    assert opportunity_id(deal) in there["leads"]
    assert {other for one, other, _ in there["links"] if one == opportunity_id(deal) and other.startswith("003")} == {
        contact_id(person) for person in deal.people[1:]
    }
