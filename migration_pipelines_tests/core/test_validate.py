"""Does a planned record fit the target? Asked before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.records import HoldReason, Planned
from migration_pipelines.core.schema import FieldSchema, ObjectSchema
from migration_pipelines.core.validate import validate

CONTACTS = ObjectSchema(
    name="contacts",
    fields={
        "name": FieldSchema(name="name", max_length=5, required=True),
        "about": FieldSchema(name="about", type="textarea"),
        "phones": FieldSchema(name="phones", type="multitext", max_length=5),
        "kind": FieldSchema(name="kind", type="select", choices=("warm", "cold")),
        "tags": FieldSchema(name="tags", type="multiselect", choices=("a", "b")),
        "free": FieldSchema(name="free", type="select"),
        "size": FieldSchema(name="size", type="integer", max_value=300),
    },
)


def problems(**values: Any) -> list[tuple[HoldReason, str, Any]]:
    return [(one.reason, one.field, one.value) for one in validate(Planned("003A", values), CONTACTS)]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"name": "12345"}, id="exactly as long as allowed"),
        pytest.param({"name": "ğüşıö"}, id="length is counted in characters, not bytes"),
        pytest.param({"about": "x" * 10_000}, id="no limit is known"),
        pytest.param({"kind": "warm", "tags": ["a", "b"]}, id="choices"),
        pytest.param({"kind": None, "tags": []}, id="nothing is always a choice"),
        pytest.param({"free": "whatever"}, id="a select whose choices are not known"),
        pytest.param({"phones": [{"value": "12345"}, {"value": "1"}]}, id="each of several values is short enough"),
        pytest.param({"size": 300}, id="exactly as large as allowed"),
        pytest.param({"unknown": "x"}, id="a field that the schema does not describe"),
        pytest.param({}, id="a field that is left alone"),
    ],
)
def test_what_fits_is_fine(values: dict[str, Any]) -> None:
    assert problems(**values) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"size": 301}, (HoldReason.TOO_LARGE, "size", 301), id="larger than allowed"),
        pytest.param({"name": "123456"}, (HoldReason.TOO_LONG, "name", "123456"), id="too long"),
        pytest.param(
            {"phones": [{"value": "1"}, {"value": "123456"}]}, (HoldReason.TOO_LONG, "phones", "123456"),
            id="one of several too long",
        ),
        pytest.param({"name": "x" * 500}, (HoldReason.TOO_LONG, "name", "x" * 80), id="the report shows the beginning"),
        pytest.param({"kind": "hot"}, (HoldReason.VALUE_NOT_MAPPED, "kind", "hot"), id="no choice"),
        pytest.param({"kind": "Warm"}, (HoldReason.VALUE_NOT_MAPPED, "kind", "Warm"), id="choices go by the letter"),
        pytest.param({"tags": ["a", "c"]}, (HoldReason.VALUE_NOT_MAPPED, "tags", "c"), id="one of several no choice"),
        pytest.param({"name": " "}, (HoldReason.MISSING_REQUIRED, "name", None), id="required and blank"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_held_with_the_reason(values: dict[str, Any], expected: Any) -> None:
    assert problems(**values) == [expected]


def test_every_misfit_is_reported() -> None:
    found = problems(name=None, about="fine", phones=[{"value": "123456"}, {"value": "1234567"}], kind="hot")

    assert [reason for reason, _, _ in found] == [
        HoldReason.TOO_LONG,
        HoldReason.TOO_LONG,
        HoldReason.VALUE_NOT_MAPPED,
        HoldReason.MISSING_REQUIRED,
    ]


def test_the_message_says_both_lengths() -> None:
    (problem,) = validate(Planned("003A", {"name": "123456"}), CONTACTS)

    assert problem.message == "name takes 5 characters, the value has 6"
