"""The embedded server, really started: reuse, races, kill -9, lost folders, and who may reach it."""

import contextlib
import json
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from migration_pipelines.errors import MigrationError, PermanentFailure
from migration_pipelines.ledger.server import EmbeddedServer

AS_ROOT = os.geteuid() == 0
only_as_root = pytest.mark.skipif(not AS_ROOT, reason="needs the right to become another user")
PROJECT = Path(__file__).resolve().parents[2]


def folder_of(server):
    return Path(json.loads((server.home / "postgres.json").read_text())["folder"])


def data_of(server):
    runs_as = json.loads((server.home / "postgres.json").read_text())["runs_as"]
    return folder_of(server) / "data" if runs_as else server.home / "postgres"


def pid_of(server):
    return int((data_of(server) / "postmaster.pid").read_text().split("\n")[0])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def ask(url, statement):
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.exec_driver_sql(statement)
        return result.scalar() if result.returns_rows else None


def remove(server):
    """Leave no process and no folder behind, whatever state a failed test left the server in."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        folder, pid = folder_of(server), None
        with contextlib.suppress(OSError, ValueError):
            pid = pid_of(server)
        try:
            server.erase()
        except MigrationError:
            if pid is not None and os.fsencode(data_of(server)) in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def kill_hard(server):
    os.kill(pid_of(server), signal.SIGKILL)


def as_user(user_id, question):
    """The text that a child process gives after becoming that user (its modules are already loaded)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user_id)
            os.setuid(user_id)
            answer = str(question())
        except BaseException as error:  # noqa: BLE001
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode()[:4000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def home(tmp_path):
    """A home folder for a server of the test's own."""
    home = tmp_path / "home"
    yield home
    remove(EmbeddedServer(home))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server for the tests that leave it as it was. Started with a secret in the environment."""
    server = EmbeddedServer(tmp_path_factory.mktemp("shared") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALESFORCE_SECRET", "pl4nted-s3cret")
        server.start()
    yield server
    remove(server)


@pytest.fixture
def server(shared):
    shared.start()
    return shared


def test_a_start_gives_a_database_that_is_utf8_durable_and_on_no_network(server):
    url = server.start()

    assert url.startswith("postgresql+psycopg2://")
    assert ask(url, "SELECT current_database()") == "migration"
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['b', 'É', 'a', 'B']) x") == "BabÉ"
    assert ask(url, "SELECT lower('É')") == "é"
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW fsync") == "on"


def test_a_second_start_reuses_the_server(server):
    before = pid_of(server), server.start()

    other = EmbeddedServer(server.home)

    assert other.is_running()
    assert (pid_of(other), other.start()) == before


def test_two_processes_that_start_at_once_end_with_one_server(home):
    script = (
        "import sys, pathlib; from migration_pipelines.ledger.server import EmbeddedServer;"
        "sys.stdout.write(EmbeddedServer(pathlib.Path(sys.argv[1])).start())"
    )
    command = [sys.executable, "-c", script, str(home)]
    starting = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    urls = [process.communicate(timeout=60)[0] for process in starting]

    assert [process.returncode for process in starting] == [0, 0]
    assert urls[0] == urls[1]
    assert ask(urls[0], "SELECT 1") == 1
    data = data_of(EmbeddedServer(home))
    assert len(list(data.parent.glob("*.making"))) == 0


def test_what_was_committed_survives_kill_9_under_load(server):
    url = server.start()
    ask(url, "CREATE TABLE kept (n integer)")
    ask(url, "INSERT INTO kept VALUES (42)")

    def work_until_cut_off():
        with pytest.raises(sa.exc.DBAPIError):
            ask(url, "SELECT sum(n) FROM generate_series(1, 1000000000) n")

    busy = threading.Thread(target=work_until_cut_off)
    busy.start()
    time.sleep(0.2)
    killed = pid_of(server)
    kill_hard(server)

    url = server.start()
    busy.join(20)

    assert pid_of(server) != killed
    assert ask(url, "SELECT n FROM kept") == 42


def test_a_server_that_lost_only_its_socket_is_started_anew(server):
    before = pid_of(server)
    shutil.rmtree(folder_of(server) / "socket")

    assert not server.is_running()
    assert ask(server.start(), "SELECT 1") == 1
    assert pid_of(server) != before


def test_a_pid_file_that_names_a_stranger_is_not_believed(server):
    """After a restart of the machine another process may have the number that the pid file holds."""
    pid_file = data_of(server) / "postmaster.pid"
    written = pid_file.read_text()
    server.stop()
    pid_file.write_text(written.replace(written.split("\n")[0], str(os.getpid()), 1))

    assert not server.is_running()
    server.stop()
    assert ask(server.start(), "SELECT 1") == 1


def test_stop_stops_and_may_be_repeated(server, tmp_path):
    server.stop()
    server.stop()

    assert not server.is_running()
    with pytest.raises(PermanentFailure, match="Start it first"):
        server.create_database("too_early")

    never_started = EmbeddedServer(tmp_path / "never")
    never_started.stop()
    assert not never_started.is_running()
    assert not never_started.home.exists()


def test_databases_are_made_from_a_template_and_removed_under_the_feet_of_their_users(server):
    template = server.create_database("shape")
    ask(template, "CREATE TABLE route (name text)")

    copy = server.create_database('a "copy"', template="shape")

    assert ask(copy, "SELECT count(*) FROM route") == 0
    with pytest.raises(PermanentFailure, match="already exists"):
        server.create_database("shape")

    socket_folder = str(folder_of(server) / "socket")
    with contextlib.closing(psycopg2.connect(host=socket_folder, user="postgres", dbname="shape")):
        server.drop_database("shape")
    server.drop_database('a "copy"')
    server.drop_database('a "copy"')


def test_only_the_servers_own_folders_are_made_and_each_is_as_closed_as_it_can_be(tmp_path, home):
    around = [*tmp_path.parents, tmp_path, Path(tempfile.gettempdir()), *Path(psycopg2.__file__).parents]
    before = {path: (path.stat().st_mode, path.stat().st_uid) for path in around}
    server = EmbeddedServer(home)

    server.start()

    assert mode(home) == 0o700
    assert mode(data_of(server)) == 0o700
    assert mode(folder_of(server) / "socket") == 0o700
    assert mode(folder_of(server)) == (0o711 if AS_ROOT else 0o700)
    assert {path: (path.stat().st_mode, path.stat().st_uid) for path in around} == before

    server.erase()
    assert [path.name for path in home.iterdir()] == ["postgres.lock"]


@only_as_root
def test_as_root_the_server_has_no_rights_and_no_secrets_of_ours(server):
    process = Path(f"/proc/{pid_of(server)}")

    assert process.stat().st_uid != 0
    assert "Groups:\t \n" in (process / "status").read_text()
    assert b"pl4nted-s3cret" not in (process / "environ").read_bytes()


@only_as_root
def test_another_user_of_the_machine_does_not_reach_the_server(server):
    socket_folder, data = str(folder_of(server) / "socket"), data_of(server)

    def connect():
        psycopg2.connect(host=socket_folder, user="postgres", dbname="migration")

    assert "Permission denied" in as_user(54321, connect)
    assert "Permission denied" in as_user(54321, lambda: list(data.iterdir()))
    assert "belongs to another user" in as_user(54321, EmbeddedServer(server.home).is_running)


@only_as_root
@pytest.mark.usefixtures("server")  # so that every module is loaded that this user may be unable to read
def test_an_ordinary_user_keeps_the_data_at_home():
    nobody = pwd.getpwnam("nobody").pw_uid
    home = Path(tempfile.mkdtemp())
    os.chown(home, nobody, nobody)
    own = EmbeddedServer(home)

    def start_and_stop():
        url = own.start()
        answer = ask(url, "SELECT 'answers'"), own.start() == url, mode(home / "postgres"), mode(folder_of(own))
        own.stop()
        return answer

    try:
        assert as_user(nobody, start_and_stop) == str(("answers", True, 0o700, 0o700))
        assert (home / "postgres" / "PG_VERSION").stat().st_uid == nobody
        assert [path.name for path in folder_of(own).iterdir()] == ["socket"]
        # What an ordinary user made root leaves alone.
        with pytest.raises(PermanentFailure, match="belongs to another user"):
            own.start()
    finally:
        as_user(nobody, own.erase)
        shutil.rmtree(home)


def test_a_lost_data_folder_is_never_replaced_in_silence(home, caplog):
    server = EmbeddedServer(home)
    server.start()
    server.stop()
    shutil.rmtree(folder_of(server))
    shutil.rmtree(home / "postgres", ignore_errors=True)

    assert not server.is_running()
    server.stop()
    with pytest.raises(PermanentFailure, match=r"data is gone.*empty ledger instead, delete .*postgres\.json"):
        server.start()

    (home / "postgres.json").unlink()
    with caplog.at_level(logging.INFO):
        server.start()
    assert "A new, empty ledger is made" in caplog.text


def test_a_first_start_that_was_killed_half_way_is_begun_again(home):
    server = EmbeddedServer(home)
    (home / "postgres.making").mkdir(parents=True)
    (home / "postgres.making" / "PG_VERSION").write_text("18")
    folder = Path(tempfile.mkdtemp(prefix="migration-"))
    runs_as = [pwd.getpwnam("nobody").pw_uid] * 2 if AS_ROOT else None
    (home / "postgres.json").write_text(
        json.dumps({"folder": str(folder), "made_by": os.geteuid(), "runs_as": runs_as, "has_data": False})
    )
    folder.chmod(0o711)
    (folder / "data.making").mkdir()
    (folder / "programs.making").mkdir()

    assert ask(server.start(), "SELECT 1") == 1
    assert folder_of(server) == folder


def test_a_server_that_does_not_start_says_why_in_its_own_words(server):
    server.stop()
    configuration = data_of(server) / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "\nno_such_setting = 1\n")
    try:
        with pytest.raises(PermanentFailure, match="no_such_setting"):
            server.start()
    finally:
        configuration.write_text(good)


def test_a_damaged_record_is_not_taken_for_a_first_start(tmp_path):
    (tmp_path / "postgres.json").write_text("{")

    with pytest.raises(PermanentFailure, match="is damaged"):
        EmbeddedServer(tmp_path).start()


def test_people_s_data_stays_out_of_the_servers_log(server):
    url = server.start()
    ask(url, "CREATE TABLE person (email text PRIMARY KEY)")
    ask(url, "INSERT INTO person VALUES ('ada@example.com')")
    with pytest.raises(sa.exc.IntegrityError):
        ask(url, "INSERT INTO person VALUES ('ada@example.com')")

    assert "ada@example.com" not in (data_of(server) / "server.log").read_text()
