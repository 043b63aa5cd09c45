"""What was rolled back in Kommo, by whomever: what it needs, how it is found again, and that it counts as nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration_pipelines.connectors.base import Record
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines.errors import MappingError
from migration_pipelines_tests.connectors.account import Account, open_account

DUE = "2024-05-31T15:00:00Z"


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account() as account:
        account.target.provision(account.target.undoing_needs("leads"))
        account.forget()
        yield account


def roll_back(account: Account, kind: str, *target_ids: str) -> None:
    assert account.target.undo(kind, account.target.read_back(kind, target_ids)) == {}


def test_deals_are_not_rolled_back_into_a_pipeline_that_is_not_there() -> None:
    with open_account() as account:
        deal = account.make("leads", "006A")
        found = account.target.read_back("leads", [deal])
        account.forget()

        with pytest.raises(MappingError, match="Rolled back migration"):
            account.target.undo("leads", found)

        assert account.requests("P") == []
        assert account.target.rolled_back("leads") == {}


def test_only_deals_need_something_to_be_rolled_back_into(account: Account) -> None:
    (pipeline,) = account.target.undoing_needs("leads").pipelines

    assert (pipeline.name, pipeline.stages) == ("Rolled back migration", ("Rolled back",))
    for kind in ("companies", "contacts", "tasks", "notes", "files", "card_files", "company_contacts", "lead_elements"):
        assert account.target.undoing_needs(kind) == Wanted((), ())


@pytest.mark.parametrize("kind", ["companies", "contacts", "leads"])
def test_cards_are_found_by_a_target_that_knows_nothing_of_them(account: Account, kind: str) -> None:
    """SF_ID tells ours: one that a person named like a rolled back one is nobody's."""
    mine, also_mine, alive = (account.make(kind, key) for key in ("A", "B", "C"))
    account.twin.post("edit", json={"entity": kind, "id": int(alive), "changes": {"name": "see [rolled back] A"}})
    roll_back(account, kind, also_mine, mine)

    with account.fresh_target() as target:
        assert target.rolled_back(kind) == {"A": mine, "B": also_mine}


def test_a_card_that_a_person_marked_so_is_not_ours(account: Account) -> None:
    company = account.make("companies", "A")
    deal = account.make("leads", "D")
    roll_back(account, "companies", company)
    roll_back(account, "leads", deal)
    for kind, number in (("companies", company), ("leads", deal)):
        key = next(one for one in account.twin.get("snapshot").json()["custom_fields"][kind] if one["code"] == "SF_ID")
        clear = {"custom_fields_values": [{"field_id": key["id"], "values": []}]}
        assert account.twin.post("edit", json={"entity": kind, "id": int(number), "changes": clear}).is_success

    assert account.target.rolled_back("companies") == {}
    assert account.target.rolled_back("leads") == {}
    objects = account.target.describe().objects
    assert (objects["companies"].records, objects["leads"].records) == (1, 1)


def test_of_two_with_one_key_the_oldest_counts(account: Account) -> None:
    first, second = account.make("companies", "A"), account.make("companies", "A")
    roll_back(account, "companies", second, first)

    assert account.target.rolled_back("companies") == {"A": first}


def test_what_stands_on_rolled_back_cards_is_found_with_its_key(account: Account) -> None:
    cards = {"lead": account.make("leads", "L"), "contact": account.make("contacts", "C"),
             "company": account.make("companies", "A")}  # fmt: skip
    made = {
        kind: {
            f"{kind}-{name}": account.make(
                kind, f"{kind}-{name}", {"text": "x", "complete_till": DUE}, **{name: [card]}
            )
            for name, card in cards.items()
        }
        for kind in ("tasks", "notes")
    }
    account.make("tasks", "alive", {"text": "x", "complete_till": DUE}, lead=[cards["lead"]])
    account.make("notes", "alive", {"text": "x"}, lead=[cards["lead"]])
    for kind, ids in made.items():
        roll_back(account, kind, *ids.values())
    for name, kind in (("lead", "leads"), ("contact", "contacts"), ("company", "companies")):
        roll_back(account, kind, cards[name])

    with account.fresh_target() as target:
        assert target.rolled_back("tasks") == made["tasks"]
        assert target.rolled_back("notes") == made["notes"]


