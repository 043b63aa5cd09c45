"""A Salesforce describe answer -> our schema."""

from __future__ import annotations

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

# Objects whose rows are the platform's own business, so that no disposition is asked for them.
NEVER_BUSINESS_OBJECTS = frozenset({
    "Organization", "OpportunityStage", "RecordType", "Profile", "UserRole", "CurrencyType", "EntityDefinition",
    "FieldDefinition", "TaskStatus", "TaskPriority", "CaseStatus", "PermissionSet", "PermissionSetAssignment",
})  # fmt: skip

_TYPES = {
    "string": "text", "phone": "text", "email": "text", "picklist": "select", "combobox": "text", "url": "url",
    "textarea": "textarea", "multipicklist": "multiselect", "boolean": "boolean", "date": "date",
    "datetime": "datetime", "time": "text", "int": "integer", "long": "integer", "double": "decimal",
    "currency": "decimal", "percent": "decimal", "reference": "reference", "id": "id", "encryptedstring": "text",
}  # fmt: skip


def object_schema(described: Mapping[str, Any]) -> ObjectSchema:
    """The fields that a query can select as plain values: no compounds, no bodies."""
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
        )
        for one in described["fields"]
        if one["type"] in _TYPES
    }
    return ObjectSchema(name=described["name"], label=described["label"], fields=fields, is_custom=described["custom"])
