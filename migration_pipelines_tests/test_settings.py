"""Settings: what the environment says, what it leaves out, and that no password gets into a text."""

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from migration_pipelines.errors import InvalidInput
from migration_pipelines.settings import load_settings, normalise_database_url, without_password

PASSWORD = "pl4nted-s3cret"


def test_an_empty_environment_has_defaults_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    settings = load_settings({})

    assert settings.home == tmp_path / ".migration"
    assert settings.projects == tmp_path / "projects"
    assert settings.files_url == str(tmp_path / ".migration" / "files")
    assert settings.database_url is None


def test_an_empty_variable_counts_as_absent():
    names = ("MIGRATION_HOME", "MIGRATION_PROJECTS", "MIGRATION_DATABASE_URL", "MIGRATION_FILES")

    assert load_settings(dict.fromkeys(names, "")) == load_settings({})


def test_every_variable_is_read():
    settings = load_settings(
        {
            "MIGRATION_HOME": "/srv/migration",
            "MIGRATION_PROJECTS": "~/projects",
            "MIGRATION_DATABASE_URL": "postgres://ada@db/crm",
            "MIGRATION_FILES": "s3://bucket/files",
        }
    )

    assert settings.home == Path("/srv/migration")
    assert settings.projects == Path.home() / "projects"
    assert settings.database_url == "postgresql+psycopg2://ada@db/crm"
    assert settings.files_url == "s3://bucket/files"


def test_files_lie_in_the_home_folder_unless_said_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load_settings({"MIGRATION_HOME": "/srv/migration"}).files_url == "/srv/migration/files"
    assert load_settings({"MIGRATION_FILES": "bodies"}).files_url == str(tmp_path / "bodies")


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load_settings({}).home = Path("/elsewhere")


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "POSTGRESQL"],
)
def test_every_way_to_write_postgresql_names_the_driver(scheme):
    url = normalise_database_url(f" {scheme}://ada:a%40b@db:5433/crm?sslmode=require\n")

    assert url == "postgresql+psycopg2://ada:a%40b@db:5433/crm?sslmode=require"


def test_a_socket_url_keeps_its_folder():
    url = "postgresql+psycopg2://postgres@/migration?host=/run/ledger/socket"

    assert normalise_database_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"mysql://ada:{PASSWORD}@db/crm", id="another database"),
        pytest.param("sqlite:///crm.db", id="a file"),
        pytest.param(f"host=db password={PASSWORD}", id="libpq's own form"),
        pytest.param(f"ada:{PASSWORD}@db/crm", id="no scheme"),
        pytest.param(f"ada:{PASSWORD}@postgres://db/crm", id="password before the scheme"),
        pytest.param(f"postgresql://ada:{PASSWORD}@db:port/crm", id="a port that is no number"),
    ],
)
def test_what_is_not_postgresql_is_refused_with_what_to_do_and_without_the_password(url):
    with pytest.raises(InvalidInput, match="postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as refused:
        normalise_database_url(url)

    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://ada:{PASSWORD}@db:5432/crm", "postgresql://ada:***@db:5432/crm"),
        (f"postgresql://ada:{PASSWORD}/@:x@db/crm", "postgresql://ada:***@db/crm"),
        (f"postgresql://:{PASSWORD}@db/crm", "postgresql://:***@db/crm"),
        (f"postgresql://db/crm?user=ada&password={PASSWORD}", "postgresql://db/crm?user=ada&password=***"),
        ("postgresql://ada@db:5432/crm", "postgresql://ada@db:5432/crm"),
        ("postgresql://postgres@/crm?host=/run/socket", "postgresql://postgres@/crm?host=/run/socket"),
    ],
)
def test_a_message_shows_the_url_without_its_password(url, shown):
    assert without_password(url) == shown


def test_printing_the_settings_shows_no_password():
    settings = load_settings(
        {"MIGRATION_DATABASE_URL": f"postgresql://ada:{PASSWORD}@db/crm", "MIGRATION_FILES": f"s3://k:{PASSWORD}@b"}
    )

    assert PASSWORD not in repr(settings)
