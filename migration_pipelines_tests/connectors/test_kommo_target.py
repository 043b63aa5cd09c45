"""Kommo as a target, against its twin: written and read back, refused, lost and settled, linked, provisioned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.connectors.kommo.array_size import LONGEST_ARRAY
from migration_pipelines.connectors.kommo.forms import custom_field
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline
from migration_pipelines.errors import OutcomeUnknown, PermanentFailure, TransientFailure
from migration_pipelines_tests.connectors.account import FIELDS, PIPELINE, TOKEN, Account, open_account


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account() as account:
        yield account


@pytest.fixture(params=[True, False], ids=["links of many", "one record a call"])
def linking(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account that links many records in one call, and one that does not."""
    with open_account(mass_link=request.param) as account:
        yield account


def companies(count: int, start: int = 1) -> list[Record]:
    return [Record(f"001-{n:04d}", {"name": f"Company {n}"}) for n in range(start, start + count)]


def words(results: Sequence[WriteResult | None]) -> list[str | None]:
    return [one.result if one else None for one in results]


# Written and read back


def test_a_company_reads_back_as_it_was_written(account: Account) -> None:
    """COMMON-04: numbers of several kinds, a choice, lines, an address on the web, letters of every script."""
    meant = {
        "name": "Çağdaş & Oğulları 🚢 \"A.Ş.\" 'x' </b>",
        "created_at": "2019-03-31T23:30:00Z",
        "PHONE": [{"value": "+905321234567", "enum_code": "WORK"}, {"value": "ask", "enum_code": "FAX"}],
        "WEB": "https://example.example/ç",
        "ADDRESS": "1 Main Street\nİstanbul",
        "SEGMENT": "Big",
        "FOUNDED": "1999-12-31",
    }

    target_id = account.make("companies", "001A", meant)

    found = account.target.read_back("companies", [target_id])[target_id]
    assert differences(meant, found.values) == []
    assert account.keys("companies") == ["001A"]


def test_a_contact_reads_back_as_it_was_written(account: Account) -> None:
    meant = {
        "first_name": "İrem", "last_name": "O'Brien", "created_at": "2020-01-01T00:00:00Z",
        "PHONE": [{"value": "+12125550100", "enum_code": "MOB"}], "EMAIL": [{"value": "i@x.example", "enum_code": "WORK"}],
        "POSITION": "CEO", "OPTED_OUT": True, "HOBBIES": ["Chess", "Go"], "BORN": "1960-02-29",
    }  # fmt: skip

    target_id = account.make("contacts", "003A", meant)

    assert differences(meant, account.target.read_back("contacts", [target_id])[target_id].values) == []


def test_a_deal_reads_back_with_its_stage_money_people_and_company(account: Account) -> None:
    """SF-KOMMO-54: one request makes the deal, its company and its contacts, the primary one first."""
    company = account.make("companies", "001A")
    first, second = (account.make("contacts", key, {"last_name": key}) for key in ("003A", "003B"))
    meant = {
        "name": "Deal", "price": 1235, "AMOUNT": "1234567890123456.789", "pipeline": "Moved", "status": "Old",
        "SIGNED": "2021-06-01T10:00:00Z",
    }  # fmt: skip

    target_id = account.make("leads", "006A", meant, company=[company], contacts=[second, first])

    found = account.target.read_back("leads", [target_id])[target_id]
    assert differences(meant, found.values) == []
    assert found.references["company"] == [company]
    assert found.references["contacts"] == [second, first]


@pytest.mark.parametrize(
    ("amount", "stored"), [("0.1", "0.1"), ("90071992547409931.05", "90071992547409931.05"), ("0", "0"), ("-5", "-5")]
)
def test_money_travels_as_decimal_text(account: Account, amount: str, stored: str) -> None:
    account.make("leads", "006A", {"name": "Deal", "AMOUNT": amount})

    assert account.records("leads")[0]["custom_fields"]["AMOUNT"][0]["value"] == stored


