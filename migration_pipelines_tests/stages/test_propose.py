"""What `map` proposes, through both twins: it makes a plan as it stands, says what is open, and leaves the files as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from migration_pipelines import stages
from migration_pipelines.demo.salesforce import SHIPPED
from migration_pipelines.errors import InvalidInput
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.stages import gates
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.describe_keys import _ENTRIES
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_custom_objects import DECIDED, describe
from migration_pipelines_tests.stages.test_gates import kommo_api
from migration_pipelines_tests.stages.test_whole_pair import (
    DEAL,
    OLIVIA,
    OWNED,
    by_key,
    change,
    value_of,
    write_shipped_project,
)
from migration_pipelines_tests.world import World, small_firm

FIRM, PUMPS, VALVES = make_id("001", 701), make_id("006", 701), make_id("006", 702)
CHOICES = [
    {"value": one, "label": one, "active": one != "Retired", "defaultValue": False}
    for one in ("A", "B", "C", "Retired")
]
FIELDS: list[dict[str, Any]] = [
    {"name": "String__c", "type": "string", "length": 80},
    {"name": "Textarea__c", "type": "textarea", "length": 32768},
    {"name": "Picklist__c", "type": "picklist", "length": 255, "picklistValues": CHOICES},
    {"name": "Old_Picklist__c", "type": "picklist", "length": 255, "picklistValues": CHOICES},
    {"name": "Multipicklist__c", "type": "multipicklist", "length": 4099, "picklistValues": CHOICES},
    {"name": "Combobox__c", "type": "combobox", "length": 255},
    {"name": "Email__c", "type": "email", "length": 80},
    {"name": "Phone__c", "type": "phone", "length": 40},
    {"name": "Url__c", "type": "url", "length": 255},
    {"name": "Encrypted__c", "type": "encryptedstring", "length": 80},
    {"name": "Reference__c", "type": "reference", "referenceTo": ["User"], "relationshipName": "Reference__r",
     "label": "Sales Engineer ID"},
    {"name": "Nameless__c", "type": "reference", "referenceTo": ["Account"]},
    {"name": "Boolean__c", "type": "boolean", "nillable": False, "defaultedOnCreate": True},
    {"name": "Currency__c", "type": "currency", "precision": 18, "scale": 2},
    {"name": "Double__c", "type": "double", "precision": 18, "scale": 3},
    {"name": "Percent__c", "type": "percent", "precision": 5, "scale": 1},
    {"name": "Int__c", "type": "int", "digits": 9},
    {"name": "Long__c", "type": "long", "digits": 18},
    {"name": "Date__c", "type": "date"},
    {"name": "Datetime__c", "type": "datetime"},
    {"name": "Time__c", "type": "time"},
    {"name": "Price__c", "type": "double", "precision": 18, "scale": 0},  # Kommo's own price is no field for it
]  # fmt: skip
VALUES: Mapping[str, Any] = {
    "String__c": "text", "Textarea__c": "long\ntext", "Picklist__c": "B", "Old_Picklist__c": "Retired",
    "Multipicklist__c": "A;C", "Combobox__c": "typed", "Email__c": "a@b.example", "Phone__c": "555 ask for Jo",
    "Url__c": "https://a.example/?b=1", "Encrypted__c": "secret", "Reference__c": OLIVIA, "Nameless__c": FIRM,
    "Boolean__c": True, "Currency__c": 1234.5, "Double__c": 0.125, "Percent__c": 12.5, "Int__c": 7, "Long__c": 8,
    "Date__c": "2026-03-31", "Datetime__c": "2026-03-31T09:30:00.000+0000", "Time__c": "09:30:00.000Z", "Price__c": 5,
}  # fmt: skip
NO_VALUE_OF_ITS_OWN = {"id", "address", "location", "base64", "anyType", "complexvalue"}
"""Keys, compounds that are read by their parts, and bodies."""
PROPOSED = {
    "STRING": {"from": "String__c"},
    "TEXTAREA": {"from": "Textarea__c"},
    "PICKLIST": {"from": "Picklist__c"},
    "MULTIPICKLIST": {"from": "Multipicklist__c", "convert": "choices"},
    "COMBOBOX": {"from": "Combobox__c"},
    "EMAIL": {"from": "Email__c"},
    "PHONE": {"from": "Phone__c"},
    "URL": {"from": "Url__c"},
    "ENCRYPTED": {"from": "Encrypted__c"},
    "REFERENCE": {"from": "Reference__r.Name", "label": "Sales Engineer"},
    "BOOLEAN": {"from": "Boolean__c"},
    "CURRENCY": {"from": "Currency__c", "exchange": "CurrencyIsoCode", "convert": "decimal"},
    "DOUBLE": {"from": "Double__c", "convert": "decimal"},
    "PERCENT": {"from": "Percent__c", "convert": "decimal"},
    "INT": {"from": "Int__c", "convert": "decimal"},
    "LONG": {"from": "Long__c", "convert": "decimal"},
    "DATE": {"from": "Date__c", "convert": "day"},
    "DATETIME": {"from": "Datetime__c", "convert": "moment"},
    "TIME": {"from": "Time__c"},
    "SF_PRICE": {"from": "Price__c", "convert": "decimal"},
}
IN_KOMMO = {
    "STRING": "text", "TEXTAREA": "textarea", "PICKLIST": "select", "OLD_PICKLIST": "text", "MULTIPICKLIST": "multiselect",
    "COMBOBOX": "text", "EMAIL": "text", "PHONE": "text", "URL": "url", "ENCRYPTED": "text", "REFERENCE": "text",
    "NAMELESS": "text", "BOOLEAN": "checkbox", "CURRENCY": "numeric", "DOUBLE": "numeric", "PERCENT": "numeric",
    "INT": "numeric", "LONG": "numeric", "DATE": "date", "DATETIME": "date_time", "TIME": "text", "SF_PRICE": "numeric",
}  # fmt: skip
OBJECTS: Mapping[str, tuple[str, list[dict[str, Any]]]] = {
    "Warranty__c": ("a01", [
        {"name": "Deal__c", "type": "reference", "referenceTo": ["Opportunity"], "relationshipName": "Deal__r"},
        {"name": "Serial__c", "type": "string", "length": 40, "label": "Serial Number"},
        {"name": "Ends__c", "type": "date"},
    ]),
    "Site_Visit__c": ("a02", [
        {"name": "Firm__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Firm__r"},
        {"name": "Findings__c", "type": "textarea", "length": 32768},
    ]),
    "Device__c": ("a03", [
        {"name": "Deal__c", "type": "reference", "referenceTo": ["Opportunity"], "relationshipName": "Deal__r"},
        {"name": "Made__c", "type": "date"},
    ]),
    "Vehicle__c": ("a04", [{"name": "Plate__c", "type": "string", "length": 20}]),
    "Scratch__c": ("a05", []),
}  # fmt: skip
WAYS = {"Warranty__c": "as fields", "Site_Visit__c": "in an archive, with", "Device__c": "as elements",
        "Vehicle__c": "in an archive alone", "Scratch__c": "nowhere"}  # fmt: skip
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "Account": [{"Id": FIRM, "Name": "Aksu", "CurrencyIsoCode": "USD", **OWNED}],
    "Opportunity": [
        {"Id": PUMPS, "Name": "Pumps", "AccountId": FIRM, "CurrencyIsoCode": "USD", **DEAL, **VALUES},
        {"Id": VALVES, "Name": "Valves", "AccountId": FIRM, "CurrencyIsoCode": "USD", **DEAL},
    ],
    "Warranty__c": [
        {"Id": make_id("a01", 1), "Name": "W-1", "Deal__c": PUMPS, "Serial__c": "S-1", "Ends__c": "2027-01-31", **OWNED},
        {"Id": make_id("a01", 2), "Name": "W-2", "Deal__c": None, "Serial__c": "S-2", "Ends__c": None, **OWNED},
    ],
    "Site_Visit__c": [{"Id": make_id("a02", 1), "Name": "V-1", "Firm__c": FIRM, "Findings__c": "Leaks", **OWNED}],
    "Device__c": [{"Id": make_id("a03", 1), "Name": "D-1", "Deal__c": PUMPS, "Made__c": "2026-01-31", **OWNED}],
    "Vehicle__c": [{"Id": make_id("a04", 1), "Name": "Van", "Plate__c": "34 ABC 34", **OWNED}],
    "Scratch__c": [{"Id": make_id("a05", 1), "Name": "Scribble", **OWNED}],
}  # fmt: skip


@pytest.fixture(scope="module")
def varied_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with several currencies, a deal that has a field of every type, and five custom objects."""
    folder = small_firm(tmp_path_factory.mktemp("varied"))
    (folder / "describe").mkdir(exist_ok=True)
    opportunity = json.loads((SHIPPED / "Opportunity.json").read_text("utf-8"))
    opportunity["fields"] += [{"custom": True, **one} for one in FIELDS]
    (folder / "describe" / "Opportunity.json").write_text(json.dumps(opportunity), "utf-8")
    for name, (prefix, fields) in OBJECTS.items():
        (folder / "describe" / f"{name}.json").write_text(json.dumps(describe(name, prefix, fields)), "utf-8")
    for name, rows in ROWS.items():
        path = folder / "rows" / f"{name}.json"
        there = json.loads(path.read_text("utf-8")) if path.exists() else []
        if name == "Opportunity":
            there = [one | {"CurrencyIsoCode": "USD"} for one in there]
        path.write_text(json.dumps(there + rows), "utf-8")
    app = build_salesforce_twin(
        seed=folder, client_id="demo", client_secret="planted-client-secret", switches={"multi_currency": True}
    )
    with serve_in_thread(app) as twin:
        yield twin.url


