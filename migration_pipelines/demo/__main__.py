"""`python -m migration_pipelines.demo run`: the case study, as a person would go through it; `dev`: the Dagster UI on it.

Every step is the real command with its real exit code. A refusal that does not come ends the demo as a failure.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from migration_pipelines.demo import case as study
from migration_pipelines.demo import kommo_case, proof, stage
from migration_pipelines.demo.case import Case
from migration_pipelines.demo.final_report import FinalReport
from migration_pipelines.demo.ids import opportunity_id
from migration_pipelines.demo.stage import PARTITION, Stage

HOME = Path(os.environ.get("MIGRATION_DEMO_HOME") or Path.cwd() / ".migration" / "demo")
LEAST_VERIFIED = 97.0
"""Percent of contacts, of deals and of activities."""
MOST_REPEATED = 5.0
"""Requests of a second apply, in percent of the first one's."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m migration_pipelines.demo", description=__doc__)
    parser.add_argument("what", choices=("run", "dev"))
    parser.add_argument("--small", action="store_true", help="the same in some six hundred records")
    parser.add_argument("--port", default="3000", help="of the Dagster UI")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, as by Ctrl-C
    if options.what == "run":
        sys.exit(run(study.SMALL if options.small else study.FULL))
    sys.exit(dev(options.port))


def run(sizes: study.Sizes) -> int:
    """The whole case study from nothing. Returns 0 where everything is as the generator's own model says."""
    walk = Walk()
    with walk.timed("generate"):
        case = study.build(sizes)
        stage.clear(HOME)
        stage.set_up(HOME, case)
    with stage.running(HOME) as scene:
        _walk_through(walk, scene, case)
        say("The account, held against the generator's own model, field by field, and the report against its manifest")
        with walk.timed("prove"):
            expected = kommo_case.expected(case)
            snapshot = scene.kommo("snapshot")
            found = proof.differences(expected, snapshot)
            found += proof.archive_differences(expected["archives"], HOME / "archive" / PARTITION)
            with scene.ledger() as ledger:
                final = FinalReport.read(ledger, HOME / "review" / PARTITION)
            found += final.differences(case.manifest, proof.responsible(snapshot))
    found += [
        f"{name}: {share.percent:.1f} % verified, less than {LEAST_VERIFIED} %"
        for name, share in final.shares.items()
        if sizes is study.FULL and share.percent < LEAST_VERIFIED
    ]
    tell("\n".join(found[:20]) or "No difference: every record, every field and every planted case is what it must be.")
    planted = sum(len(one.source_ids) for one in case.manifest)
    tell(f"Planted: {len(case.manifest)} cases, {planted:,} records. The manifest: {HOME / 'seed' / 'manifest.csv'}")
    for name, share in final.shares.items():
        tell(f"{name}: {share.verified:,} of {share.counted:,} verified, {share.percent:.2f} %")
    walk.sum_up()
    tell(f"The report: {HOME / 'review' / PARTITION / 'report.html'}. To look at it in the Dagster UI: make dev")
    return 1 if found else 0


