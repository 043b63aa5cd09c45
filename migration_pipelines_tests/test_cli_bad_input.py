"""Bad input at the command line: a sentence on stderr, the right exit code, and nothing written."""

from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from migration_pipelines import cli
from migration_pipelines.connectors import http
from migration_pipelines_tests.world import World

DONE, FAILED, INVALID, CLOSED = 0, 1, 2, 3
PASSWORD = "planted-db-password"
pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own


@dataclass
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(world: World, database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`crm-migrate` in this process, as its console script starts it."""
    for name, value in (world.environ | environment(world, database_url)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.001)

    def one(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["crm-migrate", *arguments])
        capfd.readouterr()
        code = DONE
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capfd.readouterr())

    return one


def environment(world: World, database_url: str) -> dict[str, str]:
    scheme, rest = database_url.split("://", 1)
    account, rest = rest.split("@", 1)
    return {
        # The tests' server trusts its socket: the password is planted to be looked for afterwards.
        "MIGRATION_DATABASE_URL": f"{scheme}://{account}:{PASSWORD}@{rest}",
        "MIGRATION_HOME": str(world.settings.home),
        "MIGRATION_PROJECTS": str(world.projects),
        "MIGRATION_FILES": world.settings.files_url,
        "DAGSTER_HOME": str(world.settings.home / "dagster"),
    }


def refused(world: World, said: Said, code: int, *words: str) -> None:
    assert said.code == code, said
    for word in words:
        assert word in said.err, said
    assert "Traceback" not in said.err + said.out
    assert PASSWORD not in said.err + said.out
    assert len(said.err.strip().splitlines()) < 12
    assert [one for one in world.requests() if one["method"] != "GET"] == []


def change(world: World, file: str, old: str, new: str) -> None:
    path = world.projects / "demo" / file
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


# Usage


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["fly"], "No such command"),
        (["plan"], "Missing argument"),
        (["plan", "a", "b"], "unexpected extra argument"),
        (["plan", "demo-x", "--quickly"], "No such option"),
        (["db", "paint"], "start, stop or status"),
        (["plan", "nobody-sandbox"], "no project 'nobody'"),
        (["status", "demo-moon"], "no environment 'moon'"),
        (["rollback", "demo"], "no environment ''"),
        (["new", "Odd Name"], "small letters"),
        (["new", "acme", "--target", "pipedrive"], "no migration pair"),
        (["new", "demo"], "exists already"),
    ],
)
def test_a_command_line_that_says_nothing_sensible_is_a_usage_error(
    world: World, run: Run, arguments: list[str], word: str
) -> None:
    refused(world, run(*arguments), INVALID, word)


def test_the_real_command_says_a_sentence_and_no_traceback(world: World, database_url: str) -> None:
    environ = os.environ | world.environ | environment(world, database_url)
    ended = subprocess.run(
        [sys.executable, "-m", "migration_pipelines.cli", "plan", "demo-moon"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip

    refused(world, Said(ended.returncode, ended.stdout, ended.stderr), INVALID, "no environment 'moon'")


# Files


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("project.yaml", "name: demo", "name: [demo", ("project.yaml, line",)),
        ("project.yaml", "phone_region: US", "phone_zone: US", ("phone_zone",)),
        ("project.yaml", "phone_region: US", "phone_region: US\n  colour: red", ("no decision 'colour'",)),
        ("project.yaml", "unmatched_owner: stop", "unmatched_owner: maybe", ("'maybe'", "'hold'")),
        ("project.yaml", "token: DEMO_KOMMO_TOKEN", "token: eyJ0-pasted", ("name of an environment variable",)),
        ("mapping/contacts.yaml", "from: FirstName", "form: FirstName", ("contacts.yaml", "form")),
        ("mapping/opportunities.yaml", "table: stages", "table: steps", ("no table 'steps'",)),
    ],
)
def test_a_file_that_is_wrong_is_named_by_every_verb(
    world: World, run: Run, file: str, old: str, new: str, words: tuple[str, ...]
) -> None:
    change(world, file, old, new)

    for arguments in (["status", world.key], ["confirm", world.key], ["apply", world.key], ["rollback", world.key]):
        said = run(*arguments)
        refused(world, said, INVALID, *words)
        assert "eyJ0-pasted" not in said.err


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("mapping/contacts.yaml", "convert: moment", "convert: momnet", ("no converter 'momnet'", "moment")),
        ("mapping/contacts.yaml", "rule: contact_phones", "rule: contact_fones", ("no rule 'contact_fones'",)),
        ("mapping/accounts.yaml", "source: Account", "source: Akkount", ("Akkount",)),
    ],
)
def test_a_mapping_that_names_what_does_not_exist_is_invalid(
    world: World, run: Run, file: str, old: str, new: str, words: tuple[str, ...]
) -> None:
    change(world, file, old, new)

    refused(world, run("discover", world.key), INVALID, *words)


# Connections


@pytest.mark.parametrize("variable", ["DEMO_KOMMO_TOKEN", "DEMO_SALESFORCE_CLIENT_SECRET", "DEMO_KOMMO_URL"])
def test_a_variable_that_is_not_set_is_named(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, " ")

    refused(world, run("discover", world.key), INVALID, f"The environment variable {variable}", "is not set")


@pytest.mark.parametrize(
    ("variable", "value", "code", "words"),
    [
        ("DEMO_KOMMO_TOKEN", "wr0ng", FAILED, ("Kommo at", "refuses our credentials")),
        ("DEMO_SALESFORCE_CLIENT_SECRET", "wr0ng", FAILED, ("Salesforce at", "refuses to sign us in")),
        ("DEMO_KOMMO_TOKEN", "wr0ng\u00f6", INVALID, ("DEMO_KOMMO_TOKEN holds characters",)),
        ("DEMO_KOMMO_URL", "http://127.0.0.1:1", FAILED, ("Kommo at http://127.0.0.1:1 did not answer",)),
        ("DEMO_SALESFORCE_URL", "http://127.0.0.1:1", FAILED, ("Salesforce at http://127.0.0.1:1 cannot be reached",)),
        ("DEMO_KOMMO_URL", "http://acme.kommo.com", INVALID, ("URL of Kommo must begin with https://",)),
        ("DEMO_KOMMO_URL", "https://ada:wr0ng@acme.kommo.com", INVALID, ("without user or password",)),
        ("DEMO_SALESFORCE_URL", "acme", INVALID, ("URL of Salesforce must look like",)),
    ],
)
def test_credentials_and_addresses_that_are_wrong_are_a_sentence_without_them(
    world: World,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    code: int,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv(variable, value)

    said = run("discover", world.key)

    refused(world, said, code, *words)
    assert "wr0ng" not in said.err + said.out


@pytest.mark.parametrize(
    ("url", "code", "word"),
    [
        (f"postgresql://ada:{PASSWORD}@127.0.0.1:1/crm", FAILED, "No PostgreSQL server answers"),
        (f"mysql://ada:{PASSWORD}@127.0.0.1/crm", INVALID, "only PostgreSQL is supported"),
    ],
)
def test_a_database_that_is_down_or_none_is_a_sentence(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, url: str, code: int, word: str
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", url)

    for arguments in (["status", world.key], ["plan", world.key]):
        refused(world, run(*arguments), code, word)


def test_a_home_that_cannot_be_made_and_files_far_away_are_sentences(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("x")
    monkeypatch.setenv("MIGRATION_FILES", "s3://bucket/files")
    refused(
        world,
        run("status", world.key),
        INVALID,
        "MIGRATION_FILES names a file system that is not there",
        "or name a folder",
    )
    monkeypatch.setenv("MIGRATION_HOME", str(tmp_path / "a file" / "home"))
    refused(world, run("status", world.key), INVALID, "MIGRATION_HOME")


# Gates


def test_a_closed_gate_ends_with_three_and_says_what_to_do(world: World, run: Run) -> None:
    refused(world, run("map", world.key), CLOSED, "crm-migrate discover")
    refused(world, run("confirm", world.key), CLOSED, "crm-migrate discover")
    refused(world, run("verify", world.key), CLOSED, "nothing has been loaded")
    refused(world, run("apply", world.key), CLOSED, "crm-migrate plan")
    refused(world, run("report", world.key), CLOSED, "crm-migrate plan")
    refused(world, run("rollback", world.key, "--yes"), CLOSED, "crm-migrate discover")
    world.prepare()
    change(world, "project.yaml", "failed_allowed: 0", "failed_allowed: 2")
    refused(world, run("apply", world.key), CLOSED, "decision failed_allowed", "crm-migrate confirm")
    refused(world, run("explain", world.key, "003nobody"), INVALID, "no record with source id")


# Secrets


def test_no_secret_is_written_anywhere(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole run by the command line and through Dagster, with two that fail for wrong credentials, and a roll back."""
    caplog.set_level(logging.DEBUG)
    wrong = {"DEMO_KOMMO_TOKEN": "planted-wrong-token", "DEMO_SALESFORCE_CLIENT_SECRET": "planted-wrong-secret"}
    said = []
    for name, value in wrong.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            said.append(run("discover", world.key))
            assert said[-1].code == FAILED
    world.prepare()
    for arguments in (["plan"], ["apply"], ["verify"], ["status"], ["rollback"]):
        said.append(run(*arguments, world.key))
        assert said[-1].code == DONE, said[-1]
    said.append(run("rollback", world.key, "--yes"))
    assert said[-1].code == DONE, said[-1]

    secrets = [
        world.environ["DEMO_KOMMO_TOKEN"],
        world.environ["DEMO_SALESFORCE_CLIENT_SECRET"],
        PASSWORD,
        *wrong.values(),
    ]
    places = {f"said {n}": one.out + one.err for n, one in enumerate(said)}
    places["log"] = caplog.text
    places |= {str(path): content_of(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert any("custom_fields_values" in content for name, content in places.items() if name.endswith(".gz"))
    places |= dump(world)
    assert any("event_logs" in name for name in places), "Dagster wrote into this database"
    assert any("ledger.event" in name for name in places)
    assert [(name, one) for name, content in places.items() for one in secrets if one in content] == []


def content_of(path: Path) -> str:
    body = path.read_bytes()
    return (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8", "replace")


def dump(world: World) -> dict[str, str]:
    """Every table of the database as text."""
    tables = {}
    with world.ledger.engine.connect() as connection:
        names = connection.execute(
            text(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
                "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            )
        ).all()
        for schema, name in names:
            rows = connection.execute(text(f'SELECT t::text FROM "{schema}"."{name}" t')).scalars()  # noqa: S608
            tables[f"{schema}.{name}"] = "\n".join(rows)
    return tables


def test_no_secret_stands_in_the_arguments_of_a_process(world: World, database_url: str) -> None:
    environ = os.environ | world.environ | environment(world, database_url)
    running = subprocess.Popen(
        [sys.executable, "-m", "migration_pipelines.cli", "discover", world.key],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    seen: set[str] = set()
    while running.poll() is None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(path.read_text("utf-8", "replace").replace("\0", " "))
            except OSError:
                continue
        try:
            running.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    out, err = running.communicate()

    assert running.returncode == DONE, err
    assert any("migration_pipelines.cli" in line for line in seen)
    secrets = [world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_SALESFORCE_CLIENT_SECRET"], PASSWORD]
    assert [line for line in (*seen, out, err) if any(one in line for one in secrets)] == []
