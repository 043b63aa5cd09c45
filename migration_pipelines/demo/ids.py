"""Which Salesforce id each thing of the demo company has. An activity's number is its own among tasks and events."""

from __future__ import annotations

from migration_pipelines.demo.history import Activity, Card, Email, Meeting, Memo, Paper, ProductLine
from migration_pipelines.demo.model import Company, Deal, Person, Prospect, Seller
from migration_pipelines.twins.salesforce.ids import make_id


def user_id(seller: Seller) -> str:
    return make_id("005", seller.number)


def account_id(company: Company) -> str:
    return make_id("001", company.number)


def contact_id(person: Person) -> str:
    return make_id("003", person.number)


def opportunity_id(deal: Deal) -> str:
    return make_id("006", deal.number)


def person_account_id(person: Person) -> str:
    """The account that a person account is, beside the contact."""
    return make_id("001", 50_000 + person.number)


def lead_id(prospect: Prospect) -> str:
    return make_id("00Q", prospect.number)


def card_id(card: Card) -> str:
    if isinstance(card, Company):
        return account_id(card)
    if isinstance(card, Prospect):
        return lead_id(card)
    return contact_id(card) if isinstance(card, Person) else opportunity_id(card)


def task_id(task: Activity) -> str:
    return make_id("00T", task.number)


def event_id(meeting: Meeting, *, copy: bool = False) -> str:
    return make_id("00U", meeting.number * 2 + copy)


def email_id(email: Email) -> str:
    return make_id("02s", email.number)


def line_id(line: ProductLine) -> str:
    return make_id("00k", line.number)


def note_id(memo: Memo) -> str:
    return make_id("002", memo.number)


def document_id(paper: Paper) -> str:
    return make_id("069", paper.number)


def version_id(paper: Paper, age: int = 0) -> str:
    """The latest version is of age 0."""
    return make_id("068", paper.number * 2 + age)