@pytest.mark.parametrize(
    ("zone", "day", "seconds"),
    [
        # Worked out with date(1): TZ=<zone> date -d "<day> 12:00" +%s
        pytest.param("America/New_York", "2024-03-10", 1710086400, id="west, the day summer time begins"),
        pytest.param("America/New_York", "2024-11-03", 1730653200, id="west, the day it ends"),
        pytest.param("Europe/Istanbul", "2015-11-08", 1446976800, id="east, the day it ends"),
        pytest.param("Europe/Istanbul", "2024-07-01", 1719824400, id="east, no summer time any more"),
        pytest.param("Pacific/Kiritimati", "2024-01-01", 1704060000, id="as far east as it goes"),
        pytest.param("Pacific/Pago_Pago", "2024-01-01", 1704150000, id="as far west as it goes"),
        pytest.param("Asia/Kathmandu", "1970-01-01", 23400, id="a quarter of an hour, the first day"),
    ],
)
def test_a_date_is_noon_in_the_zone_of_the_account(zone: str, day: str, seconds: int) -> None:
    """At midnight or in UTC, half of the world's readers would see the day before."""
    with open_account(zone=zone) as account:
        values = {"name": "Deal", "pipeline": "Moved", "status": "won", "closed_at": day}
        target_id = account.make("leads", "006A", values)
        company_id = account.make("companies", "001A", {"name": "Company", "FOUNDED": day})

        assert account.records("leads")[0]["closed_at"] == seconds
        assert account.records("companies")[0]["custom_fields"]["FOUNDED"][0]["value"] == seconds
        assert account.target.read_back("leads", [target_id])[target_id].values["closed_at"] == day
        assert account.target.read_back("companies", [company_id])[company_id].values["FOUNDED"] == day


def test_an_update_changes_what_is_sent_clears_what_is_empty_and_leaves_the_rest(account: Account) -> None:
    before = {"first_name": "Ada", "last_name": "L", "POSITION": "CEO", "BORN": "1960-02-29",
              "EMAIL": [{"value": "a@x.example", "enum_code": "WORK"}]}  # fmt: skip
    target_id = account.make("contacts", "003A", before)
    change = {"first_name": None, "last_name": "Lovelace", "POSITION": None, "EMAIL": []}

    results = account.write("contacts", Record("003A", change, target_id=target_id))

    assert words(results) == ["updated"]
    found = account.target.read_back("contacts", [target_id])[target_id].values
    assert differences(change, found) == []
    assert found["BORN"] == "1960-02-29"
    assert len(account.records("contacts")) == 1


def test_a_record_that_is_not_there_is_absent_from_what_is_read_back(account: Account) -> None:
    there = account.make("companies", "001A")
    gone = account.make("companies", "001B")
    account.twin.post("remove", json={"entity": "companies", "id": int(gone)})

    assert list(account.target.read_back("companies", [gone, there, "999999"])) == [there]


def test_a_thousand_records_are_read_back_by_their_ids(account: Account) -> None:
    made = [one for start in range(1, 451, 50) for one in account.write("companies", *companies(50, start))]
    ids = [one.target_id or "" for one in made if one]

    assert list(account.target.read_back("companies", ids)).sort() == ids.sort()
    assert len(account.target.read_back("companies", ids)) == 450


# Refused


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_one_refused_item_is_failed_in_kommos_words_and_the_rest_is_made_once(mode: str, place: int) -> None:
    with open_account(batch_failure=mode) as account:
        batch = companies(5)
        batch[place] = Record("001-bad", {"name": "x" * 300})

        results = account.write("companies", *batch)
        bad = results[place]
        again = [record for record, result in zip(batch, results, strict=True) if result is None]
        results = account.write("companies", *again) if again else results

        assert bad
        assert bad.result == "failed"
        assert "name" in (bad.message or "")
        assert "TooLong" in (bad.message or "")
        assert account.keys("companies") == sorted(one.key for one in batch if one.key != "001-bad")
        made = {
            record["custom_fields"]["SF_ID"][0]["value"]: str(record["id"]) for record in account.records("companies")
        }
        told = {one.target_id for one in results if one and one.result == "created"}
        assert told <= set(made.values())


