"""The report: numbers that add up, worked out here from the firm itself; a page that no record can turn against its reader."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.connectors.kommo import KommoTarget
from migration_pipelines.demo import ids
from migration_pipelines.demo.model import RETIRED_STAGE, Deal
from migration_pipelines.errors import GateClosed
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.stages.report_cards import shares
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines_tests.stages.test_refused_records import Spoiler
from migration_pipelines_tests.world import World, firm, small_firm, write_project

DEALS = firm().deals
ARRIVED = [deal for deal in DEALS if deal.stage != RETIRED_STAGE]
VOID = {"meta", "br"}


def write(world: World) -> dict[str, Any]:
    with world.partition() as partition:
        stages.write_report(partition)
        return dict(stages.read_report(partition))


def page(world: World) -> Path:
    with world.partition() as partition:
        return stages.report_path(partition)


def rows_of(world: World, name: str) -> list[dict[str, str]]:
    with (page(world).parent / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def verify(world: World) -> None:
    with world.partition() as partition:
        stages.verify(partition)


def amount(deal: Deal) -> Decimal:
    return Decimal(deal.cents or 0) / 100


def rounding(deal: Deal) -> Decimal:
    return amount(deal).quantize(Decimal(1), ROUND_HALF_UP) - amount(deal)


@pytest.fixture(scope="module")
def loaded(ledger: Ledger, small_source: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that is loaded. Tests of this file share it, and change nothing in it."""
    folder = tmp_path_factory.mktemp("loaded")
    with World.open(ledger, small_source, write_project(folder / "projects"), folder) as world:
        world.prepare()
        world.apply()
        yield world


@pytest.fixture
def own(world: World) -> World:
    """A loaded world that a test may change."""
    world.prepare()
    world.apply()
    return world


def test_before_a_plan_there_is_nothing_to_report(world: World) -> None:
    with world.partition() as partition, pytest.raises(GateClosed, match="there is no plan yet"):
        stages.write_report(partition)


def test_a_plan_that_nobody_applied_is_reported_as_such(world: World) -> None:
    world.prepare()

    report = write(world)

    assert report["verdict"]["state"] == "planned"
    assert report["read_back_at"] is None
    assert report["cards"]["cards"] == []
    assert report["money"]["currencies"][0]["all"]["arrived"] == 0
    assert [step for step in report["next"] if "crm-migrate apply" in step]


def test_the_verdict_and_every_claim_stand_in_the_report(loaded: World) -> None:
    """SF-KOMMO-60: and who gave their word for what."""
    report = write(loaded)

    assert report["verdict"]["says"].startswith("Everything that was planned is there and reads back as meant; ")
    assert report["step"] == "verified"
    assert report["plan"]["fingerprint"] == loaded.plan()
    assert all(one["holds"] for one in report["claims"])
    assert {one["on"] for one in report["claims"]} == {
        "plan", "users", "accounts", "contacts", "opportunities", "activities", "attachments",
    }  # fmt: skip
    assert [(one["who"], one["what"].split()[0]) for one in report["words"]] == [
        ("a test", "confirmed"), ("a test", "vouched"), ("a test", "approved"),
    ]  # fmt: skip


def test_the_sources_count_the_extracted_and_the_outcomes_are_one_number(loaded: World) -> None:
    """COMMON-30, SF-KOMMO-60: of twelve activities one is about nobody and one about a held deal."""
    records = {one["source_object"]: one for one in write(loaded)["records"]}
    roles = Counter("held" if deal.stage == RETIRED_STAGE else "carried" for deal in DEALS for _ in deal.people)

    for one in records.values():
        assert one["source_count"] == one["extracted"] == one["live"] == sum(one["outcomes"].values())
        assert one["adds_up"]
    assert {name: records[name]["outcomes"] for name in ("Account", "Contact", "Opportunity", "Task")} == {
        "Account": {"loaded": len(firm().companies)},
        "Contact": {"loaded": len(firm().people)},
        "Opportunity": {"loaded": len(ARRIVED), "held": len(DEALS) - len(ARRIVED)},
        "Task": {"loaded": 8, "held": 2},  # five tasks and three calls
    }
    assert records["OpportunityContactRole"]["outcomes"] == dict(roles)


