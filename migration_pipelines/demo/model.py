"""The demo company as it really is: people, companies and deals, before any CRM's form of them.

Both the Salesforce rows and the records expected in Kommo are written from this model, each by its own module. Nothing
here or there knows how the migration works.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

SEED = 20261122
TODAY = date(2026, 11, 20)


@dataclass(eq=False)
class Seller:
    number: int
    name: str
    email: str
    in_kommo: str | None  # e-mail of the Kommo user who takes over; None where nobody has decided
    is_active: bool = True


@dataclass
class Phone:
    kind: str  # Kommo's kind of number
    international: str | None  # None: nobody can dial it
    typed: str


@dataclass(eq=False)
class Company:
    number: int
    name: str
    owner: Seller
    created: datetime
    segment: str | None
    industry: str | None
    website: str | None
    phones: list[Phone]
    address: list[tuple[str, str]]  # part of the address, text
    about: str | None
    parent: Company | None = None


@dataclass(eq=False)
class Person:
    """`custom` holds values of custom fields by their API names. Who `is_held` has something about them that a person has to
    decide. A person account has no company but itself."""

    number: int
    first_name: str | None
    last_name: str
    company: Company | None
    owner: Seller
    created: datetime
    title: str | None
    email: str | None
    phones: list[Phone]
    is_opted_out: bool
    is_person_account: bool = False
    is_held: bool = False
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Deal:
    """`customer` is the person account that it is made with, in place of a company."""

    number: int
    name: str
    company: Company | None
    owner: Seller
    created: datetime
    cents: int | None
    stage: str
    close: date
    next_step: str | None
    probability: int
    people: list[Person] = field(default_factory=list)  # the first is the primary one
    roles: list[str] = field(default_factory=list)
    customer: Person | None = None
    currency: str | None = None
    is_held: bool = False
    about: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Prospect:
    """A lead of Salesforce. One that was converted says into whom; the others have made nobody a customer yet."""

    number: int
    first_name: str | None
    last_name: str
    company: str | None
    owner: Seller
    created: datetime
    status: str
    title: str | None
    email: str | None
    phones: list[Phone]
    website: str | None
    address: list[tuple[str, str]]
    industry: str | None
    employees: int | None
    revenue_cents: int | None
    source: str | None
    rating: str | None
    about: str | None
    is_opted_out: bool = False
    converted_to: Person | None = None


@dataclass
class Firm:
    sellers: list[Seller]
    companies: list[Company]
    people: list[Person]
    deals: list[Deal]
    prospects: list[Prospect] = field(default_factory=list)


OPEN_STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation")
WON, LOST = "Closed Won", "Closed Lost"
RETIRED_STAGE = "Legal Review"  # in two old deals; no longer a stage of the org

_FIRST = ("Ada", "Grace", "Alan", "Ayşe", "Mehmet", "İrem", "Zoë", "Chloé", "José", "Niklas", "Олена", "محمد", "ليلى", "Linus",
          "Ingrid", "Şükrü", "Maya", "Noah", "Emma", "Oğuz")  # fmt: skip
_LAST = ("Lovelace", "Hopper", "Turing", "Yılmaz", "Öztürk", "Çelik", "O'Brien", "García", "Müller", "Ivanenko", "الحسن",
         "Nakamura", "Svensson", "Işık", "Smith", "Johnson", "Brown", "Ng", "van der Berg", "Łukasz")  # fmt: skip
_WORDS = (
    "Northwind",
    "Blue Harbor",
    "Granite",
    "Lumen",
    "Anatolia",
    "Pioneer",
    "Redwood",
    "Karadeniz",
    "Sunrise",
    "Quartz",
)
_KINDS = ("Logistics", "Textiles", "Software", "Foods", "Energy", "Clinic")
_CITIES = (("New York", "NY", "10001", "United States"), ("Chicago", "IL", "60601", "United States"),
           ("İstanbul", "", "34000", "Turkey"), ("Berlin", "", "10115", "Germany"))  # fmt: skip


def build(
    companies: int = 60, people: int = 150, deals: int = 70, *, more_sellers: Sequence[Seller] = (), few: float = 1.0
) -> Firm:
    """The same firm every time, of any size from 4 companies, 6 people and 4 deals up; 8 sellers and those given.

    Args:
        few: the share of the companies that people work for: an org knows nobody at most of those that it lists.
    """
    rng = random.Random(SEED)  # noqa: S311  a demo, and it must repeat
    sellers = [*_sellers(), *more_sellers]
    owners = [*sellers[:6], *more_sellers]  # the two between own nothing
    firms = [_company(rng, n, rng.choice(owners)) for n in range(1, companies + 1)]
    known = firms[: max(4, round(companies * few))]
    persons = [_person(rng, n, known, owners) for n in range(1, people + 1)]
    staff: dict[int, list[Person]] = {}
    for person in persons:
        if person.company:
            staff.setdefault(person.company.number, []).append(person)
    orders = [_deal(rng, n, firms, staff, owners) for n in range(1, deals + 1)]
    firms[0].owner = sellers[5]  # whoever left owns something
    firms[1].name = "Çağdaş & Oğulları 🚢 A.Ş."
    firms[2].phones = [Phone("WORK", None, "n/a - new number coming")]
    persons[1].phones = [Phone("WORK", None, "ask at the desk")]
    persons[2].email = persons[3].email = "reception@shared.example"  # two people behind one address
    orders[0].name = "Renewal “2027” — €/$ mixed; see <notes> & 'terms'"
    for order in (orders[1], orders[-1]):
        order.stage, order.is_held = RETIRED_STAGE, True
    return Firm(sellers, firms, persons, orders)


def _sellers() -> list[Seller]:
    names = ("Olivia Stone", "Liam Carter", "Elif Demir", "Noah Fischer", "Sofia Rossi")
    sellers = [Seller(n, name, _mail(name), _mail(name)) for n, name in enumerate(names, 2)]
    # Maria left: no Kommo user has her address, and a person decides who takes over.
    sellers.append(Seller(7, "Maria Silva", "maria.silva@harbor.example", _mail("Olivia Stone"), is_active=False))
    sellers.append(Seller(8, "Integration Account", "integration@harbor.example", None))
    sellers.append(Seller(9, "Peter Gone", "peter.gone@harbor.example", None, is_active=False))
    return sellers


def _mail(name: str) -> str:
    return name.lower().replace(" ", ".") + "@harbor.example"


def _moment(rng: random.Random) -> datetime:
    day = TODAY - timedelta(days=rng.randint(30, 5 * 365))
    return datetime(
        day.year, day.month, day.day, rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59), tzinfo=UTC
    )


def _company(rng: random.Random, number: int, owner: Seller) -> Company:
    city, state, code, country = rng.choice(_CITIES)
    street = f"{rng.randint(1, 900)} Main Street"
    parts = [("Street", street), ("City", city), ("State", state), ("PostalCode", code), ("Country", country)]
    word = f"{rng.choice(_WORDS)} {rng.choice(_KINDS)} {number}"
    return Company(
        number, word, owner, _moment(rng), rng.choice((None, "Enterprise", "Mid-market", "Small")),
        rng.choice((None, "Energy", "Banking", "Technology")),
        f"https://www.{word.lower().replace(' ', '-')}.example" if rng.random() < 0.7 else None,
        [_phone(rng, "WORK")] if rng.random() < 0.8 else [],
        [part for part in parts if part[1]] if rng.random() < 0.8 else [],
        "Long-standing customer.\nPrefers e-mail." if rng.random() < 0.3 else None,
    )  # fmt: skip


def _phone(rng: random.Random, kind: str) -> Phone:
    """A number of New York or Istanbul, typed as people type."""
    if rng.random() < 0.7:
        last = f"{rng.randint(0, 9999):04d}"
        typed = rng.choice(("(212) 555-{0}", "212.555.{0}", "+1 212 555 {0}", "1-212-555-{0}", "2125 55{0}")).format(
            last
        )
        return Phone(kind, f"+1212555{last}", typed)
    last = f"{rng.randint(0, 99999):05d}"
    typed = rng.choice(("+90 532 12{0}", "+90(532)12{0}", "0090 532 12{0}")).format(last)
    international = f"+9053212{last}"
    # Dialled from the United States, 00 is no way out of the country: that form stays as it was typed.
    return Phone(kind, None if typed.startswith("00") else international, typed)


def _person(rng: random.Random, number: int, companies: list[Company], owners: list[Seller]) -> Person:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    company = rng.choice(companies) if rng.random() < 0.9 else None
    phones = [_phone(rng, kind) for kind in ("WORK", "MOB", "HOME") if rng.random() < 0.5]
    return Person(
        number, first if rng.random() < 0.95 else None, last, company, company.owner if company else rng.choice(owners),
        _moment(rng), rng.choice((None, "CEO", "Satın Alma Müdürü", "Buyer")),
        f"person{number}@{'mail' if number % 2 else 'post'}.example" if rng.random() < 0.85 else None,
        phones, rng.random() < 0.1,
    )  # fmt: skip


def _deal(
    rng: random.Random, number: int, companies: list[Company], people: dict[int, list[Person]], owners: list[Seller]
) -> Deal:
    company = rng.choice(companies) if rng.random() < 0.95 else None
    stage = rng.choice((*OPEN_STAGES, WON, LOST))
    staff = people.get(company.number, []) if company else []
    chosen = rng.sample(staff, min(len(staff), rng.randint(0, 3)))
    is_closed = stage in (WON, LOST)
    created = _moment(rng)
    return Deal(
        number, f"{company.name if company else 'Walk-in'} – order {number}", company,
        company.owner if company else rng.choice(owners), created,
        rng.randint(100, 90_000_000) if rng.random() < 0.9 else None, stage,
        created.date() + timedelta(days=rng.randint(5, 25)) if is_closed else TODAY + timedelta(days=rng.randint(5, 200)),
        "Call back on Monday" if rng.random() < 0.3 else None, {WON: 100, LOST: 0}.get(stage, 25), chosen,
        [rng.choice(("Decision Maker", "Evaluator", "Business User")) for _ in chosen],
    )  # fmt: skip
