"""Exchange: amounts in the source's currencies, in the one that the target counts in. Exact decimals, rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from migration_pipelines.core.converters.money import DIGITS, as_decimal
from migration_pipelines.core.records import HoldReason, Problem
from migration_pipelines.core.schema import OrgSchema

USUAL_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """Rates as the source org told them, frozen.

    Attributes:
        into: the target's currency.
        rates: currency -> how much of it one unit of the org's own currency is; of active currencies only.
        decimals: to which `into` is rounded, half up.
    """

    into: str
    rates: Mapping[str, Decimal]
    decimals: int = USUAL_DECIMALS

    def convert(self, amount: Any, currency: str | None) -> Decimal | Problem:
        """The amount in the target's currency; one that is in it already stays as it is."""
        own = as_decimal(amount)
        if isinstance(own, Problem) or currency == self.into:
            return own
        if currency is None or currency not in self.rates:
            words = (
                f"{currency} has no rate in the source, or is inactive there" if currency else "no currency is given"
            )
            return Problem(HoldReason.NO_RATE, words, value=currency)
        with localcontext(prec=4 * DIGITS):
            exact = own * self.rates[self.into] / self.rates[currency]
            return exact.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)

    def as_json(self) -> dict[str, Any]:
        return {
            "into": self.into,
            "rates": {code: str(rate) for code, rate in self.rates.items()},
            "decimals": self.decimals,
        }


def exchange_between(source: OrgSchema, target: OrgSchema) -> Exchange | None:
    """The rates that the source was discovered with; None where it has none for the target's currency."""
    into = target.facts.get("currency")
    told = {one["code"]: one for one in source.facts.get("currencies") or () if one["is_active"] and one["rate"]}
    rates = {code: Decimal(str(one["rate"])) for code, one in sorted(told.items())}
    rates = {code: rate for code, rate in rates.items() if rate > 0}
    if into is None or into not in rates:
        return None
    decimals = told[into].get("decimals")
    return Exchange(into, rates, USUAL_DECIMALS if decimals is None else decimals)
