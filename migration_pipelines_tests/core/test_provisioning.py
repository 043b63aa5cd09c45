"""What the target must have before the first record is sent."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.mapping import ObjectMapping
from migration_pipelines.core.provisioning import WantedField, WantedPipeline, schema_after, work_out_wanted
from migration_pipelines.core.rules import RuleBook
from migration_pipelines.core.schema import FieldSchema, ObjectSchema, OrgSchema

RULES = RuleBook()


@RULES.rule(reads=("Street",), makes="textarea")
def address(*_: Any) -> None: ...


SOURCE = OrgSchema(
    crm="salesforce",
    identity="salesforce:1",
    objects={
        "Contact": ObjectSchema(
            name="Contact",
            fields={
                one.name: one
                for one in (
                    FieldSchema(name="Short", label="Short text", max_length=255),
                    FieldSchema(name="Long", label="Long text", max_length=257),
                    FieldSchema(name="Amount", label="Amount", type="decimal"),
                    FieldSchema(name="Flag", label="Flag", type="boolean"),
                    FieldSchema(name="Kind", label="Kind", type="select", choices=("a", "b")),
                    FieldSchema(name="Parent", label="Parent", type="reference"),
                    FieldSchema(name="Nameless", type="date"),
                )
            },
        )
    },
)
TARGET = OrgSchema(
    crm="kommo",
    identity="kommo:1",
    objects={"contacts": ObjectSchema(name="contacts", fields={"name": FieldSchema(name="name")})},
)


def wanted(fields: dict[str, Any], **extra: Any) -> Any:
    route = {"source": "Contact", "target": "contacts", "fields": fields}
    mapping = ObjectMapping.model_validate({"routes": [route], **extra})
    return work_out_wanted({"contacts": mapping}, SOURCE, TARGET, RULES)


@pytest.mark.parametrize(
    ("row", "field_type", "label"),
    [
        ({"from": "Short"}, "text", "Short text"),
        ({"from": "Long"}, "textarea", "Long text"),
        ({"from": "Amount"}, "decimal", "Amount"),
        ({"from": "Flag"}, "boolean", "Flag"),
        ({"from": "Parent"}, "text", "Parent"),
        ({"from": "Nameless"}, "date", "Some field"),
        ({"from": "Amount", "convert": "whole_units"}, "decimal", "Amount"),
        ({"from": "Kind", "table": "t"}, "text", "Kind"),
        ({"rule": "address"}, "textarea", "Some field"),
        ({"value": "constant"}, "text", "Some field"),
        ({"from": "Unheard_of"}, "text", "Some field"),
        ({"from": "Short", "label": "Of our own"}, "text", "Of our own"),
        ({"rule": "address", "label": "Of our own"}, "textarea", "Of our own"),
    ],
)
def test_a_field_that_the_target_lacks_is_wanted_as_the_mapping_needs_it(row: Any, field_type: str, label: str) -> None:
    """COMMON-36, SF-KOMMO-48."""
    (field,) = wanted({"SF_SOME_FIELD": row}, tables={"t": {}}).fields

    assert field == WantedField("contacts", "SF_SOME_FIELD", label, field_type)


def test_a_select_keeps_its_choices() -> None:
    """SF-KOMMO-48."""
    (field,) = wanted({"KIND": {"from": "Kind"}}).fields

    assert (field.type, field.choices) == ("select", ("a", "b"))


def test_a_field_that_is_there_is_not_wanted_again() -> None:
    assert wanted({"name": {"from": "Short"}}).fields == ()


def test_the_stages_of_the_table_become_a_pipeline_in_their_order_each_once() -> None:
    """SF-KOMMO-47: closed stages are the target's own."""
    table = {
        "Qualify": "First talk",
        "Meet": "First talk",
        "Offer": "Offer",
        "Closed Won": "won",
        "Closed Lost": "lost",
    }
    fields = {"pipeline": {"value": "Salesforce"}, "status": {"from": "Kind", "table": "stages"}}

    found = wanted(fields, tables={"stages": table})

    assert found.pipelines == (WantedPipeline("Salesforce", ("First talk", "Offer")),)


def test_two_objects_may_share_a_pipeline_which_then_has_the_stages_of_both() -> None:
    """SF-KOMMO-47."""

    def file(stages: dict[str, str]) -> ObjectMapping:
        fields = {"pipeline": {"value": "Salesforce"}, "status": {"from": "Kind", "table": "stages"}}
        route = {"source": "Contact", "target": "contacts", "fields": fields}
        return ObjectMapping.model_validate({"routes": [route], "tables": {"stages": stages}})

    mappings = {"leads": file({"Open": "New"}), "opportunities": file({"Offer": "Offer", "Open": "New"})}
    found = work_out_wanted(mappings, SOURCE, TARGET, RuleBook())

    assert found.pipelines == (WantedPipeline("Salesforce", ("New", "Offer")),)


def test_a_plan_is_measured_against_the_schema_as_it_will_be() -> None:
    """COMMON-36: fields that are yet to be made have their limits already."""
    found = wanted({"SHORT": {"from": "Short"}, "LONG": {"from": "Long"}, "KIND": {"from": "Kind"}})

    after = schema_after(TARGET, found).objects["contacts"].fields

    assert list(after) == ["name", "SHORT", "LONG", "KIND"]
    assert (after["SHORT"].max_length, after["LONG"].max_length) == (256, None)
    assert after["KIND"].choices == ("a", "b")
    assert list(TARGET.objects["contacts"].fields) == ["name"]


WARRANTY = ObjectSchema(
    name="Warranty__c",
    fields={
        one.name: one
        for one in (
            FieldSchema(name="Ends", label="Ends on", type="date"),
            FieldSchema(name="Level", label="Level", type="select", choices=("a", "b")),
        )
    },
)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"from": "Ends"}, WantedField("contacts", "x", "Ends on", "date")),
        ({"from": "Level", "many": "newest"}, WantedField("contacts", "x", "Level", "select", ("a", "b"))),
        ({"from": "Ends", "many": "lines", "label": "All"}, WantedField("contacts", "x", "All", "textarea")),
    ],
)
def test_a_field_that_reads_child_rows_is_of_the_childs_type_and_of_several_lines_a_text_area(
    row: dict[str, Any], field: WantedField
) -> None:
    """SF-KOMMO-77."""
    source = SOURCE.model_copy(update={"objects": {**SOURCE.objects, "Warranty__c": WARRANTY}})
    route = {"source": "Contact", "target": "contacts", "fields": {"x": {"child": "Warranty__c", **row}}}
    mapping = ObjectMapping.model_validate({"routes": [route]})

    assert work_out_wanted({"contacts": mapping}, source, TARGET, RULES).fields == (field,)
