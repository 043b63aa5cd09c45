"""Custom objects and roles, through both twins: as fields on a card, archived with a reference, archived alone, lost."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from migration_pipelines import stages
from migration_pipelines.core.provisioning import schema_after
from migration_pipelines.errors import MappingError
from migration_pipelines.ledger.server import EmbeddedServer
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.stages import gates
from migration_pipelines.stages.plan import require_known_names, wanted_of
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.stages.test_whole_pair import (
    BY,
    DEAL,
    OWNED,
    by_key,
    change,
    decide,
    outcomes,
    texts_on,
    value_of,
    write_shipped_project,
)
from migration_pipelines_tests.world import World, small_firm

FIRM, PUMPS, VALVES = make_id("001", 501), make_id("006", 501), make_id("006", 502)
ADA, BOB, CEM = (make_id("003", n) for n in (501, 502, 503))
OLDER, NEWER = make_id("a01", 1), make_id("a01", 2)
LICENCES = [make_id("a03", n) for n in (1, 2, 3)]
VISITS = [make_id("a04", n) for n in (1, 2)]


def a_year_later(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "CreatedDate": "2027-03-05T15:20:30.000+0000"}


CUSTOM: Mapping[str, tuple[str, list[dict[str, Any]]]] = {
    "Warranty__c": ("a01", [
        {"name": "Deal__c", "type": "reference", "referenceTo": ["Opportunity"], "relationshipName": "Deal__r"},
        {"name": "Serial__c", "type": "string", "length": 40, "label": "Serial Number"},
        {"name": "Ends__c", "type": "date"},
    ]),
    "Preference__c": ("a02", [
        {"name": "Person__c", "type": "reference", "referenceTo": ["Contact"], "relationshipName": "Person__r"},
        {"name": "Channel__c", "type": "picklist", "picklistValues": [
            {"value": one, "label": one, "active": True, "defaultValue": False} for one in ("E-mail", "Telephone")
        ]},
    ]),
    "Licence__c": ("a03", [
        {"name": "Firm__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Firm__r"},
        {"name": "Seats__c", "type": "double", "precision": 18, "scale": 0},
    ]),
    "Site_Visit__c": ("a04", [
        {"name": "Deal__c", "type": "reference", "referenceTo": ["Opportunity"], "relationshipName": "Deal__r"},
        {"name": "Findings__c", "type": "textarea", "length": 32768},
    ]),
    "Vehicle__c": ("a05", [{"name": "Plate__c", "type": "string", "length": 20}]),
    "Scratch__c": ("a06", []),
}  # fmt: skip
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "Account": [{"Id": FIRM, "Name": "Aksu", **OWNED}],
    "Contact": [
        {"Id": ADA, "FirstName": "Ada", "LastName": "Aksu", "AccountId": FIRM, **OWNED},
        {"Id": BOB, "FirstName": "Bob", "LastName": "Baran", "AccountId": FIRM, **OWNED},
        {"Id": CEM, "FirstName": "Cem", "LastName": "Can", "AccountId": FIRM, **OWNED},
    ],
    "Opportunity": [
        {"Id": PUMPS, "Name": "Pumps", "AccountId": FIRM, **DEAL},
        {"Id": VALVES, "Name": "Valves", "AccountId": FIRM, **DEAL},
    ],
    "OpportunityContactRole": [
        {"Id": make_id("00K", 90_001), "OpportunityId": PUMPS, "ContactId": ADA, "Role": None, "IsPrimary": False, **BY},
        {"Id": make_id("00K", 90_002), "OpportunityId": PUMPS, "ContactId": BOB, "Role": "Decision Maker",
         "IsPrimary": True, **BY},
    ],
    "Warranty__c": [
        {"Id": OLDER, "Name": "W-2", "Deal__c": PUMPS, "Serial__c": "OLD", "Ends__c": "2027-01-31", **OWNED},
        {"Id": NEWER, "Name": "W-1", "Deal__c": PUMPS, "Serial__c": "NEW", "Ends__c": "2028-01-31",
         **a_year_later(OWNED)},
    ],
    "Preference__c": [
        {"Id": make_id("a02", 1), "Name": "P-1", "Person__c": ADA, "Channel__c": "Telephone", **OWNED},
        {"Id": make_id("a02", 2), "Name": "P-2", "Person__c": CEM, "Channel__c": "Telephone", **OWNED},
        {"Id": make_id("a02", 3), "Name": "P-3", "Person__c": CEM, "Channel__c": "E-mail", **OWNED},
    ],
    "Licence__c": [
        {"Id": LICENCES[0], "Name": "Late", "Firm__c": FIRM, "Seats__c": 5, **a_year_later(OWNED)},
        {"Id": LICENCES[1], "Name": "Early", "Firm__c": FIRM, "Seats__c": 12, **OWNED},
        {"Id": LICENCES[2], "Name": "Homeless", "Firm__c": None, "Seats__c": 1, **OWNED},
    ],
    "Site_Visit__c": [
        {"Id": VISITS[0], "Name": "V-1", "Deal__c": PUMPS, "Findings__c": "Leaks, \"badly\"\nin two places", **OWNED},
        {"Id": VISITS[1], "Name": "V-2", "Deal__c": None, "Findings__c": "Nobody home", **OWNED},
    ],
    "Vehicle__c": [{"Id": make_id("a05", 1), "Name": "Van", "Plate__c": "34 ABC 34", **OWNED}],
    "Scratch__c": [{"Id": make_id("a06", 1), "Name": "Scribble", **OWNED}],
}  # fmt: skip
CUSTOM_OBJECTS = """\
routes:
  - source: Warranty__c
    target: leads
    cardinality: lossy
    support: mapping required
    carried_by: {Opportunity: Deal__c}
    lost: {Name: number of Salesforce, OwnerId: the deal's, CreatedDate: not needed, CreatedById: not needed}
  - source: Preference__c
    target: contacts
    cardinality: lossy
    support: mapping required
    carried_by: {Contact: Person__c}
    lost: {Name: number of Salesforce, OwnerId: the contact's, CreatedDate: not needed, CreatedById: not needed}
  - source: Licence__c
    target: companies
    cardinality: lossy
    support: mapping required
    when: {Firm__c: {empty: false}}
    carried_by: {Account: Firm__c}
    lost: {OwnerId: the company's, CreatedDate: the lines are in its order, CreatedById: not needed}
  - source: Site_Visit__c
    target: notes
    cardinality: lossy
    support: mapping required
    when: {Deal__c: {empty: false}}
    fields:
      type:       {value: common}
      text:       {rule: archive_reference}
      created_at: {from: CreatedDate, convert: moment, apart_on: lead}
    references:
      lead: {from: Deal__c, to: opportunities}
"""
ON_CARDS = {
    "opportunities": """\
      WARRANTY_SERIAL: {child: Warranty__c, from: Serial__c, many: newest}
      WARRANTY_ENDS:   {child: Warranty__c, from: Ends__c, convert: day, many: newest}
""",
    "contacts": "      CHANNEL: {child: Preference__c, from: Channel__c}\n",
    "accounts": """\
      LICENCES:      {child: Licence__c, from: Name, many: lines, label: Licences}
      LICENCE_SEATS: {child: Licence__c, from: Seats__c, many: lines}
""",
}
DECIDED = {"emails": "note", "account_hierarchy": "lost", "line_items": "note", "contact_roles": "note"}
DISPOSED = {
    "Site_Visit__c": "{archived: the findings are read twice a year}",
    "Vehicle__c": "{archived: kept for the insurer}",
    "Scratch__c": "{lost: nobody knows what it is}",
}


def describe(name: str, prefix: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """What `GET sobjects/X/describe` says of a custom object."""
    audit: list[dict[str, Any]] = [
        {"name": "Id", "type": "id"},
        {"name": "IsDeleted", "type": "boolean"},
        {"name": "OwnerId", "type": "reference", "referenceTo": ["User"], "relationshipName": "Owner"},
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "CreatedDate", "type": "datetime"},
        {"name": "CreatedById", "type": "reference", "referenceTo": ["User"], "relationshipName": "CreatedBy"},
        {"name": "LastModifiedDate", "type": "datetime"},
        {
            "name": "LastModifiedById",
            "type": "reference",
            "referenceTo": ["User"],
            "relationshipName": "LastModifiedBy",
        },
        {"name": "SystemModstamp", "type": "datetime"},
    ]
    label = name.removesuffix("__c").replace("_", " ")
    own = [{"custom": True, **one} for one in fields]
    return {
        "name": name, "label": label, "labelPlural": f"{label}s", "keyPrefix": prefix, "custom": True,
        "fields": [*audit, *own],
    }  # fmt: skip


@pytest.fixture(scope="module")
def custom_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm and six custom objects."""
    folder = small_firm(tmp_path_factory.mktemp("custom"))
    (folder / "describe").mkdir(exist_ok=True)
    for name, (prefix, fields) in CUSTOM.items():
        (folder / "describe" / f"{name}.json").write_text(json.dumps(describe(name, prefix, fields)), "utf-8")
    for name, rows in ROWS.items():
        path = folder / "rows" / f"{name}.json"
        there = json.loads(path.read_text("utf-8")) if path.exists() else []
        path.write_text(json.dumps(there + rows), "utf-8")
    app = build_salesforce_twin(seed=folder, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


def write_custom_project(projects: Path) -> Path:
    """The pair's own mappings, with routes and fields for custom objects, and a decision for each that has none."""
    write_shipped_project(projects, DECIDED)
    mapping = projects / "demo" / "mapping"
    (mapping / "custom_objects.yaml").write_text(CUSTOM_OBJECTS, "utf-8")
    for crm_object, fields in ON_CARDS.items():
        change(mapping / f"{crm_object}.yaml", "    fields:\n", f"    fields:\n{fields}")
    for name, how in DISPOSED.items():
        change(projects / "demo" / "project.yaml", "\nobjects:\n", f"\nobjects:\n  {name}: {how}\n")
    return projects


def test_custom_objects_go_four_ways_in_one_run_and_roles_into_a_note(
    ledger: Ledger, custom_source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-14, SF-KOMMO-19, SF-KOMMO-21, SF-KOMMO-44, SF-KOMMO-46, SF-KOMMO-55, SF-KOMMO-72, SF-KOMMO-77."""
    projects = write_custom_project(tmp_path / "projects")
    with World.open(ledger, custom_source, projects, tmp_path) as world:
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        snapshot, found = world.snapshot(), outcomes(world)
        companies, contacts, leads = (by_key(snapshot, kind) for kind in ("companies", "contacts", "leads"))

        # As fields: of two warranties the newer one, of two licences a line each, of two preferences none.
        assert value_of(leads[PUMPS], "WARRANTY_SERIAL") == "NEW"
        ends = datetime.fromtimestamp(value_of(leads[PUMPS], "WARRANTY_ENDS"), ZoneInfo("America/New_York"))
        assert ends.date() == date(2028, 1, 31)
        assert "WARRANTY_SERIAL" not in leads[VALVES]["custom_fields"]
        assert value_of(companies[FIRM], "LICENCES") == "Early\nLate"
        assert value_of(companies[FIRM], "LICENCE_SEATS") == "12\n5"
        assert value_of(contacts[ADA], "CHANNEL") == "Telephone"
        assert CEM not in contacts
        made = {one["code"]: (one["name"], one["type"]) for kind in snapshot["custom_fields"].values() for one in kind}
        assert made["WARRANTY_SERIAL"] == ("Serial Number", "text")
        assert made["WARRANTY_ENDS"][1] == "date"
        assert (made["LICENCES"], made["LICENCE_SEATS"][1]) == (("Licences", "textarea"), "textarea")
        assert made["CHANNEL"][1] == "select"
        assert found["custom_objects/Warranty__c>leads"] == {"carried": 2}
        assert found["custom_objects/Preference__c>contacts"] == {"carried": 1, "held": 2}
        assert found["custom_objects/Licence__c>companies"] == {"carried": 2, "excluded": 1}
        with world.partition() as partition:
            plan = partition.ledger.plans.current()
            assert plan
            said = {(row["route"], row["reason"]) for row in plan["summary"]["problems"]}
        assert {
            ("opportunities/Opportunity>leads", "SEVERAL_CHILDREN"),
            ("contacts/Contact>contacts", "SEVERAL_CHILDREN"),
        } <= said

        # Archived with a reference: the file has both visits, the card of the one that has a card says so.
        assert found["custom_objects/Site_Visit__c>notes"] == {"loaded": 1, "excluded": 1}
        archive = world.settings.home / "archive" / world.key
        assert {path.name for path in archive.glob("*.csv")} == {"Site_Visit__c.csv", "Vehicle__c.csv"}
        with (archive / "Site_Visit__c.csv").open(newline="", encoding="utf-8-sig") as file:
            rows = {row["Id"]: row for row in csv.DictReader(file)}
        assert {key: row["Findings__c"] for key, row in rows.items()} == {
            VISITS[0]: 'Leaks, "badly"\nin two places',
            VISITS[1]: "Nobody home",
        }

        # The deal with roles says who takes part, the primary contact first; the other deal has no such note.
        texts = sorted(texts_on(snapshot, "leads", PUMPS))
        assert texts[0].startswith(f"Deal participants:\n[Decision Maker] Bob Baran\n[no role] Ada Aksu\n[SF:{PUMPS}")
        assert texts[1].startswith("[Archive] Site Visit V-1: Site_Visit__c.csv\n[SF:")
        assert len(texts) == 2
        assert texts_on(snapshot, "leads", VALVES) == []

        with world.partition() as partition:
            stages.roll_back(partition)
        after = json.dumps(world.snapshot()["notes"])
        assert not [text for text in ("Deal participants", "[Archive]") if text in after]


def test_a_card_names_the_table_in_which_a_row_of_a_custom_object_is_kept(
    ledger: Ledger, server: EmbeddedServer, worker_id: str, custom_source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-46, SF-KOMMO-77: the database, the table and the key, where the note of a file names the file."""
    projects = write_custom_project(tmp_path / "projects")
    project = projects / "demo" / "project.yaml"
    change(projects / "demo" / "mapping" / "custom_objects.yaml", "rule: archive_reference", "rule: database_reference")
    change(
        project, f"  Site_Visit__c: {DISPOSED['Site_Visit__c']}\n", "  Site_Visit__c: {database: read twice a year}\n"
    )
    change(project, "    target: {", "    archive_database: DEMO_ARCHIVE_URL\n    target: {")
    name = f"custom_objects_{worker_id}"
    with World.open(ledger, custom_source, projects, tmp_path) as world:
        url = world.environ["DEMO_ARCHIVE_URL"] = server.create_database(name)
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        (note,) = [text for text in texts_on(world.snapshot(), "leads", PUMPS) if text.startswith("[Archive]")]
        assert note.startswith(
            f'[Archive] Site Visit V-1: external database, table crm_archive."Site_Visit__c", Id {VISITS[0]}\n[SF:'
        )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as database:
        found = database.execute(sa.text('SELECT "Id", "Findings__c" FROM crm_archive."Site_Visit__c"')).all()
    assert {tuple(row) for row in found} == {
        (VISITS[0], 'Leaks, "badly"\nin two places'),
        (VISITS[1], "Nobody home"),
    }
    server.drop_database(name)


def test_each_custom_object_with_rows_asks_for_a_decision(ledger: Ledger, custom_source: str, tmp_path: Path) -> None:
    """SF-KOMMO-18, SF-KOMMO-31, SF-KOMMO-41: one for each; the plan stays closed while one is open."""
    projects = write_shipped_project(tmp_path / "projects", DECIDED)
    with World.open(ledger, custom_source, projects, tmp_path) as world, world.partition() as partition:
        stages.discover(partition)

        counts = {name: len(rows) for name, rows in ROWS.items() if name in CUSTOM}
        open_ = [one for one in gates.undisposed(partition) if "__c (" in one]
        assert sorted(open_) == sorted(f"{name} ({rows} records)" for name, rows in counts.items())


def test_a_custom_field_without_a_mapping_closes_the_plan(ledger: Ledger, custom_source: str, tmp_path: Path) -> None:
    """SF-KOMMO-29: also one of an object whose rows are read as fields of a card."""
    projects = write_custom_project(tmp_path / "projects")
    change(
        projects / "demo" / "mapping" / "opportunities.yaml",
        "      WARRANTY_ENDS:   {child: Warranty__c, from: Ends__c, convert: day, many: newest}\n", "",
    )  # fmt: skip
    with World.open(ledger, custom_source, projects, tmp_path) as world, world.partition() as partition:
        stages.discover(partition)
        for name in partition.source_objects:
            stages.extract(partition, name)

        assert [one for one in gates.undisposed(partition) if "__c" in one] == ["Warranty__c.Ends__c"]


def test_without_the_note_the_roles_are_lost_and_the_contacts_attached(
    ledger: Ledger, custom_source: str, tmp_path: Path
) -> None:
    """SF-KOMMO-19, SF-KOMMO-30, SF-KOMMO-41."""
    projects = write_custom_project(tmp_path / "projects")
    decide(projects / "demo" / "project.yaml", "contact_roles", "lost")
    with World.open(ledger, custom_source, projects, tmp_path) as world:
        world.prepare()
        with world.partition() as partition:
            assert "Contact.Name" not in partition.paths("OpportunityContactRole")
            planned = partition.ledger.plans.current()
            assert planned
            keys = {row["route"] for row in planned["summary"]["routes"]}
    assert "opportunities/OpportunityContactRole>leads" in keys
    assert "opportunities/Opportunity>notes" not in keys


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        pytest.param(
            "opportunities", "from: Serial__c", "from: Serail__c", "Warranty__c has no field Serail__c", id="misspelt field"
        ),
        pytest.param(
            "opportunities", "child: Warranty__c, from: Serial__c", "child: Licence__c, from: Seats__c",
            "filled from Licence__c, which no Opportunity carries", id="another's rows",
        ),
        pytest.param(
            "custom_objects", "routes:\n",
            "routes:\n  - {source: Warranty__c, target: contacts, carried_by: {Contact: OwnerId}}\n",
            "Warranty__c hang below other records by one field, not by OwnerId, Deal__c", id="two lookups",
        ),
    ],
)  # fmt: skip
def test_a_mapping_that_reads_rows_which_are_not_there_is_refused(
    ledger: Ledger, custom_source: str, tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    projects = write_custom_project(tmp_path / "projects")
    change(projects / "demo" / "mapping" / f"{file}.yaml", old, new)
    with World.open(ledger, custom_source, projects, tmp_path) as world, world.partition() as partition:
        stages.discover(partition)

        with pytest.raises(MappingError, match=says):
            look_up_names(partition)


def look_up_names(partition: stages.OpenPartition) -> None:
    """What extraction and plan ask of the mapping before they take a record."""
    source, target = partition.schema("source"), partition.schema("target")
    partition.parent_field("Warranty__c")
    require_known_names(partition, schema_after(target, wanted_of(partition, source, target)))
