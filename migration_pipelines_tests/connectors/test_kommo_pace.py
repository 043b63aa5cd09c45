"""How fast we go at Kommo, in time that only passes when somebody waits: ours and the twin's is one clock."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.base import Batch, Record
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.kommo.pace import Pace
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines_tests.connectors.account import BODIES, TOKEN, open_body


@pytest.fixture(autouse=True)
def same_chances() -> None:
    random.seed(11)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


class SharedTime(Time):
    """The twin's clock moves with ours, and somebody else sends requests at an even pace meanwhile."""

    def __init__(self, control: httpx.Client, other: Callable[[], int], per_second: float) -> None:
        super().__init__()
        self._control = control
        self._other = other
        self._interval = 1 / per_second if per_second else float("inf")
        self._next = self._interval / 2
        self.others: list[int] = []
        self.move_to(0)

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while self._next <= end:
            self.move_to(self._next)
            self.others.append(self._other())
            self._next += self._interval
        self.move_to(end)

    def move_to(self, moment: float) -> None:
        self.now = moment
        self._control.post("clock", json={"set": 1_700_000_000 + moment})


class Shared:
    """Attributes: figures, the twin's statistics; mine, the statuses of the answers that we got."""

    def __init__(self, target: KommoTarget, time: SharedTime, control: httpx.Client, mine: list[int]) -> None:
        self.target = target
        self.time = time
        self.mine = mine
        self._control = control

    @property
    def figures(self) -> dict[str, Any]:
        return dict(self._control.get("statistics").json())


@contextmanager
def shared(others_per_second: float = 0, **switches: Any) -> Iterator[Shared]:
    app = build_kommo_twin(tokens=(TOKEN, "theirs"), switches=switches)
    mine: list[int] = []

    class Listening(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            mine.append(response.status_code)
            return response

    with (
        serve_in_thread(app) as twin,
        httpx.Client(base_url=f"{twin.url}/__twin__/") as control,
        httpx.Client(base_url=twin.url, headers={"Authorization": "Bearer theirs"}) as theirs,
    ):
        time = SharedTime(control, lambda: theirs.get("/api/v4/account").status_code, others_per_second)
        target = KommoTarget(
            twin.url, TOKEN, bodies=open_body, transport=Listening(), sleep=time.sleep, clock=time.clock,
        )  # fmt: skip
        with closing(target):
            yield Shared(target, time, control, mine)


def sent(pace: Pace, time: Time, count: int, status: Callable[[], int] = lambda: 200) -> list[float]:
    moments = []
    for _ in range(count):
        pace.before()
        moments.append(time.now)
        pace.after(httpx.Response(status()))
    return moments


def test_five_a_second_are_spaced_evenly() -> None:
    time = Time()

    moments = sent(Pace(5, sleep=time.sleep, clock=time.clock, chance=lambda: 0), time, 6)

    assert moments == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_late_request_makes_up_for_a_turn() -> None:
    """Answers take a while now and then; what is lost on them is not lost for good."""
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock, chance=lambda: 0)
    answering = (0.0, 0.35, 0.0, 0.0, 0.0, 0.0)
    moments = []
    for seconds in answering:
        pace.before()
        moments.append(time.now)
        time.sleep(seconds)

    assert moments == pytest.approx([0, 0.2, 0.55, 0.55 + 1 / 7, 0.55 + 2 / 7, 1.0])


def test_a_429_makes_us_rest_and_go_half_as_fast() -> None:
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock, chance=lambda: 0)
    answers = iter([429, 200, 200])

    assert sent(pace, time, 3, lambda: next(answers)) == pytest.approx([0, 1.0, 1.4])


@pytest.mark.parametrize("chance", [0.0, 1.0])
@pytest.mark.parametrize("requests_per_second", [1, 5, 6, 7])
def test_no_second_ever_holds_more_than_seven(requests_per_second: int, chance: float) -> None:
    """Kommo limits: chance moves a request within its turn, by nothing where there is no room for it."""
    time = Time()
    chances = itertools.cycle([chance, 0.0, 0.5, 1 - chance])
    pace = Pace(requests_per_second, sleep=time.sleep, clock=time.clock, chance=lambda: next(chances))

    moments = sent(pace, time, 200)

    assert all(later - earlier >= 0.9999 for earlier, later in zip(moments, moments[7:], strict=False))
    assert moments[-1] == pytest.approx(199 / requests_per_second, rel=0.02)


@pytest.mark.parametrize(("told", "pause"), [("3", 3.0), ("600", 60.0), ("soon", 1.0)])
def test_a_429_that_says_how_long_is_obeyed_within_reason(told: str, pause: float) -> None:
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock, chance=lambda: 0)
    pace.before()
    pace.after(httpx.Response(429, headers={"Retry-After": told}))

    pace.before()

    assert time.now == pytest.approx(pause)


def test_the_pace_comes_back_slowly_and_never_above_its_ceiling() -> None:
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock, chance=lambda: 0)
    answers = iter([429])

    sent(pace, time, 300, lambda: next(answers, 200))

    assert pace.interval_seconds == pytest.approx(0.2)
    moments = sent(pace, time, 20)
    assert min(b - a for a, b in itertools.pairwise(moments)) >= 0.199


def test_the_default_pace_never_meets_a_429() -> None:
    """Seven a second is Kommo's ceiling, and bursts get an account blocked."""
    with shared() as account:
        for _ in range(8):
            account.target.describe()

        assert account.figures["requests"] > 60
        assert account.figures["refusals"] == 0
        assert account.figures["highest_per_second"] <= 6


def test_files_take_their_turns_with_everything_else() -> None:
    """Whether the files' host counts towards the pace is not documented, so it does: parts, downloads and all."""
    with shared(largest_part=1000) as account:
        for n, (digest, body) in enumerate(BODIES.items()):
            record = Record(f"K{n}", {"name": f"{n}.bin", "size_bytes": len(body), "body": digest})
            (result,) = account.target.write(Batch("files", [record]), on_remote_job=lambda _: None)
            assert result
            account.target.read_back("files", [str(result.target_id)])

        assert account.figures["requests"] > 20
        assert account.figures["refusals"] == 0
        assert account.figures["highest_per_second"] <= 6


@pytest.mark.parametrize("others", [3, 5])
def test_beside_a_second_client_the_account_is_never_blocked(others: int) -> None:
    """Kommo limits: both share one window of seven, and whoever meets 429 too often gets both of them blocked.

    Two clients with even paces once fell into step: one in three of the other's requests was refused, and none of ours,
    so we never slowed down.
    """
    with shared(others_per_second=others, pace_of="everyone", block_after=12) as account:
        while account.time.now < 61:
            account.target.describe()
        minutes = account.time.now / 60

        assert 403 not in account.mine
        assert 403 not in account.time.others
        assert account.mine.count(429) + account.time.others.count(429) <= 5 * minutes
        assert account.mine.count(200) + account.mine.count(204) > 60 * minutes, "more than one a second gets through"
