"""crm-migrate: parse, run a job or ask the ledger, print.

Exit codes: 0 done, 1 failed, 2 usage or invalid input, 3 a gate is closed.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from migration_pipelines import stages
from migration_pipelines.core.crm_objects import ARCHIVE, NAMES
from migration_pipelines.errors import GateClosed, InvalidInput, MappingError, MigrationError, refused_by_machine
from migration_pipelines.launcher import prepare_environment
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.project import load_projects
from migration_pipelines.reports import text
from migration_pipelines.reports.outlook import decisions_text
from migration_pipelines.reports.verdict import summary_text
from migration_pipelines.reports.ways import ways_text
from migration_pipelines.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Moves a company from one CRM to another: plans before it writes, reads back what it wrote, can be rolled back.",
)  # fmt: skip

Key = Annotated[str, typer.Argument(metavar="PARTITION", help="project and environment, such as acme-sandbox")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of text")]
By = Annotated[str, typer.Option("--by", help="who gives their word; the name goes into the ledger")]


WHAT_TO_DO = (
    "Move each suggestion below undecided: into fields:, or the field with its reason into lost:, and take it out of "
    "undecided:. After a row from: X.Name extract again."
)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


ME = _me()


def main() -> None:
    """The console script: runs a verb, and says in a sentence what went wrong."""
    try:
        app()
    except (MigrationError, OSError) as told:
        error = refused_by_machine(told) if isinstance(told, OSError) else told
        sys.stderr.write(f"{error}\n")
        sys.exit(3 if isinstance(error, GateClosed) else 2 if isinstance(error, InvalidInput | MappingError) else 1)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="small letters, digits, underscores")],
    source: Annotated[str, typer.Option(help="the CRM that records come from")] = "salesforce",
    target: Annotated[str, typer.Option(help="the CRM that they go to")] = "kommo",
    as_json: Json = False,
) -> None:
    """Make a migration project's folder from the shipped defaults."""
    folder = stages.new(load_settings(os.environ).projects, name, source, target)
    _print(as_json, {"folder": str(folder)}, f"Made {folder}. Take the decisions in project.yaml, then discover.")


