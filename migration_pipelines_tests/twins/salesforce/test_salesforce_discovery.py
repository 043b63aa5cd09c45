"""Versions, resources, limits, objects and their describes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines_tests.twins.salesforce.small_org import Org

_FIELD_KEYS = """
    aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete caseSensitive
    compoundFieldName controllerName createable custom defaultValue defaultValueFormula defaultedOnCreate
    dependentPicklist deprecatedAndHidden digits displayLocationInDecimal encrypted externalId extraTypeInfo filterable
    filteredLookupInfo formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted idLookup inlineHelpText
    label length mask maskType name nameField namePointing nillable permissionable picklistValues
    polymorphicForeignKey precision queryByDistance referenceTargetField referenceTo relationshipName relationshipOrder
    restrictedDelete restrictedPicklist scale searchPrefilterable soapType sortable type unique updateable
    writeRequiresMasterRead"""
FIELD_KEYS = set(_FIELD_KEYS.split())
"""The key set of a field as recorded from real describes."""
_GLOBAL_KEYS = """
    name label labelPlural keyPrefix custom createable updateable deletable undeletable queryable retrieveable
    replicateable searchable layoutable triggerable mergeable customSetting deprecatedAndHidden feedEnabled hasSubtypes
    isInterface isSubtype deepCloneable activateable mruEnabled associateEntityType associateParentEntity
    urls"""
GLOBAL_KEYS = set(_GLOBAL_KEYS.split())
OBJECT_KEYS = {"childRelationships", "recordTypeInfos", "supportedScopes", "namedLayoutInfos", "undeletable", "fields"}
_SHIPPED = """Account Contact Opportunity Lead Case Task Event User OpportunityContactRole OpportunityStage Organization
    RecordType Profile Product2 Pricebook2 PricebookEntry OpportunityLineItem UserRole Group Note Attachment"""
SHIPPED = _SHIPPED.split()


def describe(org: Org, name: str) -> dict[str, Any]:
    answer = org.get(f"sobjects/{name}/describe")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def field(org: Org, name: str, field_name: str) -> dict[str, Any]:
    (found,) = [one for one in describe(org, name)["fields"] if one["name"] == field_name]
    return found


def test_versions_need_no_session(org: Org) -> None:
    for path in ("/services/data", "/services/data/"):
        versions = httpx.get(f"{org.base_url}{path}").json()
        assert versions[0] == {"label": "Winter '21", "url": "/services/data/v50.0", "version": "50.0"}
        assert versions[-2]["label"] == "Spring '26"
        assert versions[-1] == {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"}
        assert len(versions) == 18


@pytest.mark.parametrize("version", ["50.0", "59.0", "67.0"])
def test_the_resources_of_each_version(org: Org, version: str) -> None:
    for path in (f"/services/data/v{version}", f"/services/data/v{version}/"):
        resources = org.get(path).json()
        assert resources["query"] == f"/services/data/v{version}/query"
        assert resources["sobjects"] == f"/services/data/v{version}/sobjects"
        assert resources["identity"].startswith(f"{org.base_url}".rstrip("/") + "/id/00D")


@pytest.mark.parametrize(
    ("version", "status"),
    [("21.0", 410), ("30.0", 410), ("49.0", 404), ("68.0", 404), ("60", 404), ("60.5", 404), ("x", 404)],
)
def test_versions_21_to_30_are_gone_and_others_are_not_there(org: Org, version: str, status: int) -> None:
    assert org.get(f"/services/data/v{version}/sobjects").status_code == status


def test_an_unknown_resource_is_404_and_a_wrong_method_405(org: Org) -> None:
    not_found = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    for path in ("nope", "sobjects/Nope", "sobjects/Nope/describe"):
        answer = org.get(path)
        assert (answer.status_code, answer.json()) == (404, not_found)
    answer = org.delete("sobjects")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_answers_are_json_in_utf_8(org: Org) -> None:
    assert org.get("limits").headers["Content-Type"] == "application/json;charset=UTF-8"


def test_answers_are_compressed_where_the_client_accepts_it(org: Org) -> None:
    packed = org.get("sobjects/Account/describe", headers={"Accept-Encoding": "gzip"})
    plain = org.get("sobjects/Account/describe", headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_limits_name_a_maximum_and_what_remains(org: Org) -> None:
    limits = org.get("limits/").json()

    assert {"DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DataStorageMB", "FileStorageMB"} <= set(
        limits
    )
    assert all(set(limit) == {"Max", "Remaining"} for limit in limits.values())


def test_record_counts_leave_deleted_rows_out(org: Org) -> None:
    assert org.get("limits/recordCount?sObjects=Account,Contact").json() == {
        "sObjects": [{"count": 3, "name": "Account"}, {"count": 3, "name": "Contact"}]
    }
    counted = {entry["name"]: entry["count"] for entry in org.get("limits/recordCount").json()["sObjects"]}
    assert counted["OpportunityContactRole"] == 2


def test_the_global_describe_lists_every_object(org: Org) -> None:
    answer = org.get("sobjects").json()

    assert (answer["encoding"], answer["maxBatchSize"]) == ("UTF-8", 200)
    assert {*SHIPPED, "Project__c"} <= {entry["name"] for entry in answer["sobjects"]}
    assert all(set(entry) == GLOBAL_KEYS for entry in answer["sobjects"])
    assert org.get("sobjects/account").json()["objectDescribe"]["keyPrefix"] == "001"


@pytest.mark.parametrize("name", [*SHIPPED, "Project__c"])
def test_every_field_of_a_describe_has_the_same_long_key_list(org: Org, name: str) -> None:
    answer = describe(org, name)

    assert set(answer) >= OBJECT_KEYS | GLOBAL_KEYS
    for entry in answer["fields"]:
        assert set(entry) == FIELD_KEYS
        assert all(
            set(value) == {"active", "defaultValue", "label", "validFor", "value"} for value in entry["picklistValues"]
        )


@pytest.mark.parametrize(
    ("name", "field_name", "expected"),
    [
        # From the catalogue recorded from real orgs.
        ("Account", "Industry", {"type": "picklist", "length": 40, "byteLength": 120, "restrictedPicklist": False}),
        ("Account", "AnnualRevenue", {"type": "currency", "precision": 18, "scale": 0}),
        ("Account", "BillingCity", {"length": 40, "compoundFieldName": "BillingAddress"}),
        ("Account", "BillingAddress", {"type": "address", "createable": False, "updateable": False}),
        ("Account", "Description", {"length": 32000, "filterable": False, "sortable": False}),
        ("Account", "OwnerId", {"referenceTo": ["User"], "defaultedOnCreate": True, "relationshipName": "Owner"}),
        ("Account", "CreatedDate", {"createable": False, "updateable": False, "nillable": False}),
        ("Contact", "LastName", {"length": 80, "nillable": False, "createable": True, "defaultedOnCreate": False}),
        ("Contact", "Name", {"length": 121, "createable": False, "nameField": True}),
        ("Contact", "Email", {"type": "email", "length": 80, "idLookup": True}),
        ("Lead", "OwnerId", {"referenceTo": ["Group", "User"], "polymorphicForeignKey": True}),
        ("Lead", "IsConverted", {"createable": True, "updateable": False, "defaultedOnCreate": True}),
        (
            "Opportunity",
            "StageName",
            {"length": 255, "byteLength": 765, "nillable": False, "restrictedPicklist": False},
        ),
        ("Opportunity", "Amount", {"precision": 18, "scale": 2, "soapType": "xsd:double"}),
        ("Opportunity", "Probability", {"type": "percent", "precision": 3, "scale": 0}),
        ("Opportunity", "ForecastCategoryName", {"restrictedPicklist": True, "defaultedOnCreate": True}),
        ("Case", "CaseNumber", {"autoNumber": True, "createable": False, "idLookup": True, "length": 30}),
        ("Task", "WhoId", {"referenceTo": ["Contact", "Lead"], "namePointing": True, "relationshipName": "Who"}),
        ("Event", "OwnerId", {"referenceTo": ["Calendar", "User"], "polymorphicForeignKey": True}),
        ("Event", "DurationInMinutes", {"type": "int", "digits": 8, "precision": 0}),
        ("OpportunityContactRole", "OpportunityId", {"createable": True, "updateable": False, "nillable": False}),
    ],
)
def test_a_field_is_as_recorded(org: Org, name: str, field_name: str, expected: dict[str, Any]) -> None:
    found = field(org, name, field_name)
    assert {key: found[key] for key in expected} == expected


def test_child_relationships_and_record_types(org: Org) -> None:
    account = describe(org, "Account")

    contacts = [child for child in account["childRelationships"] if child["relationshipName"] == "Contacts"]
    assert contacts == [
        {
            "cascadeDelete": True,
            "childSObject": "Contact",
            "deprecatedAndHidden": False,
            "field": "AccountId",
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": "Contacts",
            "restrictedDelete": False,
        }
    ]
    named = {entry["developerName"]: entry for entry in account["recordTypeInfos"]}
    assert named["Master"]["recordTypeId"] == "012000000000000AAA"
    assert (named["Master"]["master"], named["Partner"]["master"]) == (True, False)
    assert describe(org, "OpportunityContactRole")["undeletable"] is False


def test_an_unchanged_describe_is_304(org: Org) -> None:
    first = org.get("sobjects/Account/describe")

    again = org.get("sobjects/Account/describe", headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")
    older = org.get("sobjects/Account/describe", headers={"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"})
    assert older.status_code == 200


def test_a_describe_saved_from_a_real_org_is_given_back_as_it_is(
    start: Callable[..., Org], org: Org, tmp_path: Path
) -> None:
    saved = describe(org, "Case") | {"label": "Ticket", "labelPlural": "Tickets", "recordTypeInfos": []}
    saved["fields"] = [
        one for one in saved["fields"] if one["name"] in ("Id", "IsDeleted", "Subject", "SystemModstamp")
    ]
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "Case.json").write_text(json.dumps(saved))

    twin = start(seed=tmp_path)

    assert describe(twin, "Case") == saved
    assert twin.refused("SELECT Status FROM Case")[0] == "INVALID_FIELD"


@pytest.mark.parametrize("text", ["[]", "{", '{"name": "X"}', '{"name": "X; DROP", "keyPrefix": "a01", "fields": []}'])
def test_what_is_no_describe_is_refused_with_the_files_name(
    start: Callable[..., Org], tmp_path: Path, text: str
) -> None:
    (tmp_path / "describe").mkdir()
    (tmp_path / "describe" / "X.json").write_text(text)

    with pytest.raises(ValueError, match=r"X\.json"):
        start(seed=tmp_path)


def test_currencies_exist_only_in_an_org_with_several(start: Callable[..., Org]) -> None:
    several = start(switches={"multi_currency": True})

    assert several.records("SELECT IsoCode, IsCorporate FROM CurrencyType") == [{"IsoCode": "USD", "IsCorporate": True}]
    assert several.records("SELECT CurrencyIsoCode FROM Opportunity") == []
    assert start().refused("SELECT IsoCode FROM CurrencyType")[0] == "INVALID_TYPE"
