"""Every key of project.yaml, owners.yaml, matches.yaml and the mapping files, wrong in turn.

The keys come from the models that read the files, so a new one is covered by itself, once the sample below has it; and a
test says where it has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from migration_pipelines import project
from migration_pipelines.core.mapping import Frozen, ObjectMapping
from migration_pipelines.errors import InvalidInput
from migration_pipelines.project import MatchesFile, OwnersFile, ProjectFile, load_project

Place = tuple[str | int, ...]

FIELD = {"from": "Name", "table": "kinds", "convert": ["text"], "default": "x", "required": True, "apart_on": ["owner"],
         "only_if": {"emails": "archive"}, "label": "A name"}  # fmt: skip
OTHER_FIELDS = {
    "one": {"value": "x"}, "two": {"rule": "company_phones"}, "three": {"decision": "time_zone"},
    "four": {"from": "Name", "child": "Contact", "many": "newest"}, "five": {"from": "Amount", "exchange": "CurrencyIsoCode"},
}  # fmt: skip
ROUTE = {
    "source": "Account", "target": "companies", "cardinality": "1:1", "support": "full", "only_if": {"emails": "archive"},
    "after": "users/User>users", "matched_by": [{"name": "name"}], "made_by_platform": {"Task": "TaskId"},
    "becomes": {"contacts>contacts": "ContactId"}, "optional": ["Fax"], "fields": {"name": FIELD, **OTHER_FIELDS},
    "references": {
        "owner": {"from": "OwnerId", "to": ["users"], "if_empty": "bare", "if_unknown": "bare", "if_held": "bare"},
        "other": {"rule": "role_holders", "to": ["users"], "unless": ["owner"], "into": "owner"},
        "third": {"from": "ParentId", "to": ["users"], "through": ["owner"]},
    },
    "lost": {"Fax": "not used"}, "when": {"Type": {"empty": False}}, "unless": {"Type": "x"},
    "undecided": {"Site": {"type": "text", "filled": "1 of 9", "samples": ["a"], "suggestion": {"site": {"from": "Site"}}}},
}  # fmt: skip
CARRIED = {"source": "Role", "target": "companies", "carried_by": {"Account": "AccountId"}}
SIGN_IN = {"url": "A_URL", "client_id": "A_CLIENT"}
FILES: dict[str, tuple[type[Frozen], dict[str, Any]]] = {
    "project.yaml": (
        ProjectFile,
        {
            "name": "demo", "source": "salesforce", "target": "kommo",
            "environments": {
                "twin": {
                    "source": {**SIGN_IN, "client_secret": "A_SECRET", "audience": "test", "api_version": "62.0",
                               "reserve_percent": 20, "records_a_day": 100_000_000},
                    "target": {**SIGN_IN, "client_secret": "A_SECRET", "redirect_uri": "A_PAGE", "requests_per_second": 7,
                               "quiet_seconds": 1},
                    "archive_database": "A_DATABASE",
                },
                "other": {
                    "source": {**SIGN_IN, "username": "A_USER", "private_key": "A_KEY"},
                    "target": {"url": "A_URL", "token": "A_TOKEN"},
                },
                "third": {
                    "source": {"url": "A_URL", "token": "A_TOKEN"},
                    "target": {"url": "A_URL", "token": "A_TOKEN"},
                },
            },
            "decisions": {"failed_allowed": 0, "time_zone": "Europe/Istanbul"},
            "objects": {"Pricebook2": {"lost": "only the platform's own"}},
        },
    ),
    "owners.yaml": (OwnersFile, {"owners": {"a@example.com": "b@example.com"}}),
    "matches.yaml": (MatchesFile, {"matches": {"accounts": {"001000000000001AAA": "17"}}}),
    "mapping/accounts.yaml": (ObjectMapping, {"routes": [ROUTE, CARRIED], "tables": {"kinds": {"a": "b"}}}),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "demo" / "mapping").mkdir(parents=True)
    for file, (_, content) in FILES.items():
        write(tmp_path / "demo" / file, content)
    return tmp_path / "demo"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples are JSON, which is YAML and takes a hundredth of the time to read as such."""
    monkeypatch.setattr(project, "_content_of", json.loads)


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), "utf-8")


def refusal(folder: Path) -> str | None:
    """The sentence; None where the files are taken. Any other exception is a fault."""
    try:
        load_project(folder).fingerprint()
    except InvalidInput as error:
        return str(error)
    return None


def places(content: Any, place: Place = ()) -> Iterator[Place]:
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        yield (*place, key)
        yield from places(part, (*place, key))


def with_(content: Any, place: Place, value: Any) -> Any:
    changed = deepcopy(content)
    below = changed
    for key in place[:-1]:
        below = below[key]
    below[place[-1]] = value
    return changed


def at(content: Any, place: Place) -> Any:
    for key in place:
        content = content[key]
    return content


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(kind):
        yield from models_in(part)


@pytest.mark.parametrize("file", FILES)
def test_the_sample_has_every_key_of_the_models_and_is_taken(folder: Path, file: str) -> None:
    model, content = FILES[file]
    keys = {field.alias or name for one in models_in(model) for name, field in one.model_fields.items()}

    assert keys - {step for place in places(content) for step in place} == set()
    assert refusal(folder) is None


