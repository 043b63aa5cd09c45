"""Migration projects as files: systems, environments, decisions, dispositions, mapping, owners.

A project is a folder `projects/<name>/` kept in git. It holds names of environment variables, never secrets, and
neither names of people who confirmed nor dates: those are events in the ledger.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from migration_pipelines.core.fingerprint import fingerprint
from migration_pipelines.core.mapping import Frozen, ObjectMapping, Text, rows_of
from migration_pipelines.errors import InvalidInput
from migration_pipelines.pairs import Disposition, Pair, load_pair

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NAME_SHOWN_CHARACTERS = 80
_REASON_SHOWN_CHARACTERS = 500


def _is_variable_name(value: object) -> object:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable, such as ACME_KOMMO_TOKEN; the value itself stays out of files"
        )
    return value


def _as_text(value: object) -> object:
    """A day as its text: YAML reads 2026-12-01 without quotes as a date."""
    return value.isoformat() if type(value) is date else value


Variable = Annotated[str, BeforeValidator(_is_variable_name)]
Pace = Annotated[float, Field(gt=0)]
EnvironmentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
ShortText = Annotated[str, Field(max_length=1000)]


class SourceConnection(Frozen):
    """How to reach a source org, and how to sign in: by a token that somebody made; by an app's client credentials; or
    by an app's private key for a user name (JWT bearer), with "test" as audience for a sandbox.

    `reserve_percent` is how much of the org's daily API requests is left to its other integrations. `records_a_day` is
    how many records the org gives in a day: a stated ceiling of Bulk API 2.0, unless its owner knows another.
    """

    url: Variable
    token: Variable | None = None
    client_id: Variable | None = None
    client_secret: Variable | None = None
    username: Variable | None = None
    private_key: Variable | None = None
    audience: Literal["login", "test"] = "login"
    api_version: Annotated[str, Field(pattern=r"^[1-9][0-9]\.0$")] = "62.0"
    reserve_percent: Annotated[float, Field(ge=0, le=95)] = 20
    records_a_day: Annotated[int, Field(gt=0)] = 100_000_000

    @model_validator(mode="after")
    def _can_sign_in(self) -> SourceConnection:
        by_app = {"client_secret": self.client_secret, "username": self.username, "private_key": self.private_key}
        given = {name for name, value in by_app.items() if value is not None}
        ways = ({"client_secret"}, {"username", "private_key"})
        is_token = self.token is not None and self.client_id is None and not given
        if not is_token and (self.token is not None or self.client_id is None or given not in ways):
            raise ValueError(
                "give one way to sign in: token:, or client_id: and client_secret:, or client_id:, username: and private_key:"
            )
        return self


class TargetConnection(Frozen):
    """How to reach a target org, how to sign in, and how hard to press it. One signs in by a token that somebody made, or
    by an integration's OAuth, after `crm-migrate sign-in`.

    `quiet_seconds` is how long to wait before asking what became of a request whose answer was lost.
    """

    url: Variable
    token: Variable | None = None
    client_id: Variable | None = None
    client_secret: Variable | None = None
    redirect_uri: Variable | None = None
    requests_per_second: Pace = 5
    quiet_seconds: Annotated[float, Field(ge=0, le=3600)] = 10

    @model_validator(mode="after")
    def _can_sign_in(self) -> TargetConnection:
        given = [one is not None for one in (self.token, self.client_id, self.client_secret, self.redirect_uri)]
        if given not in ([True, False, False, False], [False, True, True, True]):
            raise ValueError("give one way to sign in: token:, or client_id:, client_secret: and redirect_uri:")
        return self


class Environment(Frozen):
    """`archive_database` names the variable with the URL of the PostgreSQL database for objects that are kept in one."""

    source: SourceConnection
    target: TargetConnection
    archive_database: Variable | None = None


class ProjectFile(Frozen):
    """`project.yaml`."""

    name: str
    source: str
    target: str
    environments: Mapping[EnvironmentName, Environment]
    decisions: Mapping[str, Annotated[ShortText | int | bool | None, BeforeValidator(_as_text)]] = {}
    objects: Mapping[str, Disposition] = {}

    @field_validator("name", "source", "target")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a small letter, then small letters, digits and underscores, 40 at most")
        return name

    @model_validator(mode="after")
    def _has_the_database(self) -> ProjectFile:
        kept = sorted(name for name, how in self.objects.items() if "database" in how)
        without = [name for name, one in self.environments.items() if one.archive_database is None]
        if kept and without:
            raise ValueError(
                f"{', '.join(kept)} is to be kept in a database, and environment {', '.join(without)} names none: "
                "add archive_database:, the name of the environment variable with its URL"
            )
        return self


def _as_ids(value: object) -> object:
    """Ids as their text: YAML reads one of digits as a number."""
    if not isinstance(value, dict):
        return value
    return {_digits_as_text(key): _digits_as_text(one) for key, one in value.items()}


def _digits_as_text(value: object) -> object:
    return str(value) if type(value) is int else value


class MatchesFile(Frozen):
    """`matches.yaml`: CRM object -> source id -> id of the record in the target that it is, or NEW."""

    matches: Mapping[str, Annotated[Mapping[Text, Text], BeforeValidator(_as_ids)]] = {}


class OwnersFile(Frozen):
    """`owners.yaml`: source user's e-mail or id -> target user's e-mail."""

    owners: Mapping[str, str] = {}


@dataclass(frozen=True)
class MigrationProject:
    """One project as its files say now."""

    folder: Path
    file: ProjectFile
    mappings: Mapping[str, ObjectMapping]
    owners: Mapping[str, str]
    pair: Pair
    matches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def partition_keys(self) -> tuple[str, ...]:
        return tuple(f"{self.name}-{environment}" for environment in self.file.environments)

    @property
    def decisions(self) -> Mapping[str, Any]:
        """Every decision that is taken, defaults included. An open one is absent."""
        taken = {name: decision.default for name, decision in self.pair.decisions.items()} | dict(self.file.decisions)
        return {name: value for name, value in taken.items() if value is not None}

    @property
    def existing(self) -> Mapping[str, tuple[str, str]]:
        """Target object -> the decision about records that it holds already, and its value; open ones are absent."""
        taken = self.decisions
        return {
            decision.existing: (name, taken[name])
            for name, decision in self.pair.decisions.items()
            if decision.existing and name in taken
        }

    def open_decisions(self, facts: Mapping[str, Any] = {}) -> list[str]:
        """Those that nobody has taken, of what is asked of a source org with these facts."""
        return [
            name
            for name, decision in self.pair.decisions.items()
            if name not in self.decisions and decision.is_asked(self.decisions, facts)
        ]

    def disposition_of(self, source_object: str) -> Disposition | None:
        """What becomes of an object that no route takes: as the project says, else by the pair's default."""
        return self.file.objects.get(source_object) or self.pair.disposition_of(source_object)

    def rows(self, defaults: Mapping[str, Disposition] = {}) -> dict[str, str]:
        """Everything that a person confirms, as name -> fingerprint: mapping rows, decisions, owners, dispositions.

        Args:
            defaults: the dispositions of the pair that are in force in a source org, beside the project's own.
        """
        rows: dict[str, str] = {}
        for crm_object, mapping in self.mappings.items():
            rows.update(rows_of(crm_object, mapping))
        rows.update((f"decision {name}", fingerprint(value)) for name, value in self.decisions.items())
        rows.update((f"owner {name}", fingerprint(value)) for name, value in self.owners.items())
        for crm_object, decided in self.matches.items():
            rows.update((f"match {crm_object} {source_id}", fingerprint(one)) for source_id, one in decided.items())
        disposed = {**defaults, **self.file.objects}
        rows.update((f"object {name}", fingerprint(dict(value))) for name, value in disposed.items())
        return rows

    def fingerprint(self, defaults: Mapping[str, Disposition] = {}) -> str:
        return fingerprint(self.rows(defaults))


