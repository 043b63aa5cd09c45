"""Project files: what they may say, and the sentence for what they may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.registry import open_target
from migration_pipelines.errors import InvalidInput
from migration_pipelines.project import find_partition, load_project, load_projects
from migration_pipelines_tests.world import write_project

SECRET = "eyJ0eXAi-planted-secret"
Change = Callable[[str, str, str], None]


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    return write_project(tmp_path / "projects")


@pytest.fixture
def change(projects: Path) -> Change:
    def one(file: str, old: str, new: str) -> None:
        path = projects / "demo" / file
        text = path.read_text("utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), "utf-8")

    return one


def refusal(projects: Path) -> str:
    with pytest.raises(InvalidInput) as refused:
        load_project(projects / "demo")
    return str(refused.value)


BAD = [
    # file, what stands there, what stands there instead, words of the sentence
    ("project.yaml", "name: demo", "name: demo\n  bad: indentation", ("project.yaml, line",)),
    ("project.yaml", "name: demo", "name: [demo", ("project.yaml, line",)),
    ("project.yaml", "name: demo", "name: demo\nname: demo", ("line", "second time")),
    ("project.yaml", "name: demo", "name: other", ("'other'", "'demo'")),
    ("project.yaml", "name: demo", "name: Demo!", ("name:", "small letters")),
    ("project.yaml", "name: demo", "nmae: demo", ("nmae: is not known here", "name: Field required")),
    ("project.yaml", "source: salesforce", "source: pipedrive", ("no migration pair pipedrive_to_kommo", "salesforce_to_kommo")),
    ("project.yaml", "phone_region: US", "phone_zone: US", ("no decision 'phone_zone'", "phone_region")),
    ("project.yaml", "unmatched_owner: stop", "unmatched_owner: maybe", ("'maybe'", "'stop'", "'hold'")),
    ("project.yaml", "failed_allowed: 0", "failed_allowed: -1", ("failed_allowed", "a number")),
    ("project.yaml", "failed_allowed: 0", "failed_allowed: yes", ("failed_allowed", "a number")),
    ("project.yaml", "failed_allowed: 0", "failed_allowed: 2020-13-45", ("project.yaml", "quotes")),
    ("project.yaml", "phone_region: US", "phone_region: [US]", ("phone_region",)),
    ("project.yaml", "{lost: the org", "{mislaid: the org", ("Pricebook2", "lost:, archived: and database:")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN", f"token: {SECRET}", ("target.token", "name of an environment variable")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN", f"token: X, token: {SECRET}", ("second time",)),
    ("project.yaml", "client_secret: DEMO_SALESFORCE_CLIENT_SECRET", f"client_secret: '{SECRET}'", ("client_secret", "name of")),
    ("project.yaml", "url: DEMO_KOMMO_URL", "url: https://acme.kommo.com", ("target.url", "name of an environment variable")),
    ("project.yaml", ", client_secret: DEMO_SALESFORCE_CLIENT_SECRET", "", ("source", "token:", "client_secret:")),
    ("project.yaml", "client_secret: DEMO", "token: A_TOKEN, client_secret: DEMO", ("source", "one way to sign in")),
    ("project.yaml", "client_secret: DEMO", "username: A_USER, client_secret: DEMO", ("source", "one way to sign in")),
    ("project.yaml", "client_secret: DEMO_SALESFORCE_CLIENT_SECRET", "username: A_USER", ("username: and private_key:",)),
    ("project.yaml", "client_secret: DEMO", "private_key: /keys/a.pem, client_secret: DEMO", ("private_key", "name of")),
    ("project.yaml", "client_secret: DEMO", "audience: https://x.example, client_secret: DEMO", ("audience", "'test'")),
    ("project.yaml", "client_secret: DEMO", "reserve_percent: 120, client_secret: DEMO", ("reserve_percent", "95")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN, ", "", ("target", "token:", "client_id:, client_secret: and redirect_uri:")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN", "client_id: A_CLIENT, client_secret: A_SECRET", ("target", "one way to sign in")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN", "token: A_TOKEN, redirect_uri: A_PAGE", ("target", "one way to sign in")),
    ("project.yaml", "token: DEMO_KOMMO_TOKEN", "client_id: A, client_secret: B, redirect_uri: x", ("redirect_uri", "name of")),
    ("project.yaml", "requests_per_second: 10000", "requests_per_second: 0", ("requests_per_second", "greater than 0")),
    ("project.yaml", "quiet_seconds: 0.05", "quiet_seconds: soon", ("quiet_seconds",)),
    ("project.yaml", "environments:", "surroundings:", ("surroundings: is not known here",)),
    ("mapping/contacts.yaml", "LastName, required: true", "LastName, must: true", ("contacts.yaml", "last_name.must")),
    ("mapping/contacts.yaml", "{from: FirstName}", "{}", ("first_name", "exactly one of")),
    ("mapping/contacts.yaml", "if_empty: bare", "if_empty: shrug", ("if_empty", "'hold' or 'bare'")),
    ("mapping/opportunities.yaml", "table: stages", "table: steps", ("no table 'steps'",)),
    ("mapping/accounts.yaml", "routes:", "roads:", ("accounts.yaml", "roads: is not known here")),
    ("mapping/accounts.yaml", "      name:       {", "      created_by: {from: Name}\n      name:       {", ("filled twice",)),
    ("owners.yaml", "owners:", "people:", ("owners.yaml", "people: is not known here")),
    ("owners.yaml", "owners: {", "owners: [", ("owners.yaml",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "words"), BAD, ids=[new.replace(SECRET, "secret") for _, _, new, _ in BAD]
)
def test_a_file_that_does_not_say_what_it_must_is_named_with_the_place(
    projects: Path, change: Change, file: str, old: str, new: str, words: tuple[str, ...]
) -> None:
    change(file, old, new)

    says = refusal(projects)

    assert str(projects / "demo" / file) in says or "migration pair" in says
    assert all(word in says for word in words), says
    assert SECRET not in says


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"", b"- a list\n", b"!!python/object/apply:os.system ['true']", b"a: *nothing", b"[" * 100_000, b"\x00",
     b"name: demo\n---\nname: demo\n"],
    ids=["not UTF-8", "empty", "a list", "python", "alias", "deep", "NUL", "two documents"],
)  # fmt: skip
def test_a_file_that_is_no_project_at_all_is_a_sentence(projects: Path, content: bytes) -> None:
    (projects / "demo" / "project.yaml").write_bytes(content)

    assert "project.yaml" in refusal(projects)


def test_a_missing_file_is_named(projects: Path) -> None:
    (projects / "demo" / "project.yaml").unlink()

    assert refusal(projects) == f"{projects / 'demo' / 'project.yaml'} is missing."


def test_an_invalid_project_loses_only_itself(
    projects: Path, tmp_path: Path, change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    stages.new(projects, "acme", "salesforce", "kommo")
    change("project.yaml", "name: demo", "nmae: demo")

    assert [project.name for project in load_projects(projects)] == ["acme"]
    assert "nmae: is not known here" in caplog.text
    assert list(load_projects(tmp_path / "nowhere")) == []


def test_a_new_project_speaks_of_itself_in_lines_that_an_editor_shows_whole(projects: Path) -> None:
    folder = stages.new(projects, "acme", "salesforce", "kommo")
    files = {path.name: path.read_text("utf-8") for path in folder.rglob("*.yaml")}

    comments = [line for line in files["project.yaml"].splitlines() if line.lstrip().startswith("#")]
    assert max(map(len, comments)) < 120
    assert (
        "  #   hold: the records of that owner are held, everything else is loaded\n  unmatched_owner:\n"
        in files["project.yaml"]
    )
    assert [
        name for name, text in files.items() if re.search(r"\b[A-Z-]+-\d\d\b", text)
    ] == []  # numbers of our requirements


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("nobody-sandbox", ("no project 'nobody'", "There are: demo")),
        ("demo-moon", ("no environment 'moon'", "demo-twin")),
        ("demo", ("no environment ''", "demo-twin")),
        ("", ("no project ''",)),
        ("../demo-twin", ("no project '../demo'",)),
        ("x" * 5_000 + "-twin", ("no project",)),
    ],
)
def test_a_partition_that_nobody_described_is_a_sentence(projects: Path, key: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        find_partition(projects, key)

    assert all(word in str(refused.value) for word in words)


def test_an_open_decision_is_open_and_a_default_is_taken(projects: Path, change: Change) -> None:
    """SF-KOMMO-41."""
    change("project.yaml", "unmatched_owner: stop", "unmatched_owner:")
    change("project.yaml", "  currency_differs: refuse\n", "")

    project = load_project(projects / "demo")

    assert project.open_decisions() == ["unmatched_owner"]
    assert project.decisions["currency_differs"] == "refuse"


@pytest.mark.parametrize(
    ("file", "old", "new", "row"),
    [
        ("mapping/contacts.yaml", "{from: Title}", "{from: Department}", "contacts/Contact>contacts POSITION"),
        ("mapping/accounts.yaml", "Type: not used in Kommo", "Type: a reason", "accounts/Account>companies Type"),
        ("mapping/opportunities.yaml", "Proposal: Proposal", "Proposal: Qualification", "opportunities table stages"),
        ("mapping/contacts.yaml", "when: {AccountId: {empty: false}}", "when: {}", "contacts/Contact>company_contacts"),
        ("project.yaml", "phone_region: US", "phone_region: TR", "decision phone_region"),
        ("owners.yaml", "olivia.stone@", "liam.carter@", "owner maria.silva@harbor.example"),
        ("project.yaml", "the org sells without products", "another reason", "object Pricebook2"),
    ],
)
def test_a_change_takes_back_the_confirmation_of_its_own_row_only(
    projects: Path, change: Change, file: str, old: str, new: str, row: str
) -> None:
    """COMMON-05: what a person confirms is each row as it stands."""
    before = load_project(projects / "demo")
    change(file, old, new)
    after = load_project(projects / "demo")

    rows, changed = before.rows(), after.rows()
    assert [name for name in rows if rows[name] != changed.get(name)] == [row]
    assert before.fingerprint() != after.fingerprint()


def test_a_comment_takes_no_confirmation_back(projects: Path, change: Change) -> None:
    before = load_project(projects / "demo").fingerprint()
    change("mapping/contacts.yaml", "routes:", "# read by two people\nroutes:")

    assert load_project(projects / "demo").fingerprint() == before


@pytest.mark.parametrize("name", ["Acme", "a-b", "1st", "", "x" * 41, "../up"])
def test_a_project_with_an_odd_name_is_not_made_and_leaves_nothing_behind(projects: Path, name: str) -> None:
    before = sorted(projects.parent.rglob("*"))

    with pytest.raises(InvalidInput):
        stages.new(projects, name, "salesforce", "kommo")

    assert sorted(projects.parent.rglob("*")) == before


def test_a_new_project_is_valid_open_and_never_overwrites(projects: Path) -> None:
    folder = stages.new(projects, "acme", "salesforce", "kommo")

    project = load_project(folder)
    assert project.partition_keys == ("acme-sandbox", "acme-production")
    assert set(project.open_decisions()) >= {"unmatched_owner", "phone_region"}
    with pytest.raises(InvalidInput, match="exists already"):
        stages.new(projects, "acme", "salesforce", "kommo")


def test_the_other_way_to_sign_in_to_the_target_is_an_integration(projects: Path, change: Change) -> None:
    change(
        "project.yaml", "token: DEMO_KOMMO_TOKEN", "client_id: A_CLIENT, client_secret: A_SECRET, redirect_uri: A_PAGE"
    )

    target = load_project(projects / "demo").file.environments["twin"].target

    assert (target.token, target.client_id, target.client_secret, target.redirect_uri) == (
        None, "A_CLIENT", "A_SECRET", "A_PAGE",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "pace", "is_refused"),
    [
        ("https://acme.kommo.com", "7", False),
        ("https://acme.kommo.com", "7.5", True),
        ("https://127.0.0.1.kommo.com", "8", True),
        ("http://127.0.0.1:8802", "10000", False),
    ],
)
def test_more_requests_than_kommo_allows_are_for_twins_only(
    projects: Path, change: Change, tmp_path: Path, url: str, pace: str, is_refused: bool
) -> None:
    """Over seven a second Kommo blocks the account, and only its support unblocks it."""
    change("project.yaml", "requests_per_second: 10000", f"requests_per_second: {pace}")
    connection = load_project(projects / "demo").file.environments["twin"].target
    environ = {"DEMO_KOMMO_URL": url, "DEMO_KOMMO_TOKEN": "a-token"}

    if is_refused:
        with pytest.raises(InvalidInput, match=rf"requests_per_second is {pace} .* Kommo allows 7"):
            open_target("kommo", connection, environ, tmp_path / "tokens")
    else:
        open_target("kommo", connection, environ, tmp_path / "tokens").close()


def test_a_day_is_taken_as_yaml_reads_it(projects: Path, change: Change) -> None:
    """YAML reads a plain 2026-12-01 as a date, and nobody should have to know that."""
    change("project.yaml", 'switch_day: "2026-11-30"', "switch_day: 2026-12-01")

    assert load_project(projects / "demo").decisions["switch_day"] == "2026-12-01"


@pytest.mark.parametrize("moment", ["2026-12-01 10:00:00", "20261201", "2026-12"])
def test_what_is_no_day_is_none_without_quotes_either(projects: Path, change: Change, moment: str) -> None:
    change("project.yaml", 'switch_day: "2026-11-30"', f"switch_day: {moment}")

    assert "switch_day" in refusal(projects)
