"""A Salesforce describe answer -> our schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.schema import FieldSchema, ObjectSchema

# Fields that every object has and that are the platform's own business. They are read, and no disposition is
# asked for them.
NEVER_BUSINESS_FIELDS = frozenset({
    "Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "LastModifiedDate", "LastModifiedById", "LastViewedDate",
    "LastReferencedDate", "LastActivityDate", "PhotoUrl", "Jigsaw", "JigsawContactId", "JigsawCompanyId", "CleanStatus",
    "IsEmailBounced", "UserRecordAccessId", "HasOpportunityLineItem", "HasOpenActivity", "HasOverdueTask",
    "ForecastCategory", "Fiscal", "FiscalQuarter", "FiscalYear", "PushCount", "LastStageChangeDate",
    "LastAmountChangedHistoryId", "LastCloseDateChangedHistoryId", "ExpectedRevenue",
})  # fmt: skip

# Setup and bookkeeping that has a page layout, or is custom-looking, and that nobody would call a record.
_NEVER_BUSINESS_OBJECTS = frozenset({
    "ApexClass", "ApexTrigger", "AssignmentRule", "BusinessProcess", "CampaignMemberStatus", "CaseStatus", "ContractStatus",
    "CurrencyType", "CustomPermission", "Dashboard", "DatedConversionRate", "Domain", "DuplicateRule", "EmailTemplate",
    "EntityDefinition", "FieldDefinition", "FieldPermissions", "FiscalYearSettings", "FlowDefinitionView", "FlowInterview",
    "Folder", "Group", "GroupMember", "Holiday", "LeadStatus", "ListView", "LoginHistory", "MatchingRule", "Name",
    "ObjectPermissions", "OpportunityStage", "OrderStatus", "Organization", "OrgWideEmailAddress", "Period",
    "PermissionSet", "PermissionSetAssignment", "ProcessDefinition", "Profile", "QueueSobject", "RecordType", "Report",
    "SetupAuditTrail", "SetupEntityAccess", "StaticResource", "TaskPriority", "TaskStatus", "UserLicense", "UserPermissionAccess",
    "UserPreference", "UserRole", "WebLink",
})  # fmt: skip

# What people type in or attach, although no page layout shows it.
_WITHOUT_LAYOUT = frozenset({
    "AccountContactRelation", "AccountContactRole", "AccountTeamMember", "Attachment", "CampaignMember", "CaseComment",
    "CaseContactRole", "CaseTeamMember", "ContentDocument", "ContentDocumentLink", "ContentNote", "ContentVersion",
    "ContractContactRole", "Document", "EmailMessage", "EmailMessageRelation", "EventRelation", "FeedComment", "FeedItem",
    "Note", "OpportunityCompetitor", "OpportunityContactRole", "OpportunityLineItem", "OpportunityLineItemSchedule",
    "OpportunitySplit", "OpportunityTeamMember", "OrderItem", "Partner", "PricebookEntry", "QuoteLineItem", "TaskRelation",
    "Topic", "TopicAssignment",
})  # fmt: skip

# What an org may have and hide from us; told apart from the platform's many others by being known.
_WELL_KNOWN = _WITHOUT_LAYOUT | {
    "Account", "Asset", "Campaign", "Case", "Contact", "Contract", "Event", "Individual", "Lead", "Opportunity",
    "OpportunityFieldHistory", "OpportunityHistory", "Order", "Pricebook2", "Product2", "Quote", "Solution", "Task",
}  # fmt: skip

_OF_THE_PLATFORM = re.compile(r"(Share|Feed|ChangeEvent|__Tag|__mdt|__e|SharingRule|ViewStat|VoteStat)$")


def is_business(entry: Mapping[str, Any]) -> bool:
    """Whether rows of an object are something that a person would recognise and miss, by its global describe.

    History counts: nobody migrates it, and somebody has to decide so.
    """
    name = str(entry["name"])
    if entry["customSetting"] or entry["deprecatedAndHidden"] or entry["isSubtype"] or name in _NEVER_BUSINESS_OBJECTS:
        return False
    if entry["associateEntityType"] or name.endswith("History"):
        return name.endswith("History") and not name.startswith(("Login", "Verification", "Setup"))
    if _OF_THE_PLATFORM.search(name):
        return False
    return bool(entry["custom"] or entry["layoutable"] or name in _WITHOUT_LAYOUT)


def is_business_by_name(name: str) -> bool:
    """Whether an object of which nothing but the name is known would be missed."""
    is_history = name.endswith("__History")
    return name in _WELL_KNOWN or ((name.endswith("__c") or is_history) and not _OF_THE_PLATFORM.search(name))


_TYPES = {
    "string": "text", "phone": "text", "email": "text", "picklist": "select", "combobox": "text", "url": "url",
    "textarea": "textarea", "multipicklist": "multiselect", "boolean": "boolean", "date": "date",
    "datetime": "datetime", "time": "text", "int": "integer", "long": "integer", "double": "decimal",
    "currency": "decimal", "percent": "decimal", "reference": "reference", "id": "id", "encryptedstring": "text",
}  # fmt: skip


def object_schema(described: Mapping[str, Any]) -> ObjectSchema:
    """The fields that a query can select as plain values: no compounds, no bodies."""
    is_multi_currency = any(one["name"] == _CURRENCY for one in described["fields"])
    fields = {
        one["name"]: FieldSchema(
            name=one["name"],
            label=one["label"],
            type=_TYPES[one["type"]],
            max_length=one["length"] or None,
            required=one["createable"] and not one["nillable"] and not one["defaultedOnCreate"],
            choices=tuple(value["value"] for value in one["picklistValues"] or () if value["active"]),
            writable=one["createable"],
            is_custom=one["custom"],
            is_business=one["name"] not in NEVER_BUSINESS_FIELDS,
            refers_to=tuple(one["referenceTo"] or ()),
            name_path=_name_path(one),
            currency_field=_CURRENCY if one["type"] == "currency" and is_multi_currency else None,
        )
        for one in described["fields"]
        if one["type"] in _TYPES
    }
    return ObjectSchema(name=described["name"], label=described["label"], fields=fields, is_custom=described["custom"])


_CURRENCY = "CurrencyIsoCode"
# What stands for a name where an object has no field Name.
_NAME_FIELDS = {
    "Case": "CaseNumber", "Contract": "ContractNumber", "ContractLineItem": "LineItemNumber", "Event": "Subject",
    "Idea": "Title", "Order": "OrderNumber", "OrderItem": "OrderItemNumber", "ServiceAppointment": "AppointmentNumber",
    "Solution": "SolutionName", "Task": "Subject", "WorkOrder": "WorkOrderNumber",
    "WorkOrderLineItem": "LineItemNumber", "ContentDocument": "Title", "ContentVersion": "Title",
}  # fmt: skip


def _name_path(field: Mapping[str, Any]) -> str | None:
    """By which path the name of a reference's parent is read. Of one of several objects it is `Name` for all of them."""
    parents = field["referenceTo"] or ()
    if not parents or not field["relationshipName"]:
        return None
    return f"{field['relationshipName']}.{_NAME_FIELDS.get(parents[0], 'Name') if len(parents) == 1 else 'Name'}"
