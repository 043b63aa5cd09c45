"""Where the demo plays: a home of its own, both twins as processes, the project's files to edit, the environment."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from migration_pipelines.demo import already, kommo, planted, salesforce_case
from migration_pipelines.demo.case import Case
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger, PartitionLedger

PROJECT = Path(__file__).resolve().parents[2] / "projects" / "demo"
PARTITION = "demo-twin"


@dataclass(frozen=True)
class Stage:
    home: Path
    environ: dict[str, str]

    @property
    def project(self) -> Path:
        return self.home / "projects" / "demo"

    def kommo(self, path: str) -> Any:
        """Ask the Kommo twin's own control endpoints."""
        answer = httpx.get(f"{self.environ['DEMO_KOMMO_URL']}/__twin__/{path}", timeout=120)
        return answer.raise_for_status().json()

    @contextmanager
    def ledger(self) -> Iterator[PartitionLedger]:
        """The demo's partition in its own database."""
        ledger = Ledger(EmbeddedServer(self.home).start())
        try:
            yield ledger.partition(PARTITION)
        finally:
            ledger.close()


def clear(home: Path) -> None:
    """Remove whatever an earlier demo left: its database, its twins' data, its copy of the project."""
    if home.exists():
        EmbeddedServer(home).erase()
        shutil.rmtree(home)


def set_up(home: Path, case: Case) -> None:
    """Write both sides and the manifest, and copy the project's files, unless that is done already."""
    if (home / "ready").exists():
        return
    shutil.rmtree(home / "seed", ignore_errors=True)
    (home / "seed").mkdir(parents=True)
    salesforce_case.write(case, home / "seed" / "salesforce")
    kommo.write_account(case.firm, home / "seed" / "kommo.json", already.records(case.typed))
    planted.write(case.manifest, home / "seed")
    shutil.copytree(PROJECT, home / "projects" / "demo", dirs_exist_ok=True)
    (home / "ready").touch()


@contextmanager
def running(home: Path) -> Iterator[Stage]:
    """Both twins on loopback ports of their own; their data outlives them in the demo's home."""
    client_secret, token = secrets.token_hex(16), secrets.token_hex(16)
    twins = [
        _twin(
            "salesforce",
            home,
            {"SALESFORCE_TWIN_CLIENT_SECRET": client_secret},
            "--client-id",
            "demo",
            *(part for name in salesforce_case.SWITCHES for part in ("--switch", f"{name}=true")),
        ),
        _twin("kommo", home, {"KOMMO_TWIN_TOKEN": token}),
    ]
    try:
        salesforce_url, kommo_url = (_url_of(twin) for twin in twins)
        environ = os.environ | {
            "MIGRATION_HOME": str(home),
            "MIGRATION_PROJECTS": str(home / "projects"),
            "DEMO_SALESFORCE_URL": salesforce_url,
            "DEMO_SALESFORCE_CLIENT_ID": "demo",
            "DEMO_SALESFORCE_CLIENT_SECRET": client_secret,
            "DEMO_KOMMO_URL": kommo_url,
            "DEMO_KOMMO_TOKEN": token,
        }
        yield Stage(home, environ)
    finally:
        for twin in twins:
            twin.terminate()
        for twin in twins:
            twin.wait()


def _twin(name: str, home: Path, secret: dict[str, str], *more: str) -> subprocess.Popen[str]:
    seed = home / "seed" / ("kommo.json" if name == "kommo" else name)
    command = [sys.executable, "-m", "migration_pipelines.twins", name, "--port", "0", "--seed", str(seed)]
    command += ["--data", str(home / f"{name}.sqlite"), *more]
    return subprocess.Popen(command, env=os.environ | secret, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own


def _url_of(twin: subprocess.Popen[str]) -> str:
    assert twin.stdout
    line = twin.stdout.readline()
    if " on http" not in line:
        raise RuntimeError(f"a twin did not start: {line or 'it said nothing'}")
    return line.split(" on ")[1].strip()