def _walk_through(walk: Walk, scene: Stage, case: Case) -> None:
    say(
        "A Salesforce org, and a Kommo account with a few customers that people typed, both stand-ins. First: what are they?"
    )
    walk.command(scene, 0, "discover", PARTITION, quiet=True)
    say("One decision is still open, so there is no plan. What each decision is about, the org itself has been asked")
    walk.command(scene, 3, "plan", PARTITION)
    edit(scene.project / "project.yaml", r"unmatched_owner:.*", "unmatched_owner: stop")
    say("Maria has left, and somebody must take over what she owns")
    edit(
        scene.project / "owners.yaml",
        r"owners:\n",
        "owners:\n  maria.silva@harbor.example: olivia.stone@harbor.example\n",
    )
    say("Every record is read, once")
    walk.command(scene, 0, "extract", PARTITION)
    say(
        "Now there is a plan: what will be made, held, listed and lost. It cannot run, since nobody has confirmed the mapping"
    )
    walk.command(scene, 3, "plan", PARTITION)
    walk.command(scene, 3, "apply", PARTITION)
    walk.command(scene, 0, "confirm", PARTITION, "--by", "Rita RevOps", quiet=True)
    say("No bot of the account may write to customers: that only a person can see")
    walk.command(scene, 0, "confirm", PARTITION, "--checklist", "--by", "Ada Admin")
    say("Everything is decided. Apply approves the plan, makes the fields and the pipelines, loads, and reads back")
    walk.command(scene, 0, "apply", PARTITION, "--by", "Rita RevOps")
    first = scene.kommo("statistics")["by_endpoint"]
    say("Once more: a second apply finds nothing to do")
    walk.command(scene, 0, "apply", PARTITION, quiet=True)
    _hold_against(first, scene.kommo("statistics")["by_endpoint"])
    say("One record's whole story, what a roll back would undo, and the report")
    walk.command(
        scene, 0, "explain", PARTITION, next(opportunity_id(deal) for deal in case.firm.deals if not deal.is_held)
    )
    walk.command(scene, 0, "rollback", PARTITION)
    walk.command(scene, 0, "report", PARTITION)


def _hold_against(first: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Ends the demo where the second apply wrote, or asked much."""
    again = {name: count - first.get(name, 0) for name, count in after.items()}
    written = sum(count for name, count in again.items() if not name.startswith("GET "))
    sent, before = sum(again.values()), sum(first.values())
    percent = 100 * sent / before
    tell(
        f"Requests to Kommo: {before:,} until the first apply had ended, {sent:,} by the second ({percent:.1f} %); "
        f"{written} of these wrote."
    )
    if written:
        raise SystemExit("The second apply wrote to the account.")
    if before > 1_000 and percent > MOST_REPEATED:
        raise SystemExit(f"The second apply may send at most {MOST_REPEATED} % as many requests as the first.")


def dev(port: str) -> int:
    """The Dagster UI on loopback, with twins and database. Continues where the last demo stood."""
    stage.set_up(HOME, study.build(study.FULL))
    with stage.running(HOME) as scene:
        tell(f"Dagster: http://127.0.0.1:{port}   Stop with Ctrl-C.")
        launcher = [sys.executable, "-m", "migration_pipelines.launcher", "--"]
        dagster = [str(Path(sys.executable).with_name("dagster")), "dev", "-h", "127.0.0.1", "-p", port]
        server = subprocess.Popen([*launcher, *dagster], env=scene.environ)  # noqa: S603  our own command
        try:
            return server.wait()
        except KeyboardInterrupt:
            return server.wait()
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait()


class Walk:
    """Runs the steps one after another, and keeps how long each took."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._seconds: list[tuple[str, float]] = []

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._seconds.append((name, time.monotonic() - started))

    def command(self, scene: Stage, expected: int, *arguments: str, quiet: bool = False) -> None:
        """Run crm-migrate; anything but the expected exit code ends the demo."""
        tell(f"\n$ crm-migrate {' '.join(arguments)}")
        with self.timed(arguments[0]):
            done = subprocess.run(  # noqa: S603  our own command
                [sys.executable, "-m", "migration_pipelines.cli", *arguments],
                env=scene.environ, stdout=subprocess.DEVNULL if quiet else None, check=False,
            )  # fmt: skip
        tell(f"[exit {done.returncode}, {self._seconds[-1][1]:.0f} s]")
        if done.returncode != expected:
            raise SystemExit(f"The demo expected exit {expected}.")

    def sum_up(self) -> None:
        steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in self._seconds)
        tell(f"Done in {time.monotonic() - self._started:.0f} seconds: {steps}.")


def edit(path: Path, pattern: str, text: str) -> None:
    """What a person does in an editor."""
    content, count = re.subn(pattern, text, path.read_text("utf-8"), count=1)
    if count != 1:
        raise SystemExit(f"{path} is not what the demo knows.")
    path.write_text(content, "utf-8")
    tell(f"\n(edit {path.name}: {text.splitlines()[-1].strip()})")


def say(title: str) -> None:
    tell(f"\n== {title}" + ("" if title.endswith("?") else "."))


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
