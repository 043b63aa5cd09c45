"""The case study as it must stand in Kommo: what it has beyond the firm and its history, written from the model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from migration_pipelines.demo import already, custom_fields, kommo
from migration_pipelines.demo.case import Case
from migration_pipelines.demo.custom_fields import CustomField, in_kommo
from migration_pipelines.demo.custom_objects import Visit
from migration_pipelines.demo.history import Email, ProductLine
from migration_pipelines.demo.ids import account_id, contact_id, email_id, lead_id, line_id, opportunity_id
from migration_pipelines.demo.kommo_history import clock, named
from migration_pipelines.demo.model import Company, Deal, Person, Prospect
from migration_pipelines.demo.prospects import LOST, NEW, WORKING
from migration_pipelines.demo.salesforce_letters import recipient, sender

LONGEST_NOTE = 16_000
_STAGES = {NEW: "New", WORKING: "Working", LOST: 143}


def expected(case: Case) -> dict[str, Any]:
    """Every record that must be there, as `demo.kommo.expected` has it, and the "archives": object -> rows."""
    there = kommo.expected(case.firm, case.history)
    for prospect in case.firm.prospects:
        if prospect.converted_to is None:
            _add_lead(there, prospect)
    for deal in case.firm.deals:
        if not deal.is_held:
            _add_custom(there["leads"][opportunity_id(deal)], deal, custom_fields.OF_DEALS)
    for person in case.firm.people:
        if not person.is_held:
            _add_custom(there["contacts"][contact_id(person)], person, custom_fields.OF_PEOPLE)
    _add_things(there, case)
    already.amend(there, case.typed)
    notes = there["notes"]
    notes |= {email_id(one): _email(one) for one in case.history.emails if one.on_case is None and _card(one)}
    notes |= {line_id(one): _line(one) for one in case.history.lines}
    notes |= {one.id: _visit(one) for one in case.things.visits if one.deal}
    notes |= dict(_participants(case))
    there["archives"] = {name: len(rows) for name, rows in (case.kept | case.things.kept).items()}
    there["archives"]["Site_Visit__c"] = len(case.things.visits)
    return there


def _add_custom(record: dict[str, Any], of: Deal | Person, fields: tuple[CustomField, ...]) -> None:
    values = of.custom | custom_fields.work_out(of, fields)
    record["custom_fields"] |= {
        one.code: [in_kommo(values[one.name])] for one in fields if one.code and values.get(one.name) is not None
    }


def _add_lead(there: dict[str, Any], one: Prospect) -> None:
    """A deal and a person, and a company where one is known."""
    key, stamps = lead_id(one), kommo.stamps_of(one.owner, one.created)
    who = " ".join(part for part in (one.first_name, one.last_name) if part)
    there["leads"][key] = {
        "name": f"{one.company}: {who}" if one.company else who, "price": 0, "status": _STAGES[one.status], **stamps,
        "company": key if one.company else None, "contacts": {key}, "main_contact": key,
        "custom_fields": kommo.without_empty({
            "SF_ID": [key], "SF_STAGE": [one.status], "LEAD_SOURCE": kommo.one_of(one.source), "RATING": kommo.one_of(one.rating),
            "ABOUT": kommo.one_of(one.about),
        }),
    }  # fmt: skip
    there["contacts"][key] = {
        "first_name": one.first_name or "", "last_name": one.last_name, **stamps, "company": key if one.company else None,
        "custom_fields": kommo.without_empty({
            "SF_ID": [key], "PHONE": kommo.phones_of(one.phones), "EMAIL": [(one.email, "WORK")] if one.email else [],
            "POSITION": kommo.one_of(one.title), "OPTED_OUT": [one.is_opted_out], "DO_NOT_CALL": [False],
        }),
    }  # fmt: skip
    if one.company:
        there["companies"][key] = {
            "name": one.company, **stamps,
            "custom_fields": kommo.without_empty({
                "SF_ID": [key], "WEB": kommo.one_of(one.website), "ADDRESS": ["\n".join(text for _, text in one.address)],
                "INDUSTRY": kommo.one_of(one.industry), "EMPLOYEES": [str(one.employees)],
                "ANNUAL_REVENUE": [] if one.revenue_cents is None else [kommo.plain(one.revenue_cents)],
            }),
        }  # fmt: skip


def _add_things(there: dict[str, Any], case: Case) -> None:
    """Of warranties the newer one, of preferences the only one, of licences a line each."""
    for warranty in sorted(case.things.warranties, key=lambda one: one.created):
        of_deal = there["leads"][opportunity_id(warranty.deal)]["custom_fields"]
        of_deal |= {"WARRANTY_SERIAL": [warranty.serial], "WARRANTY_ENDS": [in_kommo(warranty.ends)]}
    for preference in case.things.preferences:
        if not preference.person.is_held:
            there["contacts"][contact_id(preference.person)]["custom_fields"]["CHANNEL"] = [preference.channel]
    lines: dict[Company, list[tuple[str, str]]] = {}
    for licence in sorted(case.things.licences, key=lambda one: one.created):
        lines.setdefault(licence.company, []).append((licence.name, str(licence.seats)))
    for company, told in lines.items():
        names, seats = ("\n".join(column) for column in zip(*told, strict=True))
        there["companies"][account_id(company)]["custom_fields"] |= {"LICENCES": [names], "LICENCE_SEATS": [seats]}


def _card(one: Email) -> Deal | Person | Company | None:
    return one.deal or (one.people[0] if one.people else one.company)


def _email(one: Email) -> dict[str, Any]:
    how = "draft, never sent" if one.is_draft else "received" if one.incoming else "sent"
    if one.is_bounced:
        how += ", bounced"
    name, address = sender(one)
    head = (
        f"[E-mail] {how} {clock(one.created)}\nFrom: {name} <{address}>\nTo: {recipient(one)}\nSubject: {one.subject}"
    )
    text = f"{head}\n\n{one.text or f'Many thanks for № {one.number}'}"
    if len(text) > LONGEST_NOTE:
        said = f"\n\n[cut: {len(text)} characters in Salesforce]"
        text = text[: LONGEST_NOTE - len(said)].rstrip() + said
    return _note(text, _card(one), one.created, one.author.in_kommo)


def _line(one: ProductLine) -> dict[str, Any]:
    total = one.quantity * one.cents * (100 - (one.discount or 0)) // 100
    line = (
        f"[Product] {one.product}, {one.quantity} x {kommo.plain(one.cents)} = {kommo.plain(total)} {one.deal.currency}"
    )
    if one.discount:
        line += f", discount {one.discount} %"
    return _note(f"{line}\n\n{one.about}" if one.about else line, one.deal, one.created, one.author.in_kommo)


def _visit(one: Visit) -> dict[str, Any]:
    return _note(
        f"[Archive] Site Visit V-{one.number:04d}: Site_Visit__c.csv", one.deal, one.created, one.author.in_kommo
    )


def _participants(case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each deal with roles: who, and as what, in the order in which the roles were given."""
    for deal in case.firm.deals:
        if deal.people and not deal.is_held:
            lines = [
                f"[{role or 'no role'}] {' '.join(part for part in (person.first_name, person.last_name) if part)}"
                for person, role in zip(deal.people, deal.roles, strict=True)
            ]
            text = "\n".join(["Deal participants:", *lines])
            yield opportunity_id(deal), _note(text, deal, deal.created, deal.owner.in_kommo)


def _note(text: str, card: Deal | Person | Company | None, created: datetime, author: str | None) -> dict[str, Any]:
    assert card
    return {
        "note_type": "common", "text": text, "card": named(card), "created_at": int(created.timestamp()), "created_by": author,
    }  # fmt: skip
