"""Rules of unconverted leads: what a deal, a contact and a company are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes
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
