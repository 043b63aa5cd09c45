"""The demo company's leads: those that nobody has converted yet, and those that became customers."""

from __future__ import annotations

import random

from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.ids import lead_id
from migration_pipelines.demo.model import Firm, Phone, Prospect, Seller
from migration_pipelines.demo.planted import Planted

NEW, WORKING, CONVERTED, LOST = (
    "Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted",
)  # fmt: skip
_PEOPLE = (
    ("Ebru", "Aslan"),
    ("Omar", "Haddad"),
    ("سارة", "النجار"),
    ("Jürgen", "Groß"),
    (None, "Şimşek"),
    ("Nia", "Okafor 🌍"),
)
_FIRMS = ("Boğaziçi Lojistik", "Delta & Sons", "شركة النور", "Kühlwerk GmbH", "Prairie Foods", "Ünal Tekstil")


def build(
    rng: random.Random, firm: Firm, owners: list[Seller], clock: Clock, *, open_ones: int, converted: int
) -> list[Planted]:
    """Give the firm its leads; the rows of the manifest that are about them."""
    for number in range(1, open_ones + converted + 1):
        firm.prospects.append(_prospect(rng, number, owners, clock))
    pending, done = firm.prospects[:open_ones], firm.prospects[open_ones:]
    known = [person for person in firm.people if person.company]
    for prospect in done:
        prospect.status, prospect.converted_to = CONVERTED, rng.choice(known)
    pending[2].phones = [Phone("WORK", None, "via the switchboard")]
    pending[3].company = known[0].company.name if known[0].company else None
    pending[4].email = known[0].email = known[0].email or "somebody@both.example"
    alone = [lead_id(one) for one in pending if one.company is None]
    return [
        Planted("leads that became customers: their accounts, contacts and opportunities stand for them", "Lead",
                [lead_id(one) for one in done], "excluded"),
        Planted("leads of nobody's company: a person and a deal, and no company", "Lead",
                alone, "nothing", "companies"),
        Planted("leads of nobody's company: a person and a deal, and no company", "Lead",
                alone, "verified", "leads"),
        Planted("a lead whose number nobody can dial", "Lead", [lead_id(pending[2])], "verified", "contacts",
                listed="values to look at"),
        Planted("a lead of a company that is a customer already: a second company of that name", "Lead",
                [lead_id(pending[3])], "verified", "companies"),
        Planted("a lead with the e-mail address of a contact: both stand in Kommo", "Lead", [lead_id(pending[4])],
                "verified", "contacts"),
        Planted("leads that nobody converted", "Lead", [lead_id(one) for one in pending], "verified", "leads"),
    ]  # fmt: skip


def _prospect(rng: random.Random, number: int, owners: list[Seller], clock: Clock) -> Prospect:
    """Three of ten are nobody's company."""
    first, last = rng.choice(_PEOPLE)
    company = f"{rng.choice(_FIRMS)} {number}" if number % 10 not in (0, 1, 2) else None
    phone = f"{rng.randint(0, 9999):04d}"
    return Prospect(
        number, first, last, company, rng.choice(owners), clock.moment(rng, 5, 700),
        rng.choice((NEW, WORKING, WORKING, LOST)),
        rng.choice((None, "Satın Alma", "COO")), f"lead{number}@prospects.example" if rng.random() < 0.8 else None,
        [Phone("WORK", f"+1646555{phone}", f"646-555-{phone}")] if rng.random() < 0.6 else [],
        f"https://lead{number}.example" if company and rng.random() < 0.4 else None,
        [("Street", f"{number} Harbor Road"), ("City", "Baltimore"), ("Country", "United States")] if company else [],
        rng.choice((None, "Energy", "Banking")) if company else None, rng.randint(1, 900) if company else None,
        rng.randint(10, 90_000) * 100 if company and rng.random() < 0.3 else None, rng.choice((None, "Web", "Partner Referral")),
        rng.choice((None, "Hot", "Warm", "Cold")), "Asked for a catalogue.\nSpeaks Türkçe." if rng.random() < 0.3 else None,
        is_opted_out=rng.random() < 0.1,
    )  # fmt: skip
