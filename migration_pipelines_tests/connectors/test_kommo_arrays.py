"""Arrays of records in Kommo: how long they get, and what becomes of the others where one of them is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from migration_pipelines.connectors.base import Batch, Record
from migration_pipelines.connectors.kommo.array_size import ArraySize
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines_tests.connectors.account import Account, open_account

DUE = "2024-05-31T15:00:00Z"


# How long


def test_the_size_doubles_by_success_up_to_what_kommo_allows() -> None:
    size, lengths = ArraySize(), []
    for _ in range(5):
        lengths.append(size.now)
        size.went_well(size.now)

    assert lengths == [50, 100, 200, 250, 250]


def test_a_short_array_that_went_well_says_nothing_about_longer_ones() -> None:
    size = ArraySize()

    size.went_well(3)

    assert size.now == 50


def test_a_long_array_that_was_lost_is_never_tried_again() -> None:
    size = ArraySize()
    size.went_well(50)
    size.went_well(100)

    size.was_lost(200)

    lengths = []
    for _ in range(40):
        lengths.append(size.now)
        size.went_well(size.now)
    assert set(lengths) == {100}


def test_a_length_that_went_well_once_and_is_lost_later_is_given_up_for_the_one_before() -> None:
    """Records grow longer in the course of a load, and what 250 of them weigh with them."""
    size = ArraySize()
    for length in (50, 100, 200, 250):
        size.went_well(length)

    size.was_lost(250)
    assert size.now == 200
    size.was_lost(200)
    assert size.now == 100


def test_a_recommended_length_that_is_lost_halves_and_comes_back() -> None:
    size = ArraySize()

    lengths = []
    for _ in range(8):
        lengths.append(size.now)
        size.was_lost(size.now)
    assert lengths == [50, 25, 12, 6, 3, 1, 1, 1]

    for _ in range(6):
        size.went_well(size.now)
    assert size.now == 64


def test_an_account_that_takes_fifty_refuses_one_array_in_all() -> None:
    """Kommo limits: 250 at most, 50 recommended, and 504 for what is too much. The limit is the same for every kind."""
    with open_account(array_ceiling=50) as account:
        account.load("companies", *(Record(f"C{n}", {"name": "x"}) for n in range(400)))
        account.load("contacts", *(Record(f"P{n}", {"name": "x"}) for n in range(200)))
        account.load("tasks", *(Record(f"T{n}", {"text": "x", "complete_till": DUE}) for n in range(200)))

        lost = [one for one in account.requests("POST") if one.endswith("504")]
        assert lost == ["POST /api/v4/companies 504"]
        assert len(account.keys("companies")) == 400
        assert len(account.keys("contacts")) == 200
        assert len(account.records("tasks")) == 200


@pytest.mark.parametrize("mass_link", [True, False])
def test_links_of_one_company_keep_to_the_same_limit(mass_link: bool) -> None:
    with open_account(array_ceiling=50, mass_link=mass_link) as account:
        company = account.make("companies", "001")
        people = [
            str(one.target_id)
            for one in account.load("contacts", *(Record(f"P{n}", {"name": "x"}) for n in range(160))).values()
        ]
        account.forget()

        links = account.load(
            "company_contacts", *(Record(one, {}, {"company_id": [company], "contact_id": [one]}) for one in people)
        )
        assert (
            account.target.undo(
                "company_contacts",
                account.target.read_back("company_contacts", [str(one.target_id) for one in links.values()]),
            )
            == {}
        )

        assert [one for one in account.requests("POST") if not one.endswith(("200", "204"))] == []
        assert len(links) == 160


def test_links_of_many_records_travel_together_where_the_account_takes_that() -> None:
    """Of sixty companies with a contact each; one that Kommo refuses leaves the others as they are meant."""
    with open_account() as account:
        firms = [account.make("companies", f"001{n}") for n in range(60)]
        people = [account.make("contacts", f"003{n}", {"last_name": "x"}) for n in range(60)]
        pairs = list(zip([*firms[:-1], "999999"], people, strict=True))
        account.forget()

        results = account.load(
            "company_contacts", *(Record(two, {}, {"company_id": [one], "contact_id": [two]}) for one, two in pairs)
        )

        linked = [(str(one["to_id"]), str(one["id"])) for one in account.twin.get("snapshot").json()["links"]]
        assert sorted(linked) == sorted(pairs[:-1])
        refused = [one for one in results.values() if one.result == "failed"]
        assert [one.message for one in refused] == ["link: Entity not found (status 404)"]


@pytest.mark.parametrize("ceiling", [1, 4, 50])
def test_undoing_keeps_to_any_ceiling(ceiling: int) -> None:
    with open_account(array_ceiling=ceiling, over_ceiling_applies=True) as account:
        made = account.load("companies", *(Record(f"C{n}", {"name": "x"}) for n in range(60)))
        with account.fresh_target() as target:
            found = target.read_back("companies", [str(one.target_id) for one in made.values()])

            assert target.undo("companies", found) == {}

        assert {one["name"] for one in account.records("companies")} == {"[rolled back] x"}


@pytest.mark.parametrize("kind", ["companies", "tasks"])
def test_settling_reads_no_further_back_than_to_what_was_there_before(kind: str) -> None:
    """A record with the same key that was there before is not what this batch made; and nobody reads 300 for two."""
    values = {"name": "x"} if kind == "companies" else {"text": "x", "complete_till": DUE}
    with open_account() as account:
        account.load(kind, *(Record(f"K{n}", values) for n in range(300)))
        high_water = account.target.high_water(kind)
        account.load(kind, Record("new", values))
        account.forget()

        with account.fresh_target() as target:
            results = target.settle(Batch(kind, [Record("K7", values), Record("new", values)], high_water))

        assert [one and one.result for one in results] == [None, "created"]
        assert account.requests("GET").count(f"GET /api/v4/{kind} 200") == 2, "one page, twice"


# One that is refused

LONG = "x" * 300
BAD: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], str]] = {
    "companies": ({"name": "Firm"}, {"name": LONG}, "TooLong"),
    "contacts": ({"last_name": "L"}, {"last_name": LONG}, "TooLong"),
    "leads": ({"name": "Deal"}, {"name": "Deal", "price": "much"}, "price"),
    "tasks": ({"text": "Call", "complete_till": DUE}, {"text": "Call"}, "complete_till"),
    "notes": ({"text": "Said"}, {"type": "geolocation", "text": "Here", "longitude": 29.0}, "longitude"),
    "list:Assets": ({"name": "Pump"}, {"SERIAL": "S"}, "name"),
}  # fmt: skip


def standing(account: Account, kind: str) -> list[str]:
    """Keys of the records that stand in the account; a double shows twice."""
    if kind in ("tasks", "notes"):
        texts = [str(one["text"] if kind == "tasks" else one["params"]["text"]) for one in account.records(kind)]
        return sorted(text.partition("[SF:")[2].rstrip("]") for text in texts)
    return account.keys("catalog_elements" if kind.startswith("list:") else kind)


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
@pytest.mark.parametrize("ceiling", [4, 250])
@pytest.mark.parametrize("kind", BAD)
def test_of_any_kind_the_refused_one_is_failed_in_kommos_words_and_the_rest_is_made_once(
    kind: str, ceiling: int, mode: str
) -> None:
    """Whether a batch with a bad item is applied in part is not documented."""
    good, bad, complaint = BAD[kind]
    with open_account(batch_failure=mode, array_ceiling=ceiling, over_ceiling_applies=ceiling == 4) as account:
        account.target.provision(Wanted((WantedField("list:Assets", "SERIAL", "Serial", "text"),), ()))
        card = {"lead": [account.make("leads", "006", {"name": "Deal"})]} if kind in ("tasks", "notes") else {}
        before = standing(account, kind)
        records = [Record(f"K{n}", bad if n == 4 else good, card) for n in range(9)]

        results = account.load(kind, *records)

        assert {key for key, one in results.items() if one.result == "failed"} == {"K4"}
        assert complaint in str(results["K4"].message)
        made = [one.key for one in records if one.key != "K4"]
        assert standing(account, kind) == sorted([*before, *made])
        ids = [str(results[key].target_id) for key in made]
        assert list(account.target.read_back(kind, ids)) == ids


@pytest.mark.parametrize("reading", ["validation", "detail"])
@pytest.mark.parametrize("kind", ["companies", "contacts", "leads", "tasks", "notes"])
def test_an_owner_whom_the_account_does_not_know_fails_his_record_alone(kind: str, reading: str) -> None:
    """Kommo has two forms of 400 for it, and one of them names nobody."""
    good, _, _ = BAD[kind]
    with open_account(unknown_user=reading) as account:
        card = {"lead": [account.make("leads", "006", {"name": "Deal"})]} if kind in ("tasks", "notes") else {}
        before = standing(account, kind)
        records = [
            Record(f"K{n}", good, card | ({"responsible_user_id": ["424242"]} if n == 2 else {})) for n in range(7)
        ]

        results = account.load(kind, *records)

        assert {key for key, one in results.items() if one.result == "failed"} == {"K2"}
        assert ("not associated with the account" if reading == "detail" else "responsible_user_id") in str(
            results["K2"].message
        )
        assert standing(account, kind) == sorted([*before, *(f"K{n}" for n in range(7) if n != 2)])


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
@pytest.mark.parametrize("kind", ["contacts", "tasks", "notes"])
def test_of_any_kind_one_refused_update_leaves_the_others_updated(kind: str, mode: str) -> None:
    good, _, _ = BAD[kind]
    key = {"contacts": "last_name"}.get(kind, "text")
    with open_account(batch_failure=mode, task_text_length=250, note_length=250) as account:
        card = {"lead": [account.make("leads", "006", {"name": "Deal"})]} if kind in ("tasks", "notes") else {}
        made = account.load(kind, *(Record(f"K{n}", good, card) for n in range(4)))
        changes = [
            Record(name, {**good, key: LONG if name == "K1" else "Changed"}, card, one.target_id)
            for name, one in made.items()
        ]

        results = account.load(kind, *changes)

        assert {name: one.result for name, one in results.items()} == {
            "K0": "updated", "K1": "failed", "K2": "updated", "K3": "updated",
        }  # fmt: skip
        found = account.target.read_back(kind, [str(one.target_id) for one in made.values()])
        assert [one.values[key] for one in found.values()] == ["Changed", good[key], "Changed", "Changed"]
