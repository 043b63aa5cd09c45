"""The first record of each kind goes alone, and is read back before the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.base import Found
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.errors import ProofFailed
from migration_pipelines_tests.world import World


class Counting(httpx.HTTPTransport):
    """Notes how many items each POST carries."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, int]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.sent.append((request.url.path, len(json.loads(request.content))))
        return super().handle_request(request)


def target(world: World, kind: type[KommoTarget] = KommoTarget, **more: Any) -> KommoTarget:
    url, token = world.environ["DEMO_KOMMO_URL"], world.environ["DEMO_KOMMO_TOKEN"]
    return kind(url, token, requests_per_second=10_000, quiet_seconds=0, **more)


def test_the_first_record_of_a_kind_goes_alone_once(world: World) -> None:
    world.prepare()
    wire = Counting()
    with world.partition() as partition:
        partition.target = target(world, transport=wire)
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        wire.sent.clear()
        for name in ("users", "accounts", "contacts"):
            stages.load(partition, name)
        known = [event["detail"]["object"] for event in partition.ledger.events("canary")]

    assert [n for path, n in wire.sent if path == "/api/v4/companies"] == [1, 4]
    assert [n for path, n in wire.sent if path == "/api/v4/contacts"] == [1, 9]
    assert known == ["companies", "contacts", "company_contacts"]
    world.apply()
    with world.partition() as partition:
        again = [event["detail"]["object"] for event in partition.ledger.events("canary")]
    assert len(again) == len(set(again)), "what is known is not asked again"


class Distorting(KommoTarget):
    """An account that gives every company another name than it was given."""

    def read_back(self, target_object: str, target_ids: Sequence[str]) -> Mapping[str, Found]:
        found = super().read_back(target_object, target_ids)
        if target_object != "companies":
            return found
        return {one: Found({**there.values, "name": "Other"}, there.references) for one, there in found.items()}


def test_a_first_record_that_comes_back_otherwise_stops_the_rest(world: World) -> None:
    world.prepare()
    for _ in range(2):  # a second attempt sends no second canary
        with world.partition() as partition:
            partition.target = target(world, Distorting)
            stages.approve_plan(partition, who="a test")
            stages.provision(partition)
            stages.load(partition, "users")
            with pytest.raises(
                ProofFailed, match=r"(?s)the first record of companies.*name was meant .* and is 'Other'"
            ):
                stages.load(partition, "accounts")
        assert len(world.snapshot()["companies"]) == 1

    world.apply()  # the account is as it should be after all
    assert world.broken_claims() == {}
