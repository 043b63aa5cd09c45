"""The launcher: what it prepares, what it becomes, and that compose and dagster.yaml are as it expects them."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import yaml

from migration_pipelines import launcher
from migration_pipelines.errors import InvalidInput, PermanentFailure, TransientFailure
from migration_pipelines.launcher import prepare_environment
from migration_pipelines.ledger.server import EmbeddedServer

PASSWORD = "pl4nted-s3cret"
TOP = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An environment that the launcher prepared from nothing but a home folder."""
    environ = {"MIGRATION_HOME": str(tmp_path_factory.mktemp("launcher") / "home")}
    server = EmbeddedServer(Path(environ["MIGRATION_HOME"]))
    try:
        prepare_environment(environ)
        yield environ
    finally:
        record = server.home / "postgres.json"
        folder = json.loads(record.read_text())["folder"] if record.exists() else None
        try:
            server.erase()
        finally:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


def launch(environ, *command, **options):
    return subprocess.run(
        [sys.executable, "-m", "migration_pipelines.launcher", *command],
        cwd=TOP,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_everything_a_command_needs_to_know_is_in_the_environment(prepared):
    home = Path(prepared["MIGRATION_HOME"])

    assert prepared["MIGRATION_DATABASE_URL"].startswith("postgresql+psycopg2://")
    assert prepared["MIGRATION_PROJECTS"] == str(Path.cwd() / "projects")
    assert prepared["MIGRATION_FILES"] == str(home / "files")
    assert prepared["DAGSTER_HOME"] == str(home / "dagster")
    assert (home / "dagster" / "dagster.yaml").resolve() == TOP / "dagster.yaml"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "dagster").stat().st_mode) == 0o700


def test_preparing_again_changes_nothing(prepared):
    again = dict(prepared)
    settings = prepare_environment(again)

    assert again == prepared
    assert settings.database_url == prepared["MIGRATION_DATABASE_URL"]
    assert prepare_environment({"MIGRATION_HOME": prepared["MIGRATION_HOME"]}) == settings


