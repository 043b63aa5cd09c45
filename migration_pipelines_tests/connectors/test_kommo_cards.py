"""Cards in Kommo, where its documentation leaves open what an account does: tags, losses, clearing, choices, limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from migration_pipelines.connectors.base import Batch, Record, WriteResult
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines.errors import MappingError, OutcomeUnknown
from migration_pipelines_tests.connectors.account import Account, open_account

LOST = {"name": "Deal", "pipeline": "Moved", "status": "lost", "closed_at": "2021-01-01", "loss_reason": "No budget"}
REASON = WantedField("leads", "loss_reason", "Loss reason", "select", ("No budget", "Went elsewhere"))


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account() as account:
        yield account


def words(results: Sequence[WriteResult | None]) -> list[str | None]:
    return [one.result if one else None for one in results]


def load(account: Account, kind: str, *records: Record) -> list[str]:
    results = account.load(kind, *records)
    return [str(results[one.key].target_id) for one in records]


def values(account: Account, kind: str, target_id: str) -> Mapping[str, Any]:
    return account.target.read_back(kind, [target_id])[target_id].values


# Tags


def test_tags_that_are_known_at_once_go_with_the_first_write(account: Account) -> None:
    """A second pass would move the date of the last change, and start automations once more."""
    target_id = account.make("leads", "006", {"name": "Deal", "tags": ["VIP", "Partner"]})

    assert values(account, "leads", target_id)["tags"] == ["Partner", "VIP"]
    assert [one for one in account.requests("P") if "leads" in one and "pipelines" not in one][-1:] == [
        "POST /api/v4/leads 200"
    ]
    assert [one for one in account.requests("PATCH") if "leads" in one] == []


def test_an_adopted_record_loses_our_tag_and_keeps_those_of_people(account: Account) -> None:
    target_id = account.make("companies", "001", {"name": "Firm", "tags": ["VIP"]})
    account.target.undo("companies", account.target.read_back("companies", [target_id]))
    with account.person() as person:
        person.patch("/api/v4/companies", json=[{"id": int(target_id), "tags_to_add": [{"name": "call first"}]}])
    assert values(account, "companies", target_id)["tags"] == ["VIP", "call first", "rolled back"]

    adopted = Record("001", {"name": "Firm", "tags": ["VIP", "new"]}, target_id=target_id, is_adopted=True)
    account.write("companies", adopted)

    assert values(account, "companies", target_id)["tags"] == ["VIP", "call first", "new"]


def test_a_lost_update_of_tags_is_known_beside_the_tags_of_people(account: Account) -> None:
    target_id = account.make("companies", "001", {"name": "Firm", "tags": ["by a person"]})
    account.set_fault("cut_after", "PATCH /api/v4/companies")

    results = account.write("companies", Record("001", {"name": "Firm", "tags": ["ours"]}, target_id=target_id))

    assert words(results) == ["updated"]


# Lost deals


def test_loss_reasons_are_made_once_and_read_back(account: Account) -> None:
    assert account.target.provision(Wanted((REASON,), ())) == ["loss reason No budget", "loss reason Went elsewhere"]
    assert account.target.provision(Wanted((REASON,), ())) == []

    target_id = account.make("leads", "006", LOST)

    assert differences(LOST, values(account, "leads", target_id)) == []
    assert set(REASON.choices) <= set(account.target.describe().objects["leads"].fields["loss_reason"].choices)


@pytest.mark.parametrize("status", ["won", "New"])
def test_a_deal_that_is_not_lost_is_sent_without_a_loss_reason(account: Account, status: str) -> None:
    """Kommo REST v4: "Loss reason can be specified only for lost lead" would refuse the deal itself."""
    account.target.provision(Wanted((REASON,), ()))

    target_id = account.make("leads", "006", LOST | {"status": status})

    assert values(account, "leads", target_id)["status"] == status
    assert values(account, "leads", target_id)["loss_reason"] is None


def test_an_account_without_loss_reasons_says_so_and_has_no_such_field() -> None:
    with open_account(loss_reasons_endpoint=False) as account:
        assert "loss_reason" not in account.target.describe().objects["leads"].fields

        with pytest.raises(MappingError, match=r"no loss reasons.*field with a name of its own"):
            account.target.provision(Wanted((REASON,), ()))


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
def test_deals_that_cannot_be_created_lost_are_created_and_then_closed(mode: str) -> None:
    with open_account(create_lost_leads=False, batch_failure=mode) as account:
        account.target.provision(Wanted((REASON,), ()))
        records = [
            Record("A", {"name": "Open", "pipeline": "Moved", "status": "Old"}),
            Record("B", LOST),
            Record("C", LOST),
        ]

        ids = load(account, "leads", *records)

        assert account.keys("leads") == ["A", "B", "C"]
        for record, target_id in zip(records, ids, strict=True):
            assert differences(record.values, values(account, "leads", target_id)) == []
        account.forget()
        load(account, "leads", Record("D", LOST))
        asked = ["POST /api/v4/leads 200", "PATCH /api/v4/leads 200"]
        assert account.requests("P") == asked, "what the account told is remembered"


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "504_after_apply", "truncated"])
@pytest.mark.parametrize("endpoint", ["POST /api/v4/leads", "PATCH /api/v4/leads"])
@pytest.mark.parametrize("takes_lost", [True, False])
def test_lost_deals_end_lost_whichever_answer_is_lost(takes_lost: bool, endpoint: str, fault: str) -> None:
    with open_account(create_lost_leads=takes_lost) as account:
        account.target.provision(Wanted((REASON,), ()))
        load(account, "leads", Record("first", LOST))
        account.set_fault(fault, endpoint)

        ids = load(account, "leads", Record("A", LOST), Record("B", LOST))

        assert account.keys("leads") == ["A", "B", "first"]
        for target_id in ids:
            assert differences(LOST, values(account, "leads", target_id)) == []


def test_a_process_that_died_between_creating_and_closing_leaves_a_deal_that_the_next_one_closes() -> None:
    with open_account(create_lost_leads=False) as account:
        account.target.provision(Wanted((REASON,), ()))
        load(account, "leads", Record("first", LOST))
        batch = Batch("leads", [Record("A", LOST)], account.target.high_water("leads"))
        account.set_fault("cut_before", "PATCH /api/v4/leads", times=10)
        with pytest.raises(OutcomeUnknown):
            account.target.write(batch, on_remote_job=lambda _: None)
        account.forget()

        with account.fresh_target() as target:
            (result,) = target.settle(batch)

            assert result
            assert target.read_back("leads", [str(result.target_id)])[str(result.target_id)].values["status"] == "lost"
        assert account.keys("leads") == ["A", "first"]


# What is empty


@pytest.mark.parametrize("way", ["null", "empty", "both"])
@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
def test_a_custom_field_is_emptied_whichever_way_the_account_takes(way: str, mode: str) -> None:
    with open_account(clearing_values=way, batch_failure=mode) as account:
        before = {"last_name": "L", "BORN": "1960-02-29", "HOBBIES": ["Go"], "OPTED_OUT": True,
                  "EMAIL": [{"value": "a@x.example", "enum_code": "WORK"}]}  # fmt: skip
        first, second = (account.make("contacts", key, before) for key in "AB")
        change = {"last_name": "L", "BORN": None, "HOBBIES": [], "EMAIL": [], "OPTED_OUT": True}
        account.forget()

        load(
            account, "contacts", Record("A", change, target_id=first), Record("B", {"last_name": "M"}, target_id=second)
        )

        assert differences(change, values(account, "contacts", first)) == []
        assert values(account, "contacts", second)["BORN"] == "1960-02-29"
        assert len([one for one in account.requests("PATCH") if one.endswith("400")]) == (way == "empty")
        account.forget()
        load(account, "contacts", Record("B", change, target_id=second))
        assert [one for one in account.requests("PATCH") if one.endswith("400")] == [], "asked once, then known"


def test_a_way_of_clearing_that_is_taken_and_does_nothing_is_noticed(account: Account) -> None:
    """An account that answers 200 to `values: null` and keeps the value."""
    target_id = account.make("companies", "001", {"name": "Firm", "SEGMENT": "Big"})

    def without_nulls(body: bytes) -> bytes:
        items = json.loads(body)
        for item in items:
            item["custom_fields_values"] = [one for one in item["custom_fields_values"] if one["values"] is not None]
        return json.dumps(items).encode()

    with account.through(lambda body: without_nulls(body) if body else body) as target:
        record = Record("001", {"name": "Firm", "SEGMENT": None}, target_id=target_id)
        (result,) = target.write(Batch("companies", [record]), on_remote_job=lambda _: None)

        assert result
        assert result.result == "updated"
        assert target.read_back("companies", [target_id])[target_id].values.get("SEGMENT") is None


# Limits and choices


def test_a_text_of_256_characters_is_taken_and_a_longer_one_is_refused(account: Account) -> None:
    """Kommo's users report 256; what is too long is never cut."""
    account.target.provision(Wanted((WantedField("companies", "MOTTO", "Motto", "text"),), ()))
    assert account.target.describe().objects["companies"].fields["MOTTO"].max_length == 256

    results = account.write("companies", Record("A", {"name": "A", "MOTTO": "ç" * 256}),
                            Record("B", {"name": "B", "MOTTO": "x" * 257}))  # fmt: skip

    assert words(results) == [None, "failed"]
    assert "TooLong" in str(results[1] and results[1].message)
    target_id = account.make("companies", "A", {"name": "A", "MOTTO": "ç" * 256})
    assert values(account, "companies", target_id)["MOTTO"] == "ç" * 256


