"""A small world: 30-odd records in a Salesforce twin, an empty Kommo twin, a project between them, stages in process."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.demo import kommo, model, salesforce
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.settings import Settings
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.kommo.app import build_kommo_twin

SMALL_PROJECT = Path(__file__).parent / "data" / "small_project"
TOKEN = "planted-kommo-token"
_numbers = itertools.count(1)


def firm() -> model.Firm:
    return model.build(companies=5, people=10, deals=5)


def small_firm(folder: Path) -> Path:
    """The seed folder of a Salesforce twin."""
    seed = folder / "seed"
    seed.mkdir()
    salesforce.write(firm(), seed)
    return seed


def write_project(projects: Path) -> Path:
    """The small firm's project, with its decision taken and its owner named. Returns the folder of all projects."""
    shutil.copytree(SMALL_PROJECT, projects / "demo")
    decide(projects / "demo" / "project.yaml")
    (projects / "demo" / "owners.yaml").write_text(
        "owners: {maria.silva@harbor.example: olivia.stone@harbor.example}\n", "utf-8"
    )
    return projects


def decide(project: Path) -> None:
    """Take the decision that a demo's project leaves open, and let it run at full pace."""
    text = project.read_text("utf-8").replace("  unmatched_owner:", "  unmatched_owner: stop", 1)
    text = text.replace("requests_per_second: 7", "requests_per_second: 10000")
    project.write_text(text.replace("quiet_seconds: 1", "quiet_seconds: 0.05"), "utf-8")


def _of_its_own(projects: Path, environment: str | None = None) -> str:
    """Give the project's partition a key that no other has: by its environment, or by its project where that is given."""
    number, name = next(_numbers), "demo"
    if environment:
        name = f"demo{number}"
        (projects / "demo").rename(projects / name)
    environment = environment or f"twin{number}"
    project = projects / name / "project.yaml"
    text = project.read_text("utf-8").replace("\n  twin:", f"\n  {environment}:")
    project.write_text(text.replace("name: demo", f"name: {name}"), "utf-8")
    return f"{name}-{environment}"


@dataclass
class World:
    """One partition of a worker's ledger between two twins. Each world has a Kommo account and a partition of its own."""

    ledger: Ledger
    projects: Path
    settings: Settings
    environ: dict[str, str]
    kommo: httpx.Client
    key: str
    lines: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(
        cls,
        ledger: Ledger,
        source_url: str,
        projects: Path,
        folder: Path,
        *,
        switches: Mapping[str, Any] | None = None,
        environment: str | None = None,
        account: Path | None = None,
    ) -> Iterator[World]:
        """A world whose partition no other has: by its environment, or by its project where the environment is given.

        Args:
            switches: of the Kommo twin; its pace is not limited unless they say so.
            account: the seed of the Kommo account; the small firm's users in an empty one, unless told.
        """
        key = _of_its_own(projects, environment)
        seed = account or folder / "kommo.json"
        if account is None:
            kommo.write_account(firm(), seed)
        app = build_kommo_twin(
            seed=json.loads(seed.read_text("utf-8")),
            switches={"requests_per_second": 0, **(switches or {})},
            tokens=(TOKEN,),
        )
        with serve_in_thread(app) as twin, httpx.Client(base_url=f"{twin.url}/__twin__/") as client:
            yield cls.between(ledger, source_url, twin.url, client, projects, folder, key)

    @classmethod
    def between(
        cls, ledger: Ledger, source_url: str, target_url: str, control: httpx.Client, projects: Path, folder: Path,
        key: str | None = None,
    ) -> World:  # fmt: skip
        """A world between two twins that run already."""
        environ = {
            "DEMO_SALESFORCE_URL": source_url,
            "DEMO_SALESFORCE_CLIENT_ID": "demo",
            "DEMO_SALESFORCE_CLIENT_SECRET": "planted-client-secret",
            "DEMO_KOMMO_URL": target_url,
            "DEMO_KOMMO_TOKEN": TOKEN,
        }
        settings = Settings(home=folder / "home", projects=projects, database_url=None, files_url=str(folder / "files"))
        return cls(ledger, projects, settings, environ, control, key or _of_its_own(projects))

    @property
    def folder(self) -> Path:
        """The project's own folder."""
        return self.projects / self.key.partition("-")[0]

    @contextmanager
    def partition(self) -> Iterator[stages.OpenPartition]:
        with stages.OpenPartition(self.settings, self.ledger, self.key, self.environ) as partition:
            yield partition

    def prepare(self) -> None:
        """Everything before the first write: discover, extract, plan, confirm."""
        with self.partition() as partition:
            stages.discover(partition)
            for name in partition.extracted_objects:
                stages.extract(partition, name)
            stages.confirm_rows(partition, who="a test")
            stages.vouch(partition, who="a test")
            stages.plan(partition)

    def apply(self) -> None:
        """Approve, archive, provision, load and verify, as one run."""
        with self.partition() as partition:
            stages.approve_plan(partition, who="a test")
            stages.archive(partition)
            stages.provision(partition)
            for name in NAMES:
                stages.load(partition, name, self.lines.append)

    def plan(self) -> str:
        """The current plan's fingerprint, which covers what becomes of every record."""
        with self.partition() as partition:
            plan = partition.ledger.plans.current()
        assert plan
        return str(plan["fingerprint"])

    def broken_claims(self) -> dict[str, str]:
        """Every claim that does not hold now: "contacts what_was_loaded_is_there" -> its sentence."""
        with self.partition() as partition:
            found = stages.status(partition)
        return {
            f"{name} {claim}": one["says"]
            for name, crm_object in found["objects"].items()
            for claim, one in crm_object["claims"].items()
            if not one["holds"]
        }

    def snapshot(self) -> dict[str, Any]:
        return dict(self.kommo.get("snapshot").json())

    def set_fault(
        self, kind: str, *, endpoint: str | None = None, ordinal: int = 1, times: int = 1, seconds: float = 0
    ) -> None:
        fault = {"kind": kind, "endpoint": endpoint, "ordinal": ordinal, "times": times, "seconds": seconds}
        answer = self.kommo.post("faults", json=fault)
        assert answer.is_success, answer.text

    def requests(self) -> list[dict[str, Any]]:
        """Every request since the last reset: ordinal, method, path, status."""
        return list(self.kommo.get("statistics").json()["log"])

    def forget_requests(self) -> None:
        self.kommo.post("statistics/reset")


