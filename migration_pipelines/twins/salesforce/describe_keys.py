"""The keys of a describe and what each is where a describe file leaves it out. Recorded from answers of API 52.0."""

from collections.abc import Mapping
from typing import Any

Describe = dict[str, Any]

_TEXT = ("xsd:string", True, True, True, True)
_NUMBER = ("xsd:double", True, True, False, True)
_ENTRIES: Mapping[str, tuple[str, bool, bool, bool, bool]] = {
    # type: soapType, aggregatable, filterable, groupable, sortable
    "string": _TEXT,
    "textarea": _TEXT,
    "picklist": _TEXT,
    "combobox": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "url": _TEXT,
    "multipicklist": ("xsd:string", False, True, False, False),
    "encryptedstring": ("xsd:string", False, False, False, False),
    "id": ("tns:ID", True, True, True, True),
    "reference": ("tns:ID", True, True, True, True),
    "boolean": ("xsd:boolean", False, True, True, True),
    "currency": _NUMBER,
    "double": _NUMBER,
    "percent": _NUMBER,
    "int": ("xsd:int", True, True, True, True),
    "long": ("xsd:long", True, True, True, True),
    "date": ("xsd:date", True, True, True, True),
    "datetime": ("xsd:dateTime", True, True, False, True),
    "time": ("xsd:time", True, True, False, True),
    "address": ("urn:address", False, True, False, False),
    "location": ("urn:location", False, True, False, False),
    "base64": ("xsd:base64Binary", False, False, False, False),
    "anyType": ("xsd:anyType", False, True, False, False),
    "complexvalue": ("xsd:anyType", False, True, False, False),
}
TEXT_TYPES = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url", "multipicklist"})
NUMBER_TYPES = frozenset({"currency", "double", "percent", "int", "long"})
LONG_TEXT = 255
"""A longer textarea can be neither filtered nor sorted nor grouped."""

_FIELD: Mapping[str, Any] = {
    "aiPredictionField": False,
    "autoNumber": False,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "caseSensitive": False,
    "compoundFieldName": None,
    "controllerName": None,
    "createable": True,
    "custom": False,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "digits": 0,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "externalId": False,
    "extraTypeInfo": None,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "inlineHelpText": None,
    "length": 0,
    "mask": None,
    "maskType": None,
    "nameField": False,
    "namePointing": False,
    "permissionable": True,
    "polymorphicForeignKey": False,
    "precision": 0,
    "referenceTargetField": None,
    "referenceTo": [],
    "relationshipName": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "restrictedPicklist": False,
    "scale": 0,
    "searchPrefilterable": False,
    "unique": False,
    "updateable": True,
    "writeRequiresMasterRead": False,
}

_OBJECT: Mapping[str, Any] = {
    "actionOverrides": [],
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "compactLayoutable": True,
    "createable": True,
    "custom": False,
    "customSetting": False,
    "deepCloneable": False,
    "defaultImplementation": None,
    "deletable": True,
    "deprecatedAndHidden": False,
    "extendedBy": None,
    "extendsInterfaces": None,
    "feedEnabled": False,
    "hasSubtypes": False,
    "implementedBy": None,
    "implementsInterfaces": None,
    "isInterface": False,
    "isSubtype": False,
    "keyPrefix": None,
    "layoutable": True,
    "listviewable": None,
    "lookupLayoutable": None,
    "mergeable": False,
    "mruEnabled": True,
    "namedLayoutInfos": [],
    "networkScopeFieldName": None,
    "queryable": True,
    "replicateable": True,
    "retrieveable": True,
    "searchLayoutable": True,
    "searchable": True,
    "sobjectDescribeOption": "FULL",
    "supportedScopes": [
        {"label": "All", "name": "everything"},
        {"label": "My", "name": "mine"},
    ],
    "triggerable": True,
    "undeletable": True,
    "updateable": True,
}

GLOBAL_KEYS = (
    *("activateable", "associateEntityType", "associateParentEntity", "createable", "custom", "customSetting"),
    *("deepCloneable", "deletable", "deprecatedAndHidden", "feedEnabled", "hasSubtypes", "isInterface", "isSubtype"),
    *("keyPrefix", "label", "labelPlural", "layoutable", "mergeable", "mruEnabled", "name", "queryable"),
    *("replicateable", "retrieveable", "searchable", "triggerable", "undeletable", "updateable", "urls"),
)
"""What an entry of `GET sobjects` carries of an object's describe."""

MASTER_RECORD_TYPE = "012000000000000AAA"


def whole_field(given: Describe) -> Describe:
    """A field's describe with every key, in the order of the alphabet as the real one has it.

    Raises:
        KeyError: no name or no type.
    """
    kind = given["type"]
    soap_type, aggregatable, filterable, groupable, sortable = _ENTRIES.get(kind, _ENTRIES["anyType"])
    plain = not (kind == "textarea" and given.get("length", 0) > LONG_TEXT)
    is_id = kind in ("id", "reference")
    by_type: Describe = {
        "label": given["name"],
        "length": 18 if is_id else 0,
        "soapType": soap_type,
        "aggregatable": aggregatable and plain,
        "filterable": filterable and plain,
        "groupable": groupable and plain,
        "sortable": sortable and plain,
        "nillable": kind not in ("boolean", "id"),
        "defaultedOnCreate": kind in ("boolean", "id"),
        "defaultValue": False if kind == "boolean" else None,
        "idLookup": kind == "id",
        "queryByDistance": kind in ("address", "location"),
    }
    whole = {**_FIELD, **by_type, **given}
    whole.setdefault("byteLength", whole["length"] * (1 if is_id else 3))
    whole["picklistValues"] = [_picklist_entry(value) for value in given.get("picklistValues", [])]
    return dict(sorted(whole.items()))


def whole_object(given: Describe) -> Describe:
    """An object's describe with every key but `fields`, `childRelationships`, `recordTypeInfos` and `urls`."""
    return {**_OBJECT, "label": given["name"], "labelPlural": given["name"], **given}


def relationship(child: str, field: Describe, name: str | None) -> Describe:
    """An entry of a parent's `childRelationships`.

    Args:
        child: the child object.
        field: the describe of its reference.
    """
    return {
        "cascadeDelete": field["cascadeDelete"],
        "childSObject": child,
        "deprecatedAndHidden": False,
        "field": field["name"],
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": name,
        "restrictedDelete": field["restrictedDelete"],
    }


def record_type_info(
    *,
    name: str,
    developer_name: str,
    record_type_id: str,
    is_master: bool,
    is_default: bool,
    url: str,
    active: bool = True,
) -> Describe:
    return {
        "active": active,
        "available": active,
        "defaultRecordTypeMapping": is_default,
        "developerName": developer_name,
        "master": is_master,
        "name": name,
        "recordTypeId": record_type_id,
        "urls": {"layout": url},
    }


def _picklist_entry(value: str | Describe) -> Describe:
    given = {"value": value} if isinstance(value, str) else value
    return {"active": True, "defaultValue": False, "label": given["value"], "validFor": None, **given}