def test_a_price_that_is_no_whole_number_is_refused_and_not_rounded_behind_our_back(account: Account) -> None:
    results = account.write("leads", Record("A", {"name": "A", "price": 12.5}))

    assert words(results) == ["failed"]
    assert "price" in str(results[0] and results[0].message)


def test_several_phones_and_addresses_keep_their_order_and_kind(account: Account) -> None:
    meant = {
        "last_name": "L",
        "PHONE": [{"value": "+12125550100", "enum_code": "MOB"}, {"value": "+12125550101", "enum_code": "WORK"},
                  {"value": "+12125550102", "enum_code": "MOB"}],
        "EMAIL": [{"value": "b@x.example", "enum_code": "PRIV"}, {"value": "a@x.example", "enum_code": "WORK"}],
    }  # fmt: skip

    target_id = account.make("contacts", "A", meant)

    assert differences(meant, values(account, "contacts", target_id)) == []


FAULTS = [None, "cut_before", "cut_after", "504_after_apply", "truncated", "503"]


@pytest.mark.parametrize("fault", FAULTS)
def test_choices_that_a_field_lacks_are_added_and_none_is_lost(account: Account, fault: str | None) -> None:
    """Kommo REST v4: a choice that is sent without its id is made anew, and what records hold of the old one is gone."""
    target_id = account.make("companies", "001", {"name": "Firm", "SEGMENT": "Small"})
    before = enums(account)
    if fault:
        account.set_fault(fault, "PATCH /api/v4/companies/custom_fields/*")
    wanted = Wanted((WantedField("companies", "SEGMENT", "Segment", "select", ("Big", "Huge", "Tiny")),), ())

    made = account.target.provision(wanted)

    assert made == ["choice Huge of SEGMENT of companies", "choice Tiny of SEGMENT of companies"]
    after = enums(account)
    assert {name: after[name] for name in before} == before
    assert list(after) == ["Big", "Small", "Huge", "Tiny"]
    assert values(account, "companies", target_id)["SEGMENT"] == "Small"
    assert account.target.provision(wanted) == []
    account.make("companies", "002", {"name": "Firm", "SEGMENT": "Tiny"})


