"""The demo company's notes and files, and what must become of them."""

from __future__ import annotations

import random

from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.history import Memo, Paper
from migration_pipelines.demo.ids import note_id, version_id
from migration_pipelines.demo.model import Firm
from migration_pipelines.demo.planted import Planted


def memos(rng: random.Random, firm: Firm, clock: Clock, how_many: int) -> tuple[list[Memo], list[Planted]]:
    """Notes on deals, people, companies and leads; every tenth is private, and stays behind."""
    deals = [deal for deal in firm.deals if not deal.is_held]
    people = [person for person in firm.people if not person.is_held]
    leads = [one for one in firm.prospects if one.converted_to is None]
    made = []
    for number in range(1, how_many + 1):
        card = rng.choice((rng.choice(deals), rng.choice(people), rng.choice(firm.companies), rng.choice(leads)))
        body = f"Güvenilir müşteri № {number}.\nPays “on time” — always." + " 🙂" * (number % 3)
        author = rng.choice(firm.sellers[:5])
        made.append(
            Memo(
                number,
                f"Impression {number}",
                body,
                author,
                clock.moment(rng, 30, 1500),
                card,
                is_private=number % 10 == 0,
            )
        )
    private = [note_id(one) for one in made if one.is_private]
    shown = [note_id(one) for one in made if not one.is_private]
    return made, [
        Planted("private notes, since Kommo shows everything to everybody", "Note", private, "excluded"),
        Planted("notes on cards of every kind", "Note", shown, "verified", "notes"),
    ]


def files(rng: random.Random, firm: Firm, how_many: int) -> tuple[list[Paper], list[Planted]]:
    """A few files: on one card or on three, with an older version or without."""
    deals = [deal for deal in firm.deals if not deal.is_held]
    made = []
    for number in range(1, how_many + 1):
        cards = (rng.choice(deals), firm.people[number % 3], rng.choice(firm.companies))
        name = (f"Teklif {number}.pdf", f"contract.{number}.docx", f"photo {number}")[number % 3]
        body = f"{name}\n".encode() * rng.randint(1, 2_000)
        on = cards if number % 3 == 1 else (cards[number % 3],)
        made.append(
            Paper(number, name, body, rng.choice(firm.sellers[:5]), on, b"a draft" if number % 3 == 2 else None)
        )
    older = [version_id(one, 1) for one in made if one.older]
    return made, [
        Planted("files", "ContentVersion", [version_id(one) for one in made], "verified", "files"),
        Planted("earlier versions of files", "ContentVersion", older, "excluded"),
    ]
