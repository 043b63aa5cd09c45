"""Settings from the environment, parsed once into a frozen model; the one place that makes database URLs alike."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from migration_pipelines.errors import InvalidInput

# Named in every URL: a plain postgresql:// means psycopg 3 to SQLAlchemy 2.1, and Dagster's storage brings psycopg2.
DRIVER = "postgresql+psycopg2"

_POSTGRESQL = re.compile(r"postgres(ql)?(\+\w+)?", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.:-]{0,30}", re.IGNORECASE)
_PASSWORD_IN_AUTHORITY = re.compile(r"(://[^:/@]*):.*@", re.DOTALL)
_PASSWORD_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&]*", re.IGNORECASE)


class Settings(BaseModel):
    """What the environment says, with the defaults filled in. Paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path  # MIGRATION_HOME: everything this system keeps on this machine
    projects: Path  # MIGRATION_PROJECTS: one folder for each migration project
    database_url: str | None = Field(repr=False)  # MIGRATION_DATABASE_URL; None: the embedded server
    files_url: str = Field(repr=False)  # MIGRATION_FILES: a path, or a URL that fsspec knows

    def tokens(self, key: str) -> Path:
        """The file that keeps what a partition's sign-in brought."""
        return self.home / "tokens" / f"{key}.json"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. An empty variable counts as absent, as compose and CI leave them.

    Raises:
        InvalidInput: MIGRATION_DATABASE_URL is not the URL of a PostgreSQL database.
    """
    home = _absolute(environ.get("MIGRATION_HOME") or ".migration")
    database_url = environ.get("MIGRATION_DATABASE_URL")
    files = environ.get("MIGRATION_FILES") or str(home / "files")
    return Settings(
        home=home,
        projects=_absolute(environ.get("MIGRATION_PROJECTS") or "projects"),
        database_url=normalise_database_url(database_url) if database_url else None,
        files_url=files if "://" in files else str(_absolute(files)),
    )


def normalise_database_url(url: str) -> str:
    """The URL with the driver that everything here uses: "postgres://db/crm" -> "postgresql+psycopg2://db/crm".

    Raises:
        InvalidInput: it is not a PostgreSQL URL. The text carries no password.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or not _POSTGRESQL.fullmatch(scheme):
        shown = f"begins with {scheme}://" if separator and _SCHEME.fullmatch(scheme) else "is not a URL"
        raise InvalidInput(
            f"MIGRATION_DATABASE_URL {shown}, and only PostgreSQL is supported. Set it to "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it to use the embedded server."
        )
    normalised = f"{DRIVER}://{rest}"
    try:
        sa.make_url(normalised)
    except (sa.exc.ArgumentError, ValueError):
        # The parser's own message and its traceback quote the URL, password and all.
        raise InvalidInput(
            "MIGRATION_DATABASE_URL cannot be read. It must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with characters such as @ : / % # in the password percent-encoded."
        ) from None
    return normalised


def without_password(url: str) -> str:
    """The URL as a message may show it. What cannot be told apart from a password is hidden with it."""
    return _PASSWORD_IN_QUERY.sub(r"\1***", _PASSWORD_IN_AUTHORITY.sub(r"\1:***@", url))


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()