def load_project(folder: Path) -> MigrationProject:
    """Read and check one project's files.

    Raises:
        InvalidInput: a file is missing, is no YAML, or does not say what it must; the text names file and place.
    """
    file = _parse(folder / "project.yaml", ProjectFile)
    if file.name != folder.name:
        raise InvalidInput(
            f"{folder / 'project.yaml'}: name is {file.name!r}, the folder's is {folder.name!r}. Make them one."
        )
    pair = load_pair(file.source, file.target)
    for name, value in file.decisions.items():
        pair.check_decision(name, value, where=folder / "project.yaml")
    mappings = {path.stem: _parse(path, ObjectMapping) for path in sorted((folder / "mapping").glob("*.yaml"))}
    for crm_object, mapping in mappings.items():
        if unasked := {name for route in mapping.routes for name in route.depends_on} - set(pair.decisions):
            raise InvalidInput(
                f"{folder / 'mapping' / crm_object}.yaml: only_if: names a decision that nobody takes: "
                f"{', '.join(map(_shown, sorted(unasked)))}. There are: {', '.join(sorted(pair.decisions))}."
            )
    owners = _parse(folder / "owners.yaml", OwnersFile).owners if (folder / "owners.yaml").exists() else {}
    matches = _parse(folder / "matches.yaml", MatchesFile).matches if (folder / "matches.yaml").exists() else {}
    if strange := set(matches) - set(mappings):
        raise InvalidInput(
            f"{folder / 'matches.yaml'}: there is no mapping of {', '.join(sorted(strange))}. There are: {', '.join(mappings)}."
        )
    return MigrationProject(folder, file, mappings, owners, pair, matches)