def test_what_was_loaded_is_what_the_target_answers_for(loaded: World) -> None:
    routes = {(one["source_object"], one["target_object"]): one for one in write(loaded)["routes"]}

    for one in routes.values():
        assert one["present"] == one["outcomes"].get("loaded", 0)
    linked = sum(person.company is not None for person in firm().people)
    assert routes["Contact", "company_contacts"]["present"] == linked


def test_what_is_held_is_grouped_by_reason_with_an_example_and_what_to_do(loaded: World) -> None:
    """SF-KOMMO-71."""
    groups = write(loaded)["kept_back"]
    held = [deal for deal in DEALS if deal.stage == RETIRED_STAGE]

    (deals,) = [one for one in groups if one["source_object"] == "Opportunity"]
    assert (deals["rows"], deals["reason"], deals["field"]) == (
        len(held), "value has no counterpart in its table", "StageName",
    )  # fmt: skip
    first = min(held, key=ids.opportunity_id)
    assert deals["example"] == {"source_id": ids.opportunity_id(first), "name": first.name}
    assert deals["what_to_do"].startswith("Give the value its counterpart")
    assert [one["rows"] for one in groups] == sorted((one["rows"] for one in groups), reverse=True)
    assert sum(one["rows"] for one in groups) == len(rows_of(loaded, "held records"))


def test_numbers_that_nobody_can_dial_are_listed_and_not_held(loaded: World) -> None:
    """SF-KOMMO-66."""
    odd = {
        phone.typed
        for record in (*firm().companies, *firm().people)
        for phone in record.phones
        if phone.international is None
    }

    listed = write(loaded)["losses"]["listed"]
    rows = rows_of(loaded, "values to look at")

    assert {one["reason"] for one in listed} == {"value cannot be converted", "value has no counterpart in its table"}
    assert {row["value"] for row in rows if row["field"] in ("Phone", "MobilePhone", "HomePhone")} == odd
    assert len(rows) == sum(one["rows"] for one in listed)


def test_money_adds_up_by_stage_by_owner_and_by_month(loaded: World) -> None:
    """Exactly, to the cent; prices of whole units show how far they are off."""
    (part,) = write(loaded)["money"]["currencies"]
    keys: dict[str, Callable[[Deal], str]] = {
        "stage": lambda deal: deal.stage,
        "owner": lambda deal: deal.owner.name,
        "month": lambda deal: deal.close.isoformat()[:7],
    }

    for kind, key in keys.items():
        expected = {}
        for name in {key(deal) for deal in DEALS}:
            all_, there = ([one for one in some if key(one) == name] for some in (DEALS, ARRIVED))
            expected[name] = [
                len(all_), len(there), sum(map(amount, all_)), sum(map(amount, there)),
                sum(map(amount, all_)) - sum(map(amount, there)), sum(map(rounding, there)), 0,
            ]  # fmt: skip
        assert {row["value"]: figures(row) for row in part[kind]} == expected
    assert figures(part["all"]) == [
        len(DEALS), len(ARRIVED), sum(map(amount, DEALS)), sum(map(amount, ARRIVED)),
        sum(amount(deal) for deal in DEALS if deal not in ARRIVED), sum(map(rounding, ARRIVED)), 0,
    ]  # fmt: skip
    assert part["all"]["amounts"] == sum(deal.cents is not None for deal in DEALS)
    assert Decimal(part["all"]["most_rounded"]) == max(abs(rounding(deal)) for deal in ARRIVED)


def figures(row: Mapping[str, Any]) -> list[Decimal | int]:
    sums = [Decimal(row[name]) for name in ("source", "target", "missing", "rounded", "unexplained")]
    return [row["rows"], row["arrived"], *sums]


