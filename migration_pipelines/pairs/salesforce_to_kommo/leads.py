"""Rules of unconverted leads: what a deal, a contact and a company are made of. What a company would have stands on the deal
where the lead names no company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes
from migration_pipelines.core.transform import is_empty
from migration_pipelines.pairs.salesforce_to_kommo.cards import address_of, numbers_of

LEADS = RuleBook()

_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_PHONES = {"Phone": "WORK", "MobilePhone": "MOB", "Fax": "FAX"}


@LEADS.rule(reads=("FirstName", "LastName", "Company"), makes="text")
def lead_deal_name(record: SourceRecord, _decisions: Mapping[str, Any]) -> str:
    """Company and person, as a list of leads shows them: "Acme: Ada Lovelace"."""
    person = " ".join(part.strip() for name in ("FirstName", "LastName") if (part := record.values[name] or "").strip())
    company = (record.values["Company"] or "").strip()
    return ": ".join(part for part in (company, person) if part)


@LEADS.rule(reads=tuple(_PHONES), makes="multitext")
def lead_phones(record: SourceRecord, decisions: Mapping[str, Any]) -> WithNotes:
    """All numbers of a lead, each with Kommo's kind of number, none twice."""
    return numbers_of(record, _PHONES, decisions["phone_region"])


@LEADS.rule(reads=_ADDRESS, makes="textarea")
def lead_address(record: SourceRecord, _decisions: Mapping[str, Any]) -> str | None:
    """The parts of the address that are filled, a line each."""
    return address_of(record, _ADDRESS)


@LEADS.rule(reads=("Company", *_ADDRESS), makes="textarea")
def address_without_company(record: SourceRecord, _decisions: Mapping[str, Any]) -> str | None:
    return None if _has_company(record) else address_of(record, _ADDRESS)


@LEADS.rule(reads=("Company", "Website"), makes="text")
def website_without_company(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return _without_company(record, "Website")


@LEADS.rule(reads=("Company", "Industry"), makes="text")
def industry_without_company(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return _without_company(record, "Industry")


@LEADS.rule(reads=("Company", "NumberOfEmployees"), makes="decimal")
def employees_without_company(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return _without_company(record, "NumberOfEmployees")


@LEADS.rule(reads=("Company", "AnnualRevenue"), makes="decimal")
def revenue_without_company(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return _without_company(record, "AnnualRevenue")


def _without_company(record: SourceRecord, field: str) -> Any:
    return None if _has_company(record) else record.values[field]


def _has_company(record: SourceRecord) -> bool:
    return not is_empty(record.values["Company"])
