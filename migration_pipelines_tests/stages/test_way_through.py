"""The way through, once and again: discover, extract, plan, load, verify, against real twins and a real ledger."""

from __future__ import annotations

from migration_pipelines import stages
from migration_pipelines_tests.world import World


def test_a_small_company_arrives_and_every_claim_holds(world: World) -> None:
    """COMMON-04, COMMON-30, SF-KOMMO-51, SF-KOMMO-52, SF-KOMMO-54, SF-KOMMO-60."""
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}
    snapshot = world.snapshot()
    assert (len(snapshot["companies"]), len(snapshot["contacts"]), len(snapshot["leads"])) == (5, 10, 3)


def test_a_second_apply_writes_nothing(world: World) -> None:
    world.prepare()
    world.apply()
    before = world.snapshot()
    world.forget_requests()

    world.apply()

    assert [one for one in world.requests() if one["method"] != "GET"] == []
    assert world.snapshot() == before


def test_a_new_plan_over_the_same_data_writes_nothing(world: World) -> None:
    world.prepare()
    world.apply()
    world.forget_requests()

    world.prepare()
    world.apply()

    assert [one for one in world.requests() if one["method"] != "GET"] == []


def test_the_lifecycle_ends_at_verified(world: World) -> None:
    world.prepare()
    world.apply()

    with world.partition() as partition:
        assert partition.step == "verified"
        assert stages.status(partition)["step"] == "verified"
