"""An org with several currencies through both twins, its amounts converted to the one that the account counts in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines import stages
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.stages import gates
from migration_pipelines.stages.report_money import money_of
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_whole_pair import (
    DEAL,
    DECIDED,
    by_key,
    outcomes,
    value_of,
    write_shipped_project,
)
from migration_pipelines_tests.world import World, small_firm

IN_EUROS, IN_DOLLARS, IN_POUNDS = (make_id("006", n) for n in (101, 102, 103))
DEALS: list[dict[str, Any]] = [
    {"Id": IN_EUROS, "Name": "Pumps", "Amount": 1000.4, "CurrencyIsoCode": "EUR", **DEAL},
    {"Id": IN_DOLLARS, "Name": "Advice", "Amount": 50.5, "CurrencyIsoCode": "USD", **DEAL},
    {"Id": IN_POUNDS, "Name": "Old", "Amount": 7, "CurrencyIsoCode": "GBP", **DEAL},
]
CURRENCIES = [
    {"Id": make_id("01L", n), "IsoCode": code, "ConversionRate": rate, "DecimalPlaces": 2, "IsActive": code != "GBP",
     "IsCorporate": code == "USD"}
    for n, (code, rate) in enumerate({"USD": 1, "EUR": 0.92, "GBP": 0.8}.items(), 1)
]  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm in dollars, a deal in euros, and one in pounds, which are inactive."""
    folder = small_firm(tmp_path_factory.mktemp("currencies"))
    deals = folder / "rows" / "Opportunity.json"
    there = [one | {"CurrencyIsoCode": "USD"} for one in json.loads(deals.read_text("utf-8"))]
    deals.write_text(json.dumps([*there, *DEALS]), "utf-8")
    (folder / "rows" / "CurrencyType.json").write_text(json.dumps(CURRENCIES), "utf-8")
    app = build_salesforce_twin(
        seed=folder, client_id="demo", client_secret="planted-client-secret", switches={"multi_currency": True}
    )
    with serve_in_thread(app) as twin:
        yield twin.url


def project(folder: Path) -> Path:
    return write_shipped_project(folder, DECIDED | {"multi_currency": "convert"})


def test_amounts_are_converted_and_the_report_adds_up_in_the_accounts_currency(
    ledger: Ledger, source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-67: at 0.92 euros for a dollar, 1000.4 EUR are 1087.3913... USD."""
    with World.open(ledger, source, project(tmp_path / "projects"), tmp_path) as world:
        world.prepare()
        with world.partition() as partition:
            plan = partition.ledger.plans.current()
        assert plan
        said = {one["decision"]: one["says"] for one in plan["summary"]["decisions"]}["multi_currency"]
        assert said[:2] == ["1 USD is 0.92 EUR, by the rates of the discovery", "inactive or without a rate: GBP"]
        assert plan["summary"]["exchange"] == {"into": "USD", "rates": {"EUR": "0.92", "USD": "1"}, "decimals": 2}
        world.apply()

        assert world.broken_claims() == {}
        deals = by_key(world.snapshot(), "leads")
        assert (deals[IN_EUROS]["price"], value_of(deals[IN_EUROS], "SF_AMOUNT")) == (1087, "1087.39")
        assert value_of(deals[IN_EUROS], "ORIGINAL_AMOUNT") == "1000.4"
        assert value_of(deals[IN_EUROS], "ORIGINAL_CURRENCY") == "EUR"
        assert (deals[IN_DOLLARS]["price"], value_of(deals[IN_DOLLARS], "SF_AMOUNT")) == (51, "50.5")
        assert "DEAL_CURRENCY" not in deals[IN_EUROS]["custom_fields"]
        assert IN_POUNDS not in deals
        assert outcomes(world)["opportunities/Opportunity>leads"]["held"] >= 1

        with world.partition() as partition, partition.ledger.report.one_view():
            money = money_of(partition)
            pages = list(partition.ledger.report.itemised("opportunities/Opportunity>leads", ("held",)))
        assert money
        parts = {one["currency"]: one for one in money["currencies"]}
        euros = parts["EUR"]["all"]
        assert (parts["EUR"]["into"], euros["own"], euros["source"], euros["target"]) == (
            "USD", "1000.4", "1087.39", "1087.39",
        )  # fmt: skip
        assert (euros["missing"], euros["unexplained"], euros["rounded"]) == ("0.00", "0.00", "-0.39")
        assert {parts[one]["all"]["unexplained"].strip("0.") for one in ("USD", "GBP")} == {""}
        assert (parts["GBP"]["into"], parts["GBP"]["all"]["missing"]) == ("", "7")
        reasons = {row["source_id"]: {one["reason"] for one in row["problems"]} for page in pages for row in page}
        assert reasons[IN_POUNDS] == {"NO_RATE"}

        with world.partition() as partition:
            stages.roll_back(partition)
        left = by_key(world.snapshot(), "leads")[IN_EUROS]
        assert "rolled back" in json.dumps(left).lower()


def test_a_plan_whose_amounts_would_not_be_converted_stays_closed(ledger: Ledger, source: str, tmp_path: Path) -> None:
    """A mapping that was made before the decision converts nothing."""
    projects = project(tmp_path / "projects")
    mapping = projects / "demo" / "mapping" / "opportunities.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("exchange: CurrencyIsoCode, ", ""), "utf-8")
    with World.open(ledger, source, projects, tmp_path) as world, world.partition() as partition:
        stages.discover(partition)

        assert gates.unconverted(partition) == [
            "amounts are to be converted, and no field of the mapping says exchange: (decision multi_currency)"
        ]
        target = partition.schema("target")
        partition.keep_schema("target", target.model_copy(update={"facts": target.facts | {"currency": "GBP"}}))
        assert gates.misfits(partition, partition.schema("target"))[0].startswith("the source has no active rate")


def test_a_changed_rate_asks_for_approval_anew(ledger: Ledger, source: str, tmp_path: Path) -> None:
    with World.open(ledger, source, project(tmp_path / "projects"), tmp_path) as world:
        world.prepare()
        before = world.plan()
        with world.partition() as partition:
            org = partition.schema("source")
            currencies = [one | ({"rate": 0.9} if one["code"] == "EUR" else {}) for one in org.facts["currencies"]]
            partition.keep_schema("source", org.model_copy(update={"facts": org.facts | {"currencies": currencies}}))
            stages.plan(partition)

        assert world.plan() != before
