"""What holds for every kind of record that Kommo takes, over real HTTP against its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from migration_pipelines.connectors.base import Batch, Record
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines_tests.connectors.account import BODIES, Account, open_account

DUE = "2024-05-31T15:00:00Z"
LONG_AGO = "2019-03-31T23:30:00Z"
ASSETS = WantedField("list:Assets", "SERIAL", "Serial", "text")


@dataclass
class Firm:
    """An account with one card of each kind, and files and elements for what names them."""

    account: Account
    company: str
    contacts: list[str]
    lead: str
    elements: list[str]
    files: list[str]


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Attributes:
        records: three records of it, in a firm.
        change: what an update changes; None for a kind that cannot be changed.
        create, update: the requests that write, as faults name them.
        count: how many of ours stand in the account.
        is_gone: rolled back means gone.
        mass_link: the account's switch of that name: whether one call links many records.
    """

    name: str
    records: Callable[[Firm], list[Record]]
    create: str
    count: Callable[[Account], int]
    change: Mapping[str, Any] | None = None
    update: str = ""
    is_gone: bool = False
    mass_link: bool = True

    def __str__(self) -> str:
        return self.name if self.mass_link else f"{self.name}, one record a call"


def plain(*values: Mapping[str, Any], **references: str) -> Callable[[Firm], list[Record]]:
    """Records whose references are attributes of the firm."""

    def records(firm: Firm) -> list[Record]:
        told = {name: [getattr(firm, of)] for name, of in references.items()}
        return [Record(f"K{n}", one, told) for n, one in enumerate(values)]

    return records


def cards(kind: str) -> Callable[[Account], int]:
    return lambda account: sum(key.startswith("K") for key in account.keys(kind))


def marked(kind: str, text: Callable[[Mapping[str, Any]], str]) -> Callable[[Account], int]:
    return lambda account: sum("[SF:K" in text(one) for one in account.records(kind))


def files(account: Account) -> int:
    with account.person() as person:
        return sum("[SF:K" in one["name"] for one in person.get("/v1.0/files").json()["_embedded"]["files"])


def files_on_cards(account: Account) -> int:
    with account.person() as person:
        lists = [
            person.get(f"/api/v4/{kind}/{one['id']}/files")
            for kind in ("leads", "companies", "contacts")
            for one in account.records(kind)
        ]
    return sum(len(one.json()["_embedded"]["files"]) for one in lists if one.status_code == 200)


def links(first: str, second: str) -> Callable[[Account], int]:
    def count(account: Account) -> int:
        kinds = [{one["entity"], one["to_entity"]} for one in account.twin.get("snapshot").json()["links"]]
        return kinds.count({first, second})

    return count


def bodies(_: Firm) -> list[Record]:
    return [
        Record(f"K{n}", {"name": f"File {n}.pdf", "size_bytes": len(body), "body": digest, "content_type": "application/pdf"})
        for n, (digest, body) in enumerate(BODIES.items())
    ]  # fmt: skip


def of_company(firm: Firm) -> list[Record]:
    return [
        Record(f"K{n}", {}, {"company_id": [firm.company], "contact_id": [one]}) for n, one in enumerate(firm.contacts)
    ]


def of_lead(firm: Firm) -> list[Record]:
    return [
        Record(f"K{n}", {"quantity": n + 1}, {"lead": [firm.lead], "element": [one]})
        for n, one in enumerate(firm.elements)
    ]


def on_lead(firm: Firm) -> list[Record]:
    return [Record(f"K{n}", {}, {"lead": [firm.lead], "file": [one]}) for n, one in enumerate(firm.files)]