def end_state(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What a person sees in the account, without ids and stamps that differ from run to run.

    Records are named by their Salesforce id; a second one of the same id is kept apart, so that a double shows. Tasks,
    notes and files bear it in their text.
    """
    pipelines = {one["id"]: one["name"] for one in snapshot["pipelines"]}
    stages_ = {status["id"]: status["name"] for one in snapshot["pipelines"] for status in one["statuses"]}
    names: dict[tuple[str, int], str] = {}
    seen: dict[str, int] = {}
    for kind in ("companies", "contacts", "leads"):
        for record in snapshot[kind]:
            key = record["custom_fields"].get("SF_ID", [{"value": f"{kind} without SF_ID"}])[0]["value"]
            seen[key] = seen.get(key, 0) + 1
            names[kind, record["id"]] = key if seen[key] == 1 else f"{key} again {seen[key]}"
    state: dict[str, Any] = {
        "pipelines": sorted((one["name"], *(s["name"] for s in one["statuses"])) for one in snapshot["pipelines"]),
        "fields": {
            kind: sorted(((one["code"] or one["name"]), one["type"]) for one in fields)
            for kind, fields in snapshot["custom_fields"].items()
        },
        "links": sorted(
            (names[one["entity"], one["id"]], names[one["to_entity"], one["to_id"]], one["is_main"])
            for one in snapshot["links"]
        ),
    }
    for kind in ("companies", "contacts", "leads"):
        state[kind] = {names[kind, record["id"]]: _plain(record, pipelines, stages_) for record in snapshot[kind]}
    for kind in ("tasks", "notes"):
        state[kind] = sorted(
            (
                names[one["entity_type"], one["entity_id"]],
                json.dumps(_plain(one | {"entity_id": None}, {}, {}), sort_keys=True),
            )
            for one in snapshot[kind]
        )
    state["files"] = sorted(
        (one["name"], one["versions"][-1]["size"], bool(one["deleted_at"])) for one in snapshot["files"]
    )
    files = {one["id"]: one["name"] for one in snapshot["files"]}
    state["attached"] = sorted(
        (names[one["entity"], one["record_id"]], files[one["file_uuid"]]) for one in snapshot["attached"]
    )
    return state


# Ids and stamps that differ from run to run, and what follows from a card's tasks, which are compared themselves.
_OF_THE_RUN = ("id", "updated_at", "updated_by", "account_id", "closest_task_at")


def _plain(record: dict[str, Any], pipelines: dict[int, str], stages_: dict[int, str]) -> dict[str, Any]:
    plain = {name: value for name, value in record.items() if name not in _OF_THE_RUN}
    if "pipeline_id" in plain:
        plain["pipeline"] = pipelines[plain.pop("pipeline_id")]
        plain["stage"] = stages_[plain.pop("status_id")]
    if "custom_fields" in plain:
        plain["custom_fields"] = {
            code: [(one["value"], one.get("enum_code")) for one in values]
            for code, values in plain["custom_fields"].items()
        }
    return plain
