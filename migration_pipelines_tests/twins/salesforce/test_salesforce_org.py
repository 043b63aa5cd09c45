"""Seeds, what the platform fills in, the control endpoints, faults and the command line."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import cli
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ACME, OPEN, WON, Org

Start = Callable[..., Org]


def rows_folder(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "rows").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "rows" / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return tmp_path


# --- seeds


def test_a_bare_org_has_one_administrator_and_the_ten_standard_stages(start: Start) -> None:
    org = start()

    assert org.records("SELECT Name, IsActive, Profile.Name FROM User") == [
        {"Name": "Ada Admin", "IsActive": True, "Profile": {"Name": "System Administrator"}}
    ]
    stages = org.records("SELECT MasterLabel, DefaultProbability FROM OpportunityStage ORDER BY SortOrder")
    assert [(stage["MasterLabel"], stage["DefaultProbability"]) for stage in stages] == [
        ("Prospecting", 10),
        ("Qualification", 10),
        ("Needs Analysis", 20),
        ("Value Proposition", 50),
        ("Id. Decision Makers", 60),
        ("Perception Analysis", 70),
        ("Proposal/Price Quote", 75),
        ("Negotiation/Review", 90),
        ("Closed Won", 100),
        ("Closed Lost", 0),
    ]
    assert org.records("SELECT IsStandard FROM Pricebook2") == [{"IsStandard": True}]


def test_rows_may_be_csv_with_quoted_newlines(start: Start, tmp_path: Path) -> None:
    text = f'Id,Name,AnnualRevenue,BillingStreet\n{ACME},"A, Ltd",1500000,"one\ntwo"\n{make_id("001", 2)},B,,\n'
    org = start(seed=rows_folder(tmp_path, Account__csv=text))

    assert org.records("SELECT Name, AnnualRevenue, BillingStreet FROM Account ORDER BY Name") == [
        {"Name": "A, Ltd", "AnnualRevenue": 1500000.0, "BillingStreet": "one\ntwo"},
        {"Name": "B", "AnnualRevenue": None, "BillingStreet": None},
    ]


def test_missing_system_fields_of_a_seeded_row_are_filled_in(start: Start, tmp_path: Path) -> None:
    rows = [{"Name": "A", "CreatedDate": "2024-02-03T04:05:06Z"}, {"Name": "B"}]
    org = start(seed=rows_folder(tmp_path, Account__json=json.dumps(rows)))

    dated, undated = org.records(
        "SELECT Id, CreatedDate, LastModifiedDate, SystemModstamp, IsDeleted, Owner.Name FROM Account ORDER BY Name"
    )
    assert dated["Id"][:3] == "001"
    assert dated["Id"] != undated["Id"]
    stamp = "2024-02-03T04:05:06.000+0000"
    assert (dated["CreatedDate"], dated["LastModifiedDate"], dated["SystemModstamp"]) == (stamp, stamp, stamp)
    assert undated["SystemModstamp"] == "2026-06-15T22:30:00.000+0000"
    assert (dated["IsDeleted"], dated["Owner"]["Name"]) == (False, "Ada Admin")


def test_fields_that_follow_from_others_are_derived(org: Org) -> None:
    soql = "SELECT IsWon, IsClosed, Probability, ExpectedRevenue, ForecastCategoryName, FiscalQuarter FROM Opportunity"
    assert org.records(f"{soql} WHERE Id IN ('{WON}', '{OPEN}') ORDER BY Id") == [
        {
            "IsWon": True,
            "IsClosed": True,
            "Probability": 100.0,
            "ExpectedRevenue": 1000.5,
            "ForecastCategoryName": "Closed",
            "FiscalQuarter": 2,
        },
        {
            "IsWon": False,
            "IsClosed": False,
            "Probability": 10.0,
            "ExpectedRevenue": 20.0,
            "ForecastCategoryName": "Pipeline",
            "FiscalQuarter": 2,
        },
    ]
    assert org.records("SELECT Status, Priority, IsClosed FROM Task WHERE Subject = 'Call'") == [
        {"Status": "Not Started", "Priority": "Normal", "IsClosed": False}
    ]
    assert org.records("SELECT EndDateTime, ActivityDate FROM Event WHERE Subject = 'Review'") == [
        {"EndDateTime": "2025-06-15T10:00:00.000+0000", "ActivityDate": "2025-06-15"}
    ]


def test_cases_are_numbered(start: Start) -> None:
    org = start()
    org.put_rows("Case", {"Subject": "One"}, {"Subject": "Two", "Status": "Closed"})

    assert org.records("SELECT CaseNumber, Status, IsClosed FROM Case ORDER BY CaseNumber") == [
        {"CaseNumber": "00000001", "Status": "New", "IsClosed": False},
        {"CaseNumber": "00000002", "Status": "Closed", "IsClosed": True},
    ]


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("Account", {"Nope": 1}, "no field 'Nope'"),
        ("Account", {"Id": "short"}, "does not fit"),
        ("Account", {"CreatedDate": "yesterday"}, "does not fit"),
        ("Account", {"IsDeleted": "perhaps"}, "does not fit"),
        ("Nope", {}, "no describe for Nope; put its describe into describe/Nope.json"),
        ("CurrencyType", {}, "no describe for CurrencyType; start with --switch multi_currency=true"),
        ("Account", {"FirstName": "Ada"}, "no field 'FirstName' .*; start with --switch person_accounts=true"),
    ],
)
def test_a_seed_that_does_not_fit_the_describes_is_refused(
    start: Start, tmp_path: Path, name: str, row: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        start(seed=rows_folder(tmp_path, **{f"{name}__json": json.dumps([row])}))


def test_20000_rows_load_and_stream_in_seconds(start: Start, tmp_path: Path) -> None:
    rows = [{"Id": make_id("003", n), "LastName": f"N{n}", "Email": f"n{n}@x.example"} for n in range(1, 20_001)]
    rows_folder(tmp_path, Contact__json=json.dumps(rows))
    begun = time.monotonic()

    org = start(seed=tmp_path)
    page = org.ask("SELECT Id, Name, Email FROM Contact WHERE SystemModstamp >= 2020-01-01T00:00:00Z ORDER BY Id")
    seen = len(page["records"])
    while "nextRecordsUrl" in page:
        page = org.get(page["nextRecordsUrl"]).json()
        seen += len(page["records"])

    assert seen == 20_000
    assert time.monotonic() - begun < 15


# --- a file


def test_a_database_file_outlives_the_twin_and_is_not_seeded_again(start: Start, tmp_path: Path) -> None:
    database = str(tmp_path / "org.sqlite")
    (record_id,) = start(database=database).put_rows("Account", {"Name": "Kept"})

    again = start(database=database)

    assert again.ids("SELECT Id FROM Account") == [record_id]
    assert len(again.ids("SELECT Id FROM User")) == 1


# --- control


def test_a_changed_row_moves_its_stamps_by_the_clock(start: Start) -> None:
    org = start()
    (record_id,) = org.put_rows("Opportunity", {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-07-01"})
    org.clock(advance=90)

    assert org.put_rows("Opportunity", {"Id": record_id[:15], "StageName": "Closed Won"}) == [record_id]

    assert org.records("SELECT Name, IsWon, CreatedDate, LastModifiedDate, SystemModstamp FROM Opportunity") == [
        {
            "Name": "Deal",
            "IsWon": True,
            "CreatedDate": "2026-06-15T22:30:00.000+0000",
            "LastModifiedDate": "2026-06-15T22:31:30.000+0000",
            "SystemModstamp": "2026-06-15T22:31:30.000+0000",
        }
    ]


def test_a_row_with_an_unknown_id_is_added_under_it(start: Start) -> None:
    org = start()

    assert org.put_rows("Account", {"Id": ACME, "Name": "Moved in"}) == [ACME]
    assert org.ids("SELECT Id FROM Account") == [ACME]


def test_a_removed_row_is_in_the_recycle_bin_with_a_new_stamp(start: Start) -> None:
    org = start()
    (record_id,) = org.put_rows("Account", {"Name": "Going"})
    org.clock(advance=10)

    assert org.post("/__twin__/remove", json={"object": "Account", "id": record_id}).status_code == 204

    assert org.ids("SELECT Id FROM Account") == []
    bin_query = "SELECT Id FROM Account WHERE IsDeleted = true AND SystemModstamp >= 2026-06-15T22:30:10Z"
    assert org.ids(bin_query, everything=True) == [record_id]
    assert org.post("/__twin__/remove", json={"object": "Account", "id": record_id}).status_code == 400


@pytest.mark.parametrize(
    "told", [{"object": "Nope", "rows": []}, {"object": "Account"}, {"object": "Account", "rows": [{"Nope": 1}]}]
)
def test_a_misunderstood_change_changes_nothing(start: Start, told: dict[str, Any]) -> None:
    org = start()

    assert org.post("/__twin__/rows", json=told).status_code == 400
    assert org.ids("SELECT Id FROM Account", everything=True) == []


def test_snapshot_and_reset(start: Start, seed: Path) -> None:
    org = start(seed=seed)
    before = org.get("/__twin__/snapshot").json()
    assert {row["Name"] for row in before["Account"]} == {"Acme", "Çelik A.Ş.", "Zeta_50%", "Gone"}
    url = org.ask("SELECT Id FROM Account")
    org.put_rows("Account", {"Name": "New"})
    assert org.get("/__twin__/snapshot").json() != before

    assert org.post("/__twin__/reset").status_code == 204

    assert url["done"]
    after = org.get("/__twin__/snapshot").json()
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert org.get("limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"


# --- faults


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("429", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("500", 500, "UNKNOWN_EXCEPTION"),
        ("503", 503, "SERVER_UNAVAILABLE"),
        ("expired_token", 401, "INVALID_SESSION_ID"),
        ("locked_row", 400, "UNABLE_TO_LOCK_ROW"),
    ],
)
def test_a_planned_fault_is_said_in_salesforces_words_and_once(start: Start, kind: str, status: int, code: str) -> None:
    org = start()
    org.post("/__twin__/faults", json={"kind": kind, "endpoint": "GET /services/data/*/query"})

    answer = org.get("query?q=SELECT Id FROM User")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)
    assert org.get("query?q=SELECT Id FROM User").status_code == 200


def test_a_gateway_timeout_has_no_json(start: Start) -> None:
    org = start()
    org.post("/__twin__/faults", json={"kind": "504"})

    answer = org.get("limits")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (504, "text/html")


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "truncated"])
def test_a_cut_answer_is_no_answer(start: Start, kind: str) -> None:
    org = start()
    org.post("/__twin__/faults", json={"kind": kind})

    with pytest.raises(httpx.TransportError):
        org.get("query?q=SELECT Id FROM User")
    assert org.get("query?q=SELECT Id FROM User").status_code == 200


# --- the command line


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    cli.add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_command_line_builds_a_twin(seed: Path, tmp_path: Path) -> None:
    told = options("--seed", str(seed), "--switch", "daily_requests=5", "--token", "T", "--data", str(tmp_path / "o"))

    with serve_in_thread(cli.build(told)) as twin, Org(twin.url, "T") as client:
        answer = client.get("query?q=SELECT COUNT() FROM Contact")

    assert answer.json()["totalSize"] == 3
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/5"


@pytest.mark.parametrize(
    "arguments", [("--switch", "nope=1"), ("--switch", "daily_requests"), ("--seed", "/no/such/folder")]
)
def test_the_command_line_refuses_what_it_does_not_know(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"no switch|NAME=VALUE|not a folder"):
        cli.build(options(*arguments))
