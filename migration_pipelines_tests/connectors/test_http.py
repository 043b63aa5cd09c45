"""The HTTP client: what is repeated, how often, how fast, and what a failure of a write means."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from migration_pipelines.connectors.http import (
    ATTEMPTS,
    LONGEST_PAUSE_SECONDS,
    HttpClient,
    checked_origin,
)
from migration_pipelines.connectors.kommo.pace import Pace
from migration_pipelines.errors import InvalidInput, OutcomeUnknown, PermanentFailure, TransientFailure

SECRET = "planted-token"
Answer = httpx.Response | Exception | Callable[[], httpx.Response]


@dataclass
class Host:
    """Gives its answers in order, the last one for ever, and counts."""

    answers: list[Answer]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def authorise(self, renew: bool) -> dict[str, str]:
        self.signed_in.append(renew)
        return {"Authorization": f"Bearer {SECRET}-{len(self.signed_in)}"}


@pytest.fixture
def client() -> Iterator[Callable[..., tuple[HttpClient, Host]]]:
    made: list[HttpClient] = []

    def build(*answers: Answer, **options: object) -> tuple[HttpClient, Host]:
        host = Host(list(answers))
        one = HttpClient(
            "Acme", "https://acme.example", host.authorise, transport=httpx.MockTransport(host),
            **{"sleep": host.slept.append, **options},  # type: ignore[arg-type]
        )  # fmt: skip
        made.append(one)
        return one, host

    yield build
    for one in made:
        one.close()


OK = httpx.Response(200, json={"ok": True})
LOST_ANSWERS = [
    pytest.param(httpx.ReadTimeout("slow"), id="read timeout"),
    pytest.param(httpx.WriteError("broken"), id="write error"),
    pytest.param(httpx.RemoteProtocolError("cut"), id="cut"),
    pytest.param(httpx.ConnectTimeout("perhaps"), id="connect timeout"),
    *(pytest.param(httpx.Response(status), id=str(status)) for status in (408, 500, 501, 502, 503, 504, 520, 524, 599)),
]


@pytest.mark.parametrize("lost", [*LOST_ANSWERS, httpx.Response(429), httpx.ConnectError("no")])
def test_a_read_is_repeated_a_bounded_number_of_times(
    client: Callable[..., tuple[HttpClient, Host]], lost: Answer
) -> None:
    http, host = client(lost)

    with pytest.raises(TransientFailure, match="did not answer GET /things") as failed:
        http.get("/things")

    assert len(host.asked) == ATTEMPTS
    assert len(host.slept) == ATTEMPTS - 1
    assert sum(host.slept) < 60
    assert max(host.slept) <= LONGEST_PAUSE_SECONDS * 1.2
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize("lost", LOST_ANSWERS)
def test_a_read_goes_on_after_a_lost_answer(client: Callable[..., tuple[HttpClient, Host]], lost: Answer) -> None:
    http, host = client(lost, OK)

    assert http.get("/things").json() == {"ok": True}
    assert len(host.asked) == 2


@pytest.mark.parametrize("lost", LOST_ANSWERS)
def test_a_write_whose_answer_is_lost_is_sent_once(
    client: Callable[..., tuple[HttpClient, Host]], lost: Answer
) -> None:
    """Kommo has no idempotency key: whoever repeats it here makes doubles."""
    http, host = client(lost, OK)

    with pytest.raises(OutcomeUnknown) as unknown:
        http.write("POST", "/things", b"[]")

    assert len(host.asked) == 1
    assert SECRET not in str(unknown.value)


@pytest.mark.parametrize("sure", [httpx.ConnectError("refused"), httpx.Response(429)])
def test_a_write_is_repeated_only_where_it_certainly_was_not_applied(
    client: Callable[..., tuple[HttpClient, Host]], sure: Answer
) -> None:
    http, host = client(sure, sure, OK)
    assert http.write("POST", "/things", b"[1]").status_code == 200
    assert [one.content for one in host.asked] == [b"[1]"] * 3

    http, host = client(sure)
    with pytest.raises(TransientFailure, match="Nothing was written"):
        http.write("POST", "/things", b"[1]")
    assert len(host.asked) == ATTEMPTS


@pytest.mark.parametrize("status", [200, 201, 204, 400, 402, 404, 405, 413, 422])
def test_an_answer_that_says_for_certain_what_happened_is_the_callers(
    client: Callable[..., tuple[HttpClient, Host]], status: int
) -> None:
    http, host = client(httpx.Response(status))

    assert http.write("PATCH", "/things", b"[]").status_code == status
    assert http.get("/things").status_code == status
    assert len(host.asked) == 2


def test_json_that_is_cut_short_is_a_failed_read_and_never_a_short_one(
    client: Callable[..., tuple[HttpClient, Host]],
) -> None:
    half = httpx.Response(200, content=b'{"records": [1, 2', headers={"Content-Type": "application/hal+json"})
    http, host = client(half, OK)
    assert http.get("/things").json() == {"ok": True}
    assert len(host.asked) == 2

    http, _ = client(half)
    with pytest.raises(TransientFailure, match="JSONDecodeError"):
        http.get("/things")


def test_a_body_that_cannot_be_unpacked_is_a_failed_read_and_a_lost_answer(
    client: Callable[..., tuple[HttpClient, Host]],
) -> None:
    def damaged() -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"})

    http, _ = client(damaged)
    with pytest.raises(TransientFailure):
        http.get("/things")
    http, host = client(damaged)
    with pytest.raises(OutcomeUnknown):
        http.write("POST", "/things", b"[]")
    assert len(host.asked) == 1


def test_a_401_is_followed_by_one_renewal(client: Callable[..., tuple[HttpClient, Host]]) -> None:
    http, host = client(httpx.Response(401), OK)

    assert http.write("POST", "/things", b"[]").status_code == 200
    assert host.signed_in == [False, True]
    assert [one.headers["Authorization"] for one in host.asked] == [f"Bearer {SECRET}-1", f"Bearer {SECRET}-2"]
    http.get("/things")
    assert host.signed_in == [False, True], "the renewed one is kept"


def test_a_second_401_is_final_and_says_where_the_credentials_come_from(
    client: Callable[..., tuple[HttpClient, Host]],
) -> None:
    for ask in (lambda http: http.get("/things"), lambda http: http.write("POST", "/things", b"[]")):
        http, host = client(httpx.Response(401))
        with pytest.raises(PermanentFailure, match=r"refuses our credentials.*environment variables") as refused:
            ask(http)
        assert len(host.asked) == 2
        assert SECRET not in str(refused.value)


def test_a_403_page_says_that_the_account_is_blocked(client: Callable[..., tuple[HttpClient, Host]]) -> None:
    """Too fast a client gets its account blocked."""
    http, host = client(httpx.Response(403, html="<h1>Forbidden</h1>"))
    with pytest.raises(PermanentFailure, match=r"blocks every request.*lower requests_per_second"):
        http.get("/things")
    assert len(host.asked) == 1

    http, _ = client(httpx.Response(403, json={"detail": "no rights"}))
    assert http.get("/things").status_code == 403


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(client: Callable[..., tuple[HttpClient, Host]], status: int) -> None:
    """The token would travel to wherever the answer points."""
    http, host = client(httpx.Response(status, headers={"Location": "https://elsewhere.example/"}))

    assert http.write("POST", "/things", b"[]").status_code == status
    assert http.get("/things").status_code == status
    assert {one.url.host for one in host.asked} == {"acme.example"}


def test_the_pace_is_kept_over_reads_writes_and_repeats(client: Callable[..., tuple[HttpClient, Host]]) -> None:
    now = 100.0
    sent: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def answer() -> httpx.Response:
        sent.append(now)
        return httpx.Response(429) if len(sent) in (3, 4) else httpx.Response(200)

    http, _ = client(answer, manners=Pace(5, sleep=sleep, clock=lambda: now, chance=lambda: 0), sleep=sleep)
    for _ in range(10):
        http.get("/things")
        http.write("POST", "/things", b"[]")
    now += 60  # a long pause is credit for one turn, and not for a burst
    for _ in range(5):
        http.get("/things")

    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert len(sent) == 27
    assert min(gaps[:-5]) == pytest.approx(0.2)
    assert min(gaps) == pytest.approx(1 / 7)
    assert sent[-1] - sent[-5] > 3 * 0.2


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://acme.kommo.com", "https://acme.kommo.com"),
        (" https://acme.kommo.com/api/v4?x=1#y ", "https://acme.kommo.com"),
        ("https://acme.example:8443/", "https://acme.example:8443"),
        ("http://127.0.0.1:8802", "http://127.0.0.1:8802"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_an_origin_is_taken(url: str, origin: str) -> None:
    assert checked_origin("Acme", url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.kommo.com", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://10.0.0.1",
        "ftp://acme.example", "acme.kommo.com", "https://", "https:///path", "//acme.example", "",
        f"https://ada:{SECRET}@acme.example", "https://[::1", "https://acme.example:port", "https://acme.example:99999999",
        "https://ac me.example",
    ],
)  # fmt: skip
def test_an_origin_that_would_give_the_token_away_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"The URL of Acme must .*https://") as refused:
        checked_origin("Acme", url)

    assert SECRET not in str(refused.value)
