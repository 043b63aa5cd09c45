"""Which objects an org has: features, the Tooling API, queues, value sets; and that all describes fit together."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.twins.salesforce.describe_files import load_catalogue
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.switches import FEATURES
from migration_pipelines_tests.twins.salesforce.small_org import ADMIN, Org
from migration_pipelines_tests.twins.salesforce.test_salesforce_discovery import FIELD_KEYS

Start = Callable[..., Org]
RULE, OTHER_RULE = make_id("03d", 1), make_id("03d", 2)


def names(org: Org, path: str = "sobjects") -> set[str]:
    return {entry["name"] for entry in org.get(path).json()["sobjects"]}


def fields(org: Org, name: str) -> set[str]:
    return {field["name"] for field in org.get(f"sobjects/{name}/describe").json()["fields"]}


@pytest.mark.parametrize("features", [(), FEATURES])
def test_every_shipped_describe_names_parents_that_relate_back(features: tuple[str, ...]) -> None:
    catalogue = load_catalogue(None, features)

    for obj in catalogue.everything():
        labels = [field for field in obj if field.answer["nameField"]]
        assert len(labels) <= 1, obj.name
        for field in obj:
            assert set(field.answer) == FIELD_KEYS, (obj.name, field.name)
            assert (field.type == "reference") == bool(field.reference_to), (obj.name, field.name)
        relationships = [child["relationshipName"] for child in obj.answer["childRelationships"]]
        told = [name for name in relationships if name]
        assert len(told) == len({name.lower() for name in told}), obj.name


def test_prefixes_are_shared_by_kin_only() -> None:
    by_prefix: dict[str, list[str]] = {}
    for obj in load_catalogue(None, FEATURES):
        by_prefix.setdefault(obj.key_prefix or "", []).append(obj.name)
    del by_prefix[""]

    shared = {prefix: found for prefix, found in by_prefix.items() if len(found) > 1}

    assert shared == {
        "01J": ["CaseStatus", "LeadStatus", "OpportunityStage"],
        "01T": ["TaskPriority", "TaskStatus"],
        "069": ["ContentDocument", "ContentNote"],
    }


@pytest.mark.parametrize(
    ("switch", "default", "obj", "field"),
    [
        ("enhanced_email", True, "EmailMessage", None),
        ("contacts_to_multiple_accounts", False, "AccountContactRelation", None),
        ("multi_currency", False, "DatedConversionRate", None),
        ("multi_currency", False, "Campaign", "CurrencyIsoCode"),
        ("person_accounts", False, "Account", "PersonEmail"),
        ("person_accounts", False, "Contact", "IsPersonAccount"),
        ("state_country_picklists", False, "Account", "BillingCountryCode"),
    ],
)
def test_a_feature_brings_its_objects_and_fields(
    start: Start, switch: str, default: bool, obj: str, field: str | None
) -> None:
    def has(org: Org) -> bool:
        return field in fields(org, obj) if field else obj in names(org)

    assert has(start()) is default
    assert has(start(switches={switch: not default})) is not default


def test_the_value_sets_of_a_bare_org(start: Start) -> None:
    org = start()

    assert org.records("SELECT MasterLabel, IsDefault FROM TaskStatus WHERE IsClosed = true") == [
        {"MasterLabel": "Completed", "IsDefault": False}
    ]
    assert org.records("SELECT MasterLabel FROM LeadStatus WHERE IsConverted = true") == [
        {"MasterLabel": "Closed - Converted"}
    ]
    assert org.records("SELECT MasterLabel FROM CaseStatus WHERE IsDefault = true") == [{"MasterLabel": "New"}]
    assert org.records("SELECT MasterLabel FROM TaskPriority WHERE IsDefault = true") == [{"MasterLabel": "Normal"}]


def test_queues_name_their_objects_and_own_records(start: Start) -> None:
    org = start()
    (queue,) = org.put_rows("Group", {"Name": "Inbound", "DeveloperName": "Inbound", "Type": "Queue"})
    org.put_rows("QueueSobject", {"QueueId": queue, "SobjectType": "Lead"})
    org.put_rows("GroupMember", {"GroupId": queue, "UserOrGroupId": ADMIN})

    assert org.records("SELECT Queue.Name, SobjectType FROM QueueSobject WHERE Queue.Type = 'Queue'") == [
        {"Queue": {"Name": "Inbound"}, "SobjectType": "Lead"}
    ]
    assert org.ids(
        f"SELECT Id FROM Group WHERE Id IN (SELECT GroupId FROM GroupMember WHERE UserOrGroupId = '{ADMIN}')"
    ) == [queue]


def test_a_describe_names_layouts_scopes_and_its_further_resources(org: Org) -> None:
    described = org.get("sobjects/Contact/describe").json()

    assert described["urls"]["compactLayouts"] == "/services/data/v60.0/sobjects/Contact/describe/compactLayouts"
    assert described["urls"]["rowTemplate"] == "/services/data/v60.0/sobjects/Contact/{ID}"
    assert described["namedLayoutInfos"] == []
    assert {scope["name"] for scope in described["supportedScopes"]} >= {"everything", "mine"}


# --- the Tooling API


@pytest.fixture
def automated(start: Start, tmp_path: Path) -> Org:
    rows: dict[str, list[dict[str, Any]]] = {
        "ValidationRule": [
            {
                "Id": RULE,
                "EntityDefinitionId": "Account",
                "ValidationName": "Has_Phone",
                "Active": True,
                "FullName": "Account.Has_Phone",
                "Metadata": {"active": True, "errorConditionFormula": 'ISBLANK(Phone) && "x" <> "y"'},
            },
            {"Id": OTHER_RULE, "EntityDefinitionId": "Contact", "ValidationName": "Other", "Active": False},
        ],
        "FlowDefinition": [
            {"Id": make_id("300", 1), "DeveloperName": "Greet", "ActiveVersionId": make_id("301", 1)}
        ],
        "Flow": [
            {"Id": make_id("301", 1), "DefinitionId": make_id("300", 1), "MasterLabel": "Greet", "VersionNumber": 3,
             "Status": "Active", "ProcessType": "AutoLaunchedFlow"}
        ],
        "ApexTrigger": [{"Name": "OnAccount", "TableEnumOrId": "Account", "ApiVersion": 60, "Status": "Active"}],
    }  # fmt: skip
    (tmp_path / "rows").mkdir()
    for name, some in rows.items():
        (tmp_path / "rows" / f"{name}.json").write_text(json.dumps(some))
    return start(seed=tmp_path)


def tool(org: Org, soql: str) -> list[dict[str, Any]]:
    answer = org.get("tooling/query", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return [{key: value for key, value in row.items() if key != "attributes"} for row in answer.json()["records"]]


def test_rules_and_flows_stand_in_the_tooling_api_only(automated: Org) -> None:
    assert {"ValidationRule", "Flow", "CustomField", "EntityDefinition"} <= names(automated, "tooling/sobjects")
    assert not {"ValidationRule", "Flow", "CustomField"} & names(automated)
    assert automated.refused("SELECT Id FROM ValidationRule")[0] == "INVALID_TYPE"
    assert automated.get("sobjects/Flow/describe").status_code == 404
    assert automated.get("tooling/sobjects/Flow/describe").json()["keyPrefix"] == "301"
    refused = automated.get("tooling/query", params={"q": "SELECT Id FROM Contact"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


def test_rules_are_found_by_object_and_flows_with_their_active_version(automated: Org) -> None:
    rules = tool(
        automated,
        "SELECT ValidationName, EntityDefinition.QualifiedApiName FROM ValidationRule WHERE Active = true",
    )
    assert rules[0]["ValidationName"] == "Has_Phone"
    assert rules[0]["EntityDefinition"]["QualifiedApiName"] == "Account"
    (flow,) = tool(automated, "SELECT DeveloperName, ActiveVersion.VersionNumber FROM FlowDefinition")
    assert flow["ActiveVersion"]["VersionNumber"] == 3
    assert tool(automated, "SELECT Name, Status FROM ApexTrigger") == [{"Name": "OnAccount", "Status": "Active"}]
    assert automated.records("SELECT Name FROM ApexTrigger") == [{"Name": "OnAccount"}]


def test_metadata_comes_as_an_object_and_for_one_row_only(automated: Org) -> None:
    (rule,) = tool(automated, f"SELECT FullName, Metadata FROM ValidationRule WHERE Id = '{RULE}'")
    assert rule["Metadata"] == {"active": True, "errorConditionFormula": 'ISBLANK(Phone) && "x" <> "y"'}
    assert tool(automated, f"SELECT Metadata FROM ValidationRule WHERE Id = '{OTHER_RULE}'") == [{"Metadata": None}]

    answer = automated.get("tooling/query", params={"q": "SELECT Id, Metadata FROM ValidationRule"})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    assert "no more than one row" in answer.json()[0]["message"]
