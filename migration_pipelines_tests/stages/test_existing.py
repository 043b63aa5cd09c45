"""Records that people had made in the target before us: matched, attached to, filled, and given back as they were."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.kommo.target import KommoTarget
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_converted_leads import Seller
from migration_pipelines_tests.stages.test_roll_back import change_project, edit, kommo_api
from migration_pipelines_tests.stages.test_whole_pair import outcomes
from migration_pipelines_tests.world import World, small_firm, write_project

OLIVIA = make_id("005", 2)
BY = {"OwnerId": OLIVIA, "CreatedById": OLIVIA, "CreatedDate": "2026-03-05T15:20:30.000+0000"}
ENGINES, HARBOR = (make_id("001", n) for n in (901, 902))
ADA, BEN, CLEO, DAN, DORA, EVE, FAY, GUS = (make_id("003", n) for n in range(901, 909))
ACCOUNTS: list[dict[str, Any]] = [
    {"Id": ENGINES, "Name": "Engines  LTD", "Website": "https://engines.example", **BY},
    {"Id": HARBOR, "Name": "Harbor Ltd", **BY},
]
CONTACTS: list[dict[str, Any]] = [
    # by e-mail, whatever its case; Kommo knows no telephone of hers
    {"Id": ADA, "FirstName": "Ada", "LastName": "Lovelace", "Email": "Ada@Match.example", "Phone": "(212) 555-0101",
     "Title": "Analyst", "AccountId": ENGINES, **BY},
    # by telephone, however it is typed
    {"Id": BEN, "FirstName": "Ben", "LastName": "Dial", "Phone": "212.555.0102", "AccountId": ENGINES, **BY},
    # two in Kommo have her address
    {"Id": CLEO, "FirstName": "Cleo", "LastName": "Twice", "Email": "cleo@match.example", **BY},
    # two of ours share an address that one in Kommo has
    {"Id": DAN, "FirstName": "Dan", "LastName": "Desk", "Email": "desk@match.example", **BY},
    {"Id": DORA, "FirstName": "Dora", "LastName": "Desk", "Email": "desk@match.example", **BY},
    # nothing identifies her, whatever the name in Kommo
    {"Id": EVE, "FirstName": "Eve", "LastName": "Blank", **BY},
    # what many are given who have no address
    {"Id": FAY, "FirstName": "Fay", "LastName": "None", "Email": "noreply@match.example", **BY},
    # his telephone is that of another, who has an address of his own
    {"Id": GUS, "FirstName": "Gus", "LastName": "Shared", "Email": "gus@match.example", "Phone": "(212) 555-0108", **BY},
]  # fmt: skip
TYPED: Mapping[str, tuple[str | None, str | None]] = {
    "Ada L.": ("ADA@match.example ", None),
    "Benjamin": (None, "+1 (212) 555-0102"),
    "Cleo one": ("cleo@match.example", None),
    "Cleo two": ("Cleo@match.example", None),
    "Desk": ("desk@match.example", None),
    "Eve Blank": (None, None),
    "No reply": ("noreply@match.example", None),
    "Hugo": ("hugo@match.example", "+12125550108"),
}
"""What people typed into Kommo: name -> e-mail, telephone."""
KINDS = ("companies", "contacts", "leads")
SMALL = {"companies": 5, "contacts": 10}
"""What the small firm alone comes to."""


class Died(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _source(tmp_path_factory.mktemp("existing")) as twin:
        yield twin.url


def _source(folder: Path) -> AbstractContextManager[Any]:
    rows = small_firm(folder) / "rows"
    for name, ours in (("Account", ACCOUNTS), ("Contact", CONTACTS)):
        there = json.loads((rows / f"{name}.json").read_text("utf-8"))
        (rows / f"{name}.json").write_text(json.dumps([*there, *ours], ensure_ascii=False), "utf-8")
    return serve_in_thread(
        build_salesforce_twin(seed=rows.parent, client_id="demo", client_secret="planted-client-secret")
    )


@pytest.fixture
def open_world(ledger: Ledger, source: str, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    with ExitStack() as stack:

        def open_one(decided: str, source_url: str = source) -> World:
            world = stack.enter_context(World.open(ledger, source_url, write_project(tmp_path / "projects"), tmp_path))
            for one in ("companies", "contacts"):
                change_project(world, f"existing_{one}: refuse if not empty", f"existing_{one}: {decided}")
            type_in(world)
            return world

        yield open_one


def type_in(world: World) -> None:
    """People make a company and contacts, and link the company with Ada."""
    with kommo_api(world) as person:

        def make(kind: str, *records: dict[str, Any]) -> list[int]:
            answer = person.post(f"/api/v4/{kind}", json=list(records))
            assert answer.is_success, answer.text
            return [one["id"] for one in answer.json()["_embedded"][kind]]

        (engines,) = make("companies", {"name": "engines ltd"})
        ada, *_ = make("contacts", *(_contact(name, *reached) for name, reached in TYPED.items()))
        answer = person.post(
            f"/api/v4/companies/{engines}/link", json=[{"to_entity_id": ada, "to_entity_type": "contacts"}]
        )
        assert answer.is_success, answer.text
    edit(world, "contacts", named(world.snapshot(), "Ada L."), custom_fields_values=[
        {"field_code": "POSITION", "values": [{"value": "Countess"}]}])  # fmt: skip


def _contact(name: str, email: str | None, phone: str | None) -> dict[str, Any]:
    fields = [
        {"field_code": code, "values": [{"value": value, "enum_code": "WORK"}]}
        for code, value in (("EMAIL", email), ("PHONE", phone))
        if value
    ]
    return {"name": name, **({"custom_fields_values": fields} if fields else {})}


def value_of(record: Mapping[str, Any], code: str) -> Any:
    values = record["custom_fields"].get(code)
    return values[0]["value"] if values else None


def by_key(snapshot: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Those of the records that bear our key."""
    return {key: one for one in snapshot[kind] if (key := value_of(one, "SF_ID"))}


