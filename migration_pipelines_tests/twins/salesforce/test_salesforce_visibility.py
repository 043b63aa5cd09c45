"""What a session sees: permissions, rows of others, and what is hidden from it."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.salesforce.applications import Application, Logins
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ACME, ADA, ADMIN, QUEUE, ROWS, TOKEN, Org

Start = Callable[..., Org]
CLERK = make_id("005", 3)
CLERK_PROFILE = make_id("00e", 3)
VIEW_ALL = make_id("0PS", 1)


@pytest.fixture
def clerk(start: Start, tmp_path: Path) -> Callable[..., Org]:
    """Starts the small org with a user more, and gives a client whose session is that user's."""

    def begin(*, hidden: dict[str, Any] | None = None, **permissions: bool) -> Org:
        rows = {name: list(some) for name, some in ROWS.items()}
        rows["User"].append(
            {
                "Id": CLERK,
                "Username": "clerk@acme.example",
                "LastName": "Clerk",
                "IsActive": True,
                "ProfileId": CLERK_PROFILE,
            }
        )
        rows["Profile"] = [
            {"Id": make_id("00e", 1), "Name": "System Administrator"},
            {"Id": CLERK_PROFILE, "Name": "Clerks", **permissions},
        ]
        rows["PermissionSet"] = [
            {"Id": VIEW_ALL, "Name": "See_All", "Label": "See all", "PermissionsViewAllData": True}
        ]
        (tmp_path / "rows").mkdir()
        for name, some in rows.items():
            if name != "Project__c":
                (tmp_path / "rows" / f"{name}.json").write_text(json.dumps(some))
        if hidden is not None:
            (tmp_path / "hidden.json").write_text(json.dumps(hidden))
        app = Application("app", "s", run_as="clerk@acme.example")
        org = start(seed=tmp_path, logins=Logins((app,)))
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s"}
        token = org.post("/services/oauth2/token", data=form).json()["access_token"]
        org.headers["Authorization"] = f"Bearer {token}"
        return org

    return begin


def as_administrator(org: Org) -> None:
    org.headers["Authorization"] = f"Bearer {TOKEN}"


def may(org: Org, *names: str) -> list[bool]:
    (row,) = org.records(f"SELECT {', '.join(names)} FROM UserPermissionAccess")
    return [row[name] for name in names]


def test_an_administrator_may_do_everything_and_sees_every_row(org: Org) -> None:
    assert may(org, "PermissionsViewAllData", "PermissionsQueryAllFiles", "PermissionsModifyAllData") == [True] * 3
    assert len(org.ids("SELECT Id FROM Account")) == 3


def test_a_user_without_view_all_data_sees_his_own_rows_only(clerk: Callable[..., Org]) -> None:
    org = clerk()
    org.put_rows("Contact", {"Id": ADA, "OwnerId": CLERK})

    assert may(org, "PermissionsViewAllData", "PermissionsApiEnabled") == [False, True]
    assert org.ids("SELECT Id FROM Contact") == [ADA]
    assert org.ids("SELECT Id FROM Contact", everything=True) == [ADA]
    assert org.ask("SELECT COUNT() FROM Account")["totalSize"] == 0
    assert org.ids("SELECT Id FROM User WHERE Username = 'admin@acme.example'") == [ADMIN]


def test_rows_of_a_queue_are_seen_by_its_members(clerk: Callable[..., Org]) -> None:
    org = clerk()
    assert org.ids("SELECT Id FROM Lead") == []

    org.put_rows("GroupMember", {"GroupId": QUEUE, "UserOrGroupId": CLERK})

    assert [row["LastName"] for row in org.records("SELECT LastName FROM Lead")] == ["Queued"]


def test_a_permission_set_adds_to_the_profile_as_soon_as_it_is_assigned(clerk: Callable[..., Org]) -> None:
    org = clerk()
    assert org.ids("SELECT Id FROM Account") == []

    org.put_rows("PermissionSetAssignment", {"PermissionSetId": VIEW_ALL, "AssigneeId": CLERK})

    assert may(org, "PermissionsViewAllData", "PermissionsQueryAllFiles") == [True, False]
    assert len(org.ids("SELECT Id FROM Account")) == 3


def test_each_user_reads_his_own_permissions(clerk: Callable[..., Org]) -> None:
    org = clerk()
    assert may(org, "PermissionsViewAllData") == [False]
    as_administrator(org)
    assert may(org, "PermissionsViewAllData") == [True]