def test_a_given_database_is_used_and_no_server_is_started(prepared, tmp_path):
    tmp_path.chmod(0o755)
    given = prepared["MIGRATION_DATABASE_URL"].replace("postgresql+psycopg2://", "postgres://")
    environ = {"MIGRATION_HOME": str(tmp_path), "MIGRATION_DATABASE_URL": given}

    prepare_environment(environ)

    assert environ["MIGRATION_DATABASE_URL"] == prepared["MIGRATION_DATABASE_URL"]
    assert [path.name for path in tmp_path.iterdir()] == ["dagster"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_given_dagster_home_is_used_and_its_own_dagster_yaml_stays(prepared, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environ = prepared | {"DAGSTER_HOME": str(own)}

    prepare_environment(environ)

    assert environ["DAGSTER_HOME"] == str(own)
    assert not (own / "dagster.yaml").is_symlink()


def test_a_home_that_cannot_be_made_is_said_with_the_variable_to_change(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(InvalidInput, match="Set MIGRATION_HOME"):
        prepare_environment({"MIGRATION_HOME": str(tmp_path / "file" / "home")})


def test_a_link_to_a_file_that_moved_is_pointed_anew(prepared, tmp_path):
    (tmp_path / "dagster.yaml").symlink_to(tmp_path / "gone.yaml")

    prepare_environment(prepared | {"DAGSTER_HOME": str(tmp_path)})

    assert (tmp_path / "dagster.yaml").resolve() == TOP / "dagster.yaml"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    environ = {
        "MIGRATION_HOME": str(tmp_path / "home"),
        "MIGRATION_DATABASE_URL": f"postgresql://ada:{PASSWORD}@127.0.0.1:1/crm",
    }

    with pytest.raises(TransientFailure, match=r"No PostgreSQL server answers on 127\.0\.0\.1") as failed:
        prepare_environment(environ)

    assert PASSWORD not in "".join(traceback.format_exception(failed.value))
    assert environ["MIGRATION_DATABASE_URL"].startswith("postgresql://")


def test_a_database_that_refuses_needs_a_person(prepared, tmp_path):
    wrong = prepared["MIGRATION_DATABASE_URL"].replace("postgres@/migration", f"postgres:{PASSWORD}@/no_such_database")
    environ = {"MIGRATION_HOME": str(tmp_path), "MIGRATION_DATABASE_URL": wrong}

    with pytest.raises(PermanentFailure, match='"no_such_database" does not exist') as failed:
        prepare_environment(environ)

    assert PASSWORD not in "".join(traceback.format_exception(failed.value))


def test_an_option_that_postgresql_does_not_know_gives_no_password_away(tmp_path):
    url = f"postgresql://ada:{PASSWORD}@127.0.0.1:1/crm?no_such_option={PASSWORD}"

    with pytest.raises(InvalidInput) as failed:
        prepare_environment({"MIGRATION_HOME": str(tmp_path), "MIGRATION_DATABASE_URL": url})

    assert PASSWORD not in "".join(traceback.format_exception(failed.value))


def test_without_a_dagster_yaml_it_says_where_one_was_expected(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launcher, "__file__", str(tmp_path / "site-packages" / "migration_pipelines" / "launcher.py"))

    with pytest.raises(PermanentFailure, match=r"no dagster\.yaml"):
        prepare_environment(dict(prepared))


def test_the_command_gets_the_environment_and_heeds_the_signals_that_its_parent_ignores(prepared):
    report = (
        "import json, os, signal, sys;"
        "heeded = [signal.getsignal(s) != signal.SIG_IGN for s in (signal.SIGINT, signal.SIGTERM)];"
        "sys.stdout.write(json.dumps([dict(os.environ), heeded, sys.argv]))"
    )

    def ignore_signals():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    environ = {"MIGRATION_HOME": prepared["MIGRATION_HOME"]}
    ran = launch(environ, "--", "python", "-c", report, "-x", "--", preexec_fn=ignore_signals)

    found, heeded, arguments = json.loads(ran.stdout)
    assert found["MIGRATION_DATABASE_URL"] == prepared["MIGRATION_DATABASE_URL"]
    assert found["DAGSTER_HOME"] == prepared["DAGSTER_HOME"]
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert heeded == [True, True]
    assert arguments == ["-c", "-x", "--"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param([], 2, "usage:", id="no command"),
        pytest.param(["--"], 2, "usage:", id="only the dashes"),
        pytest.param(["--help"], 2, "usage:", id="an option"),
        pytest.param(["no-such-command-anywhere"], 127, "Is it installed", id="a command that is not there"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(prepared, arguments, code, says, monkeypatch, capsys):
    for name in ("PATH", *prepared):
        monkeypatch.setenv(name, prepared.get(name, os.environ.get(name, "")))

    assert launcher.main(arguments) == code
    assert says in capsys.readouterr().err


def test_a_failure_to_prepare_is_a_sentence_and_no_traceback(tmp_path):
    failed = launch(
        {"MIGRATION_HOME": str(tmp_path), "MIGRATION_DATABASE_URL": f"mysql://ada:{PASSWORD}@db/crm"}, "true"
    )

    assert failed.returncode == 1
    assert failed.stderr.startswith("MIGRATION_DATABASE_URL begins with mysql://")
    assert PASSWORD not in failed.stderr


def test_dagster_runs_on_the_embedded_server_with_the_one_dagster_yaml(prepared):
    look = (
        "import json, sys, dagster;"
        "instance = dagster.DagsterInstance.get();"
        "sys.stdout.write(json.dumps({"
        "'storage': type(instance.event_log_storage).__name__,"
        "'runs': instance.get_runs_count(),"
        "'logs': instance.compute_log_manager._base_dir,"
        "'telemetry': instance.telemetry_enabled, 'nux': instance.nux_enabled,"
        "'monitoring': instance.run_monitoring_enabled,"
        "'retries': [instance.run_retries_enabled, instance.run_retries_max_retries],"
        "'limits': instance.get_concurrency_config().run_queue_config.tag_concurrency_limits}))"
    )

    ran = launch(prepared, "python", "-c", look)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "storage": "PostgresEventLogStorage",
        "runs": 0,
        "logs": prepared["DAGSTER_HOME"] + "/storage",
        "telemetry": False,
        "nux": False,
        "monitoring": True,
        "retries": [True, 0],
        "limits": [{"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}],
    }


def test_the_workspace_loads_our_definitions():
    workspace = yaml.safe_load((TOP / "workspace.yaml").read_text())

    assert workspace == {"load_from": [{"python_module": "migration_pipelines.definitions"}]}


class TestCompose:
    """docker-compose.yml, by its structure: this suite has no Docker engine."""

    @pytest.fixture
    def services(self):
        return yaml.safe_load((TOP / "docker-compose.yml").read_text())["services"]

    def test_there_is_one_service_for_each_part(self, services):
        assert sorted(services) == ["code", "daemon", "postgres", "webserver"]

    def test_each_of_ours_starts_through_the_launcher_on_the_given_database(self, services):
        for service in (services[name] for name in ("code", "webserver", "daemon")):
            assert service["command"][:4] == ["python", "-m", "migration_pipelines.launcher", "--"]
            assert "@postgres:5432/" in service["environment"]["MIGRATION_DATABASE_URL"]

    def test_ports_are_published_on_loopback_only(self, services):
        ports = [port for service in services.values() for port in service.get("ports", [])]

        assert ports == ["127.0.0.1:3000:3000"]
        assert not any("network_mode" in service for service in services.values())

    def test_only_the_code_location_gets_secrets_projects_and_files(self, services):
        assert [name for name, service in services.items() if "env_file" in service] == ["code"]
        for name in ("webserver", "daemon"):
            assert list(services[name]["environment"]) == ["MIGRATION_DATABASE_URL"]
            assert services[name]["volumes"] == ["dagster-home:/home/migration/state/dagster"]

    def test_webserver_and_daemon_reach_the_code_location_where_it_serves(self, services):
        command = services["code"]["command"]
        port = command[command.index("--port") + 1]

        for name in ("webserver", "daemon"):
            assert services[name]["command"][-4:] == ["--grpc-host", "code", "--grpc-port", port]