def load_projects(folder: Path) -> Iterator[MigrationProject]:
    """Every valid project below a folder. An invalid one loses only itself, with a log line that says why."""
    if not folder.is_dir():
        return
    for file in sorted(folder.glob("*/project.yaml")):
        try:
            yield load_project(file.parent)
        except InvalidInput as error:
            log.error("This project is left out until its files are mended. %s", error)


def find_partition(folder: Path, key: str) -> tuple[MigrationProject, str]:
    """The project and environment of a partition key such as "acme-sandbox".

    Raises:
        InvalidInput: there is no such project or environment, or its files are invalid.
    """
    name, _, environment = key.partition("-")
    if not _NAME.fullmatch(name) or not (folder / name / "project.yaml").is_file():
        there = sorted(path.parent.name for path in folder.glob("*/project.yaml"))
        raise InvalidInput(
            f"There is no project {name!r} in {folder}. "
            + (f"There are: {', '.join(there)}." if there else "Make one with: crm-migrate new NAME")
        )
    project = load_project(folder / name)
    if environment not in project.file.environments:
        raise InvalidInput(
            f"Project {name} has no environment {environment!r}. Its partitions are: {', '.join(project.partition_keys)}."
        )
    return project, environment


def read_yaml(path: Path) -> Any:
    """The plain content of a YAML file.

    Raises:
        InvalidInput: it is missing, unreadable, or no YAML; the text names the line.
    """
    try:
        content = deepcopy(_content_of(path.read_text(encoding="utf-8")))
        place = next(_unstorable(content), None)
    except FileNotFoundError:
        raise InvalidInput(f"{path} is missing.") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    except DuplicateKeyError as error:  # its own words quote the values
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InvalidInput(f"{path}, line {line}: a key stands here for the second time. Remove one of them.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InvalidInput(f"{path}, line {line}: {error.problem}.") from None
    except YAMLError as error:
        raise InvalidInput(f"{path} is no YAML: {error}.") from None
    except (ValueError, RecursionError):  # a date such as 2020-13-45, brackets without end
        raise InvalidInput(f"{path} holds a value that cannot be read. Put dates and odd values in quotes.") from None
    if place is not None:
        raise InvalidInput(
            f"{path}: {'.'.join(place)} holds a character that no database keeps: a zero byte, or half a character pair "
            "such as \\ud800. Remove it."
        )
    return content


@lru_cache(maxsize=256)
def _content_of(text: str) -> Any:
    """Reading a mapping file takes longer than all else that opening a project does, and most of them stay the same."""
    return YAML(typ="safe", pure=True).load(text)


M = TypeVar("M", bound=Frozen)


def _parse(path: Path, model: type[M]) -> M:
    content = read_yaml(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [f"{'.'.join(map(_shown, one['loc'])) or 'the file'}: {_plain(one, model)}" for one in error.errors()]
        raise InvalidInput(f"{path}: " + "; ".join(lines)) from None


def _plain(error: Any, model: type[Frozen]) -> str:
    if error["type"] == "extra_forbidden":
        *place, key = error["loc"]
        near = get_close_matches(str(key), _keys_at(model, place), n=1)
        return "is not known here; " + (f"did you mean {near[0]}:?" if near else "remove it or mend its spelling")
    if error["type"] == "model_type":
        return "must be keys with their values, as in key: value"
    return _shown(str(error["msg"]).removeprefix("Value error, "), _REASON_SHOWN_CHARACTERS)


def _keys_at(kind: Any, place: Sequence[str | int]) -> set[str]:
    """The keys that a file of this kind knows at a place. A step that is no key is a name of the file's own, a number in a
    list, or pydantic's word for which of several kinds it tried."""
    known = {
        field.alias or name: field.annotation
        for model in _models_in(kind)
        for name, field in model.model_fields.items()
    }
    if not place:
        return set(known)
    return _keys_at(known.get(str(place[0]), kind), place[1:])


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models_in(part)


def _shown(words: str | int, most_characters: int = _NAME_SHOWN_CHARACTERS) -> str:
    text = str(words)
    return text if len(text) <= most_characters else text[:most_characters] + "..."


def _unstorable(content: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The places of texts that the ledger could not keep."""
    if isinstance(content, str) and _UNSTORABLE.search(content):
        yield place or ("the file",)
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        yield from _unstorable(key, (*place, ascii(key)))
        yield from _unstorable(part, (*place, _shown(key)))
