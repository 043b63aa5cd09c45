"""What people at the demo company have typed into Kommo before the migration: some of it is in Salesforce, too.

Companies are matched by name and get the Salesforce id alone; contacts by e-mail address, else by number, and what is blank
on them is filled. What people wrote stays as they wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from migration_pipelines.demo.ids import account_id, contact_id
from migration_pipelines.demo.model import Company, Firm, Person, Phone
from migration_pipelines.demo.planted import Planted

Row = dict[str, Any]
_FIRST = 32
"""People before this place in the list have other oddities."""
_TYPED_AT = int(datetime(2026, 5, 4, 9, 30, tzinfo=UTC).timestamp())
_BY_PEOPLE = ("responsible_user", "created_by", "created_at")
_WHICH = "it may be one of the target's own records, and which one is not certain"
_THERE = "typed into Kommo by a person"


@dataclass(frozen=True)
class Typed:
    """Those of the firm that Kommo knows: a company by its name, a person by the e-mail address, a second one by a number,
    and a third, whose address two contacts in Kommo have."""

    company: Company
    by_mail: Person
    by_phone: Person
    doubled: Person


def plant(firm: Firm) -> tuple[Typed, list[Planted]]:
    """Nobody else at the firm has that name, number or one of these addresses. The first person works for the company."""
    company = firm.companies[-1]
    by_mail, by_phone, doubled = firm.people[_FIRST : _FIRST + 3]
    for person in (by_mail, doubled):
        person.email = f"typed{person.number}@mail.example"
    by_mail.company = company
    by_phone.email, by_phone.phones = None, [Phone("WORK", "+13125550177", "(312) 555-0177")]
    doubled.is_held = True
    return Typed(company, by_mail, by_phone, doubled), [
        Planted(f"{_THERE}: the same company in capitals", "Account", [account_id(company)], "verified", "companies"),
        Planted(f"{_THERE}: the same e-mail address", "Contact", [contact_id(by_mail)], "verified", "contacts"),
        Planted(f"{_THERE}: the same number, otherwise written", "Contact", [contact_id(by_phone)], "verified", "contacts"),
        Planted(f"{_THERE}: twice with one e-mail address, so that a person has to say which", "Contact",
                [contact_id(doubled)], "held", "contacts", reason=_WHICH,
                listed="held records"),
    ]  # fmt: skip


def records(typed: Typed) -> dict[str, list[Row]]:
    """Companies and contacts as the seed of a Kommo account has them."""
    mail = typed.doubled.email or ""
    return {
        "companies": [
            {"name": name, "created_at": _TYPED_AT} for name in (typed.company.name.upper(), "Only In Kommo Ltd")
        ],
        "contacts": [
            _contact("By Mail", "EMAIL", (typed.by_mail.email or "").upper()),
            _contact("By Phone", "PHONE", typed.by_phone.phones[0].international or ""),
            _contact("First Of Two", "EMAIL", mail),
            _contact("Second Of Two", "EMAIL", mail),
            _contact("Only In Kommo", "PHONE", "+13125550199"),
        ],
    }


def _contact(name: str, code: str, value: str) -> Row:
    return {
        "first_name": "Typed", "last_name": name, "created_at": _TYPED_AT,
        "custom_fields_values": [{"field_code": code, "values": [{"value": value, "enum_code": "WORK"}]}],
    }  # fmt: skip


def amend(there: dict[str, Any], typed: Typed) -> None:
    """Write what people typed over what would stand there without them; of a company nothing is filled."""
    company = there["companies"][account_id(typed.company)]
    company |= {"name": typed.company.name.upper(), "custom_fields": {"SF_ID": [account_id(typed.company)]}}
    by_mail, by_phone = (there["contacts"][contact_id(one)] for one in (typed.by_mail, typed.by_phone))
    by_mail |= {"first_name": "Typed", "last_name": "By Mail"}
    by_mail["custom_fields"]["EMAIL"] = [((typed.by_mail.email or "").upper(), "WORK")]
    by_phone |= {"first_name": "Typed", "last_name": "By Phone"}
    by_phone["custom_fields"]["PHONE"] = [(typed.by_phone.phones[0].international, "WORK")]
    for record in (company, by_mail, by_phone):
        for name in _BY_PEOPLE:
            del record[name]
    there["companies"][_unknown("Only In Kommo Ltd")] = {"name": "Only In Kommo Ltd", "custom_fields": {}}
    mail = [(typed.doubled.email, "WORK")]
    there["contacts"] |= {
        _unknown("Typed First Of Two"): {"custom_fields": {"EMAIL": mail}, "company": None},
        _unknown("Typed Second Of Two"): {"custom_fields": {"EMAIL": mail}, "company": None},
        _unknown("Typed Only In Kommo"): {"custom_fields": {"PHONE": [("+13125550199", "WORK")]}, "company": None},
    }


def _unknown(name: str) -> str:
    """How the proof calls a record that has no Salesforce id."""
    return f"without SF_ID: {name}"
