"""Prepares the machine and the environment for a command (database, Dagster's home, signals), then becomes it.

    python -m migration_pipelines.launcher -- dagster dev -h 127.0.0.1 -p 3000

Everything that runs here starts through it, on a laptop and in compose; the command line calls `prepare_environment`.
"""

import logging
import os
import signal
import sys
import uuid
from collections.abc import MutableMapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from migration_pipelines.errors import InvalidInput, MigrationError, PermanentFailure, TransientFailure
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.settings import Settings, load_settings, without_password

USAGE = "usage: python -m migration_pipelines.launcher [--] COMMAND [ARGUMENT ...]"

_CONNECT_SECONDS = 5
# libpq gives no code when a connection fails, only words. These need a person; anything else may pass by itself.
_NEEDS_A_PERSON = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")


def prepare_environment(environ: MutableMapping[str, str] = os.environ) -> Settings:
    """Make sure that the database answers and Dagster has its home, and write into `environ` where they are.

    Starts the embedded server if MIGRATION_DATABASE_URL is not set. May be repeated, and by several processes at once.

    Returns:
        The settings, with `database_url` always filled in.

    Raises:
        InvalidInput: a setting is wrong.
        PermanentFailure: the database refuses, the ledger's data is gone, or there is no dagster.yaml to use.
        TransientFailure: the database does not answer.
    """
    settings = load_settings(environ)
    _make_private(settings.home, "MIGRATION_HOME")
    if settings.database_url is None:
        settings = settings.model_copy(update={"database_url": EmbeddedServer(settings.home).start()})
    else:
        check_that_it_answers(settings.database_url)

    dagster_home = Path(environ.get("DAGSTER_HOME") or settings.home / "dagster").absolute()
    _make_private(dagster_home, "DAGSTER_HOME")
    _link(dagster_home / "dagster.yaml", _find_dagster_yaml())

    # Absolute, so that a child process in another working folder finds the same.
    environ["MIGRATION_HOME"] = str(settings.home)
    environ["MIGRATION_PROJECTS"] = str(settings.projects)
    environ["MIGRATION_FILES"] = settings.files_url
    environ["MIGRATION_DATABASE_URL"] = str(settings.database_url)
    environ["DAGSTER_HOME"] = str(dagster_home)
    return settings


def check_that_it_answers(database_url: str) -> None:
    """Connect once, briefly.

    Raises:
        InvalidInput: the URL carries an option that PostgreSQL does not know.
        PermanentFailure: the server refuses the account, its password or the database.
        TransientFailure: nothing answers there.
    """
    url = sa.make_url(database_url)
    where = url.host or url.query.get("host") or "this machine"
    shown = without_password(database_url)
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS})
    try:
        with engine.connect():
            return
    except sa.exc.ProgrammingError:
        # libpq's own words would quote the option that it does not know, which may be a misplaced password.
        raise InvalidInput(
            "MIGRATION_DATABASE_URL carries an option that PostgreSQL does not know. Correct what follows the question "
            "mark in it."
        ) from None
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip()
    if url.password:
        reason = reason.replace(url.password, "***")
    if any(words in reason for words in _NEEDS_A_PERSON):
        raise PermanentFailure(
            f"The PostgreSQL server on {where} refuses {shown}: {reason}. Correct MIGRATION_DATABASE_URL, or have the "
            "account and the database created."
        )
    raise TransientFailure(
        f"No PostgreSQL server answers on {where} ({shown}): {reason}. Start it or wait for it, and try again; "
        "or unset MIGRATION_DATABASE_URL to use the embedded server."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare, then replace this process by the command. Returns only when that was not possible."""
    command = list(sys.argv[1:] if arguments is None else arguments)
    if command[:1] == ["--"]:
        command = command[1:]
    if not command or command[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return 2

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        prepare_environment()
    except MigrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1

    # A background job of a non-interactive shell ignores SIGINT, and `dagster dev` would extend that to SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The commands installed beside this Python, also where its environment is not activated.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"Cannot run {command[0]}: {error.strerror}. Is it installed, and on the PATH?\n")
        return 127


def _make_private(folder: Path, variable: str) -> None:
    """Make a folder that only we may enter. One that is there already stays as it is."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder {folder} cannot be made: {error.strerror}. Set {variable} to one that you may write to."
        ) from error


def _find_dagster_yaml() -> Path:
    package_parent = Path(__file__).resolve().parent.parent
    for folder in (Path.cwd(), package_parent):
        if (folder / "dagster.yaml").is_file():
            return folder / "dagster.yaml"
    raise PermanentFailure(
        f"There is no dagster.yaml in {Path.cwd()}. Change to the top folder of the migration system, which has one."
    )


def _link(link: Path, target: Path) -> None:
    """Point the link at the file, in one step. A real file that somebody put there is theirs and stays."""
    if link.exists() and not link.is_symlink():
        return
    # Containers that share a volume count their processes alike, so no process id makes this name unique.
    draft = link.with_name(f"{link.name}.{uuid.uuid4().hex}")
    draft.symlink_to(target)
    draft.replace(link)


if __name__ == "__main__":
    sys.exit(main())
