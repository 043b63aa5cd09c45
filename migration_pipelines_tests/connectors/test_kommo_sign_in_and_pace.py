"""Signing in to Kommo by OAuth, and going no faster than Kommo lets one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.kommo.pace import Pace
from migration_pipelines.connectors.kommo.sign_in import SignIn, TokenFile, TokenPair
from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin

INTEGRATION = ("twin-client", "twin-secret", "https://example.com/back")


class Org:
    """A twin that an administrator has consented to, and the file that keeps the first pair of tokens."""

    def __init__(self, url: str, control: httpx.Client, path: Path) -> None:
        self.url, self.control, self.path = url, control, path
        client_id, secret, redirect_uri = INTEGRATION
        told = {"client_id": client_id, "client_secret": secret, "redirect_uri": redirect_uri}
        code = control.post("code").json()["code"]
        answer = httpx.post(
            f"{url}/oauth2/access_token", json={**told, "grant_type": "authorization_code", "code": code}
        ).json()
        self.now = control.get("clock").json()["now"]
        self.first = TokenPair(answer["access_token"], answer["refresh_token"], self.now + answer["expires_in"])
        self.store = TokenFile(path)
        self.store.save(self.first)
        control.post("statistics/reset")

    def sign_in(self, transport: httpx.BaseTransport | None = None, store: TokenFile | None = None) -> SignIn:
        return SignIn(
            self.url, *INTEGRATION, store or TokenFile(self.path), transport=transport, sleep=lambda _: None,
            clock=lambda: self.now,
        )  # fmt: skip

    def a_day_passes(self) -> None:
        self.control.post("clock", json={"advance": 86_400})
        self.now += 86_400

    def refreshes(self) -> int:
        log = self.control.get("statistics").json()["log"]
        return sum(one["path"] == "/oauth2/access_token" and one["status"] == 200 for one in log)


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    app = build_kommo_twin(switches={"requests_per_second": 0})
    with serve_in_thread(app) as twin, httpx.Client(base_url=f"{twin.url}/__twin__/") as control:
        yield Org(twin.url, control, tmp_path / "home" / "kommo.json")


def test_a_token_that_lasts_is_used_without_asking(org: Org) -> None:
    assert org.sign_in().access_token(renew=False) == org.first.access_token
    assert org.refreshes() == 0


def test_a_run_goes_on_when_its_token_ends_in_the_middle(org: Org) -> None:
    target = KommoTarget(org.url, org.sign_in(), requests_per_second=10_000)
    target.describe()
    org.a_day_passes()
    target.describe()
    target.close()

    assert org.refreshes() == 1
    assert org.store.load().refresh_token != org.first.refresh_token


def test_a_token_that_was_revoked_early_is_renewed_at_the_first_refusal(org: Org) -> None:
    org.store.save(replace(org.first, access_token="ended-early"))
    target = KommoTarget(org.url, org.sign_in(), requests_per_second=10_000)

    target.describe()
    target.close()

    assert org.refreshes() == 1


def test_the_file_is_for_its_owner_only_and_shows_in_no_text(org: Org) -> None:
    org.sign_in().access_token(renew=False)

    assert org.path.stat().st_mode & 0o777 == 0o600
    assert org.first.access_token not in repr(org.store.load())


def test_a_crash_after_the_rotation_loses_nothing(org: Org) -> None:
    """The process dies after the pair is kept and before it was ever used: the next one signs in with it."""

    class Dying(TokenFile):
        def save(self, pair: TokenPair) -> None:
            super().save(pair)
            raise KeyboardInterrupt

    org.a_day_passes()
    with pytest.raises(KeyboardInterrupt):
        org.sign_in(store=Dying(org.path)).access_token(renew=False)

    token = org.sign_in().access_token(renew=False)

    assert org.refreshes() == 1
    answer = httpx.get(f"{org.url}/api/v4/account", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_a_pair_that_another_process_rotated_meanwhile_is_used(org: Org) -> None:
    mine, other = org.sign_in(), org.sign_in()
    mine.access_token(renew=False)
    org.a_day_passes()

    theirs = other.access_token(renew=True)

    assert mine.access_token(renew=True) == theirs
    assert org.refreshes() == 1


def test_ten_threads_at_once_rotate_once(org: Org) -> None:
    org.a_day_passes()
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(org.sign_in().access_token(renew=False))) for _ in range(10)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(tokens) == 10
    assert len(set(tokens)) == 1
    assert org.refreshes() == 1


def test_a_pair_that_somebody_rotated_without_waiting_its_turn_is_found(org: Org) -> None:
    """Another machine that shares the folder may not honour the lock."""
    org.a_day_passes()
    spent = org.store.load()
    newer = org.sign_in().access_token(renew=False)
    kept = org.store.load()

    class Late(TokenFile):
        """Shows the old pair once, as if the other's was written between our look and our request."""

        shown = [spent]  # noqa: RUF012

        def load(self) -> TokenPair:
            return self.shown.pop() if self.shown else super().load()

    assert org.sign_in(store=Late(org.path)).access_token(renew=False) == newer
    assert org.store.load() == kept


