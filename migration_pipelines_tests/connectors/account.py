"""A Kommo twin with our target in front of it, and hands to look into it and to make it go wrong."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import httpx

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline
from migration_pipelines.errors import OutcomeUnknown
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines.twins.kommo.oauth import Application

TOKEN = "planted-kommo-token"
PIPELINE = WantedPipeline("Moved", ("New", "Old"))
FIELDS = (
    WantedField("companies", "SEGMENT", "Segment", "select", ("Big", "Small")),
    WantedField("companies", "FOUNDED", "Founded", "date"),
    WantedField("contacts", "BORN", "Born", "date"),
    WantedField("contacts", "OPTED_OUT", "Opted out", "boolean"),
    WantedField("contacts", "HOBBIES", "Hobbies", "multiselect", ("Chess", "Go", "Tennis")),
    WantedField("leads", "AMOUNT", "Amount", "decimal"),
    WantedField("leads", "SIGNED", "Signed", "datetime"),
)


BODIES = {hashlib.sha256(body).hexdigest(): body for body in (b"abc", b"0123456789" * 10, bytes(range(256)) * 40)}
"""Files that are there to be loaded, by their digest, with 3, 100 and 10,240 bytes."""


def open_body(digest: str) -> BinaryIO:
    return io.BytesIO(BODIES[digest])


@dataclass
class Account:
    """The twin's control endpoints and a target that is provisioned. `slept` holds every pause that was asked for."""

    url: str
    twin: httpx.Client
    target: KommoTarget
    slept: list[float] = field(default_factory=list)

    def set_fault(self, kind: str, endpoint: str | None = None, *, ordinal: int = 1, times: int = 1) -> None:
        told = {"kind": kind, "endpoint": endpoint, "ordinal": ordinal, "times": times}
        answer = self.twin.post("faults", json=told)
        assert answer.is_success, answer.text

    def forget(self) -> None:
        self.twin.delete("faults")
        self.twin.post("statistics/reset")

    def requests(self, method: str = "") -> list[str]:
        """ "POST /api/v4/leads 200", in order."""
        return [
            f"{one['method']} {one['path']} {one['status']}"
            for one in self.twin.get("statistics").json()["log"]
            if one["method"].startswith(method)
        ]

    def person(self) -> httpx.Client:
        """A client of somebody else's, with the same rights."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"})

    @contextmanager
    def fresh_target(self, **told: Any) -> Iterator[KommoTarget]:
        """The target of another process, which knows nothing of what this one has learnt."""
        told = {"requests_per_second": 10_000, "quiet_seconds": 0, "bodies": open_body, **told}
        with closing(KommoTarget(self.url, TOKEN, **told)) as target:
            yield target

    @contextmanager
    def through(self, change: Callable[[bytes], bytes]) -> Iterator[KommoTarget]:
        """A fresh target whose requests are changed on their way."""

        class Changing(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                body = change(request.read())
                headers = {name: value for name, value in request.headers.items() if name != "content-length"}
                return super().handle_request(httpx.Request(request.method, request.url, headers=headers, content=body))

        with self.fresh_target(transport=Changing()) as target:
            yield target

    def records(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.twin.get("snapshot").json()[kind] if not one["is_deleted"]]

    def keys(self, kind: str) -> list[str]:
        """The migration key of every record there; a double shows twice."""
        return sorted(one["custom_fields"]["SF_ID"][0]["value"] for one in self.records(kind))

    def write(self, kind: str, *records: Record) -> Sequence[WriteResult | None]:
        """One batch, as the load stage sends it: a lost answer is settled."""
        batch = Batch(kind, records, self.target.high_water(kind))
        try:
            return self.target.write(batch, on_remote_job=lambda _job: None)
        except OutcomeUnknown:
            return self.target.settle(batch)

    def load(self, kind: str, *records: Record) -> dict[str, WriteResult]:
        """All of them, as the load stage does: what is neither taken nor refused is sent again, in smaller batches
        where nobody was. Returns what became of each, by its key."""
        done: dict[str, WriteResult] = {}
        size = None
        for _ in range(100):
            pending = [one for one in records if one.key not in done]
            chunk = pending[: min(self.target.batch_size(kind), size or 250)]
            if not chunk:
                return done
            results = self.write(kind, *chunk)
            settled = {one.key: result for one, result in zip(chunk, results, strict=True) if result}
            size = None if settled else max(1, len(chunk) // 2)
            done |= settled
        raise AssertionError(f"{len(pending)} of {len(records)} neither taken nor refused")

    def make(self, kind: str, key: str, values: Mapping[str, Any] | None = None, **references: Sequence[str]) -> str:
        """Create one record. Returns its id."""
        (result,) = self.write(kind, Record(key, values or {"name": key}, references))
        assert result
        assert result.result == "created", result
        return str(result.target_id)


@contextmanager
def open_account(
    seed: Mapping[str, Any] | None = None,
    *,
    zone: str = "Europe/Istanbul",
    pace: float = 10_000,
    application: Application | None = None,
    **switches: Any,
) -> Iterator[Account]:
    switches = {"requests_per_second": 0, **switches}
    told = {"account": {"timezone": zone}, **(seed or {})}
    app = build_kommo_twin(seed=told, switches=switches, tokens=(TOKEN,), application=application)
    with serve_in_thread(app) as twin, httpx.Client(base_url=f"{twin.url}/__twin__/") as control:
        slept: list[float] = []
        target = KommoTarget(
            twin.url, TOKEN, requests_per_second=pace, quiet_seconds=7, sleep=slept.append, bodies=open_body
        )
        target.provision(Wanted((*target.migration_fields().fields, *FIELDS), (PIPELINE,)))
        account = Account(twin.url, control, target, slept)
        account.forget()
        slept.clear()
        yield account
        target.close()