DEAL = {"name": "Deal", "price": 12, "AMOUNT": "12.34", "pipeline": "Moved", "status": "Old", "created_at": LONG_AGO}
KINDS = (
    Kind(
        "companies",
        plain(*({"name": f"Company {n}", "SEGMENT": "Big", "FOUNDED": "1999-12-31"} for n in range(3))),
        "POST /api/v4/companies", cards("companies"),
        {"name": "Renamed", "SEGMENT": "Small", "FOUNDED": None}, "PATCH /api/v4/companies",
    ),
    Kind(
        "contacts",
        plain(*({"first_name": "Ada", "last_name": f"L{n}", "HOBBIES": ["Chess"], "OPTED_OUT": True} for n in range(3))),
        "POST /api/v4/contacts", cards("contacts"),
        {"first_name": None, "last_name": "Byron", "HOBBIES": ["Go", "Tennis"], "OPTED_OUT": False},
        "PATCH /api/v4/contacts",
    ),
    Kind(
        "leads",
        plain(DEAL, DEAL | {"status": "won", "closed_at": "2020-02-29"}, DEAL | {"status": "lost", "closed_at": "2021-01-01"},
              company="company"),
        "POST /api/v4/leads", cards("leads"), DEAL | {"price": 99, "AMOUNT": "99.01"}, "PATCH /api/v4/leads",
    ),
    Kind(
        "tasks",
        plain({"text": "Call", "complete_till": DUE, "created_at": LONG_AGO},
              {"text": "Done", "complete_till": LONG_AGO, "is_completed": True, "result": "Signed", "type": "Meeting"},
              {"text": "Visit", "complete_till": DUE, "duration_seconds": 60}, lead="lead"),
        "POST /api/v4/tasks", marked("tasks", lambda one: str(one["text"])),
        {"text": "Call again", "complete_till": DUE, "is_completed": True, "result": "Never"}, "PATCH /api/v4/tasks",
    ),
    Kind(
        "notes",
        plain({"text": "Line one\nLine two", "created_at": LONG_AGO}, {"type": "sms_in", "text": "Yes", "phone": "+1"},
              {"type": "call_out", "text": "Agreed", "phone": "+1", "duration_seconds": 61}, lead="lead"),
        "POST /api/v4/leads/notes", marked("notes", lambda one: str(one["params"])), {"text": "Changed"},
        "PATCH /api/v4/leads/notes",
    ),
    Kind(
        "list:Assets", plain(*({"name": f"Pump {n}", "SERIAL": f"S-{n}"} for n in range(3))),
        "POST /api/v4/catalogs/*/elements", cards("catalog_elements"),
        {"name": "Valve", "SERIAL": None}, "PATCH /api/v4/catalogs/*/elements",
    ),
    Kind("files", bodies, "POST /v1.0/sessions/upload/*", files, is_gone=True),
    Kind("card_files", on_lead, "PUT /api/v4/leads/*/files", files_on_cards, is_gone=True),
    Kind("company_contacts", of_company, "POST /api/v4/companies/link", links("companies", "contacts"), is_gone=True),
    Kind("company_contacts", of_company, "POST /api/v4/companies/*/link", links("companies", "contacts"), is_gone=True,
         mass_link=False),
    Kind("lead_elements", of_lead, "POST /api/v4/leads/link", links("leads", "catalog_elements"),
         {"quantity": 2.5}, "POST /api/v4/leads/link", is_gone=True),
    Kind("lead_elements", of_lead, "POST /api/v4/leads/*/link", links("leads", "catalog_elements"),
         {"quantity": 2.5}, "POST /api/v4/leads/*/link", is_gone=True, mass_link=False),
)  # fmt: skip
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
every_kind_that_changes = pytest.mark.parametrize("kind", [one for one in KINDS if one.change], ids=str)


@pytest.fixture
def firm(kind: Kind) -> Iterator[Firm]:
    with open_account(mass_link=kind.mass_link) as account:
        target = account.target
        target.provision(Wanted((ASSETS,), target.undoing_needs("leads").pipelines))
        yield Firm(
            account,
            account.make("companies", "001"),
            [account.make("contacts", f"003{n}", {"last_name": "x"}) for n in range(3)],
            account.make("leads", "006"),
            [account.make("list:Assets", f"02i{n}", {"name": "Asset"}) for n in range(3)],
            [upload(account, f"{n}.txt") for n in range(3)],
        )


def upload(account: Account, name: str) -> str:
    with account.person() as person:
        session = person.post("/v1.0/sessions", json={"file_name": name, "file_size": 3}).json()
        return str(person.post(session["upload_url"], content=b"abc").json()["uuid"])


def load(account: Account, kind: str, records: Sequence[Record]) -> list[str]:
    results = account.load(kind, *records)
    assert {one.result for one in results.values()} <= {"created", "updated", "unchanged"}, results
    return [str(results[one.key].target_id) for one in records]


def is_as_meant(account: Account, kind: str, records: Sequence[Record], ids: Sequence[str]) -> None:
    found = account.target.read_back(kind, ids)
    for record, target_id in zip(records, ids, strict=True):
        assert differences(record.values, found[target_id].values, is_new=record.target_id is None) == []
        for name, meant in record.references.items():
            assert list(found[target_id].references[name]) == list(meant)


@every_kind
def test_what_is_written_reads_back_equal(firm: Firm, kind: Kind) -> None:
    """COMMON-30: what stands in the target is what was meant, field by field."""
    records = kind.records(firm)
    before = kind.count(firm.account)

    ids = load(firm.account, kind.name, records)

    assert kind.count(firm.account) == before + 3
    is_as_meant(firm.account, kind.name, records, ids)
    assert len(set(ids)) == 3


@every_kind
@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "504_after_apply"])
def test_a_lost_answer_ends_with_exactly_one_of_each(firm: Firm, kind: Kind, fault: str) -> None:
    """COMMON-36: Kommo has no idempotency key, so nothing is sent again before it was asked about."""
    records, before = kind.records(firm), kind.count(firm.account)
    firm.account.set_fault(fault, kind.create)

    ids = load(firm.account, kind.name, records)

    assert kind.count(firm.account) == before + 3
    is_as_meant(firm.account, kind.name, records, ids)


