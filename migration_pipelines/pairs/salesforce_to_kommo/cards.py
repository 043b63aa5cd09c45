"""Rules of companies, contacts and deals: several source fields that make one value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.core.converters.phone import phone
from migration_pipelines.core.records import Problem, SourceRecord
from migration_pipelines.core.rules import RuleBook, WithNotes

CARDS = RuleBook()

_ADDRESS = ("BillingStreet", "BillingCity", "BillingState", "BillingPostalCode", "BillingCountry")
_NATIONAL = re.compile(r"[^+＋\d]*\d")  # a digit before any plus
_CONTACT_PHONES = {"Phone": "WORK", "MobilePhone": "MOB", "HomePhone": "HOME"}


@CARDS.rule(reads=("Phone", "Fax"), makes="multitext")
def company_phones(record: SourceRecord, decisions: Mapping[str, Any]) -> WithNotes:
    """Telephone and fax of a company, each with Kommo's kind of number."""
    return numbers_of(record, {"Phone": "WORK", "Fax": "FAX"}, decisions["phone_region"])


@CARDS.rule(reads=tuple(_CONTACT_PHONES), makes="multitext")
def contact_phones(record: SourceRecord, decisions: Mapping[str, Any]) -> WithNotes:
    """All numbers of a contact, each with Kommo's kind of number, none twice."""
    return numbers_of(record, _CONTACT_PHONES, decisions["phone_region"])


@CARDS.rule(reads=("Email",), makes="multitext")
def contact_emails(record: SourceRecord, _decisions: Mapping[str, Any]) -> list[dict[str, str]]:
    """The e-mail address of a contact as a work address."""
    return [{"value": email, "enum_code": "WORK"}] if (email := _text(record, "Email")) else []


@CARDS.rule(reads=_ADDRESS, makes="textarea")
def billing_address(record: SourceRecord, _decisions: Mapping[str, Any]) -> str | None:
    """The parts of the billing address that are filled, a line each."""
    return address_of(record, _ADDRESS)


@CARDS.rule(reads=("CloseDate", "IsClosed"), makes="date")
def closed_at(record: SourceRecord, _decisions: Mapping[str, Any]) -> str | None:
    """The close date of a deal that is closed; an open one has only an expected date, which is no closing."""
    return record.values["CloseDate"] if record.values["IsClosed"] else None


@CARDS.rule(reads=(), reads_children={"OpportunityContactRole": ("ContactId", "IsPrimary")})
def role_holders(record: SourceRecord, _decisions: Mapping[str, Any]) -> Sequence[str]:
    """The contacts that have a role in a deal, the primary one first, none twice (SF-KOMMO-19)."""
    roles = sorted(record.children["OpportunityContactRole"], key=lambda role: not role["IsPrimary"])
    return list(dict.fromkeys(role["ContactId"] for role in roles))


@CARDS.rule(reads=(), makes="integer")
def numbers_without_country(record: SourceRecord, _decisions: Mapping[str, Any]) -> int:
    """How many telephone numbers of a record are written without a country code."""
    return sum(bool(_NATIONAL.match(record.values.get(field) or "")) for field in ("Fax", *_CONTACT_PHONES))


def address_of(record: SourceRecord, fields: Sequence[str]) -> str | None:
    """The parts of an address that are filled, a line each."""
    return "\n".join(part for field in fields if (part := _text(record, field))) or None


def numbers_of(record: SourceRecord, kinds: Mapping[str, str], region: str) -> WithNotes:
    """A number that cannot be put in international form is carried as it was typed, and listed (SF-KOMMO-66)."""
    numbers: dict[str, str] = {}
    notes: list[Problem] = []
    for field, kind in kinds.items():
        if typed := _text(record, field):
            number = international(typed, region, field, notes)
            numbers.setdefault(number, kind)
    return WithNotes([{"value": number, "enum_code": kind} for number, kind in numbers.items()], notes)


def international(typed: str, region: str, field: str, notes: list[Problem]) -> str:
    """The number in international form; as it was typed, and listed in `notes`, where it has none."""
    number = phone(typed, region=region)
    if isinstance(number, Problem):
        notes.append(number.at(field))
        return typed
    return number


def _text(record: SourceRecord, field: str) -> str:
    return (record.values[field] or "").strip()
