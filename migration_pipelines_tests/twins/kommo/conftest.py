"""A Kommo twin over real HTTP: one for all tests with the default switches, one each where a test turns a switch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin


class KommoClient(httpx.Client):
    """httpx with shorthands for what tests do most. Paths are under /api/v4/ unless they begin with a slash."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers={"Authorization": "Bearer twin-token"})

    def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        return super().request(method, url if str(url).startswith(("/", "http")) else f"/api/v4/{url}", **options)

    def make(self, kind: str, *items: dict[str, Any]) -> Any:
        """Create, and give back the id, or the ids of several."""
        answer = self.post(kind, json=list(items or ({},)))
        assert answer.is_success, answer.text
        embedded = answer.json()["_embedded"]
        ids = [item["id"] for item in embedded[kind.rsplit("/", 1)[-1]]]
        return ids if len(ids) > 1 else ids[0]

    def read(self, path: str) -> dict[str, Any]:
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        body: dict[str, Any] = answer.json()
        return body

    def ids(self, path: str) -> list[int]:
        answer = self.get(path)
        if answer.status_code == 204:
            return []
        (rows,) = answer.json()["_embedded"].values()
        return [row["id"] for row in rows]

    def snapshot(self) -> dict[str, Any]:
        return self.read("/__twin__/snapshot")

    def clock(self, **move: Any) -> None:
        assert self.post("/__twin__/clock", json=move).is_success


def complaints(answer: httpx.Response) -> list[tuple[str, str]]:
    """Code and path of every complaint in a 400."""
    assert answer.status_code == 400, (answer.status_code, answer.text)
    return [(one["code"], one["path"]) for item in answer.json()["validation-errors"] for one in item["errors"]]


@pytest.fixture(scope="session")
def standing_twin() -> Iterator[KommoClient]:
    with (
        serve_in_thread(build_kommo_twin(switches={"requests_per_second": 0})) as twin,
        KommoClient(twin.url) as client,
    ):
        yield client


@pytest.fixture
def kommo(standing_twin: KommoClient) -> KommoClient:
    standing_twin.post("/__twin__/reset")
    return standing_twin


@pytest.fixture
def kommo_with() -> Iterator[Callable[..., KommoClient]]:
    """A twin of the test's own, with switches and a seed."""
    with ExitStack() as open_twins:

        def build(seed: dict[str, Any] | None = None, database: str = ":memory:", **switches: Any) -> KommoClient:
            app = build_kommo_twin(seed=seed, switches={"requests_per_second": 0, **switches}, database=database)
            url = open_twins.enter_context(serve_in_thread(app)).url
            return open_twins.enter_context(KommoClient(url))

        yield build


@pytest.fixture
def complaints_of() -> Callable[[httpx.Response], list[tuple[str, str]]]:
    return complaints
