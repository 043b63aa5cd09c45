"""The demo company as a Salesforce org: a seed folder for the Salesforce twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migration_pipelines.demo import history, salesforce_history
from migration_pipelines.demo.ids import account_id, contact_id, opportunity_id, user_id
from migration_pipelines.demo.model import LOST, OPEN_STAGES, RETIRED_STAGE, WON, Company, Deal, Firm, Person, Seller
from migration_pipelines.twins.salesforce import describe
from migration_pipelines.twins.salesforce.ids import make_id

_PHONE_FIELDS = {"WORK": "Phone", "MOB": "MobilePhone", "HOME": "HomePhone"}
SHIPPED = Path(describe.__file__).parent / "describes"


def write(firm: Firm, folder: Path) -> None:
    """Write `rows/`, `describe/` and `org.json` into a folder."""
    (folder / "rows").mkdir(parents=True)
    (folder / "describe").mkdir()
    (folder / "org.json").write_text(json.dumps({"Name": "Harbor Trading", "TimeZoneSidKey": "America/New_York"}))
    account = json.loads((SHIPPED / "Account.json").read_text("utf-8"))
    segments = ["Enterprise", "Mid-market", "Small"]
    account["fields"].append(
        {
            "name": "Segment__c",
            "type": "picklist",
            "label": "Segment",
            "length": 255,
            "custom": True,
            "picklistValues": segments,
        }
    )
    (folder / "describe" / "Account.json").write_text(json.dumps(account), "utf-8")
    rows: dict[str, list[dict[str, Any]]] = {
        "User": [_administrator(), *map(_user, firm.sellers)],
        "OpportunityStage": [_stage(n, name) for n, name in enumerate((*OPEN_STAGES, WON, LOST), 1)],
        "Account": [_account(company) for company in firm.companies],
        "Contact": [_contact(person) for person in firm.people],
        "Opportunity": [_opportunity(deal) for deal in firm.deals],
        "OpportunityContactRole": [
            {"Id": make_id("00K", deal.number * 100 + n), "OpportunityId": opportunity_id(deal), "ContactId": contact_id(person),
             "Role": role, "IsPrimary": n == 0}
            for deal in firm.deals
            for n, (person, role) in enumerate(zip(deal.people, deal.roles, strict=True))
        ],
        **salesforce_history.rows(history.build(firm)),
    }  # fmt: skip
    for name, content in rows.items():
        (folder / "rows" / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def _administrator() -> dict[str, Any]:
    return _user(Seller(1, "Ada Admin", "ada.admin@harbor.example", None))


def _user(seller: Seller) -> dict[str, Any]:
    first, last = seller.name.split()
    return {
        "Id": user_id(seller), "Username": seller.email, "FirstName": first, "LastName": last, "Name": seller.name,
        "Email": seller.email, "Alias": last[:8].lower(), "IsActive": seller.is_active, "UserType": "Standard",
    }  # fmt: skip


def _stage(number: int, name: str) -> dict[str, Any]:
    return {
        "Id": make_id("01J", number), "MasterLabel": name, "ApiName": name, "SortOrder": number, "IsActive": True,
        "IsClosed": name in (WON, LOST), "IsWon": name == WON, "DefaultProbability": {WON: 100, LOST: 0}.get(name, 25),
    }  # fmt: skip


def _stamps(record: Company | Person | Deal) -> dict[str, Any]:
    created = record.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    owner = user_id(record.owner)
    return {"OwnerId": owner, "CreatedById": owner, "LastModifiedById": owner, "CreatedDate": created}


def _account(company: Company) -> dict[str, Any]:
    return {
        "Id": account_id(company), "Name": company.name, "Segment__c": company.segment, "Industry": company.industry,
        "Website": company.website, "Description": company.about, **_stamps(company),
        "Phone": company.phones[0].typed if company.phones else None,
        **{f"Billing{part}": text for part, text in company.address},
    }  # fmt: skip


def _contact(person: Person) -> dict[str, Any]:
    return {
        "Id": contact_id(person), "FirstName": person.first_name, "LastName": person.last_name,
        "Name": " ".join(part for part in (person.first_name, person.last_name) if part), "Title": person.title,
        "AccountId": account_id(person.company) if person.company else None, "Email": person.email,
        "HasOptedOutOfEmail": person.is_opted_out, **_stamps(person),
        **{_PHONE_FIELDS[phone.kind]: phone.typed for phone in person.phones},
    }  # fmt: skip


def _opportunity(deal: Deal) -> dict[str, Any]:
    return {
        "Id": opportunity_id(deal), "Name": deal.name, "AccountId": account_id(deal.company) if deal.company else None,
        "Amount": None if deal.cents is None else deal.cents / 100, "StageName": deal.stage,
        "CloseDate": deal.close.isoformat(), "NextStep": deal.next_step, "Probability": deal.probability,
        "IsClosed": deal.stage in (WON, LOST), "IsWon": deal.stage == WON, **_stamps(deal),
        **({"Type": "Existing Business"} if deal.stage == RETIRED_STAGE else {}),
    }  # fmt: skip