@pytest.mark.parametrize("mode", ["all_or_nothing", "partial"])
def test_one_refused_update_is_failed_and_the_others_are_not_lost(mode: str) -> None:
    with open_account(batch_failure=mode) as account:
        ids = [account.make("companies", one.key) for one in companies(3)]
        batch = [
            Record(f"001-{n}", {"name": "x" * 300 if n == 1 else f"Renamed {n}"}, target_id=target_id)
            for n, target_id in enumerate(ids)
        ]

        results = account.write("companies", *batch)
        again = [record for record, result in zip(batch, results, strict=True) if result is None]
        if again:
            account.write("companies", *again)

        assert words(results)[1] == "failed"
        assert [one["name"] for one in account.records("companies")] == ["Renamed 0", "001-0002", "Renamed 2"]


def test_a_refusal_that_names_nobody_leaves_all_open_until_one_is_alone(account: Account) -> None:
    """Kommo's other 400 says only `detail`: the load stage halves the batch until the spoiler stands alone."""
    with open_account(unknown_user="detail") as account:
        stranger = Record("001-bad", {"name": "Bad"}, {"responsible_user_id": ["424242"]})

        assert words(account.write("companies", *companies(2), stranger)) == [None, None, None]
        (alone,) = account.write("companies", stranger)

        assert alone
        assert alone.result == "failed"
        assert alone.message == "Users are not associated with the account (status 400)"
        assert account.records("companies") == []


@pytest.mark.parametrize("broken", ["503", "cut_before", "403"])
def test_a_partial_refusal_that_cannot_be_looked_into_is_not_taken_for_nothing_applied(broken: str) -> None:
    """The good items stand in the account. Called a failure, the next run would make them a second time."""
    with open_account(batch_failure="partial") as account:
        batch = Batch(
            "companies", [*companies(2), Record("bad", {"name": "x" * 300})], account.target.high_water("companies")
        )
        kind = "expired_token" if broken == "403" else broken
        account.set_fault(kind, "GET /api/v4/companies", times=6)

        with pytest.raises(OutcomeUnknown):
            account.target.write(batch, on_remote_job=lambda _job: None)

        account.forget()
        assert words(account.target.settle(batch)) == ["created", "created", None]


