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
    CrmObject("opportunities", "Deals, with their stage, company and contacts."),
    CrmObject("activities", "Tasks, calls, meetings and notes, each on one card."),
    CrmObject("attachments", "Files, and the cards that they are on."),
)
NAMES = tuple(one.name for one in CRM_OBJECTS)
