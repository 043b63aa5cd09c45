"""The 31 custom fields of the demo's deals and the 22 of its people: what each holds, in Salesforce and in Kommo.

A value is drawn once, as it really is, and written out twice: `in_salesforce` for the source, `in_kommo` for what must
stand in the target. A field without a code in Kommo stays behind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from migration_pipelines.demo.model import TODAY, Deal, Person, Seller

Kind = Literal[
    "text",
    "long",
    "choice",
    "choices",
    "number",
    "money",
    "percent",
    "day",
    "moment",
    "flag",
    "link",
    "email",
    "phone",
    "user",
]
ZONE = ZoneInfo("America/New_York")
RETIRED = "Atlantis"  # a region that is no choice any more


@dataclass(frozen=True)
class CustomField:
    """One field. `share` of the records hold a value; that of a formula is worked out of the record."""

    name: str
    label: str
    kind: Kind
    code: str | None
    choices: tuple[str, ...] = ()
    share: float = 0.5
    formula: Callable[[Any], Any] | None = None


def _weighted(deal: Deal) -> Decimal | None:
    return None if deal.cents is None else (Decimal(deal.cents) * deal.probability / 10_000).quantize(Decimal("0.01"))


def _quarter(deal: Deal) -> str:
    return f"{deal.close.year}-Q{(deal.close.month + 2) // 3}"


def _age(record: Deal | Person) -> Decimal:
    return Decimal((TODAY - record.created.date()).days)


def _salutation(person: Person) -> str:
    return f"Dear {person.first_name or 'customer'} {person.last_name},"


_TERMS = ("Prepaid", "30 days", "60 days", "90 days")
_LANGUAGES = ("English", "Türkçe", "العربية", "Deutsch", "Українська")
OF_DEALS = (
    CustomField("Region__c", "Region", "choice", "REGION", ("EMEA", "Americas", "Asia-Pacific", "Türkiye"), 0.9),
    CustomField("Product_Line__c", "Product Line", "choices", "PRODUCT_LINE", ("Pumps", "Valves", "Service", "Parts")),
    CustomField("Contract_Number__c", "Contract Number", "text", "CONTRACT_NUMBER"),
    CustomField("Contract_Start__c", "Contract Start", "day", "CONTRACT_START"),
    CustomField("Contract_End__c", "Contract End", "day", "CONTRACT_END"),
    CustomField("Contract_Months__c", "Contract Months", "number", "CONTRACT_MONTHS"),
    CustomField("Monthly_Fee__c", "Monthly Fee", "money", "MONTHLY_FEE", share=0.3),
    CustomField("Setup_Fee__c", "Setup Fee", "money", "SETUP_FEE", share=0.2),
    CustomField("Discount__c", "Discount", "percent", "DISCOUNT", share=0.4),
    CustomField("Margin__c", "Margin", "percent", "MARGIN", share=0.4),
    CustomField("Weighted_Amount__c", "Weighted Amount", "money", "WEIGHTED_AMOUNT", formula=_weighted),
    CustomField("Age_Days__c", "Age in Days", "number", "AGE_DAYS", formula=_age),
    CustomField("Closing_Quarter__c", "Closing Quarter", "text", "CLOSING_QUARTER", formula=_quarter),
    CustomField("Competitor__c", "Competitor", "choice", "COMPETITOR", ("None", "Vortex", "Ağrı Makina", "Delta"), 0.3),
    CustomField("Loss_Detail__c", "Loss Detail", "long", "LOSS_DETAIL", share=0.1),
    CustomField("Requirements__c", "Requirements", "long", "REQUIREMENTS", share=0.3),
    CustomField("Delivery_Date__c", "Delivery Date", "day", "DELIVERY_DATE"),
    CustomField("Delivery_City__c", "Delivery City", "text", "DELIVERY_CITY"),
    CustomField("Incoterm__c", "Incoterm", "choice", "INCOTERM", ("EXW", "FCA", "CIF", "DDP"), 0.4),
    CustomField("Payment_Terms__c", "Payment Terms", "choice", "PAYMENT_TERMS", _TERMS, 0.7),
    CustomField("Budget_Confirmed__c", "Budget Confirmed", "flag", "BUDGET_CONFIRMED", share=1),
    CustomField("Legal_Approved__c", "Legal Approved", "flag", "LEGAL_APPROVED", share=1),
    CustomField("Proposal_Link__c", "Proposal", "link", "PROPOSAL_LINK", share=0.3),
    CustomField("Procurement_Email__c", "Procurement E-mail", "email", "PROCUREMENT_EMAIL", share=0.3),
    CustomField("Procurement_Phone__c", "Procurement Phone", "phone", "PROCUREMENT_PHONE", share=0.2),
    CustomField("Kickoff__c", "Kick-off", "moment", "KICKOFF", share=0.3),
    CustomField("Sales_Engineer__c", "Sales Engineer", "user", "SALES_ENGINEER", share=0.4),
    CustomField("Second_Seller__c", "Second Seller", "user", "SECOND_SELLER", share=0.1),
    CustomField("Legacy_Id__c", "Legacy Id", "text", None),
    CustomField("Sync_Status__c", "Sync Status", "choice", None, ("ok", "failed")),
    CustomField("Old_Score__c", "Old Score", "number", None),
)
OF_PEOPLE = (
    CustomField("Preferred_Language__c", "Preferred Language", "choice", "LANGUAGE", _LANGUAGES, 0.7),
    CustomField("Newsletter__c", "Newsletter", "flag", "NEWSLETTER", share=1),
    CustomField("Gift__c", "Gift", "choice", "GIFT", ("Wine", "Lokum", "Book", "None"), 0.2),
    CustomField("Profile_Link__c", "Profile", "link", "PROFILE_LINK", share=0.3),
    CustomField("Second_Email__c", "Second E-mail", "email", "SECOND_EMAIL", share=0.1),
    CustomField("Assistant_Mobile__c", "Assistant's Mobile", "phone", "ASSISTANT_MOBILE", share=0.1),
    CustomField("Persona__c", "Persona", "choice", "PERSONA", ("Buyer", "User", "Sponsor", "Blocker")),
    CustomField("Interests__c", "Interests", "choices", "INTERESTS", ("Golf", "Sailing", "Opera", "Football"), 0.3),
    CustomField("Lead_Score__c", "Lead Score", "number", "LEAD_SCORE", share=0.6),
    CustomField("Lifetime_Value__c", "Lifetime Value", "money", "LIFETIME_VALUE", share=0.4),
    CustomField("Satisfaction__c", "Satisfaction", "percent", "SATISFACTION", share=0.2),
    CustomField("First_Meeting__c", "First Meeting", "day", "FIRST_MEETING"),
    CustomField("Last_Survey__c", "Last Survey", "moment", "LAST_SURVEY", share=0.2),
    CustomField("VIP__c", "VIP", "flag", "VIP", share=1),
    CustomField("Dietary_Notes__c", "Dietary Notes", "text", "DIETARY_NOTES", share=0.1),
    CustomField("Biography__c", "Biography", "long", "BIOGRAPHY", share=0.1),
    CustomField("Passport_Name__c", "Name in Passport", "text", "PASSPORT_NAME", share=0.1),
    CustomField("Salutation_Line__c", "Salutation Line", "text", "SALUTATION_LINE", formula=_salutation),
    CustomField("Tenure_Days__c", "Tenure in Days", "number", "TENURE_DAYS", formula=_age),
    CustomField("Account_Manager__c", "Account Manager", "user", "ACCOUNT_MANAGER", share=0.3),
    CustomField("Import_Batch__c", "Import Batch", "text", None),
    CustomField("Legacy_Contact_Id__c", "Legacy Contact Id", "text", None),
)

_TEXTS = (
    "HT-2024/117",
    "İzmir Liman",
    "Ørsted & Söhne",
    "عقد رقم ٧",
    "north gate, ask for “Jo”",
    "№ 55 ☎",
    "No nuts 🥜",
)
_LONG = (
    "Two pumps of stainless steel, 40 °C, with the drawings of 2019.\nThe second one may come later.\n",
    "Teklif onaylandı; ödeme koşulları görüşülüyor. Işık Hanım ile konuşulacak.\n",
    "العميل يطلب عرضا جديدا قبل نهاية الشهر.\n",
    "🚢 FOB Mersin — “as agreed”, see <drawing 7> & annex 'B'.\n",
)


def draw(rng: random.Random, fields: tuple[CustomField, ...], users: list[Seller]) -> dict[str, Any]:
    """Values of the fields that hold one and are no formula."""
    return {
        one.name: _one(rng, one, users)
        for one in fields
        if one.formula is None and (rng.random() < one.share or one.kind == "flag")
    }


def work_out(record: Deal | Person, fields: tuple[CustomField, ...]) -> dict[str, Any]:
    """The values of formulas: Salesforce shows them and does not keep them."""
    return {one.name: one.formula(record) for one in fields if one.formula}


def _one(rng: random.Random, field: CustomField, users: list[Seller]) -> Any:
    number = rng.randint(1, 9_999)
    match field.kind:
        case "text":
            return f"{rng.choice(_TEXTS)} {number}"
        case "long":
            return (rng.choice(_LONG) * rng.randint(1, 12)).strip()
        case "choice":
            return rng.choice(field.choices)
        case "choices":
            return tuple(sorted(rng.sample(field.choices, rng.randint(1, 3)), key=field.choices.index))
        case "number":
            return Decimal(number % 120)
        case "money":
            return Decimal(number * 37) / 100
        case "percent":
            return Decimal(number % 1000) / 10
        case "day":
            return TODAY - timedelta(days=number % 1500 - 300)
        case "moment":
            return datetime.combine(TODAY, time(number % 24, number % 60), UTC) - timedelta(days=number % 900)
        case "flag":
            return number % 3 == 0
        case "link":
            return f"https://docs.harbor.example/{number}?v=1&lang=tr"
        case "email":
            return f"second{number}@mail.example"
        case "phone":
            return rng.choice(("(212) 555-{0:04d}", "0532 12 {0:04d}", "555{0:04d} ask for Jo")).format(number)
    return rng.choice(users)


def in_salesforce(value: Any, user_id: Callable[[Seller], str]) -> Any:
    """A value as a row of Salesforce holds it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return ";".join(value)
    return user_id(value) if isinstance(value, Seller) else value


