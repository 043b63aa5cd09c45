"""What five years leave behind in an org: planted in the demo's companies, people and deals, each with what must become of it."""

from __future__ import annotations

import random
from collections.abc import Iterable

from migration_pipelines.demo import custom_fields
from migration_pipelines.demo.ids import account_id, contact_id, opportunity_id, person_account_id
from migration_pipelines.demo.model import Company, Deal, Firm, Person, Phone, Seller
from migration_pipelines.demo.planted import Planted

LOOK = "values to look at"
CURRENCIES = {"USD": 1.0, "EUR": 0.92, "TRY": 41.5}
# As people type -> what can be dialled from the United States; None where nobody can.
PHONES = (
    ("+44 20 7946 0958", "+442079460958"),
    ("+44 (0)20 7946 0958", "+442079460958"),
    ("tel: 212 555 0111", "+12125550111"),
    ("1-800-FLOWERS", "+18003569377"),
    ("２１２ ５５５ ０１２３", "+12125550123"),
    ("  (212)555-0156 ", "+12125550156"),
    ("+90 (0) 532 123 45 67", "+905321234567"),
    ("(212) 555-0147 ext. 89", None),
    ("212-555-0134 / 212-555-0199", None),
    ("12345", None),
    ("0044 20 7946 0958", None),
    ("same as last year", None),
)  # fmt: skip
NAMES = (
    ("عبد الرحمن", "الحسيني"),
    ("İlkay", "Işıldak Çağlayan"),
    ("🦊 Mika", "Salo 🇫🇮"),
    ("Zoë", "D'Angelo-\u200bSmith"),
    (None, "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh-Cholmondeley-Majoribanks"),
)
FURTHER_SELLERS = (
    "Amara Okafor", "Bruno Keller", "Chiara Conti", "Deniz Aydın", "Erik Lund", "Farah Aziz", "Goran Ilić", "Hana Sato",
    "Ivan Marek", "Julia Weiss", "Kemal Şen", "Lucia Vega",
)  # fmt: skip
ROLES = ("Decision Maker", "Evaluator", "Business User", "Economic Buyer", None)


def further_sellers() -> list[Seller]:
    """Those beside the base firm's: twelve, one who left, and one who signs in to Kommo with another address."""
    sellers = [
        Seller(n, name, mail, mail)
        for n, name in enumerate(FURTHER_SELLERS, 10)
        for mail in [f"seller{n}@harbor.example"]
    ]
    sellers.append(Seller(30, "Nadia Petrova", "nadia.petrova@harbor.example", sellers[0].email, is_active=False))
    sellers.append(Seller(31, "Ben Ortiz", "ben@old-name.example", "ben.ortiz@harbor.example"))
    return sellers


def plant(rng: random.Random, firm: Firm, *, person_accounts: int, crowds: int) -> list[Planted]:
    """Change the firm, and say what must become of what was changed.

    Args:
        person_accounts: how many people are their own account; they are added to the people.
        crowds: how many deals have a hundred and twenty roles.
    """
    for deal in firm.deals:
        deal.currency = rng.choices(list(CURRENCIES), (7, 2, 1))[0]
    return [
        *_of_the_base(firm),
        *_companies(firm),
        *_people(firm),
        *_person_accounts(firm, person_accounts),
        *_custom_values(rng, firm),
        *_deals(firm, crowds),
        *_owners(firm),
    ]


def _people_of(
    what: str, people: Iterable[Person], outcome: str = "verified", target: str = "contacts", **more: str
) -> Planted:
    return Planted(what, "Contact", [contact_id(one) for one in people], outcome, target, **more)


def _companies_of(what: str, companies: Iterable[Company], **more: str) -> Planted:
    return Planted(what, "Account", [account_id(one) for one in companies], "verified", "companies", **more)


def _deals_of(
    what: str, deals: Iterable[Deal], outcome: str = "verified", target: str = "leads", **more: str
) -> Planted:
    return Planted(what, "Opportunity", [opportunity_id(one) for one in deals], outcome, target, **more)


_NO_COUNTERPART = {"reason": "value has no counterpart in its table", "listed": "held records"}


def _of_the_base(firm: Firm) -> list[Planted]:
    """What the base firm has by itself."""
    return [
        _companies_of("a company's name with Turkish letters and an emoji", firm.companies[1:2]),
        _companies_of("a company's telephone number that is a remark", firm.companies[2:3], listed=LOOK),
        _people_of("a person's telephone number that is a remark", firm.people[1:2], listed=LOOK),
        _people_of("two people behind one e-mail address", firm.people[2:4]),
        _deals_of("a deal's name with quotation marks and brackets", firm.deals[:1]),
        _deals_of(
            "deals in a stage that the org has no more", (firm.deals[1], firm.deals[-1]), "held", **_NO_COUNTERPART
        ),
    ]


def _owners(firm: Firm) -> list[Planted]:
    """Three who have no Kommo user of their own address: a person names who takes over."""
    planted = []
    for seller in firm.sellers:
        if seller.in_kommo and seller.in_kommo != seller.email:
            how = "signs in to Kommo with another address" if seller.is_active else "has left"
            what = f"owned by {seller.name}, who {how}"
            companies = [one for one in firm.companies if one.owner is seller]
            deals = [one for one in firm.deals if one.owner is seller and not one.is_held]
            planted += [
                _companies_of(what, companies, given_to=seller.in_kommo),
                _deals_of(what, deals, given_to=seller.in_kommo),
            ]
    return planted