@pytest.mark.parametrize("name", ["call_in", "attachment", "sms_out", "geolocation"])
def test_a_blanked_note_keeps_its_marker_and_can_be_adopted(account: Account, name: str) -> None:
    company = account.make("companies", "A")
    references = {"company": [company]}
    values = {"type": name, "text": "Said so", "phone": "+905321234567", "address": "Main Street"}
    if name == "attachment":
        values, references["file"] = {"type": name, "file_name": "offer.pdf"}, [upload(account)]
    note = account.make("notes", "N", values, **references)
    roll_back(account, "notes", note)
    roll_back(account, "companies", company)

    assert account.target.rolled_back("notes") == {"N": note}
    (result,) = account.write("notes", Record("N", values, references, note, is_adopted=True))

    assert result
    assert result.result == "updated"
    found = account.target.read_back("notes", [note])[note]
    told = "file_name" if name == "attachment" else "text"
    assert found.values[told] == values[told]
    assert account.target.rolled_back("notes") == {}


def upload(account: Account) -> str:
    with account.person() as person:
        session = person.post("/v1.0/sessions", json={"file_name": "a.txt", "file_size": 3}).json()
        return str(person.post(session["upload_url"], content=b"abc").json()["uuid"])


def test_elements_of_a_list_are_found_by_their_mark(account: Account) -> None:
    account.target.provision(Wanted((WantedField("list:Assets", "SERIAL", "Serial", "text"),), ()))
    mine = account.make("list:Assets", "A", {"name": "Pump"})
    account.make("list:Assets", "B", {"name": "Valve"})
    roll_back(account, "list:Assets", mine)

    with account.fresh_target() as target:
        assert target.rolled_back("list:Assets") == {"A": mine}
    assert account.target.rolled_back("list:Not made yet") == {}


@pytest.mark.parametrize("kind", ["users", "files", "card_files", "company_contacts", "lead_elements"])
def test_of_some_kinds_nothing_stays_behind(account: Account, kind: str) -> None:
    assert account.target.rolled_back(kind) == {}


@pytest.mark.parametrize("kind", ["companies", "contacts", "leads"])
def test_what_was_rolled_back_counts_as_nothing_there(account: Account, kind: str) -> None:
    assert account.target.describe().objects[kind].records == 0
    ids = [account.make(kind, key) for key in ("A", "B")]
    assert account.target.describe().objects[kind].records == 1

    roll_back(account, kind, ids[1])
    assert account.target.describe().objects[kind].records == 1

    roll_back(account, kind, ids[0])
    assert account.target.describe().objects[kind].records == 0


def test_finding_what_was_rolled_back_asks_for_nothing_else(account: Account) -> None:
    """Kommo limits: who sweeps all data without need may be blocked."""
    for start in range(0, 300, 50):
        account.write("leads", *(Record(f"D{n}", {"name": "Deal"}) for n in range(start, start + 50)))
    account.forget()

    assert account.target.rolled_back("leads") == {}
    assert [one for one in account.requests("GET") if one.startswith("GET /api/v4/leads ")] == ["GET /api/v4/leads 204"]


def test_a_person_confirms_that_bots_are_off(account: Account) -> None:
    """A Salesbot may write to every customer, and no API tells whether one would."""
    (statement,) = account.target.checklist().values()

    assert list(account.target.checklist()) == ["bots are off"]
    assert "Salesbots" in statement
    assert account.target.describe().checklist == account.target.checklist()


@pytest.mark.parametrize(
    ("kind", "ignored", "never"),
    [
        ("notes", {"created_at", "created_by", "responsible_user_id"}, {"text", "lead"}),
        ("tasks", {"created_at", "created_by"}, {"text", "complete_till", "is_completed", "responsible_user_id"}),
        ("leads", {"created_at", "created_by", "closed_at"}, {"name", "price", "pipeline", "status", "SF_ID"}),
        ("companies", {"created_at", "created_by"}, {"name", "SF_ID", "responsible_user_id"}),
        ("users", set(), {"created_at"}),
    ],
)
def test_only_what_the_documentation_leaves_open_may_be_ignored(
    account: Account, kind: str, ignored: set[str], never: set[str]
) -> None:
    may_ignore = account.target.may_ignore(kind)

    assert may_ignore == ignored
    assert not may_ignore & never