@pytest.mark.parametrize("kind", ["cut_before", "503", "504"])
def test_a_refresh_that_was_not_applied_is_asked_about_and_repeated(org: Org, kind: str) -> None:
    org.a_day_passes()
    org.control.post("faults", json={"kind": kind, "endpoint": "POST /oauth2/access_token"})

    org.sign_in().access_token(renew=False)

    assert org.store.load().refresh_token != org.first.refresh_token


@pytest.mark.parametrize("kind", ["cut_after", "504_after_apply", "truncated"])
def test_a_refresh_whose_answer_is_lost_for_good_is_not_repeated_and_says_what_to_do(org: Org, kind: str) -> None:
    org.a_day_passes()
    org.control.post("faults", json={"kind": kind, "endpoint": "POST /oauth2/access_token"})

    with pytest.raises(PermanentFailure, match="consent anew"):
        org.sign_in().access_token(renew=False)

    log = org.control.get("statistics").json()["log"]
    assert sum(one["path"] == "/oauth2/access_token" for one in log) == 1


def test_an_org_that_does_not_answer_leaves_the_pair_as_it_is(org: Org) -> None:
    org.a_day_passes()
    org.control.post("faults", json={"kind": "503", "endpoint": "* /oauth2/*", "times": 20})

    with pytest.raises(TransientFailure):
        org.sign_in().access_token(renew=False)

    assert org.store.load() == org.first


def test_revoked_access_says_who_has_to_consent(org: Org) -> None:
    org.control.post("revoke")
    target = KommoTarget(org.url, org.sign_in(), requests_per_second=10_000)

    with pytest.raises(PermanentFailure, match="consent anew"):
        target.describe()
    target.close()


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"access_token": "a"}'])
def test_a_file_without_a_pair_is_said_by_its_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kommo.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(InvalidInput, match=r"kommo\.json"):
        TokenFile(path).load()


# Pace


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


def sent(pace: Pace, time: Time, count: int, status: Callable[[], int] = lambda: 200) -> list[float]:
    moments = []
    for _ in range(count):
        pace.before()
        moments.append(time.now)
        pace.after(httpx.Response(status()))
    return moments


def test_five_a_second_are_spaced_evenly() -> None:
    time = Time()

    moments = sent(Pace(5, sleep=time.sleep, clock=time.clock), time, 6)

    assert moments == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_429_makes_us_rest_and_go_half_as_fast() -> None:
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock)
    answers = iter([429, 200, 200])

    assert sent(pace, time, 3, lambda: next(answers)) == pytest.approx([0, 1.0, 1.4])


def test_the_pace_comes_back_slowly_and_never_above_its_ceiling() -> None:
    time = Time()
    pace = Pace(5, sleep=time.sleep, clock=time.clock)
    answers = iter([429])

    sent(pace, time, 300, lambda: next(answers, 200))

    assert pace.interval_seconds == pytest.approx(0.2)
    moments = sent(pace, time, 20)
    assert min(b - a for a, b in itertools.pairwise(moments)) >= 0.199


def test_beside_a_second_client_the_account_is_never_blocked() -> None:
    """Both share one window of seven. The other one takes five of them and does not give way."""
    app = build_kommo_twin(tokens=("ours", "theirs"), switches={"block_after": 12})
    with serve_in_thread(app) as twin, httpx.Client(base_url=f"{twin.url}/__twin__/") as control:
        is_over = threading.Event()

        def other() -> None:
            with httpx.Client(base_url=twin.url, headers={"Authorization": "Bearer theirs"}) as client:
                while not is_over.wait(0.2):
                    client.get("/api/v4/account")

        thread = threading.Thread(target=other)
        thread.start()
        target = KommoTarget(twin.url, "ours")
        try:
            for _ in range(3):
                target.describe()
        finally:
            is_over.set()
            thread.join()
            target.close()
        figures = control.get("statistics").json()

    assert [one["status"] for one in figures["log"]].count(403) == 0
    assert figures["refusals"] < 12