@app.command("sign-in")
def sign_in(
    key: Key,
    code: Annotated[
        str | None, typer.Option("--code", help="the code of the consent, or the address that the browser ended on")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign in to the target by OAuth: without --code it says where an administrator consents."""
    settings = load_settings(os.environ)
    if code is None:
        address = stages.consent_address(settings, key, os.environ)
        steps = (
            f"Open this address as an administrator of the account, and consent:\n\n  {address}\n\n"
            "The browser then goes to the integration's redirect address, whatever stands there. Copy the whole address from\n"
            f"its address bar, and within 20 minutes run:\n\n  crm-migrate sign-in {key} --code 'ADDRESS'"
        )
        _print(as_json, {"consent": address}, steps)
        return
    stages.sign_in(settings, key, code, os.environ)
    kept = settings.tokens(key)
    _print(as_json, {"tokens": str(kept)}, f"Signed in. The tokens are in {kept}; they are renewed as they end.")


@app.command()
def discover(key: Key, as_json: Json = False) -> None:
    """Read what both orgs are. Writes nothing to either."""
    run = _run("migrate", key, ["discovery"])
    with _partition(key) as partition:
        source, target = partition.schema("source"), partition.schema("target")
    found = {"run": run, "source": source.model_dump(mode="json"), "target": target.model_dump(mode="json")}
    _print(as_json, found, text.discovery_text(source, target))


@app.command()
def extract(key: Key, as_json: Json = False) -> None:
    """Copy every source object that is mapped or archived into the ledger."""
    run = _run("migrate", key, ["source"])
    with _partition(key) as partition:
        found = {name: partition.ledger.records.last_extraction(name) for name in partition.extracted_objects}
    counts = {
        name: {"extracted": one["extracted"], "source_count": one["source_count"]} for name, one in found.items() if one
    }
    lines = [
        f"{name}: {one['extracted']} extracted, the source counts {one['source_count']}" for name, one in counts.items()
    ]
    _print(as_json, {"run": run, "objects": counts}, "\n".join(lines))


@app.command("map")
def map_(key: Key, as_json: Json = False) -> None:
    """Add to the mapping files what nobody has disposed of yet, as undecided, and say which ways open objects have."""
    with _partition(key) as partition:
        added, open_ = stages.propose(partition), stages.open_objects(partition)
        folder = partition.project.folder / "mapping"
    lines = [*added, f"Written into {folder}. {WHAT_TO_DO}"] if added else ["Nothing to add to the mapping files."]
    if open_:
        lines += ["", ways_text(open_), "", f"Then: crm-migrate discover {key}, and extract."]
    _print(as_json, {"added": added, "open_objects": [asdict(one) for one in open_]}, "\n".join(lines))


@app.command()
def confirm(
    key: Key,
    crm_object: Annotated[str | None, typer.Option("--object", help="only the rows of this CRM object")] = None,
    plan_: Annotated[
        bool, typer.Option("--plan", help="approve the current plan, so that the Dagster UI may load it")
    ] = False,
    checklist: Annotated[
        bool, typer.Option("--checklist", help="say that what only a person can see to in the target is seen to")
    ] = False,
    pilot: Annotated[
        bool, typer.Option("--pilot", help="say that the pilot in production was looked at and is as it should be")
    ] = False,
    by: By = ME,
    as_json: Json = False,
) -> None:
    """Confirm mapping rows, decisions and owners as they stand; or what one of the options names."""
    with _partition(key) as partition:
        if pilot:
            stages.see_pilot(partition, who=by)
            _print(as_json, {"pilot": "seen"}, f"{by} has looked at the pilot of {key}.")
        elif checklist:
            statements = stages.vouch(partition, who=by)
            shown = "\n".join(f"  {one}" for one in statements) or "  Nothing new."
            _print(as_json, {"vouched": statements}, f"{by} vouches for the target of {key}:\n{shown}")
        elif plan_:
            fingerprint = stages.approve_plan(partition, who=by)
            _print(as_json, {"approved": fingerprint}, f"{by} approves plan {fingerprint[:12]} of {key}.")
        else:
            rows = stages.confirm_rows(partition, who=by, crm_object=crm_object)
            shown = "\n".join(f"  {row}" for row in rows)
            _print(as_json, {"confirmed": rows}, f"{by} confirms {len(rows)} rows of {key}.\n{shown}".rstrip())


@app.command()
def plan(key: Key, as_json: Json = False) -> None:
    """Work out what will become of every record. Writes nothing to the target."""
    try:
        _run("migrate", key, ["plan"])
        closed: GateClosed | None = None
    except GateClosed as error:
        closed = error
    with _partition(key) as partition:
        current = partition.ledger.plans.current()
        if current and (closed is None or current["summary"]["mapping"] == partition.fingerprint()):
            _print(as_json, current["summary"], text.plan_text(key, current["summary"]))
        else:
            decisions = stages.consequences(partition)
            _print(as_json, {"decisions": decisions}, decisions_text(decisions))
    if closed:
        raise closed


@app.command()
def apply(key: Key, by: By = ME, as_json: Json = False) -> None:
    """Approve the current plan, then archive, provision, load, and read back."""
    with _partition(key) as partition:
        stages.approve_plan(partition, who=by)
        to_write = stages.written(partition)["to_write"]
    has_ended = False
    try:
        _run("migrate", key, [ARCHIVE, "provision", *NAMES])
        has_ended = True
    finally:
        _show_status(key, as_json, wrote_nothing=has_ended and not to_write)


@app.command()
def verify(key: Key, as_json: Json = False) -> None:
    """Read back everything that was loaded and compare it. Writes nothing to the target."""
    try:
        _run("verify", key)
    finally:
        _show_status(key, as_json)


@app.command()
def rollback(
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="do it; without this only the preview is shown")] = False,
    force: Annotated[bool, typer.Option("--force", help="also undo records that somebody changed since")] = False,
    as_json: Json = False,
) -> None:
    """Undo what this project did in the target: a preview, or with --yes the deed."""
    with _partition(key) as partition:
        counts = stages.preview(partition)
    if not yes:
        lines = [f"  {route}: {n} records" for route, n in counts.items()] or ["  nothing"]
        _print(
            as_json,
            {"preview": counts},
            "\n".join([f"A roll back of {key} would undo, in this order:", *lines, "Run it with --yes."]),
        )
        return
    _run("roll_back", key, config={"ops": {"undo_everything": {"config": {"partition": key, "force": force}}}})
    with _partition(key) as partition:
        left = partition.ledger.batches.left_alone()
        listed = stages.write_admin_list(partition)
    lines = [f"{sum(counts.values()) - len(left)} records rolled back, {len(left)} left alone."]
    lines += [f"  {row['route']} {row['source_id']}: {row['detail']}" for row in left]
    if left:
        lines.append("To undo those that somebody changed as well, run it with --yes --force.")
    lines.append(text.load_again(key))
    if listed:
        lines.append(f"What this project made and the target still holds, for its administrator: {listed}")
    found = {"undone": sum(counts.values()) - len(left), "left": left, "admin_list": listed}
    _print(as_json, found, "\n".join(lines))


@app.command()
def status(
    key: Annotated[
        str | None, typer.Argument(metavar="[PARTITION]", help="without it, every partition in a line")
    ] = None,
    as_json: Json = False,
) -> None:
    """Where a partition stands, which gates are closed, and how its records add up."""
    if key:
        _show_status(key, as_json)
        return
    keys = [key for project in load_projects(load_settings(os.environ).projects) for key in project.partition_keys]
    steps = {}
    for one in keys:
        with _partition(one) as partition:
            steps[one] = partition.step
    _print(
        as_json,
        steps,
        "\n".join(f"{one}: {step or 'not discovered yet'}" for one, step in steps.items()) or "No projects.",
    )


@app.command()
def report(key: Key, as_json: Json = False) -> None:
    """Write the report that somebody could sign: a page, data and lists, from what the ledger knows now."""
    with _partition(key) as partition:
        page = stages.write_report(partition)
        content = stages.read_report(partition)
    _print(as_json, content, summary_text(content, page))


@app.command()
def explain(key: Key, source_id: str, as_json: Json = False) -> None:
    """The whole story of one source record."""
    with _partition(key) as partition:
        story = stages.explain(partition, source_id)
    _print(as_json, list(story), text.story_text(story))


@app.command()
def db(what: Annotated[str, typer.Argument(help="start, stop or status")] = "status", as_json: Json = False) -> None:
    """The embedded database: start it, stop it, or say whether it runs."""
    server = EmbeddedServer(load_settings(os.environ).home)
    if what not in ("start", "stop", "status"):
        raise InvalidInput(f"db takes start, stop or status, not {what!r}.")
    if what == "start":
        server.start()
    elif what == "stop":
        server.stop()
    running = server.is_running()
    _print(
        as_json,
        {"running": running},
        "The embedded database is running." if running else "The embedded database is stopped.",
    )


@contextmanager
def _partition(key: str) -> Iterator[stages.OpenPartition]:
    settings = prepare_environment(os.environ)
    ledger = Ledger(str(settings.database_url))
    try:
        with stages.OpenPartition(settings, ledger, key) as partition:
            yield partition
    finally:
        ledger.close()


def _run(job: str, key: str, assets: Sequence[str] | None = None, config: dict[str, Any] | None = None) -> str:
    with _partition(key):  # a wrong key is said before Dagster is even loaded
        pass
    from migration_pipelines.orchestration.run import run_job  # takes seconds to import, and most verbs need none of it

    return run_job(job, key, assets=assets, config=config, listen=_progress())


def _progress() -> Callable[[str], None]:
    """A line at most twice a second on a terminal, every five seconds elsewhere."""
    pause = 0.5 if sys.stderr.isatty() else 5.0
    last = time.monotonic()

    def show(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= pause:
            last = time.monotonic()
            sys.stderr.write(f"{line}\n")

    return show


def _show_status(key: str, as_json: bool, *, wrote_nothing: bool = False) -> None:
    with _partition(key) as partition:
        found = stages.status(partition)
        page = stages.report_path(partition)
        if wrote_nothing:
            found["nothing_to_write"] = stages.written(partition)["records"]
    found["report"] = str(page) if page.exists() else None
    _print(as_json, found, text.status_text(found) + (f"\nReport: {page}" if page.exists() else ""))


def _print(as_json: bool, content: Any, plain: str) -> None:
    sys.stdout.write((json.dumps(content, default=str, indent=2, ensure_ascii=False) if as_json else plain) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
