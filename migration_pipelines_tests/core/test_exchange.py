"""Amounts in the target's currency: by what rates, rounded how, and what is no rate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from migration_pipelines.core.exchange import Exchange, exchange_between
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.schema import OrgSchema


def told(code: str, rate: float | None, **said: Any) -> dict[str, Any]:
    return {"code": code, "rate": rate, "is_active": True, "is_own": code == "USD", "decimals": 2, **said}


def between(currencies: list[dict[str, Any]], into: str | None) -> Exchange | None:
    source = OrgSchema(crm="salesforce", identity="a", objects={}, facts={"currencies": currencies})
    return exchange_between(source, OrgSchema(crm="kommo", identity="b", objects={}, facts={"currency": into}))


RATES = [told("USD", 1), told("EUR", 0.8), told("TRY", 40.5), told("JPY", 150.2, decimals=0)]


@pytest.mark.parametrize(
    ("amount", "currency", "into", "converted"),
    [
        pytest.param(100, "EUR", "USD", "125.00", id="a rate says how much of it one of the org's own is"),
        pytest.param("100.02", "EUR", "USD", "125.03", id="125.025, half up"),
        pytest.param("-100.02", "EUR", "USD", "-125.03", id="half up is away from zero"),
        pytest.param(100, "TRY", "EUR", "1.98", id="through the org's own: 100 / 40.5 * 0.8 = 1.975..."),
        pytest.param("10.01", "USD", "JPY", "1504", id="yen have no decimals: 1503.502"),
        pytest.param("0.005", "USD", "USD", "0.005", id="in the target's currency it stays as it is"),
        pytest.param("99999999999999.99", "EUR", "USD", "124999999999999.99", id="…99.9875: no float was in between"),
    ],
)
def test_an_amount_is_converted_and_rounded_once(amount: Any, currency: str, into: str, converted: str) -> None:
    exchange = between(RATES, into)

    assert exchange
    assert str(exchange.convert(amount, currency)) == converted


@pytest.mark.parametrize("currency", ["GBP", "DEM", "XXX", None])
def test_an_amount_without_a_rate_is_held(currency: str | None) -> None:
    exchange = between([*RATES, told("GBP", 0.7, is_active=False), told("XXX", None)], "USD")

    assert exchange
    found = exchange.convert(Decimal(5), currency)
    assert isinstance(found, Problem)
    assert (found.reason, found.holds) == (HoldReason.NO_RATE, True)


@pytest.mark.parametrize(
    ("currencies", "into"),
    [
        ([], "USD"),
        (RATES, "GBP"),
        ([*RATES, told("GBP", 0.7, is_active=False)], "GBP"),
        ([told("USD", 0)], "USD"),
        (RATES, None),
    ],
)
def test_there_is_no_exchange_without_a_rate_for_the_targets_currency(
    currencies: list[dict[str, Any]], into: str | None
) -> None:
    assert between(currencies, into) is None
