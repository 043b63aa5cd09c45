"""A small org for the tests of the Salesforce twin: its rows, and a client with shorthands."""

from datetime import UTC, datetime
from typing import Any

import httpx

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.salesforce.ids import make_id

TOKEN = "given-token"
# Half past one at night on 16 June in Istanbul, where the administrator is; still 15 June in UTC.
NOW = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)

ACME, CELIK, ZETA, GONE = (make_id("001", n) for n in (1, 2, 3, 4))
ADA, GRACE, INCI = (make_id("003", n) for n in (1, 2, 3))
WON, OPEN, LOST = (make_id("006", n) for n in (1, 2, 3))
ADMIN, REP = make_id("005", 1), make_id("005", 2)
QUEUE = make_id("00G", 1)
LEAD_OF_QUEUE, LEAD_OF_REP = make_id("00Q", 1), make_id("00Q", 2)
NEW_TASK, OLD_DONE, OLD_OPEN = (make_id("00T", n) for n in (1, 2, 3))
OLD_EVENT, NEW_EVENT = make_id("00U", 1), make_id("00U", 2)
ATTACHMENT = make_id("00P", 1)
PROJECT, OTHER_PROJECT = make_id("a00", 1), make_id("a00", 2)

PROJECT_DESCRIBE: dict[str, Any] = {
    "name": "Project__c",
    "label": "Project",
    "labelPlural": "Projects",
    "keyPrefix": "a00",
    "custom": True,
    "fields": [
        {"name": "Id", "type": "id", "label": "Record ID"},
        {"name": "IsDeleted", "type": "boolean", "label": "Deleted"},
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "SystemModstamp", "type": "datetime"},
        {"name": "Tags__c", "type": "multipicklist", "length": 4099, "custom": True},
        {"name": "Ext__c", "type": "string", "length": 40, "externalId": True, "unique": True, "caseSensitive": True},
        {
            "name": "Account__c",
            "type": "reference",
            "referenceTo": ["Account"],
            "relationshipName": "Account__r",
            "childRelationshipName": "Projects__r",
            "custom": True,
        },
    ],
}

