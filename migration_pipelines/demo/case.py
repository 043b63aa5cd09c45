"""The case study: everything that the demo company's Salesforce holds, of any size, and the manifest of what is odd in it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from migration_pipelines.demo import already, archives, custom_objects, letters, mess, model, papers, past, prospects
from migration_pipelines.demo.already import Typed
from migration_pipelines.demo.archives import Row
from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.custom_objects import Things
from migration_pipelines.demo.history import History
from migration_pipelines.demo.model import Firm
from migration_pipelines.demo.planted import Planted
from migration_pipelines.twins.salesforce.ids import make_id

IN_THE_BIN = tuple(make_id("003", 90_000 + number) for number in range(1, 4))
"""Contacts that somebody deleted."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `activities` are tasks, calls and events with all that is odd among them; `oddity` is how many
    of each odd kind."""

    accounts: int
    contacts: int
    deals: int
    activities: int
    oddity: int
    person_accounts: int
    crowds: int
    open_leads: int
    converted_leads: int
    notes: int
    emails: int
    lines: int
    files: int
    things: int
    cases: int


FULL = Sizes(
    accounts=890, contacts=6_200, deals=1_400, activities=34_000, oddity=60, person_accounts=15, crowds=4, open_leads=90,
    converted_leads=120, notes=400, emails=900, lines=700, files=18, things=200, cases=400,
)  # fmt: skip
SMALL = Sizes(
    accounts=24, contacts=44, deals=24, activities=160, oddity=2, person_accounts=2, crowds=1, open_leads=6, converted_leads=2,
    notes=12, emails=24, lines=6, files=4, things=6, cases=3,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    sizes: Sizes
    firm: Firm
    history: History
    things: Things
    kept: dict[str, list[Row]]
    typed: Typed
    manifest: list[Planted]


def build(sizes: Sizes) -> Case:
    """The same case every time."""
    rng, clock = random.Random(model.SEED + 7), Clock()  # noqa: S311  a demo, and it must repeat
    people, companies = sizes.contacts - sizes.person_accounts, sizes.accounts - sizes.person_accounts
    firm = model.build(companies, people, sizes.deals, more_sellers=mess.further_sellers(), few=0.45)
    manifest = mess.plant(rng, firm, person_accounts=sizes.person_accounts, crowds=sizes.crowds)
    users = [seller for seller in firm.sellers if seller.in_kommo]
    manifest += prospects.build(rng, firm, users, clock, open_ones=sizes.open_leads, converted=sizes.converted_leads)
    typed, said = already.plant(firm)
    manifest += said
    things = custom_objects.build(rng, firm, clock, sizes.things)
    done = past.Past(rng, firm, clock, users)
    done.odd(sizes.oddity)
    mails, of_mails = letters.emails(rng, firm, clock, sizes.emails)
    tasks_of_mails = sum(one.task is not None for one in mails)
    copies = sizes.oddity  # in the calendars of invitees: events as well
    done.ordinary(sizes.activities - tasks_of_mails - done.number - copies)
    lines, of_lines = letters.lines(rng, firm, clock, sizes.lines)
    notes, of_notes = papers.memos(rng, firm, clock, sizes.notes)
    files, of_files = papers.files(rng, firm, sizes.files)
    kept, of_kept = archives.build(rng, firm, sizes.cases)
    manifest += [*things.planted, *done.planted, *of_mails, *of_lines, *of_notes, *of_files, *of_kept]
    manifest.append(Planted("contacts in the recycle bin", "Contact", IN_THE_BIN, "not extracted"))
    history = History(done.activities, notes, files, mails, lines)
    return Case(sizes, firm, history, things, kept, typed, [one for one in manifest if one.source_ids])