def named(snapshot: Mapping[str, Any], name: str, kind: str = "contacts") -> dict[str, Any]:
    (found,) = [one for one in snapshot[kind] if one["name"] == name]
    return dict(found)


def typed(snapshot: Mapping[str, Any], ids: set[tuple[str, int]]) -> dict[str, Any]:
    """The records that people made, and their links, as they stand, but for who changed them last and when."""
    return {
        "records": {
            f"{kind} {one['id']}": {
                name: value for name, value in one.items() if name not in ("updated_at", "updated_by")
            }
            for kind in KINDS
            for one in snapshot[kind]
            if (kind, one["id"]) in ids
        },
        "links": sorted(
            (one["entity"], one["id"], one["to_entity"], one["to_id"])
            for one in snapshot["links"]
            if (one["entity"], one["id"]) in ids and (one["to_entity"], one["to_id"]) in ids
        ),
    }


def ids_of(snapshot: Mapping[str, Any]) -> set[tuple[str, int]]:
    return {(kind, one["id"]) for kind in KINDS for one in snapshot[kind]}


def roll_back(world: World) -> Any:
    with world.partition() as partition:
        return stages.roll_back(partition)


def summary(world: World) -> Mapping[str, Any]:
    with world.partition() as partition:
        plan = partition.ledger.plans.current()
    assert plan
    return dict(plan["summary"])


def is_linked(snapshot: Mapping[str, Any], company: int, contact: int) -> bool:
    ends = {("companies", company), ("contacts", contact)}
    return any({(one["entity"], one["id"]), (one["to_entity"], one["to_id"])} == ends for one in snapshot["links"])


def write_matches(world: World, **decided: str) -> None:
    lines = "".join(f"    {source_id}: {said}\n" for source_id, said in decided.items())
    (world.folder / "matches.yaml").write_text(f"matches:\n  contacts:\n{lines}", "utf-8")


