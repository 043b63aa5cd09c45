"""The demo company's e-mails and products as rows of a Salesforce org."""

from __future__ import annotations

from typing import Any

from migration_pipelines.demo.archives import entry_id, product_id
from migration_pipelines.demo.history import Email, ProductLine
from migration_pipelines.demo.ids import account_id, contact_id, email_id, line_id, opportunity_id, user_id
from migration_pipelines.demo.model import Seller
from migration_pipelines.twins.salesforce.ids import make_id

Row = dict[str, Any]


def rows(emails: list[Email], lines: list[ProductLine]) -> dict[str, list[Row]]:
    """E-mails with whom they were from and to, the tasks that Salesforce made of them, and products on deals."""
    return {
        "EmailMessage": [_email(one) for one in emails],
        "EmailMessageRelation": [
            {
                "Id": make_id("0CZ", one.number), "EmailMessageId": email_id(one), "RelationId": contact_id(person),
                "RelationType": "FromAddress" if one.incoming else "ToAddress", "RelationObjectType": "Contact",
            }
            for one in emails
            for person in one.people
        ],
        "Task": [_task(one) for one in emails if one.task],
        "OpportunityLineItem": [_line(one) for one in lines],
    }  # fmt: skip


def sender(one: Email) -> tuple[str, str]:
    """Name and address of who wrote it."""
    if not one.incoming:
        return one.author.name, one.author.email
    if not one.people:
        return "Somebody", "somebody@nowhere.example"
    person = one.people[0]
    return f"{person.first_name or ''} {person.last_name}".strip(), person.email or ""


def recipient(one: Email) -> str:
    if one.incoming:
        return one.author.email
    return (one.people[0].email or "") if one.people else "somebody@nowhere.example"


def status(one: Email) -> str:
    """Salesforce's own number: a draft, sent, or read."""
    if one.is_draft:
        return "5"
    return "1" if one.incoming else "3"


def _email(one: Email) -> Row:
    name, address = sender(one)
    related = opportunity_id(one.deal) if one.deal else account_id(one.company) if one.company else one.on_case
    return {
        "Id": email_id(one), "Subject": one.subject, "TextBody": one.text, "HtmlBody": one.html, "FromName": name,
        "FromAddress": address, "ToAddress": recipient(one), "Incoming": one.incoming, "Status": status(one),
        "MessageDate": _moment(one), "RelatedToId": related, "ParentId": one.on_case, "IsBounced": one.is_bounced,
        "ActivityId": make_id("00T", one.task) if one.task else None, **_by(one.author, one),
    }  # fmt: skip


def _task(one: Email) -> Row:
    return {
        "Id": make_id("00T", one.task or 0), "Subject": f"Email: {one.subject}", "Description": one.text, "TaskSubtype": "Email",
        "WhatId": one.deal and opportunity_id(one.deal), "WhoId": contact_id(one.people[0]), "Status": "Completed",
        "CompletedDateTime": _moment(one), "OwnerId": user_id(one.author), **_by(one.author, one),
    }  # fmt: skip


def _line(one: ProductLine) -> Row:
    return {
        "Id": line_id(one), "OpportunityId": opportunity_id(one.deal), "PricebookEntryId": entry_id(one.product),
        "Product2Id": product_id(one.product), "Name": f"{one.deal.name[:80]} {one.product}", "Quantity": one.quantity,
        "UnitPrice": one.cents / 100, "Discount": one.discount, "Description": one.about,
        "CurrencyIsoCode": one.deal.currency, **_by(one.author, one),
    }  # fmt: skip


def _by(author: Seller, one: Email | ProductLine) -> Row:
    return {"CreatedById": user_id(author), "LastModifiedById": user_id(author), "CreatedDate": _moment(one)}


def _moment(one: Email | ProductLine) -> str:
    return one.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
