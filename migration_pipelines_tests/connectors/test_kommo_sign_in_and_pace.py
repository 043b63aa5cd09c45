"""Signing in to Kommo by OAuth, and going no faster than Kommo lets one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.kommo.sign_in import Integration, SignIn
from migration_pipelines.connectors.kommo.tokens import TokenFile, TokenPair
from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin

INTEGRATION = Integration("twin-client", "twin-secret", "https://example.com/back")
COMMAND = "crm-migrate sign-in acme-sandbox"


class Org:
    """A twin that an administrator has consented to, and the file that keeps the first pair of tokens."""

    def __init__(self, url: str, control: httpx.Client, path: Path) -> None:
        self.url, self.control, self.path = url, control, path
        self.now = control.get("clock").json()["now"]
        self.store = TokenFile(path)
        self.sign_in().exchange(self.code())
        self.first = self.kept()
        control.post("statistics/reset")

    def code(self) -> str:
        """What an administrator's consent brings."""
        return str(self.control.post("code").json()["code"])

    def kept(self) -> TokenPair:
        pair = self.store.load()
        assert pair
        return pair

    def sign_in(
        self, transport: httpx.BaseTransport | None = None, store: TokenFile | None = None, url: str = "",
        integration: Integration = INTEGRATION,
    ) -> SignIn:  # fmt: skip
        return SignIn(
            url or self.url, integration, store or TokenFile(self.path), command=COMMAND, transport=transport,
            sleep=lambda _: None, clock=lambda: self.now,
        )  # fmt: skip

    def answers_to(self, token: str) -> int:
        return httpx.get(f"{self.url}/api/v4/account", headers={"Authorization": f"Bearer {token}"}).status_code

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
    assert org.kept().refresh_token != org.first.refresh_token


def test_a_token_that_was_revoked_early_is_renewed_at_the_first_refusal(org: Org) -> None:
    org.store.save(replace(org.first, access_token="ended-early"))
    target = KommoTarget(org.url, org.sign_in(), requests_per_second=10_000)

    target.describe()
    target.close()

    assert org.refreshes() == 1


def test_the_file_is_for_its_owner_only_and_shows_in_no_text(org: Org) -> None:
    org.sign_in().access_token(renew=False)

    assert org.path.stat().st_mode & 0o777 == 0o600
    assert org.first.access_token not in repr(org.kept())


KILLED_AT = """
import os, signal, sys
import httpx
from pathlib import Path
from migration_pipelines.connectors.kommo.sign_in import Integration, SignIn
from migration_pipelines.connectors.kommo.tokens import TokenFile

url, path, now, moment = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Wire(httpx.HTTPTransport):
    def handle_request(self, request):
        if moment == "before the request":
            die()
        return super().handle_request(request)

class Store(TokenFile):
    def save(self, pair):
        if moment == "after the answer":
            die()
        super().save(pair)
        die()

integration = Integration("twin-client", "twin-secret", "https://example.com/back")
SignIn(url, integration, Store(Path(path)), transport=Wire(), clock=lambda: float(now)).access_token(renew=False)
"""


def killed(org: Org, moment: str) -> None:
    """A process that renews the token, and is killed at a moment."""
    org.a_day_passes()
    command = [sys.executable, "-c", KILLED_AT, org.url, str(org.path), str(org.now), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize(("moment", "rotations_before"), [("before the request", 0), ("after the save", 1)])
def test_a_process_that_is_killed_before_the_rotation_or_after_it_was_kept_loses_nothing(
    org: Org, moment: str, rotations_before: int
) -> None:
    killed(org, moment)
    assert org.refreshes() == rotations_before

    token = org.sign_in().access_token(renew=False)

    assert org.refreshes() == 1
    assert org.answers_to(token) == 200


def test_a_process_that_is_killed_between_the_rotation_and_its_keeping_needs_another_consent_and_says_why(
    org: Org,
) -> None:
    """The old refresh token is spent, and nobody knows the new one. What was kept is not made worse by trying."""
    killed(org, "after the answer")

    for _ in range(2):
        with pytest.raises(
            PermanentFailure, match=r"a process that was killed.* consent anew: crm-migrate sign-in acme"
        ):
            org.sign_in().access_token(renew=False)
    assert org.kept() == org.first

    org.sign_in().exchange(org.code())
    assert org.answers_to(org.sign_in().access_token(renew=False)) == 200


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
    spent = org.kept()
    newer = org.sign_in().access_token(renew=False)
    kept = org.kept()

    class Late(TokenFile):
        """Shows the old pair once, as if the other's was written between our look and our request."""

        shown = [spent]  # noqa: RUF012

        def load(self) -> TokenPair:
            return self.shown.pop() if self.shown else super().load()

    assert org.sign_in(store=Late(org.path)).access_token(renew=False) == newer
    assert org.kept() == kept


@pytest.mark.parametrize("kind", ["cut_before", "503", "504"])
def test_a_refresh_that_was_not_applied_is_asked_about_and_repeated(org: Org, kind: str) -> None:
    org.a_day_passes()
    org.control.post("faults", json={"kind": kind, "endpoint": "POST /oauth2/access_token"})

    org.sign_in().access_token(renew=False)

    assert org.kept().refresh_token != org.first.refresh_token


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

    assert org.kept() == org.first


def test_revoked_access_says_who_has_to_consent(org: Org) -> None:
    org.control.post("revoke")
    target = KommoTarget(org.url, org.sign_in(), requests_per_second=10_000)

    with pytest.raises(PermanentFailure, match="consent anew"):
        target.describe()
    target.close()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"access_token": "a"}', "\x00"])
