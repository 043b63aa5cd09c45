"""The case study, whole, held against the generator's own model: every record and every field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration_pipelines.demo import kommo, model, proof, salesforce
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.world import World, write_project


def test_the_account_is_what_the_model_says(ledger: Ledger, tmp_path: Path) -> None:
    """SF-KOMMO-08, SF-KOMMO-10, SF-KOMMO-19, SF-KOMMO-22, SF-KOMMO-23, SF-KOMMO-24, SF-KOMMO-47, SF-KOMMO-48, SF-KOMMO-62,
    SF-KOMMO-66, COMMON-06: owners, links, stages, telephone numbers and money of some 300 records."""
    firm = model.build()
    salesforce.write(firm, tmp_path / "seed")
    twin = build_salesforce_twin(seed=tmp_path / "seed", client_id="demo", client_secret="planted-client-secret")
    with (
        serve_in_thread(twin) as source,
        World.open(ledger, source.url, write_project(tmp_path / "projects"), tmp_path) as world,
    ):
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        assert proof.differences(kommo.expected(firm), world.snapshot()) == []
        with world.partition() as partition:
            held = partition.ledger.proof.not_loaded("opportunities/Opportunity>leads")
        assert [one["source_id"] for one in held] == kommo.expected(firm)["held"]


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        pytest.param("contacts", {"last_name": "Someone"}, "last_name: expected", id="a field"),
        pytest.param("leads", {"price": 1}, "price: expected", id="a price"),
        pytest.param("tasks", {"complete_till": 1}, "complete_till: expected", id="a due date"),
        pytest.param("notes", {"created_at": 1}, "created_at: expected", id="a moment"),
    ],
)
def test_the_comparison_finds_what_is_different(world: World, kind: str, change: dict[str, object], told: str) -> None:
    """A comparison that cannot fail would prove nothing."""
    from migration_pipelines_tests.world import firm

    world.prepare()
    world.apply()
    victim = world.snapshot()[kind][0]["id"]
    world.kommo.post("edit", json={"entity": kind, "id": victim, "changes": change})

    found = proof.differences(kommo.expected(firm()), world.snapshot())

    assert len(found) == 1
    assert told in found[0]


def test_the_generator_repeats_itself() -> None:
    assert json.dumps(kommo.expected(model.build()), default=sorted) == json.dumps(
        kommo.expected(model.build()), default=sorted
    )
