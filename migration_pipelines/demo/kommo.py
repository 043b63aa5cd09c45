"""The demo company as it must stand in Kommo afterwards, in Kommo's own form, and the account before.

Written from the model by hand-made rules of its own, so that a test can hold the migration against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from migration_pipelines.demo import history, kommo_history
from migration_pipelines.demo.ids import account_id, contact_id, opportunity_id
from migration_pipelines.demo.kommo_history import ZONE
from migration_pipelines.demo.model import LOST, WON, Company, Deal, Firm, Person, Phone, Seller


def write_account(firm: Firm, path: Path, already: Mapping[str, Any] | None = None) -> None:
    """The Kommo account before the migration: its users, and what is there `already`, as a rule nothing."""
    emails = dict.fromkeys(seller.in_kommo for seller in firm.sellers if seller.in_kommo)
    names = {seller.in_kommo: seller.name for seller in firm.sellers} | {one.email: one.name for one in firm.sellers}
    users = [{"name": "Kim Owner", "email": "kim@harbor.example", "is_admin": True}]
    users += [{"name": names[email], "email": email} for email in emails]
    account = {"name": "Harbor", "subdomain": "harbor", "currency": "USD", "timezone": ZONE}
    path.write_text(
        json.dumps({"account": account, "users": users, **(already or {})}, ensure_ascii=False, indent=1), "utf-8"
    )


def expected(firm: Firm, past: history.History | None = None) -> dict[str, Any]:
    """Every record that must be there: entity -> Salesforce id -> fields, people by e-mail, records by Salesforce id.

    "held" are the ids of deals that must not. Of the history it is the usual one, unless another is given.
    """
    return {
        "companies": {account_id(company): _company(company) for company in firm.companies},
        "contacts": {contact_id(person): _contact(person) for person in firm.people if not person.is_held},
        "leads": {opportunity_id(deal): _lead(deal) for deal in firm.deals if not deal.is_held},
        **kommo_history.expected(past or history.build(firm)),
        "held": sorted(opportunity_id(deal) for deal in firm.deals if deal.is_held),
    }


def stamps_of(owner: Seller, created: datetime) -> dict[str, Any]:
    """Who is responsible, who made it, and when."""
    return {"responsible_user": owner.in_kommo, "created_by": owner.in_kommo, "created_at": int(created.timestamp())}


def without_empty(custom: dict[str, Any]) -> dict[str, Any]:
    """Kommo has no empty fields."""
    return {code: values for code, values in custom.items() if values}


def phones_of(phones: list[Phone]) -> list[tuple[str, str]]:
    """Numbers with their kind, none twice; one that nobody can dial as it was typed."""
    seen: dict[str, str] = {}
    for phone in phones:
        seen.setdefault(phone.international or phone.typed, phone.kind)
    return list(seen.items())


def one_of(value: Any) -> list[Any]:
    """The values of a field that has at most one."""
    return [] if value is None else [value]


def _company(company: Company) -> dict[str, Any]:
    return {
        "name": company.name,
        **stamps_of(company.owner, company.created),
        "custom_fields": without_empty({
            "SF_ID": [account_id(company)],
            "PHONE": phones_of(company.phones),
            "WEB": one_of(company.website),
            "ADDRESS": ["\n".join(text for _, text in company.address)] if company.address else [],
            "INDUSTRY": one_of(company.industry),
            "SEGMENT": one_of(company.segment),
            "ABOUT": one_of(company.about),
            "PARENT_COMPANY": one_of(company.parent and company.parent.name),
        }),
    }  # fmt: skip


def _contact(person: Person) -> dict[str, Any]:
    return {
        "first_name": person.first_name or "",
        "last_name": person.last_name,
        **stamps_of(person.owner, person.created),
        "company": account_id(person.company) if person.company else None,
        "custom_fields": without_empty({
            "SF_ID": [contact_id(person)],
            "PHONE": phones_of(person.phones),
            "EMAIL": [(person.email, "WORK")] if person.email else [],
            "POSITION": one_of(person.title),
            "OPTED_OUT": [person.is_opted_out],
            "DO_NOT_CALL": [False],
        }),
    }  # fmt: skip


def _lead(deal: Deal) -> dict[str, Any]:
    is_closed = deal.stage in (WON, LOST)
    people = [person for person in (deal.customer, *deal.people) if person and not person.is_held]
    price = None
    if deal.cents is not None:
        price = int((Decimal(deal.cents) / 100).quantize(Decimal(1), ROUND_HALF_UP))
    return {
        "name": deal.name,
        "price": price or 0,
        "status": {WON: 142, LOST: 143}.get(deal.stage, deal.stage),
        "closed_at": _noon(deal.close) if is_closed else None,
        **stamps_of(deal.owner, deal.created),
        "company": account_id(deal.company) if deal.company else None,
        "contacts": {contact_id(person) for person in people},
        "main_contact": contact_id(people[0]) if people else None,
        "custom_fields": without_empty({
            "SF_ID": [opportunity_id(deal)],
            "SF_AMOUNT": [] if deal.cents is None else [plain(deal.cents)],
            "SF_STAGE": [deal.stage],
            "SF_CLOSE_DATE": [_noon(deal.close)],
            "SF_PROBABILITY": [str(deal.probability)],
            "NEXT_STEP": one_of(deal.next_step),
            "DEAL_CURRENCY": one_of(deal.currency),
        }),
    }  # fmt: skip


def _noon(day: date) -> int:
    """Kommo shows a date in the account's zone: noon there is the same day for everybody near."""
    return int(datetime.combine(day, time(12), ZoneInfo(ZONE)).timestamp())


def plain(cents: int) -> str:
    """An amount without idle zeros: 150050 -> "1500.5"."""
    whole, rest = divmod(cents, 100)
    return str(whole) if rest == 0 else f"{whole}.{rest:02d}".rstrip("0")
