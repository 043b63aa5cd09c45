"""The demo company's e-mails as Salesforce kept them, and the products on its deals: what becomes notes in Kommo."""

from __future__ import annotations

import random

from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.history import Email, ProductLine
from migration_pipelines.demo.ids import email_id, line_id
from migration_pipelines.demo.mess import LOOK
from migration_pipelines.demo.model import Firm
from migration_pipelines.demo.past import CASE
from migration_pipelines.demo.planted import Planted
from migration_pipelines.twins.salesforce.ids import make_id

FIRST_TASK = 500_000
"""Numbers of the tasks that Salesforce made of e-mails, far from those that people made."""
PRODUCTS = (("Pump P40", 75_030), ("Vana V7 – paslanmaz", 12_000), ("Yearly service", 240_000), ("Seal kit 🔩", 1_990))
_BODIES = (
    "Dear all,\n\nas promised, the drawings are below.\n\nRegards",
    "Merhaba,\nteklifimiz ektedir. İyi çalışmalar.",
    "السلام عليكم،\nنرجو تأكيد الموعد.",
    "Thanks! 👍",
)
_LONG = "> quoted: the whole discussion since spring, with every signature below it.\n" * 260


def emails(rng: random.Random, firm: Firm, clock: Clock, how_many: int) -> tuple[list[Email], list[Planted]]:
    """Mostly on a deal or with a person; every third left a task behind, which Salesforce made by itself."""
    deals = [deal for deal in firm.deals if not deal.is_held]
    people = [person for person in firm.people if not person.is_held and person.email]
    made: list[Email] = []
    of_kind: dict[str, list[str]] = {}
    for number in range(1, how_many + 1):
        kind, person, deal = number % 20, rng.choice(people), rng.choice(deals) if number % 2 else None
        text: str | None = rng.choice(_BODIES)
        if kind == 7:
            text = _LONG.strip()
        markup = f"<p>Many&nbsp;thanks for № {number}</p><script>no</script>" if kind == 8 else None
        is_case, is_adrift = kind == 9, kind == 10 and number < 100
        one = Email(
            number, f"Re: offer {number} — fiyat?", None if markup else text, markup, rng.choice(firm.sellers[:5]),
            clock.moment(rng, 3, 1500), number % 3 == 0, None if is_case or is_adrift else deal,
            rng.choice(firm.companies) if number % 5 == 0 and not deal and not is_case and not is_adrift else None,
            () if is_case or is_adrift else (person,), on_case=CASE if is_case else None,
            task=FIRST_TASK + number if number % 3 == 1 and not is_case and not is_adrift else None,
            is_draft=kind == 11, is_bounced=kind == 12,
        )  # fmt: skip
        made.append(one)
        kinds = {
            "case": is_case,
            "adrift": is_adrift,
            "long": kind == 7,
            "html": kind == 8,
            "draft": kind == 11,
            "bounced": kind == 12,
        }
        for name, is_one in kinds.items():
            of_kind.setdefault(name, []).extend([email_id(one)] if is_one else [])
    platform = [make_id("00T", one.task) for one in made if one.task]
    return made, [
        Planted("e-mails about a case", "EmailMessage", of_kind["case"], "excluded"),
        Planted("e-mails of nobody known", "EmailMessage", of_kind["adrift"], "held", "notes", reason="no parent is given",
                listed="held records"),
        Planted("e-mails of 20,000 characters, cut at 16,000", "EmailMessage", of_kind["long"], "verified", "notes", listed=LOOK),
        Planted("e-mails in HTML, carried as text", "EmailMessage", of_kind["html"], "verified", "notes"),
        Planted("drafts", "EmailMessage", of_kind["draft"], "verified", "notes"),
        Planted("e-mails that came back", "EmailMessage", of_kind["bounced"], "verified", "notes"),
        Planted("tasks that Salesforce made of e-mails", "Task", platform, "made by the platform", "tasks"),
    ]  # fmt: skip


def lines(rng: random.Random, firm: Firm, clock: Clock, how_many: int) -> tuple[list[ProductLine], list[Planted]]:
    """Products on deals that are not held."""
    deals = [deal for deal in firm.deals if not deal.is_held]
    made = [
        ProductLine(
            n, deal, *_of_product(rng), created=clock.moment(rng, 30, 1500), author=rng.choice(firm.sellers[:5]),
            about="Boyalı, RAL 5010" if n % 4 == 0 else None, discount=10 if n % 7 == 0 else None,
        )
        for n, deal in ((n, rng.choice(deals)) for n in range(1, how_many + 1))
    ]  # fmt: skip
    return made, [
        Planted(
            "products, a note each on their deal",
            "OpportunityLineItem",
            [line_id(one) for one in made],
            "verified",
            "notes",
        )
    ]


def _of_product(rng: random.Random) -> tuple[str, int, int]:
    name, cents = rng.choice(PRODUCTS)
    return name, rng.randint(1, 9), cents
