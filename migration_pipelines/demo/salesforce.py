"""The demo company as a Salesforce org: a seed folder for the Salesforce twin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from migration_pipelines.demo import history, salesforce_history
from migration_pipelines.demo.ids import account_id, contact_id, opportunity_id, person_account_id, user_id
from migration_pipelines.demo.model import (
    LOST,
    OPEN_STAGES,
    RETIRED_STAGE,
    WON,
    Company,
    Deal,
    Firm,
    Person,
    Prospect,
    Seller,
)
from migration_pipelines.twins.salesforce import describe
from migration_pipelines.twins.salesforce.ids import make_id

Row = dict[str, Any]
_PHONE_FIELDS = {"WORK": "Phone", "MOB": "MobilePhone", "HOME": "HomePhone"}
SHIPPED = Path(describe.__file__).parent / "describes"
SEGMENT: Row = {
    "name": "Segment__c", "type": "picklist", "label": "Segment", "length": 255, "custom": True,
    "picklistValues": ["Enterprise", "Mid-market", "Small"],
}  # fmt: skip


def write(firm: Firm, folder: Path) -> None:
    """The org of a firm with the usual history: `rows/`, `describe/` and `org.json` in a folder."""
    write_seed(folder, rows_of(firm) | salesforce_history.rows(history.build(firm)), {"Account": [SEGMENT]}, ())


def write_seed(
    folder: Path, rows: Mapping[str, list[Row]], fields: Mapping[str, list[Row]], objects: Iterable[Row]
) -> None:
    """A seed folder.

    Args:
        fields: what standard objects have beside the shipped describes.
        objects: describes of custom objects.
    """
    (folder / "rows").mkdir(parents=True)
    (folder / "describe").mkdir()
    (folder / "org.json").write_text(json.dumps({"Name": "Harbor Trading", "TimeZoneSidKey": "America/New_York"}))
    standard = [json.loads((SHIPPED / f"{name}.json").read_text("utf-8")) for name in fields]
    for one in standard:
        one["fields"] += fields[one["name"]]
    for one in (*standard, *objects):
        (folder / "describe" / f"{one['name']}.json").write_text(json.dumps(one), "utf-8")
    for name, content in rows.items():
        (folder / "rows" / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def rows_of(firm: Firm) -> dict[str, list[Row]]:
    """Users, stages, companies, people and deals."""
    return {
        "User": [_administrator(), *map(_user, firm.sellers)],
        "OpportunityStage": [_stage(n, name) for n, name in enumerate((*OPEN_STAGES, WON, LOST), 1)],
        "Account": [_account(company) for company in firm.companies],
        "Contact": [_contact(person) for person in firm.people],
        "Opportunity": [_opportunity(deal) for deal in firm.deals],
        "OpportunityContactRole": [
            {"Id": make_id("00K", deal.number * 200 + n), "OpportunityId": opportunity_id(deal), "ContactId": contact_id(person),
             "Role": role or None, "IsPrimary": n == 0}
            for deal in firm.deals
            for n, (person, role) in enumerate(zip(deal.people, deal.roles, strict=True))
        ],
    }  # fmt: skip


def _administrator() -> Row:
    return _user(Seller(1, "Ada Admin", "ada.admin@harbor.example", None))


def _user(seller: Seller) -> Row:
    first, last = seller.name.split()
    return {
        "Id": user_id(seller), "Username": seller.email, "FirstName": first, "LastName": last, "Name": seller.name,
        "Email": seller.email, "Alias": last[:8].lower(), "IsActive": seller.is_active, "UserType": "Standard",
    }  # fmt: skip


def _stage(number: int, name: str) -> Row:
    return {
        "Id": make_id("01J", number), "MasterLabel": name, "ApiName": name, "SortOrder": number, "IsActive": True,
        "IsClosed": name in (WON, LOST), "IsWon": name == WON, "DefaultProbability": {WON: 100, LOST: 0}.get(name, 25),
    }  # fmt: skip


def stamps_of(record: Company | Person | Deal | Prospect) -> Row:
    """Who made and owns a record, and when."""
    created = record.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    owner = user_id(record.owner)
    return {"OwnerId": owner, "CreatedById": owner, "LastModifiedById": owner, "CreatedDate": created}


def _account(company: Company) -> Row:
    return {
        "Id": account_id(company), "Name": company.name, "Segment__c": company.segment, "Industry": company.industry,
        "Website": company.website, "Description": company.about, **stamps_of(company),
        "Phone": company.phones[0].typed if company.phones else None,
        **{f"Billing{part}": text for part, text in company.address},
        **({"ParentId": account_id(company.parent)} if company.parent else {}),
    }  # fmt: skip


def _contact(person: Person) -> Row:
    return {
        "Id": contact_id(person), "FirstName": person.first_name, "LastName": person.last_name,
        "Name": " ".join(part for part in (person.first_name, person.last_name) if part), "Title": person.title,
        "AccountId": account_id(person.company) if person.company else None, "Email": person.email,
        "HasOptedOutOfEmail": person.is_opted_out, **stamps_of(person),
        **{_PHONE_FIELDS[phone.kind]: phone.typed for phone in person.phones},
        **({"IsPersonAccount": True, "AccountId": person_account_id(person)} if person.is_person_account else {}),
    }  # fmt: skip


def _opportunity(deal: Deal) -> Row:
    return {
        "Id": opportunity_id(deal), "Name": deal.name, "AccountId": account_id(deal.company) if deal.company else None,
        "Amount": None if deal.cents is None else deal.cents / 100, "StageName": deal.stage,
        "CloseDate": deal.close.isoformat(), "NextStep": deal.next_step, "Probability": deal.probability,
        "IsClosed": deal.stage in (WON, LOST), "IsWon": deal.stage == WON, **stamps_of(deal),
        **({"Type": "Existing Business"} if deal.stage == RETIRED_STAGE else {}),
        **({"AccountId": person_account_id(deal.customer)} if deal.customer else {}),
        **({"CurrencyIsoCode": deal.currency} if deal.currency else {}),
    }  # fmt: skip