def in_kommo(value: Any) -> Any:
    """A value as it must stand in Kommo: days at noon of the account's zone, numbers as text, of a user the name."""
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, date):
        return int(datetime.combine(value, time(12), ZONE).timestamp())
    if isinstance(value, tuple):
        return ";".join(value)
    return value.name if isinstance(value, Seller) else value


def _plain(number: Decimal) -> str:
    """1500.50 -> "1500.5"."""
    whole, _, rest = f"{number:f}".partition(".")
    return f"{whole}.{rest}".rstrip("0").rstrip(".") if rest else whole


_DESCRIBED: Mapping[Kind, dict[str, Any]] = {
    "text": {"type": "string", "length": 255},
    "long": {"type": "textarea", "length": 32768},
    "choice": {"type": "picklist", "length": 255},
    "choices": {"type": "multipicklist", "length": 4099},
    "number": {"type": "double", "precision": 18, "scale": 0},
    "money": {"type": "currency", "precision": 18, "scale": 2},
    "percent": {"type": "percent", "precision": 5, "scale": 1},
    "day": {"type": "date"},
    "moment": {"type": "datetime"},
    "flag": {"type": "boolean", "nillable": False, "defaultedOnCreate": True},
    "link": {"type": "url", "length": 255},
    "email": {"type": "email", "length": 80},
    "phone": {"type": "phone", "length": 40},
    "user": {"type": "reference", "referenceTo": ["User"]},
}


def described(field: CustomField) -> dict[str, Any]:
    """What the describe call says of a field."""
    told = {"name": field.name, "label": field.label, "custom": True, **_DESCRIBED[field.kind]}
    if field.kind == "user":
        told["relationshipName"] = field.name.replace("__c", "__r")
    if field.choices:
        told["picklistValues"] = [{"value": one, "active": True} for one in field.choices]
    if field.name == "Region__c":
        told["picklistValues"].append({"value": RETIRED, "active": False})
    if field.formula:
        told |= {"calculated": True, "createable": False, "updateable": False}
    return told