def test_each_field_that_was_written_is_counted_once(loaded: World) -> None:
    """COMMON-04."""
    routes = {(one["source_object"], one["target_object"]): one["rows"] for one in write(loaded)["fields"]}

    for rows in routes.values():
        for row in rows:
            parts = ("equal", "platform", "wrong", "missing", "not_kept", "unread")
            assert row["written"] == sum(row[name] for name in parts)
    leads = {row["field"]: row for row in routes["Opportunity", "leads"]}
    assert {(row["written"], row["equal"]) for row in leads.values()} == {(len(ARRIVED), len(ARRIVED))}
    assert leads["SF_AMOUNT"]["filled"] == sum(deal.cents is not None for deal in ARRIVED)
    emails = next(row for row in routes["Contact", "contacts"] if row["field"] == "EMAIL")
    assert emails["filled"] == sum(person.email is not None for person in firm().people)
    assert list(leads)[:3] == ["name", "price", "SF_AMOUNT"], "in the mapping's order"


def test_what_somebody_changed_in_the_target_shows_in_fields_in_money_and_on_its_card(own: World) -> None:
    deal = next(one for one in ARRIVED if one.cents)
    changed = amount(deal) + Decimal("1.25")
    lead = next(one for one in own.snapshot()["leads"] if one["name"] == deal.name)
    with httpx.Client(base_url=own.environ["DEMO_KOMMO_URL"]) as kommo:
        answer = kommo.patch(
            f"/api/v4/leads/{lead['id']}", headers={"Authorization": f"Bearer {own.environ['DEMO_KOMMO_TOKEN']}"},
            json={"name": "Renamed", "custom_fields_values": [{"field_code": "SF_AMOUNT", "values": [{"value": str(changed)}]}]},
        )  # fmt: skip
        assert answer.is_success, answer.text
    verify(own)

    report = write(own)

    assert report["verdict"]["state"] == "open"
    assert any(step.startswith("opportunities: 1 records read back differently") for step in report["next"])
    leads = next(one["rows"] for one in report["fields"] if one["target_object"] == "leads")
    assert {row["field"]: row["wrong"] for row in leads if row["wrong"]} == {"name": 1, "SF_AMOUNT": 1}
    (part,) = report["money"]["currencies"]
    assert Decimal(part["all"]["unexplained"]) == Decimal("-1.25")
    assert {row["value"]: Decimal(row["unexplained"]) for row in part["stage"] if Decimal(row["unexplained"])} == {
        deal.stage: Decimal("-1.25")
    }
    card = next(one for one in report["cards"]["cards"] if one["source_id"] == ids.opportunity_id(deal))
    name = next(line for line in card["lines"] if line["field"] == "name")
    assert (name["source"], name["meant"], name["target"], name["state"]) == (
        {"Name": deal.name}, deal.name, "Renamed", "wrong",
    )  # fmt: skip


def test_a_record_that_is_gone_is_missing_in_every_field_and_in_the_sums(own: World) -> None:
    deal = next(one for one in ARRIVED if one.cents)
    lead = next(one for one in own.snapshot()["leads"] if one["name"] == deal.name)
    own.kommo.post("remove", json={"entity": "leads", "id": lead["id"]})
    verify(own)

    report = write(own)

    leads = next(one["rows"] for one in report["fields"] if one["target_object"] == "leads")
    assert {row["missing"] for row in leads if row["written"] == len(ARRIVED)} == {1}
    (part,) = report["money"]["currencies"]
    gone = [one for one in DEALS if one not in ARRIVED or one is deal]
    assert Decimal(part["all"]["missing"]) == sum(map(amount, gone))
    assert Decimal(part["all"]["unexplained"]) == 0


def test_owners_are_shown_with_their_counterpart_and_by_whose_word(loaded: World) -> None:
    """COMMON-27, COMMON-28, SF-KOMMO-69."""
    owners = {one["name"]: one for one in write(loaded)["owners"]}
    maria, liam = owners["Maria Silva"], owners["Liam Carter"]

    assert (maria["counterpart"]["name"], maria["is_active"]) == ("Olivia Stone", False)
    assert maria["rule"] == "named in owners.yaml, confirmed by a test"
    assert (liam["counterpart"]["email"], liam["rule"]) == ("liam.carter@harbor.example", "same e-mail address")
    assert "Peter Gone" not in owners, "who owns nothing is no owner"


