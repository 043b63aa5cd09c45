"""The permission to set audit fields when a record is created."""

from collections.abc import Mapping
from dataclasses import replace

from migration_pipelines.twins.salesforce.describe import Catalogue

AUDIT_FIELDS = ("CreatedById", "CreatedDate", "LastModifiedById", "LastModifiedDate")
_CONVERSION = ("IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
_MORE: Mapping[str, tuple[str, ...]] = {"Lead": _CONVERSION}
AUDITED = frozenset(
    {
        *("Account", "Attachment", "CampaignMember", "Case", "CaseComment", "Contact", "ContentNote", "ContentVersion"),
        *("Contract", "EmailMessage", "Event", "FeedComment", "FeedItem", "Lead", "Opportunity", "Quote", "Task"),
        "WorkOrder",
    }
)
"""Beside custom objects."""


def grant_audit_fields(catalogue: Catalogue) -> None:
    """Make the audit fields createable, where the permission reaches."""
    for obj in catalogue.everything():
        if not (obj.name in AUDITED or obj.answer["custom"]):
            continue
        for name in (*AUDIT_FIELDS, *_MORE.get(obj.name, ())):
            field = obj.all_fields.get(name.lower())
            if field is not None:
                obj.all_fields[name.lower()] = replace(field, answer={**field.answer, "createable": True})
    catalogue.hide({})
