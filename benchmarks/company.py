"""A generated company between two twins and a database of its own: what the benchmarks of Kommo move."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import Server, kommo_twin, salesforce_twin
from migration_pipelines import stages
from migration_pipelines.demo import kommo, model, salesforce
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.settings import Settings

SMALL_PROJECT = Path(__file__).resolve().parents[1] / "migration_pipelines_tests" / "data" / "small_project"
TOKEN = "bench"
KEY = "demo-twin"
WHO = "a benchmark"
MOVED = ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole", "OpportunityStage")
MAPPED = ("users", "accounts", "contacts", "opportunities")


@dataclass(frozen=True)
class Move:
    """Everything that a migration stands between."""

    settings: Settings
    ledger: Ledger
    database_url: str
    source: Server
    target: Server

    def open(self) -> stages.OpenPartition:
        environ = {
            "SOURCE_URL": self.source.url, "SOURCE_TOKEN": TOKEN, "TARGET_URL": self.target.url, "TARGET_TOKEN": TOKEN,
        }  # fmt: skip
        return stages.OpenPartition(self.settings, self.ledger, KEY, environ)


@contextmanager
def moving(
    firm: model.Firm, *, per_second: float, quiet_seconds: float, switches: Mapping[str, object]
) -> Iterator[Move]:
    """Servers for the move of a firm's cards; all of it is gone afterwards.

    Args:
        per_second: requests a second that the project allows.
        quiet_seconds: how long the target must have been quiet before it is asked what became of a lost request.
        switches: of the Kommo twin.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "seed").mkdir()
        salesforce.write(firm, folder / "seed")
        _keep(folder / "seed" / "rows", MOVED)
        kommo.write_account(firm, folder / "kommo.json")
        settings = Settings(
            home=folder / "home", projects=_project(folder / "projects", per_second, quiet_seconds), database_url=None,
            files_url=str(folder / "files"),
        )  # fmt: skip
        database = EmbeddedServer(folder / "home")
        try:
            with (
                salesforce_twin(folder / "seed", token=TOKEN) as source,
                kommo_twin(folder / "kommo.json", token=TOKEN, switches=switches) as target,
            ):
                ledger = Ledger(url := database.start())
                yield Move(settings, ledger, url, source, target)
                ledger.close()
        finally:
            database.erase()


def require_whole(partition: stages.OpenPartition) -> None:
    """Ends the benchmark where a claim about an object does not hold."""
    objects = stages.status(partition)["objects"]
    if broken := [name for name, one in objects.items() if not all(claim["holds"] for claim in one["claims"].values())]:
        raise SystemExit(f"the load is not as it was meant: {', '.join(broken)}")


def _project(projects: Path, per_second: float, quiet_seconds: float) -> Path:
    """The small firm's project as far as it concerns cards, with its decisions taken. Returns the folder of all projects."""
    shutil.copytree(SMALL_PROJECT, projects / "demo")
    _keep(projects / "demo" / "mapping", MAPPED)
    file = projects / "demo" / "project.yaml"
    before, _, rest = file.read_text("utf-8").partition("environments:")
    connections = f"""environments:
  twin:
    source: {{url: SOURCE_URL, token: SOURCE_TOKEN}}
    target: {{url: TARGET_URL, token: TARGET_TOKEN, requests_per_second: {per_second}, quiet_seconds: {quiet_seconds}}}

decisions:"""
    decided = rest.partition("decisions:")[2].replace("unmatched_owner:", "unmatched_owner: stop", 1)
    file.write_text(before + connections + decided.replace("kommo_plan: base", "kommo_plan: enterprise"), "utf-8")
    owners = {"owners": {"maria.silva@harbor.example": "olivia.stone@harbor.example"}}
    (projects / "demo" / "owners.yaml").write_text(json.dumps(owners), "utf-8")
    return projects


def _keep(folder: Path, names: Sequence[str]) -> None:
    """Remove every other file: of what hangs on cards nothing is moved here."""
    for one in folder.iterdir():
        if one.stem not in names:
            one.unlink()
