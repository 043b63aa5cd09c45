"""The eight custom objects of the demo company: three of them travel as fields of a card, five go into archives."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.ids import account_id, contact_id, opportunity_id, user_id
from migration_pipelines.demo.mess import LOOK
from migration_pipelines.demo.model import TODAY, Company, Deal, Firm, Person, Seller
from migration_pipelines.demo.planted import Planted
from migration_pipelines.twins.salesforce.ids import make_id

Row = dict[str, Any]
PREFIXES = {
    "Warranty__c": "a01", "Preference__c": "a02", "Licence__c": "a03", "Site_Visit__c": "a04", "Vehicle__c": "a05",
    "Survey_Answer__c": "a06", "Price_Request__c": "a07", "Old_Import__c": "a08",
}  # fmt: skip
CHANNELS = ("E-mail", "Telephone", "WhatsApp")


@dataclass(frozen=True)
class Warranty:
    number: int
    deal: Deal
    serial: str
    ends: date
    created: datetime


@dataclass(frozen=True)
class Preference:
    number: int
    person: Person
    channel: str


@dataclass(frozen=True)
class Licence:
    number: int
    company: Company
    name: str
    seats: int
    created: datetime


@dataclass(frozen=True)
class Visit:
    """`deal` is None where nobody said what it was for."""

    number: int
    deal: Deal | None
    findings: str
    created: datetime
    author: Seller

    @property
    def id(self) -> str:
        return make_id(PREFIXES["Site_Visit__c"], self.number)


@dataclass(frozen=True)
class Things:
    """`kept` are the rows of the four objects of which Kommo sees nothing."""

    warranties: list[Warranty]
    preferences: list[Preference]
    licences: list[Licence]
    visits: list[Visit]
    kept: dict[str, list[Row]]
    planted: list[Planted]


def build(rng: random.Random, firm: Firm, clock: Clock, size: int) -> Things:
    """`size` warranties, preferences, licences and visits each; ten times as many of what is only kept."""
    deals = [deal for deal in firm.deals if not deal.is_held]
    torn = [person for person in firm.people[5:] if not person.is_person_account][-2:]
    for person in torn:
        person.is_held = True
    calm = [person for person in firm.people if not person.is_held]
    warranties = [
        Warranty(n, deals[(n // 2) % len(deals)], f"SN-{n:05d}", TODAY + timedelta(days=n % 700), _long_ago(n))
        for n in range(1, size + 1)
    ]
    preferences = [Preference(n, person, rng.choice(CHANNELS)) for n, person in enumerate(calm[:size], 1)]
    preferences += [
        Preference(90_000 + n, person, CHANNELS[n % 2]) for n, person in enumerate(torn * 2, 1)
    ]  # two for each of the torn
    licences = [
        Licence(n, firm.companies[(n // 3) % len(firm.companies)], f"Licence №{n}", n % 40 + 1, _long_ago(n))
        for n in range(1, size + 1)
    ]
    visits = [
        Visit(n, None if n % 8 == 0 else rng.choice(deals), f"Leaks, \"badly\",\nin {n} places; =1+{n}",
              clock.moment(rng, 20, 1500), firm.sellers[n % 5])
        for n in range(1, size + 1)
    ]  # fmt: skip
    counted = Counter(one.deal for one in warranties)
    twice = [deal for deal, count in counted.items() if count > 1]
    kept = {
        name: [_kept(name, n, firm) for n in range(1, size * 10 + 1)]
        for name in ("Vehicle__c", "Survey_Answer__c", "Price_Request__c", "Old_Import__c")
    }
    with_card = [one for one in visits if one.deal]
    planted = [
        Planted("warranties, carried as fields of their deal", "Warranty__c",
                [make_id(PREFIXES["Warranty__c"], one.number) for one in warranties], "carried", "leads"),
        Planted("deals with two warranties: the newer one counts, the older one is listed", "Opportunity",
                sorted(opportunity_id(deal) for deal in twice), "verified", "leads", listed=LOOK),
        Planted("people with two preferred channels: somebody has to choose", "Contact", [contact_id(one) for one in torn],
                "held", "contacts", reason="several rows where the target has room for one", listed="held records"),
        Planted("the preferences of those people wait with them", "Preference__c",
                [make_id(PREFIXES["Preference__c"], one.number) for one in preferences if one.person.is_held], "held", "contacts",
                reason="parent is held", listed="held records"),
        Planted("licences, a line each on the company", "Licence__c",
                [make_id(PREFIXES["Licence__c"], one.number) for one in licences], "carried", "companies"),
        Planted("visits: in the archive, and a note on the deal says where", "Site_Visit__c", [one.id for one in with_card],
                "verified", "notes"),
        Planted("visits of no deal: in the archive alone", "Site_Visit__c", [one.id for one in visits if not one.deal],
                "excluded"),
        Planted("all visits are in the archive", "Site_Visit__c", [one.id for one in visits], "archived", "csv"),
        *(Planted(f"rows of {name}, in the archive alone", name, [row["Id"] for row in rows], "archived", "csv")
          for name, rows in kept.items()),
    ]  # fmt: skip
    return Things(warranties, preferences, licences, visits, kept, planted)


def _long_ago(number: int) -> datetime:
    return datetime(2024, 1, 1, 9, tzinfo=UTC) + timedelta(hours=number)


def _kept(name: str, number: int, firm: Firm) -> Row:
    return {
        "Id": make_id(PREFIXES[name], number), "Name": f"{name[0]}-{number:05d}", "Detail__c": f"Kayıt {number}; “{name}” ✓",
        "Company__c": account_id(firm.companies[number % len(firm.companies)]),
        **_by(firm.sellers[number % 5], _long_ago(number)),
    }  # fmt: skip


def _by(seller: Seller, created: datetime) -> Row:
    user = user_id(seller)
    return {
        "OwnerId": user,
        "CreatedById": user,
        "LastModifiedById": user,
        "CreatedDate": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }


def rows(things: Things, firm: Firm) -> dict[str, list[Row]]:
    """The rows of all eight."""

    def row(name: str, number: int, label: str, created: datetime, author: Seller | None = None) -> Row:
        return {"Id": make_id(PREFIXES[name], number), "Name": label, **_by(author or firm.sellers[0], created)}

    return {
        "Warranty__c": [
            {**row("Warranty__c", one.number, f"W-{one.number}", one.created), "Deal__c": opportunity_id(one.deal),
             "Serial__c": one.serial, "Ends__c": one.ends.isoformat()}
            for one in things.warranties
        ],
        "Preference__c": [
            {**row("Preference__c", one.number, f"P-{one.number}", _long_ago(one.number % 500)),
             "Person__c": contact_id(one.person), "Channel__c": one.channel}
            for one in things.preferences
        ],
        "Licence__c": [
            {**row("Licence__c", one.number, one.name, one.created), "Firm__c": account_id(one.company), "Seats__c": one.seats}
            for one in things.licences
        ],
        "Site_Visit__c": [
            {**row("Site_Visit__c", one.number, f"V-{one.number:04d}", one.created, one.author),
             "Deal__c": one.deal and opportunity_id(one.deal), "Findings__c": one.findings}
            for one in things.visits
        ],
        **things.kept,
    }  # fmt: skip


def _lookup(name: str, to: str) -> Row:
    return {"name": name, "type": "reference", "referenceTo": [to], "relationshipName": name.replace("__c", "__r")}


_FIELDS: dict[str, list[Row]] = {
    "Warranty__c": [
        _lookup("Deal__c", "Opportunity"),
        {"name": "Serial__c", "type": "string", "length": 40, "label": "Serial Number"},
        {"name": "Ends__c", "type": "date", "label": "Warranty Ends"},
    ],
    "Preference__c": [
        _lookup("Person__c", "Contact"),
        {"name": "Channel__c", "type": "picklist", "length": 255, "label": "Preferred Channel", "picklistValues": list(CHANNELS)},
    ],
    "Licence__c": [_lookup("Firm__c", "Account"), {"name": "Seats__c", "type": "double", "precision": 18, "scale": 0}],
    "Site_Visit__c": [_lookup("Deal__c", "Opportunity"), {"name": "Findings__c", "type": "textarea", "length": 32768}],
}  # fmt: skip


def described(name: str) -> Row:
    """What the describe call says of one of them."""
    others = [_lookup("Company__c", "Account"), {"name": "Detail__c", "type": "string", "length": 255}]
    label = name.removesuffix("__c").replace("_", " ")
    return {
        "name": name, "label": label, "labelPlural": f"{label}s", "keyPrefix": PREFIXES[name], "custom": True,
        "fields": [
            {"use": "system"}, {"use": "audit"}, {"name": "Name", "type": "string", "length": 80, "nameField": True},
            {"name": "OwnerId", "type": "reference", "referenceTo": ["User"], "relationshipName": "Owner"},
            *({"custom": True, **one} for one in _FIELDS.get(name, others)),
        ],
    }  # fmt: skip