def read_orgs(world: World) -> None:
    with world.partition() as partition:
        stages.discover(partition)
    with world.partition() as partition:
        for name in partition.extracted_objects:
            stages.extract(partition, name)


def files(world: World) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (world.folder / "mapping").iterdir()}


def below(path: Path, where: str, lines: list[str]) -> None:
    """Write lines where `map` says: below a key, or below the fields of a route."""
    text = path.read_text("utf-8") if path.exists() else f"{where}\n"
    if found := re.fullmatch(r"fields: of (\w+) to (\w+)", where):
        place = re.search(rf"  - source: {found[1]}\n    target: {found[2]}\n(?:.*\n)*?    fields:\n", text)
    else:
        place = re.search(rf"^{where}(?: \{{\}})?\n", text, re.MULTILINE)
    assert place, f"{where} is not in {path}"
    text = (
        text[: place.end()].replace("objects: {}", "objects:")
        + "".join(f"{one}\n" for one in lines)
        + text[place.end() :]
    )
    path.write_text(text, "utf-8")


def test_every_type_of_the_twin_is_tried() -> None:
    assert {one["type"] for one in FIELDS} == set(_ENTRIES) - NO_VALUE_OF_ITS_OWN


def test_what_is_proposed_of_fields_and_objects_makes_a_plan_and_arrives(
    ledger: Ledger, varied_source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-29, SF-KOMMO-46: each way of a custom object as `map` words it, and a field of every type."""
    projects = write_shipped_project(
        tmp_path / "projects", DECIDED | {"multi_currency": "keep", "unconverted_leads": "not at all"}
    )
    with World.open(ledger, varied_source, projects, tmp_path) as world:
        read_orgs(world)
        before = files(world)
        with world.partition() as partition:
            added = stages.propose(partition)
            open_ = {one.name: one for one in stages.open_objects(partition)}
        assert {f"opportunities: Opportunity.{one} is undecided" for one in VALUES} <= set(added)

        # Not a byte of what was there is another, and a second time there is nothing to add.
        after = files(world)
        for name, content in before.items():
            lines = iter(after[name].splitlines(keepends=True))
            assert all(line in lines for line in content.splitlines(keepends=True)), name
        with world.partition() as partition:
            assert stages.propose(partition) == []
        assert files(world) == after

        path = world.folder / "mapping" / "opportunities.yaml"
        undecided = YAML(typ="safe").load(path.read_text("utf-8"))["routes"][0]["undecided"]
        ready = {name: one["suggestion"] for name, one in undecided.items() if isinstance(one["suggestion"], dict)}
        assert {code: row for one in ready.values() for code, row in one.items()} == PROPOSED
        assert set(undecided) - set(ready) == {"Old_Picklist__c", "Nameless__c"}
        assert "'Retired' is no choice any more" in undecided["Old_Picklist__c"]["suggestion"]
        assert "no name" in undecided["Nameless__c"]["suggestion"]
        remarks = re.findall(r"^ +# ([A-Z_]+: \{from: .*)$", path.read_text("utf-8"), re.MULTILINE)
        assert remarks == [
            "OLD_PICKLIST: {from: Old_Picklist__c, convert: text}", "NAMELESS: {from: Nameless__c, convert: text}"
        ]  # fmt: skip

        # A person moves all of it, chooses a way for each object, and goes on.
        rows = [f"      {code}: {json.dumps(row)}" for one in ready.values() for code, row in one.items()]
        below(path, "fields: of Opportunity to leads", [*rows, *(f"      {one}" for one in remarks)])
        assert set(open_) == set(WAYS)
        for name, chosen in WAYS.items():
            way = next(one for one in open_[name].ways if one.name.startswith(chosen))
            for one in way.write:
                below(world.folder / one.file, one.below, list(one.lines))
        make_list(world, "Device")
        read_orgs(world)
        with world.partition() as partition:
            assert gates.undisposed(partition) == []
        world.prepare()
        with world.partition() as partition:
            plan = partition.ledger.plans.current()
        assert plan
        assert not {one["field"] for one in plan["summary"]["problems"]} & {*VALUES, "Reference__r.Name"}
        world.apply()

        assert world.broken_claims() == {}
        snapshot = world.snapshot()
        made = {one["code"]: one["type"] for one in snapshot["custom_fields"]["leads"]}
        assert {code: made[code] for code in IN_KOMMO} == IN_KOMMO
        deal = by_key(snapshot, "leads")[PUMPS]
        values = {code: [one["value"] for one in deal["custom_fields"][code]] for code in IN_KOMMO}
        assert values["MULTIPICKLIST"] == ["A", "C"]
        assert values["REFERENCE"] == ["Olivia Stone"]
        assert values["OLD_PICKLIST"] == ["Retired"]
        assert values["CURRENCY"] == ["1234.5"]
        assert value_of(deal, "WARRANTY_SERIAL") == "S-1"


def make_list(world: World, name: str) -> None:
    with kommo_api(world) as person:
        assert person.post("catalogs", json=[{"name": name}]).is_success


def test_a_field_without_room_in_the_target_says_so_and_one_of_a_carried_row_names_its_card(world: World) -> None:
    mapping = world.folder / "mapping"
    change(mapping / "activities.yaml", "      Priority: Kommo's tasks have no priority\n", "")
    change(mapping / "opportunities.yaml", "      Role: Kommo links a contact to a deal without a role\n", "")
    read_orgs(world)
    with world.partition() as partition:
        stages.propose(partition)

    read = YAML(typ="safe").load
    (task,) = [
        one["undecided"]
        for one in read((mapping / "activities.yaml").read_text("utf-8"))["routes"]
        if "undecided" in one
    ]
    assert task["Priority"]["suggestion"].startswith("decide: the target has no room for it")
    text = (mapping / "opportunities.yaml").read_text("utf-8")
    (role,) = [one["undecided"] for one in read(text)["routes"] if "undecided" in one]
    assert role["Role"]["suggestion"] == {"ROLE": {"child": "OpportunityContactRole", "from": "Role", "many": "newest"}}
    assert "# This row goes below fields: of Opportunity to leads, in opportunities.yaml." in text


def test_a_file_that_cannot_be_added_to_is_named_and_no_file_is_written(world: World) -> None:
    """`undecided:` stands for another mapping by an alias, which would change with it."""
    mapping = world.folder / "mapping"
    change(mapping / "accounts.yaml", "      Type: not used in Kommo\n", "")
    change(mapping / "contacts.yaml", "      POSITION:   {from: Title}", "      #")
    change(mapping / "contacts.yaml", "    fields:\n", "    when: &nothing {}\n    undecided: *nothing\n    fields:\n")
    read_orgs(world)
    before = files(world)

    with (
        world.partition() as partition,
        pytest.raises(InvalidInput, match=r"contacts\.yaml cannot be .*\n.*\n  Title:"),
    ):
        stages.propose(partition)

    assert files(world) == before