def test_a_file_without_a_pair_is_said_by_its_name(org: Org, content: str) -> None:
    org.path.write_text(content)

    with pytest.raises(InvalidInput, match=r"kommo\.json"):
        org.sign_in().access_token(renew=False)


def test_who_has_not_signed_in_yet_is_told_the_command(org: Org) -> None:
    org.path.unlink()

    with pytest.raises(InvalidInput, match=f"Nobody has signed in to Kommo at {org.url} yet. Sign in: {COMMAND}"):
        org.sign_in().access_token(renew=False)


def test_a_folder_that_keeps_nothing_stops_the_exchange_before_the_code_is_spent(org: Org, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = org.code()

    with pytest.raises(PermanentFailure, match="cannot be kept in"):
        org.sign_in(store=TokenFile(tmp_path / "file" / "kommo.json")).exchange(code)

    org.sign_in().exchange(code)


# The consent


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://acme.kommo.com", "https://www.kommo.com/oauth"),
        ("https://acme.amocrm.ru/", "https://www.amocrm.ru/oauth"),
        ("http://127.0.0.1:8802", "http://127.0.0.1:8802/oauth"),
    ],
)
def test_an_administrator_consents_at_the_vendors_own_page(tmp_path: Path, url: str, page: str) -> None:
    address = SignIn(url, INTEGRATION, TokenFile(tmp_path / "kommo.json")).consent_address("acme-sandbox")

    assert address == f"{page}?client_id=twin-client&state=acme-sandbox&mode=popup"


def test_the_address_that_the_browser_ends_on_is_taken_for_its_code(org: Org) -> None:
    ends_on = httpx.get(org.sign_in().consent_address("acme-sandbox")).headers["location"]
    assert ends_on.startswith("https://example.com/back?")

    org.sign_in().exchange(f" {ends_on}\n")

    assert org.kept() != org.first
    assert org.answers_to(org.kept().access_token) == 200


def test_a_code_works_once_and_the_tokens_that_are_kept_stay(org: Org) -> None:
    code = org.code()
    org.sign_in().exchange(code)
    before = org.kept()

    with pytest.raises(PermanentFailure, match=rf"does not take this code: .*revoked.* Get another one: {COMMAND}"):
        org.sign_in().exchange(code)

    assert org.kept() == before


def test_a_code_is_too_old_after_twenty_minutes(org: Org) -> None:
    code = org.code()
    org.control.post("clock", json={"advance": 20 * 60})

    with pytest.raises(PermanentFailure, match="20 minutes"):
        org.sign_in().exchange(code)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("error=access_denied&state=x", "did not consent"),
        ("state=x", "carries no code"),
        ("code=abc&referer=other.kommo.com", "consent is for the account other.kommo.com"),
    ],
)
def test_an_address_that_brings_no_consent_for_this_account_is_not_sent(org: Org, query: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        org.sign_in().exchange(f"https://example.com/back?{query}")

    assert org.control.get("statistics").json()["log"] == []


@pytest.mark.parametrize("kind", ["cut_after", "504", "truncated"])
def test_a_code_whose_answer_is_lost_is_not_sent_twice(org: Org, kind: str) -> None:
    org.control.post("faults", json={"kind": kind, "endpoint": "POST /oauth2/access_token"})

    with pytest.raises(PermanentFailure, match="the code may be spent"):
        org.sign_in().exchange(org.code())

    assert len(org.control.get("statistics").json()["log"]) == 1
    assert org.kept() == org.first


def test_a_code_that_was_refused_for_pace_may_be_tried_again(org: Org) -> None:
    code = org.code()
    org.control.post("faults", json={"kind": "429", "endpoint": "POST /oauth2/access_token"})

    with pytest.raises(TransientFailure):
        org.sign_in().exchange(code)

    org.sign_in().exchange(code)


# What a refused refresh may mean


@pytest.mark.parametrize(
    "wrong",
    [
        Integration("twin-client", "another-secret", "https://example.com/back"),
        Integration("twin-client", "twin-secret", "https://example.com/back/"),
    ],
    ids=["secret", "redirect address"],
)
def test_an_integration_that_is_named_wrongly_does_not_spend_the_token_and_is_not_taken_for_revoked(
    org: Org, wrong: Integration
) -> None:
    org.a_day_passes()

    with pytest.raises(PermanentFailure, match=r"still stands: .*Check the client id, the secret"):
        org.sign_in(integration=wrong).access_token(renew=False)

    assert org.answers_to(org.sign_in().access_token(renew=False)) == 200


class NobodyHere(Starlette):
    """A host that answers every request with one status."""

    def __init__(self, status: int) -> None:
        async def answer(request: Request) -> Response:
            del request
            return Response(status_code=status)

        super().__init__(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])

    def close(self) -> None: ...


@pytest.mark.parametrize("status", [401, 404])
def test_an_account_that_was_renamed_is_said_with_its_new_address_and_not_followed(org: Org, status: int) -> None:
    """The old address answers nothing any more; the host that the access token names knows the new one."""
    org.a_day_passes()
    says = rf"is now at https://{urlsplit(org.url).netloc}\. Put that into"
    with serve_in_thread(NobodyHere(status)) as old, pytest.raises(PermanentFailure, match=says):
        org.sign_in(url=old.url).access_token(renew=False)

    assert org.kept() == org.first
    assert org.refreshes() == 0
    assert org.answers_to(org.sign_in().access_token(renew=False)) == 200
