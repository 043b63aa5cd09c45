"""The case study as a Salesforce org: the firm and its history, with leads, custom fields and objects, and what is only kept."""

from __future__ import annotations

from pathlib import Path

from migration_pipelines.demo import custom_fields, custom_objects, salesforce, salesforce_history, salesforce_letters
from migration_pipelines.demo.case import IN_THE_BIN, Case
from migration_pipelines.demo.ids import account_id, contact_id, lead_id, person_account_id, user_id
from migration_pipelines.demo.mess import CURRENCIES
from migration_pipelines.demo.model import Deal, Person, Prospect
from migration_pipelines.demo.salesforce import Row
from migration_pipelines.twins.salesforce.ids import make_id

SWITCHES = {"multi_currency": True, "person_accounts": True}
"""What the org must have: switches of the twin."""
_PHONES = {"WORK": "Phone", "MOB": "MobilePhone", "FAX": "Fax"}


def write(case: Case, folder: Path) -> None:
    """The seed folder of the case."""
    firm, rows = case.firm, salesforce.rows_of(case.firm)
    letters = salesforce_letters.rows(case.history.emails, case.history.lines)
    past = salesforce_history.rows(case.history)
    past["Task"] += letters.pop("Task")
    rows["Account"] += [_person_account(person) for person in firm.people if person.is_person_account]
    for row, person in zip(rows["Contact"], firm.people, strict=True):
        row |= _custom(person, custom_fields.OF_PEOPLE)
    for row, deal in zip(rows["Opportunity"], firm.deals, strict=True):
        row |= _custom(deal, custom_fields.OF_DEALS)
    rows["Contact"] += [{"Id": one, "LastName": "Deleted", "IsDeleted": True} for one in IN_THE_BIN]
    rows["Lead"] = [_lead(one) for one in firm.prospects]
    rows["CurrencyType"] = [
        {"Id": make_id("01L", n), "IsoCode": code, "ConversionRate": rate, "DecimalPlaces": 2, "IsActive": True,
         "IsCorporate": code == "USD"}
        for n, (code, rate) in enumerate(CURRENCIES.items(), 1)
    ]  # fmt: skip
    fields = {
        "Account": [salesforce.SEGMENT],
        "Opportunity": [custom_fields.described(one) for one in custom_fields.OF_DEALS],
        "Contact": [custom_fields.described(one) for one in custom_fields.OF_PEOPLE],
    }
    things = custom_objects.rows(case.things, firm)
    objects = [custom_objects.described(name) for name in things]
    salesforce.write_seed(folder, rows | past | letters | things | case.kept, fields, objects)


def _custom(record: Deal | Person, fields: tuple[custom_fields.CustomField, ...]) -> Row:
    values = record.custom | custom_fields.work_out(record, fields)
    return {name: custom_fields.in_salesforce(value, user_id) for name, value in values.items()}


def _person_account(person: Person) -> Row:
    return {
        "Id": person_account_id(person), "FirstName": person.first_name, "LastName": person.last_name,
        "Name": f"{person.first_name} {person.last_name}", "IsPersonAccount": True, "PersonContactId": contact_id(person),
        "PersonEmail": person.email, **salesforce.stamps_of(person),
    }  # fmt: skip


def _lead(one: Prospect) -> Row:
    row: Row = {
        "Id": lead_id(one), "FirstName": one.first_name, "LastName": one.last_name, "Company": one.company, "Status": one.status,
        "Title": one.title, "Email": one.email, "Website": one.website, "Industry": one.industry, "LeadSource": one.source,
        "NumberOfEmployees": one.employees, "AnnualRevenue": None if one.revenue_cents is None else one.revenue_cents / 100,
        "Rating": one.rating, "Description": one.about, "HasOptedOutOfEmail": one.is_opted_out, **salesforce.stamps_of(one),
        **dict(one.address), **{_PHONES[phone.kind]: phone.typed for phone in one.phones},
    }  # fmt: skip
    if person := one.converted_to:
        row |= {
            "IsConverted": True, "ConvertedDate": one.created.date().isoformat(), "ConvertedContactId": contact_id(person),
            "ConvertedAccountId": account_id(person.company) if person.company else None,
        }  # fmt: skip
    return row
