"""The CRM objects that are brought over: parents first. This table is the load order and the asset graph."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CrmObject:
    name: str
    says: str


CRM_OBJECTS = (
    CrmObject("users", "People who own records: matched to users of the target, never created."),
    CrmObject("accounts", "Companies."),
    CrmObject("contacts", "People, and their links to companies."),
    CrmObject("leads", "Leads that were not converted: each a deal, a contact and a company."),
    CrmObject("opportunities", "Deals, with their stage, company and contacts."),
    CrmObject("activities", "Tasks, calls, meetings and notes, each on one card."),
    CrmObject(
        "custom_objects",
        "Rows of custom objects: on the cards that carry them, or named there where they are archived.",
    ),
    CrmObject("attachments", "Files, and the cards that they are on."),
)
ARCHIVE = "archive"
"""What stands beside them: the source objects whose records are kept outside the target, one file each."""

NAMES = tuple(one.name for one in CRM_OBJECTS)
