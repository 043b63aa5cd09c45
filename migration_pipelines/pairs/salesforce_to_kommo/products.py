"""Rules of products on a deal: each line becomes a note on it. What they come to is the deal's amount already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.converters.money import decimal
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import RuleBook
from migration_pipelines.pairs.salesforce_to_kommo.activities import paragraphs

PRODUCTS = RuleBook()

_NUMBERS = ("Quantity", "UnitPrice", "TotalPrice", "Discount")
_NAMED = ("Product2.Name", "Name", "CurrencyIsoCode", "ServiceDate", "Description")


@PRODUCTS.rule(reads=(*_NUMBERS, *_NAMED), makes="textarea")
def line_item_text(record: SourceRecord, _decisions: Mapping[str, Any]) -> str:
    """ "[Product] Pump, 2 x 750.25 = 1500.5 EUR", its date and description; an org with one currency does not name it."""
    values = record.values
    quantity, price, total, discount = (_plain(values[name]) for name in _NUMBERS)
    currency = f" {values['CurrencyIsoCode']}" if values["CurrencyIsoCode"] else ""
    line = f"[Product] {values['Product2.Name'] or values['Name']}, {quantity} x {price} = {total}{currency}"
    if values["Discount"]:
        line += f", discount {discount} %"
    if values["ServiceDate"]:
        line += f"\nDate: {values['ServiceDate']}"
    return paragraphs(line, values["Description"])


def _plain(number: Any) -> str:
    """The number as it is written by hand; a question mark where there is none."""
    return "?" if number is None else str(decimal(number))
