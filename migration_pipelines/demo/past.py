"""Five years of the demo company's tasks, calls and meetings, in bulk, and what is odd among them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from migration_pipelines.demo.clock import Clock
from migration_pipelines.demo.history import Activity, Call, Meeting, ToDo
from migration_pipelines.demo.ids import event_id, task_id
from migration_pipelines.demo.mess import LOOK
from migration_pipelines.demo.model import TODAY, Company, Deal, Firm, Person, Prospect, Seller
from migration_pipelines.demo.planted import Planted
from migration_pipelines.twins.salesforce.ids import make_id

CASE, CAMPAIGN = make_id("500", 1), make_id("701", 1)
_SUBJECTS = (
    "Send the offer", "Teklifi gönder", "إرسال العرض", "Follow up", "Check stock in İzmir", "Prepare the contract 📄",
    "Ask for references", "Renewal", "Fatura itirazı", "Visit the plant",
)  # fmt: skip
_ABOUT = (
    None, None, "Two copies; ask for İrem.", "Wants a price — “by Friday”.", "السعر النهائي بعد الخصم",
    "Good news 🎉\nSecond line.", "Müşteri aradı, geri dönüş bekliyor.",
)  # fmt: skip
_KINDS = ("Other", "Call", "Email", "Meeting")
Direction = Literal["in", "out", "internal"]
_DIRECTIONS: tuple[Direction, ...] = ("in", "out", "out")
_LONG = "As was said on the telephone: the drawings come first, then the price. Fiyat sabit kalır. 📞\n" * 110


class Past:
    """Makes one activity after another; each has a number of its own, and a second of its own."""

    def __init__(self, rng: random.Random, firm: Firm, clock: Clock, users: list[Seller]) -> None:
        self._rng, self._clock, self._users = rng, clock, users
        self._deals = [deal for deal in firm.deals if not deal.is_held]
        self._held_deals = [deal for deal in firm.deals if deal.is_held]
        self._people = [person for person in firm.people if not person.is_held]
        self._held_people = [person for person in firm.people if person.is_held]
        self._persons = [person for person in self._people if person.is_person_account]
        self._companies = firm.companies
        self._prospects = [one for one in firm.prospects if one.converted_to is None]
        self._with_phone = [one for one in self._people if any(phone.kind == "WORK" for phone in one.phones)]
        self.number = 0
        self.activities: list[Activity] = []
        self.planted: list[Planted] = []

    def ordinary(self, how_many: int) -> None:
        """As they come: eleven in twenty are tasks, five calls, four meetings."""
        for _ in range(how_many):
            what, who = self._about()
            kind = self._rng.random()
            if kind < 0.55:
                self._task(what, who)
            elif kind < 0.8:
                self._call(what, who)
            else:
                self._meeting(what, who)

    def odd(self, share: int) -> None:
        """Of every oddity `share` or so; each says what must become of it."""
        rng, few, stray, lost = self._rng, max(2, share // 4), "parent was not extracted", "parent is held"
        task, call, meeting, plant = self._task, self._call, self._meeting, self._plant
        held, notes = {"outcome": "held", "listed": "held records"}, {"target": "notes"}
        plant("tasks about nobody", share, lambda: task(None, None), **held, reason="no parent is given")
        plant("tasks on a case", share, lambda: task(None, None, stray=CASE), **held, reason=stray)
        plant("tasks on a campaign", few, lambda: task(None, None, stray=CAMPAIGN), **held, reason=stray)
        plant(
            "tasks on deals that are held", share, lambda: task(rng.choice(self._held_deals), None), **held, reason=lost
        )
        plant(
            "tasks of people who are held", few, lambda: task(None, rng.choice(self._held_people)), **held, reason=lost
        )
        plant(
            "patterns of series, no occurrences", few, lambda: task(*self._about(), is_pattern=True), outcome="excluded"
        )
        plant("tasks on person accounts", few, lambda: task(rng.choice(self._persons), None))
        plant("tasks on leads that nobody converted", share, lambda: task(None, rng.choice(self._prospects)))
        plant("tasks without a date", share, lambda: task(*self._about(), dated=False))
        plant("open tasks whose date is past", share, lambda: task(*self._about(), late=True))
        plant(
            "tasks of a type that Kommo has not", few, lambda: task(*self._about(), kind="Site inspection"), listed=LOOK
        )
        plant("tasks with ten thousand characters", few, lambda: task(*self._about(), text=_LONG.strip()))
        plant(
            "calls within the house, shown as going out",
            share,
            lambda: call(*self._about(), direction="internal"),
            **notes,
            listed=LOOK,
        )
        plant("calls of no length", share, lambda: call(*self._about(), seconds=0), **notes)
        plant("calls with leads that nobody converted", few, lambda: call(None, rng.choice(self._prospects)), **notes)
        twins: list[Activity] = []
        plant(
            "two calls of one second on one card: the second is moved on",
            few * 2,
            lambda: self._one_of_two(twins),
            **notes,
        )
        plant("meetings of whole days", share, lambda: meeting(*self._about(), days=rng.randint(1, 3)))
        plant("private meetings: Kommo shows everything to everybody", share, lambda: meeting(*self._about(), is_private=True),
              outcome="excluded")  # fmt: skip
        invited = plant("meetings that somebody was invited to", share, lambda: meeting(*self._about(), has_copy=True))
        copies = [event_id(one, copy=True) for one in invited if isinstance(one, Meeting)]
        self.planted.append(Planted("the copies in the calendars of invitees", "Event", copies, "excluded"))

    def _plant(
        self, what: str, how_many: int, make: Callable[[], Activity], *, outcome: str = "verified", target: str = "tasks",
        reason: str = "", listed: str = "",
    ) -> list[Activity]:  # fmt: skip
        made = [make() for _ in range(how_many)]
        ids = [event_id(one) if isinstance(one, Meeting) else task_id(one) for one in made]
        kind = "Event" if isinstance(made[0], Meeting) else "Task"
        self.planted.append(Planted(what, kind, ids, outcome, target, reason, listed))
        return made

    def _about(self) -> tuple[Deal | Company | None, Person | None]:
        """Mostly a deal, with or without a person; else a person; else a company."""
        dice = self._rng.random()
        if dice < 0.5:
            return self._rng.choice(self._deals), self._rng.choice(self._people) if dice < 0.2 else None
        if dice < 0.85:
            return None, self._rng.choice(self._people)
        return self._rng.choice(self._companies), None

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _task(
        self, what: Deal | Company | Person | None, who: Person | Prospect | None, *, stray: str | None = None,
        is_pattern: bool = False, dated: bool = True, late: bool = False, kind: str | None = None, text: str | None = None,
    ) -> Activity:  # fmt: skip
        rng = self._rng
        created = self._clock.moment(rng, 1, 5 * 365)
        is_open = late or (created.date() > TODAY - timedelta(days=60) and rng.random() < 0.5)
        due: date | None = created.date() + timedelta(days=rng.randint(0, 45 if not late else 3))
        if is_open and not late:
            due = TODAY + timedelta(days=rng.randint(11, 120))
        done = (
            None
            if is_open
            else min(created + timedelta(hours=rng.randint(1, 900)), datetime(2026, 11, 20, 20, tzinfo=UTC))
        )
        one = ToDo(
            self._next(), rng.choice(_SUBJECTS), text or rng.choice(_ABOUT), rng.choice(self._users), created, what, who,
            due if dated else None, kind or rng.choice(_KINDS), done, is_pattern=is_pattern, stray=stray,
            is_call=is_open and rng.random() < 0.2,
        )  # fmt: skip
        self.activities.append(one)
        return one

    def _call(
        self, what: Deal | Company | None, who: Person | Prospect | None, *,
        direction: Direction | None = None, seconds: int | None = None,
    ) -> Activity:  # fmt: skip
        rng = self._rng
        if isinstance(who, Person) and rng.random() < 0.5:
            who = rng.choice(self._with_phone)
        way = rng.choice(_DIRECTIONS) if direction is None else direction
        one = Call(
            self._next(), rng.choice(_SUBJECTS), rng.choice(_ABOUT), rng.choice(self._users), self._clock.moment(rng, 1, 5 * 365),
            what, who, way, rng.randint(1, 3_000) if seconds is None else seconds,
        )  # fmt: skip
        self.activities.append(one)
        return one

    def _one_of_two(self, before: list[Activity]) -> Activity:
        """A call; every second one on the card and in the second of the one before."""
        if len(before) % 2:
            one = replace(before[-1], number=self._next())
        else:
            when = self._clock.moment(self._rng, 30, 1000)
            one = Call(self._next(), "Call", None, self._users[0], when, self._rng.choice(self._deals), None, "out", 60)
        before.append(one)
        self.activities.append(one)
        return one

    def _meeting(
        self,
        what: Deal | Company | None,
        who: Person | None,
        *,
        days: int = 0,
        is_private: bool = False,
        has_copy: bool = False,
    ) -> Activity:
        rng = self._rng
        created = self._clock.moment(rng, 1, 5 * 365)
        start = created.replace(second=0, minute=30 * (created.minute // 30)) + timedelta(days=rng.randint(1, 40))
        span = (start.date(), start.date() + timedelta(days=days - 1)) if days else None
        one = Meeting(
            self._next(), rng.choice(_SUBJECTS), rng.choice(_ABOUT), rng.choice(self._users), created, what, who,
            start.replace(hour=16, minute=0) if days else start, 0 if days else 15 * rng.randint(1, 8), span, has_copy=has_copy,
            is_private=is_private, place=rng.choice((None, "İzmir, Liman Cad. 5", "Zoom")),
        )  # fmt: skip
        self.activities.append(one)
        return one
