"""What the demo company has and Kommo has not: cases, campaigns with their members, products and price lists."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_pipelines.demo.ids import account_id, contact_id, lead_id, user_id
from migration_pipelines.demo.letters import PRODUCTS
from migration_pipelines.demo.model import Firm
from migration_pipelines.demo.planted import Planted
from migration_pipelines.twins.salesforce.ids import make_id

Row = dict[str, Any]
BOOK = make_id("01s", 1)


def build(rng: random.Random, firm: Firm, cases: int) -> tuple[dict[str, list[Row]], list[Planted]]:
    """`cases` cases, a campaign for each twenty of them, three members for each case; the products with their prices."""
    campaigns = max(2, cases // 20)
    rows: dict[str, list[Row]] = {
        "Case": [_case(rng, n, firm) for n in range(1, cases + 1)],
        "Campaign": [
            {"Id": make_id("701", n), "Name": f"Fuar {2020 + n % 6}/{n}", "Type": "Trade Show", "Status": "Completed",
             **_by(firm, n)}
            for n in range(1, campaigns + 1)
        ],
        "CampaignMember": [_member(rng, n, campaigns, firm) for n in range(1, cases * 3 + 1)],
        "Pricebook2": [{"Id": BOOK, "Name": "Standard Price Book", "IsActive": True, "IsStandard": True}],
        "Product2": [
            {"Id": product_id(name), "Name": name, "IsActive": True, **_by(firm, 1, owned=False)} for name, _ in PRODUCTS
        ],
        "PricebookEntry": [
            {"Id": entry_id(name), "Pricebook2Id": BOOK, "Product2Id": product_id(name), "UnitPrice": cents / 100,
             "IsActive": True, "CurrencyIsoCode": "USD"}
            for name, cents in PRODUCTS
        ],
    }  # fmt: skip
    return rows, [
        Planted(f"{name}: Kommo has no such thing", name, [row["Id"] for row in some], "archived", "csv")
        for name, some in rows.items()
    ]


def product_id(name: str) -> str:
    return make_id("01t", [one for one, _ in PRODUCTS].index(name) + 1)


def entry_id(name: str) -> str:
    return make_id("01u", [one for one, _ in PRODUCTS].index(name) + 1)


def _case(rng: random.Random, number: int, firm: Firm) -> Row:
    person = rng.choice(firm.people)
    return {
        "Id": make_id("500", number), "Subject": rng.choice(("It leaks", "Pompa arızası 🔧", "فاتورة خاطئة")), "Origin": "Phone",
        "Status": "New" if number % 3 else "Closed",
        "Description": "=HYPERLINK(\"x\")" if number == 2 else f"Case {number}\nsecond line",
        "ContactId": contact_id(person), "AccountId": account_id(person.company) if person.company else None, **_by(firm, number),
    }  # fmt: skip


def _member(rng: random.Random, number: int, campaigns: int, firm: Firm) -> Row:
    is_lead = number % 5 == 0 and bool(firm.prospects)
    return {
        "Id": make_id("00v", number), "CampaignId": make_id("701", number % campaigns + 1), "Status": "Sent",
        "LeadId": lead_id(rng.choice(firm.prospects)) if is_lead else None,
        "ContactId": None if is_lead else contact_id(rng.choice(firm.people)), **_by(firm, number, owned=False),
    }  # fmt: skip


def _by(firm: Firm, number: int, *, owned: bool = True) -> Row:
    user, when = user_id(firm.sellers[number % 5]), datetime(2023, 3, 1, 9, tzinfo=UTC) + timedelta(hours=number)
    stamps = {"CreatedById": user, "LastModifiedById": user, "CreatedDate": when.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
    return stamps | ({"OwnerId": user} if owned else {})
