"""Rows of EntityDefinition and FieldDefinition, made of the describes."""

from collections.abc import Iterator, Mapping

from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject

ENTITIES, FIELDS = "EntityDefinition", "FieldDefinition"
NO_ID = "000000000000000AAA"

_DATA_TYPES: Mapping[str, str] = {
    "id": "Lookup()",
    "boolean": "Checkbox",
    "date": "Date",
    "datetime": "Date/Time",
    "time": "Time",
    "email": "Email",
    "phone": "Phone",
    "url": "URL({length})",
    "string": "Text({length})",
    "encryptedstring": "Text (Encrypted)({length})",
    "picklist": "Picklist",
    "combobox": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "address": "Address",
    "location": "Geolocation",
    "currency": "Currency({whole}, {scale})",
    "double": "Number({whole}, {scale})",
    "percent": "Percent({whole}, {scale})",
    "int": "Number({digits}, 0)",
    "base64": "Base64",
}


def entity_rows(catalogue: Catalogue) -> Iterator[dict[str, object]]:
    for obj in _objects(catalogue):
        answer = obj.answer
        yield {
            "Id": NO_ID,
            "DurableId": obj.name,
            "QualifiedApiName": obj.name,
            "DeveloperName": _developer_name(obj.name),
            "MasterLabel": answer["label"],
            "Label": answer["label"],
            "PluralLabel": answer["labelPlural"],
            "KeyPrefix": obj.key_prefix,
            "IsQueryable": answer["queryable"],
            "IsCustomSetting": answer["customSetting"],
            "IsCustomizable": answer["layoutable"],
            "IsApexTriggerable": answer["triggerable"],
            "IsTriggerable": answer["triggerable"],
            "IsSearchable": answer["searchable"],
            "IsRetrieveable": answer["retrieveable"],
            "IsReplicateable": answer["replicateable"],
            "IsDeprecatedAndHidden": answer["deprecatedAndHidden"],
        }


def field_rows(catalogue: Catalogue) -> Iterator[dict[str, object]]:
    for obj in _objects(catalogue):
        for field in obj.all_fields.values():
            yield _field_row(obj, field)


def _objects(catalogue: Catalogue) -> Iterator[SObject]:
    """Hidden objects stand in the definitions too."""
    return (obj for obj in catalogue.everything() if not obj.is_tooling)


def _field_row(obj: SObject, field: Field) -> dict[str, object]:
    answer = field.answer
    return {
        "Id": NO_ID,
        "DurableId": f"{obj.name}.{field.name}",
        "QualifiedApiName": field.name,
        "EntityDefinitionId": obj.name,
        "DeveloperName": _developer_name(field.name),
        "MasterLabel": field.label,
        "Label": field.label,
        "Length": answer["length"],
        "DataType": _data_type(field),
        "Precision": answer["precision"],
        "Scale": answer["scale"],
        "RelationshipName": answer["relationshipName"],
        "ExtraTypeInfo": answer["extraTypeInfo"],
        "IsNillable": answer["nillable"],
        "IsCalculated": answer["calculated"],
        "IsCompound": not field.is_stored,
        "IsIndexed": field.type in ("id", "reference") or answer["externalId"] or answer["unique"],
        "IsNameField": answer["nameField"],
        "IsPolymorphicForeignKey": field.is_polymorphic,
        "IsApiFilterable": answer["filterable"],
        "IsApiGroupable": answer["groupable"],
        "IsApiSortable": answer["sortable"],
    }


def _data_type(field: Field) -> str:
    """As the setup pages write it: `Text(80)`, `Currency(16, 2)`, `Lookup(Account)`."""
    answer = field.answer
    if field.type == "reference":
        return f"Lookup({','.join(field.reference_to)})"
    if field.type == "textarea":
        return "Text Area(255)" if answer["length"] <= 255 else f"Long Text Area({answer['length']})"
    whole = answer["precision"] - answer["scale"]
    pattern = _DATA_TYPES.get(field.type, field.type)
    return pattern.format(length=answer["length"], whole=whole, scale=answer["scale"], digits=answer["digits"] or 9)


def _developer_name(api_name: str) -> str:
    return api_name.removesuffix("__c").split("__")[-1]
