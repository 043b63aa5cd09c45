"""What happened between the demo company and its customers: tasks, calls, meetings, notes and files, as they really were."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from migration_pipelines.demo.model import RETIRED_STAGE, SEED, TODAY, Company, Deal, Firm, Person, Prospect, Seller

Card = Company | Person | Deal | Prospect


@dataclass(frozen=True)
class Activity:
    """Something that was or is to be done. `what` and `who` are what it is about: a deal or company, and a person."""

    number: int
    subject: str
    about: str | None
    author: Seller
    created: datetime
    what: Deal | Company | Person | None  # of persons those that are accounts
    who: Person | Prospect | None


@dataclass(frozen=True)
class ToDo(Activity):
    due: date | None
    kind: str
    done: datetime | None = None
    is_call: bool = False  # a call that is still to be made
    is_pattern: bool = False  # of a series
    stray: str | None = None  # the id of something else that it is about, such as a case


@dataclass(frozen=True)
class Call(Activity):
    """A call that was made, at `created`."""

    direction: Literal["in", "out", "internal"]
    seconds: int


@dataclass(frozen=True)
class Meeting(Activity):
    """`start` and `minutes`; of a meeting of whole days the first and the last one."""

    start: datetime
    minutes: int
    days: tuple[date, date] | None = None
    has_copy: bool = True  # in the calendar of an invitee
    is_private: bool = False
    place: str | None = None


@dataclass(frozen=True)
class Memo:
    number: int
    title: str
    body: str
    author: Seller
    created: datetime
    card: Card
    is_private: bool = False


@dataclass(frozen=True)
class Paper:
    """A file and the cards that it is on. `older` is what an earlier version held."""

    number: int
    name: str
    body: bytes
    author: Seller
    cards: tuple[Card, ...]
    older: bytes | None = None


@dataclass(frozen=True)
class Email:
    """An e-mail that Salesforce kept. `people` are those of the other side, the first the one that it is from or to.

    `task` is the number of the task that Salesforce made of it; `on_case` the case that it is about.
    """

    number: int
    subject: str
    text: str | None
    html: str | None
    author: Seller
    created: datetime
    incoming: bool
    deal: Deal | None
    company: Company | None
    people: tuple[Person, ...]
    task: int | None = None
    on_case: str | None = None
    is_draft: bool = False
    is_bounced: bool = False


@dataclass(frozen=True)
class ProductLine:
    """So many of a product on a deal, at a price; `discount` in percent."""

    number: int
    deal: Deal
    product: str
    quantity: int
    cents: int
    created: datetime
    author: Seller
    about: str | None = None
    discount: int | None = None


@dataclass(frozen=True)
class History:
    activities: list[Activity]
    memos: list[Memo]
    papers: list[Paper]
    emails: list[Email] = field(default_factory=list)
    lines: list[ProductLine] = field(default_factory=list)


def build(firm: Firm) -> History:
    """The same history of a firm every time: twelve activities, four notes and three files for each five deals, but no
    more than fifteen files, since each takes requests of its own."""
    rng = random.Random(SEED + 1)  # noqa: S311  a demo, and it must repeat
    deals = [deal for deal in firm.deals if deal.stage != RETIRED_STAGE]
    number = len(firm.deals)
    activities = [
        activity for first in range(1, number * 12 // 5 + 1, 12) for activity in _dozen(rng, first, firm, deals)
    ]
    return History(
        activities[: number * 12 // 5],
        [_memo(rng, n, firm, deals) for n in range(1, number * 4 // 5 + 1)],
        [_paper(rng, n, firm, deals) for n in range(1, min(number * 3 // 5, 15) + 1)],
    )


def _dozen(rng: random.Random, first: int, firm: Firm, deals: list[Deal]) -> list[Activity]:
    """One of everything that an org holds, on a deal, a person and a company of its own."""
    deal, person, company = rng.choice(deals), rng.choice(firm.people), rng.choice(firm.companies)
    caller = rng.choice([one for one in firm.people if any(phone.kind == "WORK" for phone in one.phones)])
    held = next(deal for deal in firm.deals if deal.stage == RETIRED_STAGE)
    long_ago, lately = _at(rng, 400, 1500), _at(rng, 5, 300)
    author = deal.owner
    soon, past = TODAY + timedelta(days=rng.randint(15, 60)), lately.date() + timedelta(days=3)
    start = datetime(soon.year, soon.month, soon.day, 14, 30, tzinfo=UTC)
    lunch = datetime(long_ago.year, long_ago.month, long_ago.day, 16, 0, tzinfo=UTC)
    return [
        ToDo(first, "Send the offer", "Two copies; ask for İrem.", author, lately, deal, person, soon, "Other"),
        ToDo(first + 1, "Ask for references", None, author, long_ago, None, person, long_ago.date(), "Other", lately),
        ToDo(first + 2, "Check the credit limit", None, author, lately, company, None, past, "Other"),
        Call(first + 3, "First call", "Wants a price.", author, long_ago, deal, caller, "in", 320),
        Call(first + 4, "Call back", None, author, long_ago, deal, None, "out", 45),  # logged in the same second
        ToDo(first + 5, "Call about the renewal", None, author, lately, None, person, soon, "Call", is_call=True),
        Meeting(first + 6, "Demonstration", "Bring the samples.", author, lately, deal, person, start, 90),
        Meeting(first + 7, "Trade fair", None, author, long_ago, company, None, lunch, 0,
                (long_ago.date(), long_ago.date() + timedelta(days=2))),
        ToDo(first + 8, "Prepare the contract", None, author, long_ago, deal, None, None, "Meeting", lately),
        Call(first + 9, "Who is in charge?", None, author, lately, None, caller, "internal", 0),
        ToDo(first + 10, "Clean up the desk", None, author, lately, None, None, soon, "Other"),  # about nobody
        ToDo(first + 11, "Ask the lawyers", None, author, lately, held, person, soon, "Other"),  # its deal is held
    ]  # fmt: skip


def _memo(rng: random.Random, number: int, firm: Firm, deals: list[Deal]) -> Memo:
    cards: tuple[Card, ...] = (rng.choice(deals), rng.choice(firm.people), rng.choice(firm.companies))
    body = f"Güvenilir müşteri № {number}.\nPays “on time” — always."
    author, created = rng.choice(firm.sellers[:5]), _at(rng, 30, 1500)
    return Memo(number, f"Impression {number}", body, author, created, cards[number % 3], is_private=number % 4 == 0)


def _paper(rng: random.Random, number: int, firm: Firm, deals: list[Deal]) -> Paper:
    cards: tuple[Card, ...] = (rng.choice(deals), rng.choice(firm.people), rng.choice(firm.companies))
    name = (f"Teklif {number}.pdf", f"contract.{number}.docx", f"photo {number}")[number % 3]
    body = f"{name}\n".encode() * rng.randint(1, 2_000)
    on = cards if number % 3 == 1 else (cards[number % 3],)
    return Paper(number, name, body, rng.choice(firm.sellers[:5]), on, b"a draft" if number % 3 == 2 else None)


def _at(rng: random.Random, least: int, most: int) -> datetime:
    """A moment between so many days ago and so many."""
    day = TODAY - timedelta(days=rng.randint(least, most))
    return datetime(
        day.year, day.month, day.day, rng.randint(8, 21), rng.randint(0, 59), rng.randint(0, 59), tzinfo=UTC
    )