NEVER_RIGHT = ([[["x"]]], {"a": {"b": {"c": ["x"]}}})
ODD = (None, "", [], {}, ["a", "b"], 7.5, True, -1, 10**400, float("inf"), "../../etc/passwd", "x" * 2000, "=1+1\t\r\n")
NEVER_KEPT = ("a\0b", "\ud800")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("file", FILES)
def test_a_value_of_a_wrong_kind_is_refused_with_its_file_and_key_and_no_value_is_another_error(
    folder: Path, file: str
) -> None:
    """What stands freely, below only_if: and samples:, takes lists and mappings; all else takes at most one of them."""
    _, content = FILES[file]
    for place in places(content):
        free = any(step in ("samples", "only_if") for step in place[:-1])
        said = []
        for value in (*NEVER_RIGHT, *ODD):
            write(folder / file, with_(content, place, value))
            said.append(refusal(folder))
        never_right, odd = said[: len(NEVER_RIGHT)], said[len(NEVER_RIGHT) :]

        assert free or any(never_right), place
        for one in (*never_right, *odd):
            assert one is None or (file in one and names(one, place) and len(one) < 2500), (place, one)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("file", FILES)
def test_a_character_that_the_ledger_cannot_keep_is_refused_in_every_place(folder: Path, file: str) -> None:
    _, content = FILES[file]
    for place in places(content):
        for value in NEVER_KEPT:
            write(folder / file, with_(content, place, value))
            said = refusal(folder) or ""

            assert "no database keeps" in said, place
            assert file in said, place
            assert names(said, place), place
    write(folder / file, content | {"a\0b": 1})
    assert "no database keeps" in (refusal(folder) or "")


def names(said: str, place: Place) -> bool:
    """Whether a sentence names the place, or what stands around it: a rule that spans several keys names its holder."""
    return any(str(step) in said for step in place)


@pytest.mark.parametrize("file", FILES)
def test_a_misspelt_key_names_the_near_one_and_an_absurd_one_is_cut(folder: Path, file: str) -> None:
    model, content = FILES[file]
    keys = {field.alias or name for one in models_in(model) for name, field in one.model_fields.items()}
    holders = {place[:-1]: place[-1] for place in places(content) if place[-1] in keys and place[-2:-1] != ("Type",)}
    assert holders
    for holder, key in holders.items():
        for strange, words in ((f"{key}x", f"did you mean {key}:?"), ("q" * 900, "remove it")):
            write(folder / file, with_(content, (*holder, strange), at(content, (*holder, key))))
            said = refusal(folder) or ""

            assert (file in said, words in said, strange[:80] in said) == (True, True, True), (holder, said)
            assert len(said) < 800


@pytest.mark.parametrize("file", FILES)
def test_a_key_that_stands_twice_is_refused_with_the_line(folder: Path, file: str) -> None:
    _, content = FILES[file]
    key = next(iter(content))
    (folder / file).write_text(f"{key}: {json.dumps(content[key])}\n" * 2, "utf-8")

    assert f"{file}, line 2: a key stands here for the second time" in (refusal(folder) or "")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        pytest.param("source", "../../etc/passwd", "source: a small letter", id="a path for a system"),
        pytest.param("target", "x" * 300, "target: a small letter", id="longer than a file's name may be"),
        pytest.param("environments", {"../up": {}}, "environments.../up", id="a path for an environment"),
    ],
)
def test_a_name_is_no_path(folder: Path, key: str, value: Any, says: str) -> None:
    write(folder / "project.yaml", FILES["project.yaml"][1] | {key: value})

    assert says in (refusal(folder) or "")


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        pytest.param(("source", "api_version"), "../../x", "twin.source.api_version", id="a path for a version"),
        pytest.param(
            ("target", "quiet_seconds"), 1e300, "twin.target.quiet_seconds", id="longer than a computer can sleep"
        ),
        pytest.param(
            ("target", "requests_per_second"), "1e999", "twin.target.requests_per_second", id="endlessly fast"
        ),
    ],
)
def test_a_figure_of_a_connection_is_one_that_it_can_use(folder: Path, place: Place, value: Any, says: str) -> None:
    write(folder / "project.yaml", with_(FILES["project.yaml"][1], ("environments", "twin", *place), value))

    assert says in (refusal(folder) or "")


def test_an_id_of_digits_is_its_text_and_no_other_value_becomes_one(folder: Path) -> None:
    """An empty value once became the id "None", a list the text of a list."""
    write(folder / "matches.yaml", {"matches": {"accounts": {"001000000000001AAA": 17}}})
    assert load_project(folder).matches == {"accounts": {"001000000000001AAA": "17"}}

    for value in (None, "", True, 7.5, ["17"]):
        write(folder / "matches.yaml", {"matches": {"accounts": {"001000000000001AAA": value}}})
        assert "matches.accounts.001000000000001AAA" in (refusal(folder) or ""), value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: &a [*a]", id="a list that holds itself"),
        pytest.param("&a {name: *a}", id="a mapping that holds itself"),
        pytest.param("? [a, b]\n: c", id="a list for a key"),
        pytest.param("? {a: b}\n: c", id="a mapping for a key"),
        pytest.param("1: a\nnull: b\n2020-01-01: c", id="keys that are no text"),
        pytest.param("name: !!python/object/apply:os.system [true]", id="a call of a function"),
        pytest.param("name: !!binary '%%%'", id="broken bytes"),
        pytest.param("name: *missing", id="an alias of nothing"),
        pytest.param("a: 1\n---\na: 2", id="two documents"),
        pytest.param("[" * 500, id="brackets without end"),
        pytest.param("name: \tx\n\ty", id="tabs"),
        pytest.param("%YAML 9.9\n---\nname: x", id="another version of YAML"),
    ],
)
@pytest.mark.parametrize("file", ["project.yaml", "mapping/accounts.yaml"])
def test_odd_yaml_is_a_sentence(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, "utf-8")

    assert file in (refusal(folder) or "")
