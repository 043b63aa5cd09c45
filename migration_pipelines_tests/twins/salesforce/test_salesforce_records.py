"""Reading single records over REST."""

from collections.abc import Callable

import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import (
    ACME,
    ADA,
    ATTACHMENT,
    GONE,
    OTHER_PROJECT,
    PROJECT,
    Org,
)


@pytest.mark.parametrize("given", [ADA, ADA[:15]])
def test_a_record_is_read_by_id_in_either_form_with_the_named_fields(org: Org, given: str) -> None:
    answer = org.get(f"sobjects/contact/{given}", params={"fields": "LastName,account.name"})

    assert answer.status_code == 200
    assert answer.json() == {
        "attributes": {"type": "Contact", "url": f"/services/data/v60.0/sobjects/Contact/{ADA}"},
        "LastName": "Lovelace",
        "Account": {
            "attributes": {"type": "Account", "url": f"/services/data/v60.0/sobjects/Account/{ACME}"},
            "Name": "Acme",
        },
    }


def test_without_fields_a_record_has_all_of_them(org: Org) -> None:
    record = org.get(f"sobjects/Account/{ACME}/").json()
    described = org.get("sobjects/Account/describe").json()["fields"]

    assert set(record) == {"attributes"} | {field["name"] for field in described}
    assert (record["Name"], record["BillingAddress"]["city"], record["IsDeleted"]) == ("Acme", "Lyon", False)


@pytest.mark.parametrize("given", [make_id("001", 99), "nonsense", ADA])
def test_an_unknown_id_is_404(org: Org, given: str) -> None:
    answer = org.get(f"sobjects/Account/{given}")

    message = f"Provided external ID field does not exist or is not accessible: {given}"
    assert (answer.status_code, answer.json()) == (404, [{"errorCode": "NOT_FOUND", "message": message}])


def test_a_deleted_record_is_404_entity_is_deleted(org: Org) -> None:
    answer = org.get(f"sobjects/Account/{GONE}")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_an_unknown_field_is_400(org: Org) -> None:
    answer = org.get(f"sobjects/Account/{ACME}?fields=Name,Nope")

    message = "No such column 'Nope' on sobject of type Account"
    assert (answer.status_code, answer.json()) == (400, [{"errorCode": "INVALID_FIELD", "message": message}])


def test_a_record_is_read_by_external_id(org: Org) -> None:
    assert org.get("sobjects/Project__c/Ext__c/Key-1?fields=Id").json()["Id"] == PROJECT
    assert org.get("sobjects/Project__c/Ext__c/key-1?fields=Id").json()["Id"] == OTHER_PROJECT  # case-sensitive
    assert org.get("sobjects/Project__c/Ext__c/other").status_code == 404
    assert org.get("sobjects/Project__c/Tags__c/Blue").status_code == 404  # no external id


def test_several_records_of_one_key_are_300_with_their_urls(start: Callable[..., Org]) -> None:
    org = start()
    ids = org.put_rows("Lead", *({"LastName": "Twin", "Company": "T", "Email": "twin@x.example"} for _ in range(2)))

    answer = org.get("sobjects/Lead/Email/twin@x.example")

    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v60.0/sobjects/Lead/{record_id}" for record_id in ids]


def test_the_content_of_an_attachment_is_fetched_by_its_path(org: Org) -> None:
    assert org.get(f"sobjects/Attachment/{ATTACHMENT}/Body").content == b"hello"