@every_kind
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_a_batch_of_a_dead_process_is_settled_by_another_from_what_was_kept(firm: Firm, kind: Kind, fault: str) -> None:
    before = kind.count(firm.account)
    batch = Batch(kind.name, kind.records(firm)[:1], firm.account.target.high_water(kind.name))
    firm.account.set_fault(fault, kind.create, times=4)
    with pytest.raises(Exception, match=r".") as lost:
        firm.account.target.write(batch, on_remote_job=lambda _: None)
    assert type(lost.value).__name__ == "OutcomeUnknown"
    firm.account.forget()

    with firm.account.fresh_target() as target:
        settled = target.settle(batch)
        if settled == [None]:
            settled = target.write(batch, on_remote_job=lambda _: None)

        assert [one and one.result for one in settled] == ["created"]
        assert kind.count(firm.account) == before + 1
        is_as_meant(firm.account, kind.name, batch.records, [str(one.target_id) for one in settled if one])


@every_kind_that_changes
@pytest.mark.parametrize("fault", [None, "cut_before", "cut_after", "504_after_apply"])
def test_an_update_stands_whatever_becomes_of_its_answer(firm: Firm, kind: Kind, fault: str | None) -> None:
    records = kind.records(firm)
    ids = load(firm.account, kind.name, records)
    count = kind.count(firm.account)
    changed = [
        replace(one, values={"type": one.values["type"], **(kind.change or {})} if "type" in one.values else kind.change,
                target_id=target_id)
        for one, target_id in zip(records, ids, strict=True)
    ]  # fmt: skip
    if fault:
        firm.account.set_fault(fault, kind.update)

    assert load(firm.account, kind.name, changed) == ids

    assert kind.count(firm.account) == count
    is_as_meant(firm.account, kind.name, changed, ids)


@every_kind
def test_undoing_twice_is_undoing_once(firm: Firm, kind: Kind) -> None:
    """COMMON-02: what is not named stays as it is."""
    records = kind.records(firm)
    ids = load(firm.account, kind.name, records)
    found = firm.account.target.read_back(kind.name, ids[:2])

    for _ in range(2):
        assert firm.account.target.undo(kind.name, found) == {}

    there = firm.account.target.read_back(kind.name, ids)
    is_as_meant(firm.account, kind.name, records[2:], ids[2:])
    if kind.is_gone:
        assert list(there) == ids[2:]
        return
    for one in ids[:2]:
        after = firm.account.target.undone(kind.name, there[one])
        assert after
        assert after.values
        assert differences(after.values, there[one].values) == []
    assert firm.account.target.undone(kind.name, there[ids[2]]).values != there[ids[2]].values


@pytest.mark.parametrize("kind", [one for one in KINDS if not one.is_gone], ids=str)
def test_what_was_rolled_back_is_adopted_as_it_was(firm: Firm, kind: Kind) -> None:
    """A later load takes the rolled back records up again, and makes no second ones."""
    records = kind.records(firm)
    ids = load(firm.account, kind.name, records)
    firm.account.target.undo(kind.name, firm.account.target.read_back(kind.name, ids))
    count = kind.count(firm.account)
    adopted = [replace(one, target_id=target_id, is_adopted=True) for one, target_id in zip(records, ids, strict=True)]

    assert load(firm.account, kind.name, adopted) == ids

    assert kind.count(firm.account) == count
    is_as_meant(firm.account, kind.name, adopted, ids)
    for found in firm.account.target.read_back(kind.name, ids).values():
        assert "rolled back" not in str(found)


@pytest.mark.parametrize("ceiling", [4, 50])
@pytest.mark.parametrize("applies", [False, True])
@pytest.mark.parametrize("name", ["contacts", "tasks", "notes", "list:Assets"])
def test_any_ceiling_of_arrays_ends_with_one_of_each(name: str, ceiling: int, applies: bool) -> None:
    """Kommo limits: 504 for an array that is too long, which may have been applied."""
    with open_account(array_ceiling=ceiling, over_ceiling_applies=applies) as account:
        account.target.provision(Wanted((ASSETS,), ()))
        (kind,) = [one for one in KINDS if one.name == name]
        card = account.make("leads", "006")
        values = {"text": "x", "complete_till": DUE} if name in ("tasks", "notes") else {"name": "x"}
        references = {"lead": [card]} if name in ("tasks", "notes") else {}
        records = [Record(f"K{n:03}", values, references) for n in range(130)]

        ids = load(account, name, records)

        assert len(set(ids)) == 130
        assert kind.count(account) == 130