def test_an_answer_that_is_no_json_is_an_unknown_outcome() -> None:
    """A gateway's page with status 200 says nothing about what was applied."""
    with open_account() as account:

        class Page(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                answer = super().handle_request(request)
                return httpx.Response(200, html="<html>hello</html>") if request.method == "POST" else answer

        target = KommoTarget(account.url, TOKEN, transport=Page(), requests_per_second=10_000, sleep=lambda _: None)
        batch = Batch("companies", companies(2), target.high_water("companies"))

        with pytest.raises(OutcomeUnknown):
            target.write(batch, on_remote_job=lambda _job: None)

        assert words(target.settle(batch)) == ["created", "created"]
        target.close()


# Lost and settled

LOST = ["cut_before", "cut_after", "truncated", "500", "503", "504", "504_after_apply"]


@pytest.mark.parametrize("kind", LOST)
def test_a_create_whose_answer_is_lost_is_made_once(account: Account, kind: str) -> None:
    account.make("companies", "001-before")
    account.set_fault(kind, "POST /api/v4/companies")
    batch = companies(3)

    results = account.write("companies", *batch)

    is_applied = kind in ("cut_after", "504_after_apply", "truncated")
    assert words(results) == (["created"] * 3 if is_applied else [None] * 3)
    assert account.slept.count(7) == (1 if is_applied else 2), "asked after a quiet time, and again before it is resent"
    if not is_applied:
        assert words(account.write("companies", *batch)) == ["created"] * 3
    assert account.keys("companies") == ["001-0001", "001-0002", "001-0003", "001-before"]


@pytest.mark.parametrize("kind", LOST)
def test_an_update_whose_answer_is_lost_is_told_by_its_fields(account: Account, kind: str) -> None:
    ids = [account.make("companies", one.key) for one in companies(2)]
    account.set_fault(kind, "PATCH /api/v4/companies")
    batch = [Record("001", {"name": "Renamed", "SEGMENT": "Big"}, target_id=target_id) for target_id in ids]

    results = account.write("companies", *batch)

    is_applied = kind in ("cut_after", "504_after_apply", "truncated")
    assert words(results) == (["updated"] * 2 if is_applied else [None] * 2)
    if not is_applied:
        assert words(account.write("companies", *batch)) == ["updated"] * 2
    assert [one["name"] for one in account.records("companies")] == ["Renamed", "Renamed"]


@pytest.mark.parametrize("kind", LOST)
def test_links_whose_answer_is_lost_are_asked_about_from_the_contacts_side(linking: Account, kind: str) -> None:
    company = linking.make("companies", "001A")
    people = [linking.make("contacts", f"003{n}", {"last_name": "x"}) for n in range(3)]
    batch = [Record(one, {}, {"company_id": [company], "contact_id": [one]}) for one in people]
    linking.set_fault(kind, "POST /api/v4/companies*/link")

    results = linking.write("company_contacts", *batch)
    if None in results:
        results = linking.write("company_contacts", *batch)

    assert [one and one.target_id for one in results] == [f"{company}:{one}" for one in people]
    links = linking.twin.get("snapshot").json()["links"]
    assert sorted(str(one["id"]) for one in links) == sorted(people)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "504_after_apply"])
@pytest.mark.parametrize("endpoint", ["PATCH /api/v4/leads", "POST /api/v4/leads*/unlink", "POST /api/v4/leads*/link"])
def test_a_deal_that_changes_hands_ends_with_the_links_that_are_meant(
    linking: Account, endpoint: str, kind: str
) -> None:
    old, new = (linking.make("companies", key) for key in ("001A", "001B"))
    one, two, three = (linking.make("contacts", key, {"last_name": key}) for key in ("003A", "003B", "003C"))
    deal = linking.make("leads", "006A", {"name": "Deal"}, company=[old], contacts=[one, two])
    record = Record("006A", {"name": "Renamed"}, {"company": [new], "contacts": [two, three]}, target_id=deal)
    linking.set_fault(kind, endpoint)

    for _ in range(3):
        if words(linking.write("leads", record)) == ["updated"]:
            break

    found = linking.target.read_back("leads", [deal])[deal]
    assert found.values["name"] == "Renamed"
    assert found.references["company"] == [new]
    assert found.references["contacts"] == [two, three]


def test_another_main_contact_alone_is_not_taken_for_linked_already(linking: Account) -> None:
    """The same people in another order: the pair of sets is equal, the main contact is not."""
    one, two = (linking.make("contacts", key, {"last_name": key}) for key in ("003A", "003B"))
    deal = linking.make("leads", "006A", {"name": "Deal"}, contacts=[one, two])
    record = Record("006A", {"name": "Deal"}, {"contacts": [two, one]}, target_id=deal)
    linking.set_fault("cut_before", "POST /api/v4/leads*/link")

    for _ in range(2):
        if words(linking.write("leads", record)) == ["updated"]:
            break

    assert linking.target.read_back("leads", [deal])[deal].references["contacts"] == [two, one]


def test_what_others_made_meanwhile_is_not_taken_for_ours(account: Account) -> None:
    account.target.high_water("companies")
    with httpx.Client(base_url=account.url, headers={"Authorization": f"Bearer {TOKEN}"}) as person:
        person.post("/api/v4/companies", json=[{"name": "Company 1"}])
    account.set_fault("cut_before", "POST /api/v4/companies")

    assert words(account.write("companies", *companies(1))) == [None]