def enums(account: Account) -> dict[str, int]:
    fields = account.twin.get("snapshot").json()["custom_fields"]["companies"]
    (segment,) = [one for one in fields if one["code"] == "SEGMENT"]
    return {one["value"]: one["id"] for one in sorted(segment["enums"], key=lambda one: one["sort"])}


# A contact with two companies


@pytest.mark.parametrize(
    ("switch", "told", "still_there"),
    [("refuse", "failed", True), ("replace", "created", False), ("keep_both", "created", True)],
)
def test_a_second_company_of_a_contact_never_goes_unnoticed(switch: str, told: str, still_there: bool) -> None:
    """Where Kommo replaces the first link without a word, the link's own reading back shows that it is gone."""
    with open_account(contact_with_two_companies=switch) as account:
        first, second = (account.make("companies", key) for key in ("A", "B"))
        person = account.make("contacts", "P", {"last_name": "x"})
        old = account.make("company_contacts", "P", {}, company_id=[first], contact_id=[person])

        (result,) = account.write(
            "company_contacts", Record("P2", {}, {"company_id": [second], "contact_id": [person]})
        )

        assert result
        assert result.result == told
        if told == "failed":
            assert "Only one company can be linked" in str(result.message)
        assert (old in account.target.read_back("company_contacts", [old])) == still_there


def test_a_contact_that_changes_its_company_is_linked_to_the_new_one_alone(account: Account) -> None:
    first, second = (account.make("companies", key) for key in ("A", "B"))
    person = account.make("contacts", "P", {"last_name": "x"})
    old = account.make("company_contacts", "P", {}, company_id=[first], contact_id=[person])

    (result,) = account.write(
        "company_contacts", Record("P", {}, {"company_id": [second], "contact_id": [person]}, target_id=old)
    )

    assert result == WriteResult("updated", f"{second}:{person}")
    assert list(account.target.read_back("company_contacts", [old, f"{second}:{person}"])) == [f"{second}:{person}"]
