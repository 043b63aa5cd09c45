"""What of an org is not as it was, in words."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.changes import changes
from migration_pipelines.core.provisioning import WantedPipeline
from migration_pipelines.core.schema import FieldSchema, ObjectSchema, OrgSchema

SIZE = FieldSchema(name="SIZE", type="select", choices=("small", "large"))
NOTE = FieldSchema(name="NOTE", type="text", max_length=256)
SALES = {"name": "Sales", "stages": ["New", "Offer"]}
TOUCHED = {"leads": {"SIZE", "NOTE"}, "tasks": {"text"}}
NEEDED = [WantedPipeline("Sales", ("New", "Offer"))]


def org(
    *fields: FieldSchema, pipelines: tuple[dict[str, Any], ...] = (SALES,), more: tuple[str, ...] = ("tasks",)
) -> OrgSchema:
    objects = {"leads": ObjectSchema(name="leads", fields={one.name: one for one in fields})}
    objects |= {name: ObjectSchema(name=name) for name in more}
    return OrgSchema(crm="kommo", identity="kommo:1", objects=objects, facts={"pipelines": pipelines})


BEFORE = org(SIZE, NOTE)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        pytest.param(org(SIZE, NOTE), [], id="nothing"),
        pytest.param(org(SIZE), ["leads.NOTE is gone"], id="field gone"),
        pytest.param(org(SIZE, NOTE, more=()), ["tasks is gone"], id="object gone"),
        pytest.param(
            org(SIZE, FieldSchema(name="NOTE", type="textarea")),
            ["leads.NOTE was text and is textarea", "leads.NOTE took 256 characters and takes any number"],
            id="another type",
        ),
        pytest.param(
            org(SIZE.model_copy(update={"required": True, "writable": False}), NOTE),
            ["leads.SIZE may not be empty any more", "leads.SIZE cannot be written any more"],
            id="stricter",
        ),
        pytest.param(
            org(SIZE.model_copy(update={"choices": ("large", "huge")}), NOTE),
            ["leads.SIZE has lost the choice 'small'", "leads.SIZE has got the choice 'huge'"],
            id="choices",
        ),
        pytest.param(org(SIZE, NOTE, pipelines=()), ["pipeline 'Sales' is gone"], id="pipeline gone"),
        pytest.param(
            org(SIZE, NOTE, pipelines=({"name": "Sales", "stages": ["New", "Deal"]},)),
            ["pipeline 'Sales' has no stage 'Offer' any more"],
            id="stage renamed",
        ),
    ],
)
def test_what_a_mapping_needs_and_is_not_as_it_was_is_named(now: OrgSchema, says: list[str]) -> None:
    assert changes(BEFORE, now, TOUCHED, NEEDED) == says


def test_what_no_mapping_needs_and_what_has_only_appeared_is_no_change() -> None:
    other = {"name": "Other", "stages": ["New"]}
    fuller = org(SIZE, NOTE, FieldSchema(name="X"), pipelines=(SALES, other), more=("tasks", "notes"))

    assert changes(BEFORE, fuller, TOUCHED, NEEDED) == []
    assert changes(fuller, BEFORE, TOUCHED, NEEDED) == []