# How many, how fast


def test_the_array_grows_while_it_goes_well_and_no_further_than_kommo_allows(account: Account) -> None:
    sizes = []
    for start in (1, 1001, 2001, 3001):
        sizes.append(account.target.batch_size("companies"))
        account.write("companies", *companies(sizes[-1], start))

    assert sizes == [50, 100, 200, LONGEST_ARRAY]
    assert account.target.batch_size("companies") == LONGEST_ARRAY


@pytest.mark.parametrize("applies", [False, True])
@pytest.mark.parametrize("ceiling", [50, 250])
def test_an_array_over_the_ceiling_ends_right(ceiling: int, applies: bool) -> None:
    """A 504 for size may have been applied: it is settled, and what is left goes in smaller arrays."""
    with open_account(array_ceiling=ceiling, over_ceiling_applies=applies) as account:
        pending = companies(400)
        for _ in range(60):
            if not pending:
                break
            chunk = pending[: account.target.batch_size("companies")]
            results = account.write("companies", *chunk)
            left = [record for record, result in zip(chunk, results, strict=True) if result is None]
            pending = left + pending[len(chunk) :]

        assert account.keys("companies") == [one.key for one in companies(400)]


# Links


def test_a_refused_link_says_kommos_words(account: Account) -> None:
    first, second = (account.make("companies", key) for key in ("001A", "001B"))
    person = account.make("contacts", "003A", {"last_name": "x"})
    account.write("company_contacts", Record("003A", {}, {"company_id": [first], "contact_id": [person]}))

    (result,) = account.write("company_contacts", Record("003A", {}, {"company_id": [second], "contact_id": [person]}))

    assert result
    assert result.result == "failed"
    assert "Only one company can be linked" in (result.message or "")


# Provision

PROVISION = ["cut_before", "cut_after", "504_after_apply", "503", "truncated"]


@pytest.mark.parametrize("kind", PROVISION)
@pytest.mark.parametrize("ordinal", [1, 2, 3])
def test_provisioning_with_a_lost_answer_makes_nothing_twice(kind: str, ordinal: int) -> None:
    """COMMON-36: fields and pipeline stand once, whichever of the three answers is lost."""
    with open_account() as account:
        wanted = Wanted(
            (WantedField("companies", "X1", "X one", "text"), WantedField("leads", "X2", "X two", "decimal")),
            (WantedPipeline("Second", ("A", "B")),),
        )
        account.set_fault(kind, "POST *", ordinal=ordinal)

        account.target.provision(wanted)

        snapshot = account.twin.get("snapshot").json()
        assert [one["code"] for one in snapshot["custom_fields"]["companies"]].count("X1") == 1
        assert [one["code"] for one in snapshot["custom_fields"]["leads"]].count("X2") == 1
        (second,) = [one for one in snapshot["pipelines"] if one["name"] == "Second"]
        assert [one["name"] for one in second["statuses"] if one["type"] == 0 and one["id"] not in (142, 143)] == [
            "A",
            "B",
        ]
        assert second["is_main"] is False
        assert account.target.provision(wanted) == []


def test_a_stage_that_is_missing_is_added_to_the_pipeline_that_is_there(account: Account) -> None:
    made = account.target.provision(Wanted((), (WantedPipeline(PIPELINE.name, (*PIPELINE.stages, "Newest")),)))

    assert made == ["stage Newest of pipeline Moved"]
    target_id = account.make("leads", "006A", {"name": "Deal", "pipeline": "Moved", "status": "Newest"})
    assert account.target.read_back("leads", [target_id])[target_id].values["status"] == "Newest"