def test_what_is_certain_is_attached_to_and_what_is_not_is_held(open_world: Callable[..., World]) -> None:
    """COMMON-33: nothing but our key is written on what people made, and roll back takes just that away."""
    world = open_world("match and attach")
    before = world.snapshot()
    theirs = ids_of(before)
    world.prepare()

    found = summary(world)["matches"]
    contacts = found["contacts/Contact>contacts"]
    assert (contacts["matched"], contacts["held"], contacts["looked_at"]) == (2, 4, 8)
    assert {(one["source_id"], one["target_id"] is not None, one["key"], one["value"]) for one in contacts["first"]} == {
        (ADA, True, "EMAIL", "ada@match.example"), (BEN, True, "PHONE", "+12125550102"),
        (CLEO, False, "EMAIL", "cleo@match.example"), (DAN, False, "EMAIL", "desk@match.example"),
        (DORA, False, "EMAIL", "desk@match.example"), (GUS, False, "PHONE", "+12125550108"),
    }  # fmt: skip
    assert found["accounts/Account>companies"]["by_key"] == {"name": {"matched": 1, "held": 0}}

    world.apply()
    after, broken = world.snapshot(), world.broken_claims()
    assert broken == {}
    ada, ben, engines = (
        named(before, name, kind)["id"]
        for name, kind in (("Ada L.", "contacts"), ("Benjamin", "contacts"), ("engines ltd", "companies"))
    )
    assert {one: by_key(after, "contacts")[one]["id"] for one in (ADA, BEN)} == {ADA: ada, BEN: ben}
    assert by_key(after, "companies")[ENGINES]["id"] == engines
    made = {kind: len([one for one in after[kind] if (kind, one["id"]) not in theirs]) for kind in SMALL}
    assert made == {"companies": SMALL["companies"] + 1, "contacts": SMALL["contacts"] + 2}, "Harbor; Eve and Fay"
    expected = typed(before, theirs)
    for record, key in ((f"contacts {ada}", ADA), (f"contacts {ben}", BEN), (f"companies {engines}", ENGINES)):
        now = typed(after, theirs)["records"][record]
        assert value_of(now, "SF_ID") == key
        now["custom_fields"].pop("SF_ID")
        assert now == expected["records"][record], "nothing else is written"
    assert is_linked(after, engines, ada)
    assert is_linked(after, engines, ben)
    assert outcomes(world)["contacts/Contact>contacts"] == {"loaded": SMALL["contacts"] + 4, "held": 4}

    world.prepare()
    world.forget_requests()
    world.apply()
    assert [one for one in world.requests() if one["method"] == "PATCH" and "contacts" in one["path"]] == []

    roll_back(world)
    undone = world.snapshot()
    assert typed(undone, theirs) == expected
    assert is_linked(undone, engines, ada), "people had linked them"
    assert not is_linked(undone, engines, ben), "we had"


def test_blanks_are_filled_and_emptied_again_unless_people_changed_them(open_world: Callable[..., World]) -> None:
    """What people wrote is never overwritten, by no load, and no roll back."""
    world = open_world("match and fill blanks")
    before = world.snapshot()
    theirs = ids_of(before)
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}
    after = world.snapshot()
    ada, engines = by_key(after, "contacts")[ADA], by_key(after, "companies")[ENGINES]
    assert (ada["name"], value_of(ada, "POSITION"), value_of(ada, "PHONE")) == ("Ada L.", "Countess", "+12125550101")
    assert value_of(ada, "EMAIL") == "ADA@match.example "
    assert (engines["name"], value_of(engines, "WEB")) == ("engines ltd", "https://engines.example")

    edit(world, "companies", engines, custom_fields_values=[
        {"field_code": "WEB", "values": [{"value": "https://people.example"}]}])  # fmt: skip
    roll_back(world)
    undone, expected = typed(world.snapshot(), theirs), typed(before, theirs)
    theirs_now = undone["records"][f"companies {engines['id']}"]["custom_fields"]
    assert [one["value"] for one in theirs_now.pop("WEB")] == ["https://people.example"]
    assert undone == expected
    with world.partition() as partition:
        left = partition.ledger.batches.left_alone()
    assert [(one["source_id"], one["detail"]) for one in left] == [(ENGINES, "changed since in the target: WEB")]