ROWS: dict[str, list[dict[str, Any]]] = {
    "User": [
        {
            "Id": ADMIN,
            "Username": "admin@acme.example",
            "FirstName": "Ayşe",
            "LastName": "Admin",
            "Email": "admin@acme.example",
            "IsActive": True,
            "ProfileId": make_id("00e", 1),
            "TimeZoneSidKey": "Europe/Istanbul",
            "LocaleSidKey": "tr_TR",
            "LanguageLocaleKey": "tr",
        },
        {
            "Id": REP,
            "Username": "rep@acme.example",
            "LastName": "Rep",
            "Email": "rep@acme.example",
            "IsActive": False,
            "ManagerId": ADMIN,
            "ProfileId": make_id("00e", 2),
        },
    ],
    "Group": [{"Id": QUEUE, "Name": "Inbound", "Type": "Queue"}],
    "Account": [
        {
            "Id": ACME,
            "Name": "Acme",
            "Industry": "Energy",
            "AnnualRevenue": 1000000,
            "NumberOfEmployees": 50,
            "BillingStreet": "1 Main St\nFloor 2",
            "BillingCity": "Lyon",
            "OwnerId": REP,
            "CreatedDate": "2026-06-15T20:59:59Z",
        },
        {
            "Id": CELIK,
            "Name": "Çelik A.Ş.",
            "ParentId": ACME,
            "AnnualRevenue": 2500000,
            "CreatedDate": "2026-06-15T21:00:00Z",
        },
        {"Id": ZETA, "Name": "Zeta_50%", "Industry": "Retail", "CreatedDate": "2025-12-31T12:00:00Z"},
        {"Id": GONE, "Name": "Gone", "Industry": "Energy", "IsDeleted": True, "CreatedDate": "2024-01-01T00:00:00Z"},
    ],
    "Contact": [
        {
            "Id": ADA,
            "FirstName": "Ada",
            "LastName": "Lovelace",
            "AccountId": ACME,
            "Email": "ada@acme.example",
            "Birthdate": "1980-12-10",
            "HasOptedOutOfEmail": True,
        },
        {"Id": GRACE, "FirstName": "Grace", "LastName": "O'Brien\\Hopper", "AccountId": ACME, "ReportsToId": ADA},
        {"Id": INCI, "LastName": "İnci", "Email": "inci@celik.example"},
    ],
    "Opportunity": [
        {
            "Id": WON,
            "Name": "Big",
            "AccountId": ACME,
            "StageName": "Closed Won",
            "Amount": 1000.5,
            "CloseDate": "2026-06-16",
        },
        {
            "Id": OPEN,
            "Name": "Small",
            "AccountId": ACME,
            "StageName": "Prospecting",
            "Amount": 200,
            "CloseDate": "2026-05-17",
        },
        {"Id": LOST, "Name": "None", "AccountId": CELIK, "StageName": "Closed Lost", "CloseDate": "2026-05-16"},
    ],
    "OpportunityContactRole": [
        {"Id": make_id("00K", 1), "OpportunityId": WON, "ContactId": GRACE, "Role": "Evaluator"},
        {"Id": make_id("00K", 2), "OpportunityId": WON, "ContactId": ADA, "Role": "Decision Maker", "IsPrimary": True},
    ],
    "Lead": [
        {"Id": LEAD_OF_QUEUE, "LastName": "Queued", "Company": "Q", "OwnerId": QUEUE},
        {"Id": LEAD_OF_REP, "LastName": "Owned", "Company": "O", "OwnerId": REP},
    ],
    "Task": [
        {"Id": NEW_TASK, "Subject": "Call", "WhoId": ADA, "WhatId": WON, "ActivityDate": "2026-06-01"},
        {
            "Id": OLD_DONE,
            "Subject": "Old",
            "WhoId": LEAD_OF_REP,
            "WhatId": None,
            "Status": "Completed",
            "ActivityDate": "2025-06-14",
        },
        {"Id": OLD_OPEN, "Subject": "Still open", "WhoId": INCI, "WhatId": CELIK, "ActivityDate": "2024-01-01"},
    ],
    "Event": [
        {
            "Id": OLD_EVENT,
            "Subject": "Kick-off",
            "StartDateTime": "2025-06-14T09:00:00Z",
            "DurationInMinutes": 60,
            "WhoId": ADA,
        },
        {"Id": NEW_EVENT, "Subject": "Review", "StartDateTime": "2025-06-15T09:00:00Z", "DurationInMinutes": 60},
    ],
    "Attachment": [
        {"Id": ATTACHMENT, "ParentId": ACME, "Name": "a.txt", "Body": "aGVsbG8=", "BodyLength": 5},
    ],
    "Project__c": [
        {"Id": PROJECT, "Name": "One", "Tags__c": "Blue;Green;Red", "Ext__c": "Key-1", "Account__c": ACME},
        {"Id": OTHER_PROJECT, "Name": "Two", "Tags__c": "Blue", "Ext__c": "key-1"},
    ],
    "RecordType": [
        {
            "Id": make_id("012", 1),
            "Name": "Partner",
            "DeveloperName": "Partner",
            "SobjectType": "Account",
            "IsActive": True,
        }
    ],
}


class Org(httpx.Client):
    """httpx with shorthands. Paths are under /services/data/v60.0/ unless they begin with a slash."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        super().__init__(base_url=url, headers={"Authorization": f"Bearer {token}"})

    def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        path = str(url) if str(url).startswith(("/", "http")) else f"/services/data/v60.0/{url}"
        return super().request(method, path, **options)

    def ask(self, soql: str, **headers: str) -> dict[str, Any]:
        answer = self.get("query", params={"q": soql}, headers=headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def records(self, soql: str) -> list[dict[str, Any]]:
        return [without_attributes(record) for record in self.ask(soql)["records"]]

    def ids(self, soql: str, *, everything: bool = False) -> list[str]:
        answer = self.get("queryAll" if everything else "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        return [record["Id"] for record in answer.json()["records"]]

    def refused(self, soql: str) -> tuple[str, str]:
        """Code and last line of the message of a query that is refused."""
        answer = self.get("query", params={"q": soql})
        assert answer.status_code == 400, answer.text
        (error,) = answer.json()
        assert set(error) == {"errorCode", "message"}
        return error["errorCode"], error["message"].splitlines()[-1]

    def put_rows(self, name: str, *rows: dict[str, Any]) -> list[str]:
        answer = self.post("/__twin__/rows", json={"object": name, "rows": list(rows)})
        assert answer.status_code == 200, answer.text
        ids: list[str] = answer.json()["ids"]
        return ids

    def clock(self, **move: float) -> None:
        assert self.post("/__twin__/clock", json=move).is_success


def without_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_attributes(inner) for key, inner in value.items() if key != "attributes"}
    return [without_attributes(inner) for inner in value] if isinstance(value, list) else value


def frozen_clock() -> Clock:
    clock = Clock()
    clock.set(NOW.timestamp())
    return clock