def _companies(firm: Firm) -> list[Planted]:
    """Groups of companies three deep, a name that two have, one from right to left."""
    free = firm.companies[4:]
    top, below, lowest = (free[n : n + max(1, len(free) // 12)] for n in (2, len(free) // 3, 2 * len(free) // 3))
    for upper, lower in (*zip(top, below, strict=False), *zip(below, lowest, strict=False)):
        lower.parent = upper
    free[0].name = free[1].name = "Karadeniz Gemi Sanayi"
    firm.companies[3].name = "مجموعة الخليج للتجارة"
    firm.companies[3].about = "🚢⚓ " + "Güvenilir müşteri; öğle arasında aranmaz. " * 700
    return [
        _companies_of("companies three deep, the lowest names the middle one", lowest),
        _companies_of("two companies of one name", free[:2]),
        _companies_of("a name from right to left and 29,000 characters about it", firm.companies[3:4]),
    ]  # fmt: skip


def _people(firm: Firm) -> list[Planted]:
    free = firm.people[5:]
    for person, (typed, number) in zip(free, PHONES, strict=False):
        person.phones = [Phone("WORK", number, typed.strip())]
    named = free[len(PHONES) : len(PHONES) + len(NAMES)]
    for person, (first, last) in zip(named, NAMES, strict=True):
        person.first_name, person.last_name = first, last
    rest = free[len(PHONES) + len(NAMES) :]
    desk, silent, doubled = rest[:5], rest[5:8], rest[8:10]
    for person in desk:
        person.email = "info@front-desk.example"
    for person in silent:
        person.email, person.phones = None, []
    for person in doubled:
        person.first_name, person.last_name, person.email = "Double", "Entry", "double.entry@mail.example"
    shown = [person for person, (_, number) in zip(free, PHONES, strict=False) if number]
    odd = [person for person, (_, number) in zip(free, PHONES, strict=False) if not number]
    return [
        _people_of("telephone numbers in seven manners", shown),
        _people_of("telephone numbers that nobody can dial", odd, listed=LOOK),
        _people_of("names with emoji, from right to left, of one part, of eighty characters", named),
        _people_of("five people behind the address of a front desk", desk),
        _people_of("people with neither e-mail nor telephone", silent),
        _people_of("one person entered twice", doubled),
    ]  # fmt: skip


def _person_accounts(firm: Firm, how_many: int) -> list[Planted]:
    first = len(firm.people) + 1
    persons = [
        Person(n, "Pia", f"Privat {n}", None, firm.sellers[n % 5], firm.people[0].created, None, f"pia{n}@home.example", [],
               is_opted_out=n % 2 == 0, is_person_account=True)
        for n in range(first, first + how_many)
    ]  # fmt: skip
    firm.people += persons
    for deal, person in zip(firm.deals[4:], persons, strict=False):
        deal.company, deal.people, deal.roles, deal.customer = None, [], [], person
    accounts = [person_account_id(one) for one in persons]
    return [
        _people_of("person accounts: the contact is the person", persons),
        _people_of("person accounts: no link to a company", persons, "nothing", "company_contacts"),
        Planted("person accounts: the account is the contact", "Account", accounts, "carried", "contacts"),
        Planted("person accounts: no company", "Account", accounts, "nothing", "companies"),
    ]


def _custom_values(rng: random.Random, firm: Firm) -> list[Planted]:
    users = firm.sellers[:5]
    for deal in firm.deals:
        deal.custom = custom_fields.draw(rng, custom_fields.OF_DEALS, users)
    for person in firm.people:
        person.custom = custom_fields.draw(rng, custom_fields.OF_PEOPLE, users)
    retired = [deal for deal in firm.deals[2:] if not deal.is_held and not deal.customer][1:4]
    for deal in retired:
        deal.custom["Region__c"], deal.is_held = custom_fields.RETIRED, True
    long = next(deal for deal in firm.deals if not deal.is_held)
    long.custom["Requirements__c"] = ("Ölçü: 40 × 60 × 2 m, bkz. çizim №7 — “as built”. 📐\n" * 600).strip()
    formulas = [deal for deal in firm.deals if not deal.is_held and deal.cents is not None][:3]
    return [
        _deals_of("deals of a region that is no choice any more", retired, "held", **_NO_COUNTERPART),
        _deals_of("a deal with 32,000 characters of requirements", [long]),
        _deals_of("formula fields, carried as they read on the day", formulas),
    ]  # fmt: skip


def _deals(firm: Firm, crowds: int) -> list[Planted]:
    sound = [deal for deal in firm.deals if not deal.is_held and deal.company]
    crowded, sound = sound[-crowds:], sound[:-crowds]
    crowd = [person for person in firm.people if not person.is_person_account]
    for deal in crowded:
        deal.people = (crowd * 12)[:120]
        deal.roles = [ROLES[n % 4] or "" for n in range(len(deal.people))]
    sound[-1].cents, sound[-2].cents, sound[-3].cents = 0, None, 1_050
    foreign = [deal for deal in firm.deals if deal.currency == "TRY" and not deal.is_held]
    with_roles = [deal for deal in firm.deals if deal.people and not deal.is_held]
    return [
        _deals_of("deals with 120 roles", crowded),
        _deals_of("who takes part in a deal, as a note on it", with_roles, target="notes"),
        _deals_of("an amount of nothing, none at all, and one to be rounded", sound[-3:]),
        _deals_of("amounts in lira, carried as they are, with the currency beside them", foreign),
    ]  # fmt: skip