def test_a_delta_keeps_to_what_we_filled(
    open_world: Callable[..., World], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A field of a matched record follows the source only where it was blank and still holds what we wrote."""
    with _source(tmp_path_factory.mktemp("delta")) as twin:
        world = open_world("match and fill blanks", twin.url)
        before = world.snapshot()
        theirs = ids_of(before)
        world.prepare()
        world.apply()
        edit(world, "companies", by_key(world.snapshot(), "companies")[ENGINES], custom_fields_values=[
            {"field_code": "WEB", "values": [{"value": "https://people.example"}]}])  # fmt: skip

        seller = Seller(twin.url)
        seller.write("Contact", {"Id": ADA, "Title": "Director", "Phone": "(212) 555-0111"})
        seller.write("Account", {"Id": ENGINES, "Website": "https://new.example"})
        world.prepare()
        world.apply()

        after = world.snapshot()
        ada, engines = by_key(after, "contacts")[ADA], by_key(after, "companies")[ENGINES]
        assert (value_of(ada, "POSITION"), value_of(ada, "PHONE")) == ("Countess", "+12125550111")
        assert value_of(engines, "WEB") == "https://people.example"
        assert world.broken_claims() == {}

        roll_back(world)
        undone = typed(world.snapshot(), theirs)
        assert undone["records"][f"contacts {ada['id']}"] == typed(before, theirs)["records"][f"contacts {ada['id']}"]


def test_a_person_decides_what_is_not_certain(open_world: Callable[..., World]) -> None:
    world = open_world("match and attach")
    before = world.snapshot()
    cleo, desk = (named(before, name)["id"] for name in ("Cleo two", "Desk"))
    world.prepare()
    world.apply()
    assert CLEO not in by_key(world.snapshot(), "contacts")

    write_matches(world, **{CLEO: cleo, DAN: desk, DORA: "new", GUS: "new"})
    world.prepare()
    world.apply()

    after = world.snapshot()
    found = by_key(after, "contacts")
    assert (found[CLEO]["id"], found[DAN]["id"]) == (cleo, desk)
    assert {found[DORA]["id"], found[GUS]["id"]}.isdisjoint(one["id"] for one in before["contacts"])
    assert world.broken_claims() == {}
    assert outcomes(world)["contacts/Contact>contacts"] == {"loaded": SMALL["contacts"] + 8}


def test_what_changed_since_the_plan_is_held_and_not_made_anew(open_world: Callable[..., World]) -> None:
    world = open_world("match and attach")
    world.prepare()
    before = world.snapshot()
    edit(world, "contacts", named(before, "Benjamin"), custom_fields_values=[
        {"field_code": "PHONE", "values": [{"value": "+12125550177", "enum_code": "WORK"}]}])  # fmt: skip
    removed = world.kommo.post("remove", json={"entity": "contacts", "id": named(before, "Ada L.")["id"]})
    assert removed.is_success, removed.text
    with world.partition() as partition:
        stages.approve_plan(partition, who="a test")
        stages.archive(partition)
        stages.provision(partition)
        for name in NAMES[: NAMES.index("contacts") + 1]:
            stages.load(partition, name)
        with partition.ledger.report.one_view():
            pages = list(partition.ledger.report.itemised("contacts/Contact>contacts", ("held",)))

    assert {ADA, BEN}.isdisjoint(by_key(world.snapshot(), "contacts"))
    why = {row["source_id"]: row["problem"]["message"] for page in pages for row in page if row["problem"]}
    assert why == {
        ADA: f"{named(before, 'Ada L.')['id']} is not in the target any more",
        BEN: f"{named(before, 'Benjamin')['id']} has another PHONE by now, or none",
    }

    world.prepare()
    world.apply()
    assert {ADA, BEN} <= set(by_key(world.snapshot(), "contacts")), "looked up anew, they are nobody's"
    assert world.broken_claims() == {}


@pytest.mark.parametrize("is_sent", [False, True], ids=["before it is sent", "after it is sent"])
def test_a_run_that_dies_while_it_fills_is_finished_by_the_next(
    open_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch, is_sent: bool
) -> None:
    """COMMON-33: how a record stood is kept before the request goes out, so even that is given back."""
    world = open_world("match and fill blanks")
    before = world.snapshot()
    theirs = ids_of(before)
    world.prepare()

    def die(target: KommoTarget, batch: Any, **rest: Any) -> Any:
        if batch.target_object == "contacts" and any(one.target_id for one in batch.records):
            if is_sent:
                written(target, batch, **rest)
            raise Died
        return written(target, batch, **rest)

    written = KommoTarget.write
    with monkeypatch.context() as patch:
        patch.setattr(KommoTarget, "write", die)
        with pytest.raises(Died):
            world.apply()
    ada = named(world.snapshot(), "Ada L.")
    assert ("PHONE" in ada["custom_fields"]) is is_sent

    with world.partition() as partition:
        for name in NAMES:
            stages.load(partition, name)
    assert world.broken_claims() == {}
    assert value_of(by_key(world.snapshot(), "contacts")[ADA], "PHONE") == "+12125550101"

    roll_back(world)
    assert typed(world.snapshot(), theirs) == typed(before, theirs)


def test_matches_are_listed_for_review(open_world: Callable[..., World], tmp_path: Path) -> None:
    world = open_world("match and attach")
    world.prepare()
    world.apply()
    with world.partition() as partition:
        stages.write_report(partition)
    found = {}
    for path in (tmp_path / "home").rglob("*.csv"):
        if "match" in path.name:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                found[path.stem] = list(csv.DictReader(lines))

    assert {name: sorted(row["source id"] for row in rows) for name, rows in found.items()} == {
        "matched records": sorted([ADA, BEN, ENGINES]),
        "matches to decide": sorted([CLEO, CLEO, DAN, DORA, GUS]),
    }