def test_a_refused_provisioning_says_what_was_refused_in_kommos_words(account: Account) -> None:
    words = r"Kommo refused to make fields of companies: This field is missing\. \(status 400\)"
    with pytest.raises(PermanentFailure, match=words) as refused:
        account.target.provision(Wanted((WantedField("companies", "SEGMENT", "", "text"), NAMELESS), ()))

    assert TOKEN not in str(refused.value)


NAMELESS = WantedField("companies", "X", "", "text")


# Rolled back


@pytest.mark.parametrize("first_name", [None, "Ada", "x" * 250, "[rolled back] Ada"])
def test_a_record_that_is_undone_is_known_as_undone(account: Account, first_name: str | None) -> None:
    """Undoing again must change nothing: a mark is set once, whatever the name was."""
    target_id = account.make("contacts", "003A", {"first_name": first_name, "last_name": "Lovelace"})
    found = account.target.read_back("contacts", [target_id])

    assert account.target.undo("contacts", found) == {}

    there = account.target.read_back("contacts", [target_id])[target_id]
    after = account.target.undone("contacts", there)
    assert after
    assert differences(after.values, there.values) == []
    assert there.values["first_name"].count("[rolled back]") == 1
    assert there.values["tags"] == ["rolled back"]


def test_undoing_touches_no_record_that_was_not_named(account: Account) -> None:
    """COMMON-02."""
    mine, theirs = account.make("companies", "001A"), account.make("companies", "001B")

    account.target.undo("companies", account.target.read_back("companies", [mine]))

    assert {str(one["id"]): one["name"] for one in account.records("companies")} == {
        mine: "[rolled back] 001A",
        theirs: "001B",
    }


def test_a_refused_undoing_is_told_for_the_record_alone(account: Account) -> None:
    """One record that is gone must not keep fifty others from being undone."""
    ids = [account.make("companies", one.key) for one in companies(3)]
    found = dict(account.target.read_back("companies", ids))
    account.twin.post("remove", json={"entity": "companies", "id": int(ids[1])})

    refused = account.target.undo("companies", found)

    assert list(refused) in ([ids[1]], [])
    names = [one["name"] for one in account.records("companies")]
    assert names == ["[rolled back] 001-0001", "[rolled back] 001-0003"]


# Described


def test_the_account_is_described_with_users_pipelines_webhooks_and_fields(account: Account) -> None:
    schema = account.target.describe()

    assert schema.identity.startswith("kommo:")
    assert schema.facts["time_zone"] == "Europe/Istanbul"
    assert {"name": "Moved", "stages": ["New", "Old"]}.items() <= next(
        {**one, "stages": [stage for stage in one["stages"] if stage in ("New", "Old")]}
        for one in schema.facts["pipelines"]
        if one["name"] == "Moved"
    ).items()
    fields = {(name, field.name): field.type for name, one in schema.objects.items() for field in one.fields.values()}
    assert {(one.object, one.name): one.type for one in FIELDS}.items() <= fields.items()
    assert schema.objects["companies"].fields["SEGMENT"].choices == ("Big", "Small")
    assert schema.objects["companies"].records == 0
    account.make("companies", "001A")
    assert account.target.describe().objects["companies"].records == 1


def test_a_field_of_a_type_that_we_do_not_fill_is_left_out() -> None:
    assert custom_field({"type": "file", "code": None, "name": "Contract"}) is None


@pytest.mark.parametrize(("status", "error"), [("503", TransientFailure), ("expired_token", PermanentFailure)])
def test_a_failed_read_is_never_an_empty_read(account: Account, status: str, error: type[Exception]) -> None:
    target_id = account.make("companies", "001A")
    account.set_fault(status, "GET /api/v4/companies", times=6)

    with pytest.raises(error):
        account.target.read_back("companies", [target_id])


def test_nothing_is_undone_for_nothing(account: Account) -> None:
    assert account.target.undo("companies", {}) == {}
    assert account.requests("P") == []
    nothing: dict[str, Any] = {}
    assert isinstance(account.target.undone("companies", Found(nothing)), Found)
