"""What is refused about a row: over REST one by one, and in chunks of CSV text as a Bulk job hands them in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.salesforce import seed as seeding
from migration_pipelines.twins.salesforce.content.bodies import Bodies
from migration_pipelines.twins.salesforce.describe_files import load_catalogue
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.writing import ColumnError, Form, Outcome, Table, Writer
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    ADMIN,
    GONE,
    OTHER_PROJECT,
    PROJECT,
    REP,
    Org,
    frozen_clock,
)

Start = Callable[..., Org]
PARTNER = make_id("012", 1)
NOWHERE = make_id("001", 999)


@pytest.fixture
def twin(start: Start, seed: Path) -> Org:
    return start(seed=seed)


def errors_of(twin: Org, name: str, record: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    answer = twin.post(f"sobjects/{name}", json=record)
    assert answer.status_code == 400, answer.text
    return [(error["errorCode"], error["message"], error["fields"]) for error in answer.json()]


@pytest.mark.parametrize(
    ("name", "record", "error"),
    [
        pytest.param(
            "Lead",
            {},
            ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName, Company]", ["LastName", "Company"]),
            id="missing",
        ),
        pytest.param(
            "Contact",
            {"LastName": ""},
            ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
            id="empty",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "Phone": "0" * 41},
            ("STRING_TOO_LONG", f"Business Phone: data value too large: {'0' * 41} (max length=40)", ["Phone"]),
            id="too long",
        ),
        pytest.param(
            "Task",
            {"CallType": "Sideways"},
            (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "Call Type: bad value for restricted picklist field: Sideways",
                ["CallType"],
            ),
            id="restricted picklist",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "Email": "x@"},
            ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: x@", ["Email"]),
            id="e-mail",
        ),
        pytest.param(
            "Account",
            {"Name": "X", "NumberOfEmployees": 100_000_000},
            (
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Employees: value outside of valid range on numeric field: 100000000",
                ["NumberOfEmployees"],
            ),
            id="too many digits",
        ),
        pytest.param(
            "Opportunity",
            {"Name": "X", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Probability": 1000},
            (
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Probability (%): value outside of valid range on numeric field: 1000.0",
                ["Probability"],
            ),
            id="precision",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "AccountId": "short"},
            ("MALFORMED_ID", "Account ID: id value of incorrect type: short", ["AccountId"]),
            id="no id",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "AccountId": ADA},
            ("MALFORMED_ID", f"Account ID: id value of incorrect type: {ADA}", ["AccountId"]),
            id="id of another object",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "AccountId": NOWHERE},
            ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
            id="unknown id",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "AccountId": GONE},
            ("ENTITY_IS_DELETED", "entity is deleted", []),
            id="id in the bin",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "RecordTypeId": PARTNER},
            (
                "INVALID_CROSS_REFERENCE_KEY",
                f"Record Type ID: this ID value isn't valid for the user: {PARTNER}",
                ["RecordTypeId"],
            ),
            id="record type of another object",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "OwnerId": REP},
            ("INACTIVE_OWNER_OR_USER", f"operation performed with inactive user [{REP}] as owner of contact", []),
            id="inactive owner",
        ),
        pytest.param(
            "Project__c",
            {"Ext__c": "Key-1"},
            ("DUPLICATE_VALUE", f"duplicate value found: Ext__c duplicates value on record with id: {PROJECT}", []),
            id="unique",
        ),
        pytest.param(
            "Contact",
            {"LastName": "X", "CreatedDate": "2020-01-01T00:00:00Z", "Name": "Y"},
            (
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: CreatedDate, Name. Please check the security settings of this field and "
                "verify that it is read/write for your profile or permission set.",
                ["CreatedDate", "Name"],
            ),
            id="not writable",
        ),
        pytest.param(
            "Contact",
            {"Id": ADA, "LastName": "X"},
            ("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"]),
            id="id",
        ),
    ],
)
def test_a_row_is_refused_with_code_message_and_fields(
    twin: Org, name: str, record: dict[str, Any], error: tuple[str, str, list[str]]
) -> None:
    assert errors_of(twin, name, record) == [error]


def test_a_row_names_all_its_errors(twin: Org) -> None:
    codes = [code for code, _, _ in errors_of(twin, "Contact", {"Email": "x", "AccountId": NOWHERE})]

    assert codes == ["REQUIRED_FIELD_MISSING", "INVALID_EMAIL_ADDRESS", "INVALID_CROSS_REFERENCE_KEY"]


def test_unrestricted_picklists_take_anything_and_numbers_are_rounded_half_up(twin: Org) -> None:
    record = {
        "Name": "X",
        "StageName": "Dreaming",
        "CloseDate": "2026-01-01",
        "Amount": 2.345,
        "TotalOpportunityQuantity": 2,
    }

    assert twin.post("sobjects/Opportunity", json=record).status_code == 201

    assert twin.records("SELECT StageName, Amount, IsClosed FROM Opportunity WHERE Name = 'X'") == [
        {"StageName": "Dreaming", "Amount": 2.35, "IsClosed": False}
    ]


def test_the_master_record_type_is_none(twin: Org) -> None:
    twin.post("sobjects/Account", json={"Name": "M", "RecordTypeId": "012000000000000AAA"})
    twin.post("sobjects/Account", json={"Name": "P", "RecordTypeId": PARTNER})

    assert twin.records("SELECT RecordTypeId FROM Account WHERE Name IN ('M', 'P') ORDER BY Name") == [
        {"RecordTypeId": None},
        {"RecordTypeId": PARTNER},
    ]


@pytest.mark.parametrize(
    ("setting", "contact", "task"), [("refused", 400, 400), ("listed", 201, 400), ("any", 201, 201)]
)
def test_the_permission_for_inactive_owners(start: Start, seed: Path, setting: str, contact: int, task: int) -> None:
    twin = start(seed=seed, switches={"inactive_owners": setting})

    assert twin.post("sobjects/Contact", json={"LastName": "X", "OwnerId": REP}).status_code == contact
    assert twin.post("sobjects/Task", json={"Subject": "X", "OwnerId": REP}).status_code == task


# --- audit fields


AUDITED = {"CreatedDate": "2019-01-02T03:04:05Z", "CreatedById": REP, "LastModifiedDate": "2020-01-01T00:00:00Z"}


def test_audit_fields_are_set_at_creation_only_and_the_stamp_is_the_servers(start: Start, seed: Path) -> None:
    twin = start(seed=seed, switches={"audit_fields": True})
    assert twin.post("sobjects/Contact", json={"LastName": "Old", **AUDITED}).status_code == 201

    soql = "SELECT Id, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp FROM Contact"
    (row,) = twin.records(f"{soql} WHERE LastName = 'Old'")
    record_id = row.pop("Id")
    assert row == {
        "CreatedDate": "2019-01-02T03:04:05.000+0000",
        "CreatedById": REP,
        "LastModifiedDate": "2020-01-01T00:00:00.000+0000",
        "LastModifiedById": ADMIN,
        "SystemModstamp": "2026-06-15T22:30:00.000+0000",
    }
    answer = twin.patch(f"sobjects/Contact/{record_id}", json={"CreatedDate": AUDITED["CreatedDate"]})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    described = {field["name"]: field for field in twin.get("sobjects/Contact/describe").json()["fields"]}
    assert [described[name]["createable"] for name in ("CreatedDate", "LastModifiedById", "SystemModstamp")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("on_upsert", "status"), [(False, 400), (True, 201)])
def test_whether_a_creating_upsert_sets_audit_fields(start: Start, seed: Path, on_upsert: bool, status: int) -> None:
    twin = start(seed=seed, switches={"audit_fields": True, "audit_fields_on_upsert": on_upsert})

    answer = twin.patch(
        "sobjects/Contact/Email/new@x.example", json={"LastName": "N", "CreatedDate": "2019-01-02T03:04:05Z"}
    )

    assert answer.status_code == status


def test_a_task_with_a_parent_loses_its_modification_stamps(start: Start, seed: Path) -> None:
    twin = start(seed=seed, switches={"audit_fields": True})
    twin.post("sobjects/Task", json={"Subject": "Alone", **AUDITED})
    twin.post("sobjects/Task", json={"Subject": "Related", "WhoId": ADA, **AUDITED})

    stamps = twin.records(
        "SELECT CreatedDate, LastModifiedDate FROM Task WHERE Subject IN ('Alone', 'Related') ORDER BY Subject"
    )
    assert [row["CreatedDate"][:4] for row in stamps] == ["2019", "2019"]
    assert [row["LastModifiedDate"][:4] for row in stamps] == ["2020", "2026"]


# --- chunks of CSV text


@contextmanager
def engine(seed: Path, **switches: Any) -> Iterator[tuple[Store, Writer]]:
    told = Switches().but(switches)
    catalogue = load_catalogue(seed / "describe", told.features)
    serial = Serial("")
    store = Store(serial.connection, catalogue, Bodies(None, None))
    writer = Writer(store, told, frozen_clock())
    with serial.transaction():
        seeding.fill(writer, store, seed)
        yield store, writer
    serial.close()


def table(store: Store, name: str, header: str, *rows: str) -> Table:
    names = tuple(header.split(","))
    return Table(store.catalogue[name], names, [row.split(",") for row in rows], Form.CSV)


def codes(outcomes: list[Outcome]) -> list[list[str]]:
    return [[error.code for error in outcome.errors] for outcome in outcomes]


def test_texts_of_a_csv_file_are_read_by_the_fields_type(seed: Path) -> None:
    with engine(seed) as (store, writer):
        header = "Name,AnnualRevenue,NumberOfEmployees,Description,Industry"
        outcomes = writer.insert(table(store, "Account", header, " Spaced ,1.5e3,007,#N/A,", "B,,,,Energy"))

        rows = store.rows(
            store.catalogue["Account"], 'WHERE "Id" IN (?, ?) ORDER BY rowid', [one.id for one in outcomes]
        )
        kept = [(row["Name"], row["AnnualRevenue"], row["NumberOfEmployees"], row["Description"]) for row in rows]
    assert kept == [(" Spaced ", 1500.0, 7, None), ("B", None, None, None)]


@pytest.mark.parametrize(
    ("name", "header", "row", "label"),
    [
        ("Account", "Name,NumberOfEmployees", "A,many", "Employees"),
        ("Account", "Name,NumberOfEmployees", "A,1.5", "Employees"),
        ("Account", "Name,AnnualRevenue", "A,nan", "Annual Revenue"),
        ("Contact", "LastName,Birthdate", "A,2024-02-30", "Birthdate"),
        ("Contact", "LastName,HasOptedOutOfEmail", "A,perhaps", "Email Opt Out"),
        ("Task", "Subject,ReminderDateTime", "A,2024-02-01", "Reminder Date/Time"),
    ],
)
def test_a_text_of_the_wrong_type_fails_its_row_only(seed: Path, name: str, header: str, row: str, label: str) -> None:
    with engine(seed) as (store, writer):
        bad, good = writer.insert(table(store, name, header, row, "Good,"))

    field, value = header.split(",")[1], row.split(",")[1]
    assert bad.errors == (
        ("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{label}: value not of required type: {value}", (field,)),
    )
    assert good.is_written


def test_an_empty_cell_leaves_a_field_alone_and_na_clears_it(seed: Path) -> None:
    with engine(seed) as (store, writer):
        writer.update(table(store, "Contact", "Id,FirstName,Email", f"{ADA[:15]},,#N/A"))

        row = store.row(store.catalogue["Contact"], ADA)
    assert row is not None
    assert (row["FirstName"], row["Email"], row["Name"]) == ("Ada", None, "Ada Lovelace")


def test_rows_that_cannot_be_updated_say_why_and_which(seed: Path) -> None:
    with engine(seed) as (store, writer):
        outcomes = writer.update(
            table(store, "Account", "Id,Name", f"{ACME},A", f"{NOWHERE},B", f"{GONE},C", "short,D", ",E", f"{ACME},F")
        )

    assert codes(outcomes) == [
        ["DUPLICATE_VALUE"],
        ["INVALID_CROSS_REFERENCE_KEY"],
        ["ENTITY_IS_DELETED"],
        ["MALFORMED_ID"],
        ["MISSING_ARGUMENT"],
        ["DUPLICATE_VALUE"],
    ]
    assert [outcome.id for outcome in outcomes] == [ACME, NOWHERE, GONE, "short", None, ACME]


def test_an_upsert_tells_new_known_repeated_and_blank_keys_apart(seed: Path) -> None:
    with engine(seed) as (store, writer):
        rows = ("New,new", "Known,Key-1", "Twice,two", "Again,two", "Blank,", "Other,key-1")
        outcomes = writer.upsert(table(store, "Project__c", "Name,Ext__c", *rows), "Ext__c")

    assert [outcome.created for outcome in outcomes] == [True, False, False, False, False, False]
    assert (outcomes[1].id, outcomes[5].id) == (PROJECT, OTHER_PROJECT)
    repeated = ("DUPLICATE_VALUE", "Duplicate external id specified: two", ("Ext__c",))
    assert [outcome.errors for outcome in outcomes[2:5]] == [
        (repeated,),
        (repeated,),
        (("MISSING_ARGUMENT", "Ext__c not specified", ("Ext__c",)),),
    ]


def test_unique_values_count_within_the_chunk_and_not_against_the_bin(seed: Path) -> None:
    with engine(seed) as (store, writer):
        writer.delete(store.catalogue["Project__c"], [PROJECT])
        first, second, third = writer.insert(table(store, "Project__c", "Ext__c", "new", "new", "Key-1"))

    assert first.is_written
    assert third.is_written
    message = f"duplicate value found: Ext__c duplicates value on record with id: {first.id}"
    assert second.errors == (("DUPLICATE_VALUE", message, ()),)


def test_a_switch_lets_the_bin_hold_unique_values(seed: Path) -> None:
    with engine(seed, bin_holds_unique_values=True) as (store, writer):
        writer.delete(store.catalogue["Project__c"], [PROJECT])
        (outcome,) = writer.insert(table(store, "Project__c", "Ext__c", "Key-1"))

    assert codes([outcome]) == [["DUPLICATE_VALUE"]]


def test_all_or_none_undoes_the_good_rows_and_says_so(seed: Path) -> None:
    with engine(seed) as (store, writer):
        rows = table(store, "Account", "Name,NumberOfEmployees", "Good,1", "Bad,x")
        outcomes = writer.together(lambda: writer.insert(rows))

        assert store.count(store.catalogue["Account"]) == 3
    assert codes(outcomes) == [["ALL_OR_NONE_OPERATION_ROLLED_BACK"], ["INVALID_TYPE_ON_FIELD_IN_RECORD"]]
    assert outcomes[0].id is None


@pytest.mark.parametrize("name", ["Nope", "Account.Name", "Contact:Who.Email", "Who.Email", "Email,email"])
def test_a_header_with_a_name_that_is_none_fails_as_a_whole(seed: Path, name: str) -> None:
    with engine(seed) as (store, writer), pytest.raises(ColumnError):
        writer.insert(
            table(
                store, "Task" if "Who" in name else "Contact", f"Description,{name}", "a,b,c"[: 3 + 2 * name.count(",")]
            )
        )


def test_a_switch_lets_a_column_name_the_parents_type(seed: Path) -> None:
    with engine(seed, typed_parent_columns=True) as (store, writer):
        (outcome,) = writer.insert(table(store, "Task", "Subject,Contact:Who.Email", "Call,ada@acme.example"))

        row = store.row(store.catalogue["Task"], str(outcome.id))
    assert row is not None
    assert row["WhoId"] == ADA


def test_an_update_without_ids_refuses_every_row(seed: Path) -> None:
    with engine(seed) as (store, writer):
        outcomes = writer.update(table(store, "Account", "Name", "A", "B"))

    assert codes(outcomes) == [["MISSING_ARGUMENT"], ["MISSING_ARGUMENT"]]


def test_a_unique_value_moves_on_when_its_holder_gave_it_up_before(seed: Path) -> None:
    with engine(seed) as (store, writer):
        taken, kept = writer.update(
            table(store, "Project__c", "Id,Ext__c", f"{OTHER_PROJECT},Key-1", f"{PROJECT},Key-1")
        )
        assert (codes([taken, kept])) == [["DUPLICATE_VALUE"], []]
        writer.update(table(store, "Project__c", "Id,Ext__c", f"{PROJECT},#N/A"))
        (moved,) = writer.update(table(store, "Project__c", "Id,Ext__c", f"{OTHER_PROJECT},Key-1"))

    assert moved.is_written


def test_only_a_hard_delete_leaves_nothing_in_the_bin(seed: Path) -> None:
    with engine(seed) as (store, writer):
        projects = store.catalogue["Project__c"]
        assert codes(writer.delete(projects, [PROJECT, PROJECT, "short", NOWHERE])) == [
            [],
            ["ENTITY_IS_DELETED"],
            ["MALFORMED_ID"],
            ["INVALID_CROSS_REFERENCE_KEY"],
        ]
        assert store.deleted(projects, [PROJECT, OTHER_PROJECT]) == {PROJECT: True, OTHER_PROJECT: False}
        assert codes(writer.hard_delete(projects, [PROJECT, OTHER_PROJECT])) == [[], []]

        assert store.deleted(projects, [PROJECT, OTHER_PROJECT]) == {}
