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
from pathlib import Path

from migration_pipelines.demo import proof, stage
from migration_pipelines.demo.stage import PARTITION, Stage

HOME = Path(os.environ.get("MIGRATION_DEMO_HOME") or Path.cwd() / ".migration" / "demo")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m migration_pipelines.demo", description=__doc__)
    parser.add_argument("what", choices=("run", "dev"))
    parser.add_argument("--port", default="3000", help="of the Dagster UI")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, as by Ctrl-C
    if options.what == "run":
        sys.exit(run())
    sys.exit(dev(options.port))


def run() -> int:
    """The whole case study from nothing. Returns 0 where everything is as the generator's own model says."""
    started = time.monotonic()
    stage.clear(HOME)
    stage.set_up(HOME)
    with stage.running(HOME) as scene:
        _walk_through(scene)
        say("The account, held against the generator's own model, field by field")
        found = proof.differences(stage.expectation(), scene.kommo("snapshot"))
        tell("\n".join(found[:20]) or "No difference: every record and every field is what it must be.")
    tell(f"\nDone in {time.monotonic() - started:.0f} seconds. To look at it in the Dagster UI: make dev")
    return 1 if found else 0


def _walk_through(scene: Stage) -> None:
    say("A Salesforce org and an empty Kommo account, both local stand-ins. First: what are they?")
    command(scene, 0, "discover", PARTITION)
    command(scene, 0, "extract", PARTITION)
    say("One decision is still open, so there is no plan")
    command(scene, 3, "plan", PARTITION)
    edit(scene.project / "project.yaml", r"unmatched_owner:.*", "unmatched_owner: stop")
    say(
        "Now there is one: what will be made, held, listed and lost. It cannot run, since nobody has confirmed the mapping"
    )
    command(scene, 3, "plan", PARTITION)
    command(scene, 3, "apply", PARTITION)
    command(scene, 0, "confirm", PARTITION, "--by", "Rita RevOps", quiet=True)
    say("Nobody has said yet that no bot of the account would write to customers")
    command(scene, 3, "apply", PARTITION)
    command(scene, 0, "confirm", PARTITION, "--checklist", "--by", "Ada Admin")
    say("Maria has left, and somebody must take over what she owns")
    command(scene, 3, "apply", PARTITION)
    edit(
        scene.project / "owners.yaml", r"owners: \{\}",
        "owners:\n  maria.silva@harbor.example: olivia.stone@harbor.example  # left in 2025",
    )  # fmt: skip
    command(scene, 3, "plan", PARTITION, quiet=True)
    command(scene, 0, "confirm", PARTITION, "--by", "Rita RevOps")
    say("Everything is decided. Apply approves the plan, makes the fields and the pipeline, loads, and reads back")
    command(scene, 0, "apply", PARTITION, "--by", "Rita RevOps")
    before = scene.kommo("statistics")["by_endpoint"]
    say("Once more: a second apply finds nothing to do")
    command(scene, 0, "apply", PARTITION, quiet=True)
    after = scene.kommo("statistics")["by_endpoint"]
    written = sum(after[name] - before.get(name, 0) for name in after if not name.startswith("GET "))
    tell(f"Requests that wrote something: {written}")
    if written:
        raise SystemExit("The second apply wrote to the account.")
    say("One record's whole story, and what a roll back would undo")
    command(scene, 0, "explain", PARTITION, next(iter(stage.expectation()["leads"])))
    command(scene, 0, "rollback", PARTITION)


def dev(port: str) -> int:
    """The Dagster UI on loopback, with twins and database. Continues where the last demo stood."""
    stage.set_up(HOME)
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


def command(scene: Stage, expected: int, *arguments: str, quiet: bool = False) -> None:
    """Run crm-migrate; anything but the expected exit code ends the demo."""
    tell(f"\n$ crm-migrate {' '.join(arguments)}")
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "migration_pipelines.cli", *arguments],
        env=scene.environ, stdout=subprocess.DEVNULL if quiet else None, check=False,
    )  # fmt: skip
    tell(f"[exit {done.returncode}]")
    if done.returncode != expected:
        raise SystemExit(f"The demo expected exit {expected}.")


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