def test_every_card_stands_side_by_side_with_its_source_and_is_drawn_again(loaded: World) -> None:
    """SF-KOMMO-61."""
    cards = write(loaded)["cards"]
    again = write(loaded)["cards"]

    assert 30 <= cards["drawn"] == len(cards["cards"]) <= 50
    assert again == cards
    assert cards["seed"] == loaded.plan()[:12]
    company = firm().companies[1]
    card = next(one for one in cards["cards"] if one["source_id"] == ids.account_id(company))
    lines = {line["field"]: line for line in card["lines"]}
    assert card["name"] == company.name
    assert (lines["name"]["source"], lines["name"]["target"]) == ({"Name": company.name}, company.name)
    assert lines["responsible_user_id"]["source"]["OwnerId"] == [f"{company.owner.name} {ids.user_id(company.owner)}"]
    assert {line["state"] for one in cards["cards"] for line in one["lines"]} == {"as meant"}


@pytest.mark.parametrize(
    ("sizes", "drawn"),
    [
        ({"a": 34_000, "b": 6_200, "c": 1_400, "d": 890, "e": 1}, {"a": 30, "b": 5, "c": 2, "d": 2, "e": 1}),
        ({"a": 3, "b": 4}, {"a": 3, "b": 4}),
        ({}, {}),
    ],
)
def test_cards_are_spread_by_size_and_every_kind_has_some(sizes: dict[str, int], drawn: dict[str, int]) -> None:
    assert shares(sizes, 40) == drawn


@pytest.mark.parametrize("world", [{"note_dates": "ignored"}], ids=str, indirect=True)
def test_what_the_target_does_not_keep_is_a_loss_and_no_difference(own: World) -> None:
    report = write(own)

    assert ("notes", "created_at") in {(one["object"], one["field"]) for one in report["losses"]["not_kept"]}
    notes = next(one["rows"] for one in report["fields"] if one["target_object"] == "notes")
    created = next(row for row in notes if row["field"] == "created_at")
    assert (created["not_kept"], created["equal"], created["wrong"]) == (created["written"], 0, 0)
    assert rows_of(own, "fields not kept")[0]["field"] == "created_at"


def test_a_record_that_the_target_refused_stands_in_its_words_beside_the_list(world: World) -> None:
    """SF-KOMMO-71: and what hangs on it is held, by its own reason."""
    project = world.projects / "demo" / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("failed_allowed: 0", "failed_allowed: 1"), "utf-8")
    person = next(one for one in firm().people if one.company)
    world.prepare()
    with world.partition() as partition:
        token, url = world.environ["DEMO_KOMMO_TOKEN"], world.environ["DEMO_KOMMO_URL"]
        spoiler = Spoiler(ids.contact_id(person))
        partition.target = KommoTarget(url, token, transport=spoiler, requests_per_second=10_000, quiet_seconds=0)
        stages.approve_plan(partition, who="a test")
        stages.provision(partition)
        for name in ("users", "accounts", "contacts"):
            stages.load(partition, name)

    report = write(world)

    (refused,) = [one for one in report["kept_back"] if one["outcome"] == "failed"]
    assert (refused["rows"], refused["reason"]) == (1, "refused by the target")
    assert refused["example"]["source_id"] == ids.contact_id(person)
    assert person.last_name in refused["example"]["name"]
    assert "424242" not in refused["words"], "what differs from record to record does not make a group"
    ((source_id, outcome),) = [(row["source id"], row["outcome"]) for row in rows_of(world, "failed records")]
    assert (source_id, outcome) == (ids.contact_id(person), "failed")
    held = [row for row in rows_of(world, "held records") if row["reason"] == "parent was refused by the target"]
    assert [(row["source id"], row["target object"]) for row in held] == [(ids.contact_id(person), "company_contacts")]
    assert report["verdict"]["state"] == "open", "deals are not loaded yet"


def test_a_list_is_there_only_while_it_has_rows_and_all_is_its_owners_alone(loaded: World) -> None:
    folder = page(loaded).parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("failed records", "owners open"):
        (folder / f"{name}.csv").write_text("an older one", "utf-8")

    report = write(loaded)

    assert {one.name for one in folder.iterdir()} == {
        "report.html", "report.json", "held records.csv", "values to look at.csv",
    }  # fmt: skip
    assert {one["name"]: one["rows"] for one in report["lists"]} == {
        name: len(rows_of(loaded, name)) for name in ("held records", "values to look at")
    }
    assert all(one.stat().st_mode & 0o077 == 0 for one in folder.iterdir())