def test_files_of_others_need_a_permission_of_their_own(clerk: Callable[..., Org]) -> None:
    org = clerk(PermissionsViewAllData=True)
    mine, other = make_id("069", 1), make_id("069", 2)
    org.put_rows("ContentDocument", {"Id": mine, "Title": "Mine", "OwnerId": CLERK}, {"Id": other, "Title": "Other"})

    assert org.ids("SELECT Id FROM ContentDocument") == [mine]
    as_administrator(org)
    assert org.ids("SELECT Id FROM ContentDocument ORDER BY Id") == [mine, other]


def test_a_user_whose_profile_lacks_the_api_is_refused(clerk: Callable[..., Org]) -> None:
    org = clerk(PermissionsApiEnabled=False)

    answer = org.get("limits")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "API_DISABLED_FOR_ORG")


def test_userinfo_is_that_of_the_sessions_user(clerk: Callable[..., Org]) -> None:
    assert clerk().get("/services/oauth2/userinfo").json()["preferred_username"] == "clerk@acme.example"


# --- hidden fields and objects


def test_a_hidden_field_is_nowhere_but_in_its_definition(clerk: Callable[..., Org]) -> None:
    org = clerk(hidden={"fields": {"Contact": ["Email"]}})
    as_administrator(org)

    described = {field["name"] for field in org.get("sobjects/Contact/describe").json()["fields"]}
    assert "Email" not in described
    assert "Phone" in described
    assert org.refused("SELECT Email FROM Contact")[0] == "INVALID_FIELD"
    assert org.refused("SELECT Id FROM Contact WHERE Email = null")[0] == "INVALID_FIELD"
    assert "Email" not in org.get(f"sobjects/Contact/{ADA}").json()
    defined = org.records(
        "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Contact'"
    )
    assert {"QualifiedApiName": "Email"} in defined


def test_a_hidden_object_is_nowhere_but_in_its_definition(clerk: Callable[..., Org]) -> None:
    org = clerk(hidden={"objects": ["Opportunity"]})
    as_administrator(org)

    assert "Opportunity" not in {entry["name"] for entry in org.get("sobjects").json()["sobjects"]}
    assert org.get("sobjects/Opportunity/describe").status_code == 404
    assert org.refused("SELECT Id FROM Opportunity")[0] == "INVALID_TYPE"
    assert org.refused("SELECT Id, (SELECT Id FROM Opportunities) FROM Account")[0] == "INVALID_TYPE"
    children = org.get("sobjects/Account/describe").json()["childRelationships"]
    assert "Opportunity" not in {child["childSObject"] for child in children}
    defined = org.records("SELECT KeyPrefix FROM EntityDefinition WHERE QualifiedApiName = 'Opportunity'")
    assert defined == [{"KeyPrefix": "006"}]


def test_fields_are_hidden_and_shown_in_mid_run_and_their_values_stay(start: Start, seed: Path) -> None:
    org = start(seed=seed)
    before = org.get("sobjects/Contact/describe")

    assert org.post("/__twin__/hidden", json={"fields": {"Contact": ["Email"]}}).status_code == 200
    org.clock(advance=60)
    assert org.refused("SELECT Email FROM Contact")[0] == "INVALID_FIELD"
    assert org.post("/__twin__/hidden", json={}).status_code == 200

    assert org.records(f"SELECT Email FROM Contact WHERE Id = '{ADA}'") == [{"Email": "ada@acme.example"}]
    since = {"If-Modified-Since": before.headers["Last-Modified"]}
    assert org.get("sobjects/Contact/describe", headers=since).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"fields": {"Contact": ["Nope"]}},
        {"fields": {"Contact": ["Id"]}},
        {"fields": {"Nope": []}},
        {"objects": ["Nope"]},
        {"fields": ["Email"]},
        {"more": []},
        [],
    ],
)
def test_what_cannot_be_hidden_is_refused_and_hides_nothing(start: Start, told: object) -> None:
    org = start()

    assert org.post("/__twin__/hidden", json=told).status_code == 400
    assert "Email" in {field["name"] for field in org.get("sobjects/Contact/describe").json()["fields"]}


def test_reset_brings_back_what_the_seed_hides(clerk: Callable[..., Org]) -> None:
    org = clerk(hidden={"fields": {"Account": ["Industry"]}})
    as_administrator(org)
    org.post("/__twin__/hidden", json={})
    assert org.records(f"SELECT Industry FROM Account WHERE Id = '{ACME}'") == [{"Industry": "Energy"}]

    org.post("/__twin__/reset")

    assert org.refused("SELECT Industry FROM Account")[0] == "INVALID_FIELD"