def test_a_roll_back_is_what_the_report_says_first(own: World) -> None:
    with own.partition() as partition:
        stages.roll_back(partition)

    report = write(own)

    assert report["verdict"]["state"] == "rolled back"
    assert report["money"]["currencies"][0]["all"]["arrived"] == 0
    assert {
        row["outcomes"].get("rolled back", 0) for row in report["records"] if row["source_object"] == "Account"
    } == {5}


HOSTILE = {
    "Account": ("Name", ["<script>alert('x')</script>", '"><img src=x onerror=alert(1)>', "</style><svg/onload=alert(2)>"]),
    "Contact": ("LastName", ["' onmouseover='alert(4)", "\u202egnp.exe", "أحمد 🚢 Ünlü & Söhne", "{{ 7 * 7 }}{% raw %}"]),
    # The second deal is held.
    "Opportunity": ("Name", ["javascript:alert(3)", '=HYPERLINK("http://a.example")', "<!-- -->&lt;b&gt;", "a\x0bb\x85c"]),
}  # fmt: skip


@pytest.fixture
def hostile(ledger: Ledger, tmp_path: Path) -> Iterator[World]:
    """A world whose records bear names that somebody chose to do harm; one of them is held."""
    seed = small_firm(tmp_path)
    for name, (field, texts) in HOSTILE.items():
        path = seed / "rows" / f"{name}.json"
        rows = json.loads(path.read_text("utf-8"))
        for row, text in zip(rows, texts, strict=False):
            row[field] = text
        path.write_text(json.dumps(rows), "utf-8")
    app = build_salesforce_twin(seed=seed, client_id="demo", client_secret="planted-client-secret")
    projects = write_project(tmp_path / "projects")
    with serve_in_thread(app) as twin, World.open(ledger, twin.url, projects, tmp_path) as world:
        world.prepare()
        world.apply()
        yield world


class Page(HTMLParser):
    """What a browser makes of the page: tags, attributes, text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.said: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    @property
    def text(self) -> str:
        return "".join(self.said)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment in the page: {data}")


def test_no_record_can_turn_the_page_against_its_reader(hostile: World) -> None:
    write(hostile)
    source = page(hostile).read_text("utf-8")
    found = Page(source)

    assert found.open == []
    assert not {"script", "img", "svg", "iframe", "object", "link", "form", "base"} & set(found.tags)
    assert {name for _, name, _ in found.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "colspan", "aria-label", "data-label",
    }  # fmt: skip
    assert all(value.startswith("#") for _, name, value in found.attributes if name == "href")
    for text in (text for _, texts in HOSTILE.values() for text in texts if text.isprintable()):
        assert text in found.text
    assert "a\ufffdb" in found.text, "a character that no page can hold"


def test_the_policy_allows_the_pages_own_style_and_nothing_else(hostile: World) -> None:
    write(hostile)
    source = page(hostile).read_text("utf-8")
    style = source[source.index("<style>") + 7 : source.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    (policy,) = [
        value for tag, name, value in Page(source).attributes if tag == "meta" and value.startswith("default-src")
    ]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_text_that_runs_the_other_way_cannot_turn_what_stands_beside_it(hostile: World) -> None:
    write(hostile)
    source = page(hostile).read_text("utf-8")

    turned = [n for n in range(len(source)) if source.startswith("\u202e", n)]
    assert turned
    for n in turned:
        assert source.rfind("<bdi>", 0, n) > source.rfind("</bdi>", 0, n)


def test_no_cell_of_a_list_acts_as_a_formula(hostile: World) -> None:
    write(hostile)

    cells = [
        cell for name in ("held records", "values to look at") for row in rows_of(hostile, name) for cell in row.values()
    ]  # fmt: skip
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert '\'=HYPERLINK("http://a.example")' in cells
