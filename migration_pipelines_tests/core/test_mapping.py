"""The mapping language: what a file may say, what it may not, and that whoever misspells is told so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from migration_pipelines.core.mapping import EmptyTest, FieldMap, ObjectMapping, ReferenceMap, Route, route_key, rows_of

CONTACT: dict[str, Any] = {"source": "Contact", "target": "contacts"}


def read(model: Any, content: Any) -> Any:
    return model.model_validate(content)


def test_a_field_that_comes_from_one_source_field() -> None:
    row = read(FieldMap, {"from": "Email", "convert": "strip", "required": True})

    assert (row.sources, row.convert, row.required) == (("Email",), ["strip"], True)


def test_a_field_that_comes_from_several() -> None:
    assert read(FieldMap, {"from": ["A", "B"], "convert": ["first"]}).sources == ("A", "B")


def test_a_field_that_comes_from_child_rows_reads_nothing_of_the_record_itself() -> None:
    """SF-KOMMO-77: more than one row holds the record, unless the field says otherwise."""
    row = read(FieldMap, {"child": "Warranty__c", "from": "Serial__c"})
    route = read(Route, CONTACT | {"fields": {"a": {"child": "W", "from": ["S", "T"]}, "b": {"from": "U"}}})

    assert (row.sources, row.names, row.many) == ((), ("Serial__c",), "hold")
    assert (route.reads, route.reads_of("W"), route.reads_of("V")) == ({"U"}, {"S", "T"}, frozenset())


def test_a_single_converter_with_options_needs_no_list() -> None:
    assert read(FieldMap, {"from": "Phone", "convert": {"phone": {"region": "TR"}}}).convert == [
        {"phone": {"region": "TR"}}
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param({}, "exactly one of from:, value:, rule: and decision:", id="nothing"),
        pytest.param({"from": "A", "value": 1}, "exactly one of from:, value:, rule: and decision:", id="two origins"),
        pytest.param({"from": "A", "rule": "r"}, "exactly one of from:, value:, rule: and decision:", id="field and rule"),
        pytest.param({"value": 1, "convert": "text"}, "work on a value that comes from:", id="converted constant"),
        pytest.param({"rule": "r", "table": "t"}, "work on a value that comes from:", id="table on a rule"),
        pytest.param({"from": []}, "at least one source field", id="from no field"),
        pytest.param({"from": "A", "many": "lines"}, "about the rows of a child:", id="many of one"),
        pytest.param({"rule": "r", "child": "C"}, "says whose rows a value comes from:", id="rule of a child"),
        pytest.param({"from": "A", "child": "C", "many": "all"}, "'hold', 'newest' or 'lines'", id="unknown many"),
        pytest.param({"from": ["A", "B"], "table": "t"}, "just one where table:", id="table on two fields"),
        pytest.param(
            {"from": "A", "convert": [{"phone": {}, "text": {}}]}, r"written \{name: \{option: value\}\}", id="two in one"
        ),
    ],
)  # fmt: skip
def test_a_field_says_one_thing(row: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(FieldMap, row)


@pytest.mark.parametrize("value", [False, 0, ""])
def test_false_zero_and_empty_text_are_constants(value: Any) -> None:
    row = read(FieldMap, {"value": value})

    assert (row.value, type(row.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"to": "users"}, "exactly one of from: and rule:"),
        ({"from": "A", "rule": "r", "to": "users"}, "exactly one of from: and rule:"),
        ({"from": "A", "to": []}, "at least one CRM object"),
        ({"from": "A", "to": "users", "if_empty": "ignore"}, "'hold' or 'bare'"),
    ],
)
def test_a_reference_says_one_thing(row: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(ReferenceMap, row)


def test_a_reference_holds_in_all_three_cases_unless_told_otherwise() -> None:
    row = read(ReferenceMap, {"from": "OwnerId", "to": "users"})

    assert (row.to, row.if_empty, row.if_unknown, row.if_held) == (("users",), "hold", "hold", "hold")


KEYS = {
    FieldMap: (
        {"from": "A"},
        {"from", "from_", "value", "table", "convert", "rule", "default", "required", "apart_on", "only_if", "label", "child",
         "many"},
    ),
    ReferenceMap: (
        {"from": "A", "to": "users"},
        {"from", "from_", "rule", "to", "unless", "into", "through", "if_empty", "if_unknown", "if_held"},
    ),
    Route: (
        CONTACT,
        {"source", "target", "cardinality", "support", "when", "unless", "only_if", "after", "carried_by", "fields", "references",
         "made_by_platform", "optional", "lost", "undecided"},
    ),
    ObjectMapping: ({"routes": []}, {"routes", "tables"}),
}  # fmt: skip


@pytest.mark.parametrize("model", KEYS, ids=lambda model: model.__name__)
@given(data=st.data())
def test_an_unknown_key_is_refused_by_its_name(model: Any, data: st.DataObject) -> None:
    content, known = KEYS[model]
    key = data.draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    assume(key not in known)

    with pytest.raises(ValidationError) as refused:
        read(model, content | {key: "anything"})

    assert [(one["type"], one["loc"]) for one in refused.value.errors()] == [("extra_forbidden", (key,))]


def test_a_misspelt_key_deep_in_a_file_is_named_with_its_place() -> None:
    content = {"routes": [CONTACT | {"fields": {"EMAIL": {"from": "Email", "requird": True}}}]}

    with pytest.raises(ValidationError) as refused:
        read(ObjectMapping, content)

    assert refused.value.errors()[0]["loc"] == ("routes", 0, "fields", "EMAIL", "requird")


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"fields": {"a": {"from": "A"}}, "references": {"a": {"from": "B", "to": "users"}}}, "filled twice.*: a"),
        ({"carried_by": {"X": "XId"}, "fields": {"a": {"from": "A"}}}, "neither fields: nor references:"),
        ({"carried_by": {"X": "XId", "Y": "YId"}}, "names one source object"),
        ({"lost": {"a": ""}}, "at least 1 character"),
        ({"cardinality": "many"}, "'1:1', '1:many' or 'lossy'"),
        ({"support": "partly"}, "'full', 'mapping required' or 'not supported'"),
    ],
)
def test_a_route_is_consistent(extra: dict[str, Any], says: str) -> None:
    """COMMON-11: cardinality and support status are words of a closed list; what is lost has a reason."""
    with pytest.raises(ValidationError, match=says):
        read(Route, CONTACT | extra)


def test_conditions_keep_their_kind() -> None:
    when = {"A": {"empty": False}, "B": True, "C": "Call", "D": ["x", 1], "E": 1}

    route = read(Route, CONTACT | {"when": when})

    assert route.when == {"A": EmptyTest(empty=False), "B": True, "C": "Call", "D": ["x", 1], "E": 1}
    assert route.when["B"] is True
    assert route.when["E"] is not True


def test_a_table_that_is_not_in_the_file_is_named() -> None:
    with pytest.raises(ValidationError, match="status: there is no table 'stages' below tables: in this file"):
        read(ObjectMapping, {"routes": [CONTACT | {"fields": {"status": {"from": "S", "table": "stages"}}}]})


def test_two_routes_of_one_name_are_refused() -> None:
    """They would share rows to confirm and entries in the ledger: what the first one says could change unseen."""
    with pytest.raises(ValidationError, match="more than one route Contact>contacts"):
        read(ObjectMapping, {"routes": [CONTACT, CONTACT]})


def test_nothing_changes_after_reading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read(FieldMap, {"from": "A"}).required = True


def test_the_name_of_a_route_is_stable() -> None:
    assert route_key("contacts", read(Route, CONTACT)) == "contacts/Contact>contacts"


MAPPING: dict[str, Any] = {
    "routes": [
        CONTACT
        | {
            "fields": {"EMAIL": {"from": "Email"}},
            "references": {"owner": {"from": "OwnerId", "to": "users"}},
            "lost": {"Fax": "nobody has one"},
        }
    ],
    "tables": {"stages": {"New": "Open"}},
}


def rows(content: Any) -> dict[str, str]:
    return dict(rows_of("contacts", read(ObjectMapping, content)))


def test_every_row_of_a_mapping_is_confirmed_by_name() -> None:
    """COMMON-05: a person confirms fields, references, losses, tables and the head of each route."""
    assert list(rows(MAPPING)) == [
        "contacts/Contact>contacts",
        "contacts/Contact>contacts EMAIL",
        "contacts/Contact>contacts owner",
        "contacts/Contact>contacts Fax",
        "contacts table stages",
    ]


@pytest.mark.parametrize(
    ("change", "taken_back"),
    [
        ({"when": {"Email": {"empty": False}}}, "contacts/Contact>contacts"),
        ({"support": "mapping required"}, "contacts/Contact>contacts"),
        ({"fields": {"EMAIL": {"from": "Email", "convert": "strip"}}}, "contacts/Contact>contacts EMAIL"),
        ({"references": {"owner": {"from": "OwnerId", "to": "users", "if_held": "bare"}}},
         "contacts/Contact>contacts owner"),
        ({"lost": {"Fax": "another reason"}}, "contacts/Contact>contacts Fax"),
    ],
)  # fmt: skip
def test_a_change_takes_back_the_confirmation_of_its_own_row_only(change: Any, taken_back: str) -> None:
    """COMMON-05."""
    before = rows(MAPPING)
    after = rows(MAPPING | {"routes": [MAPPING["routes"][0] | change]})

    assert [name for name in before if before[name] != after[name]] == [taken_back]


def test_a_changed_value_table_takes_back_its_confirmation() -> None:
    """COMMON-05."""
    before, after = rows(MAPPING), rows(MAPPING | {"tables": {"stages": {"New": "won"}}})

    assert [name for name in before if before[name] != after[name]] == ["contacts table stages"]


def test_a_field_that_becomes_lost_is_another_row_to_confirm() -> None:
    """COMMON-05: the same name with another meaning is not confirmed."""
    lost = CONTACT | {"lost": {"EMAIL": "not wanted"}}
    mapped = CONTACT | {"fields": {"EMAIL": {"from": "EMAIL"}}}

    assert (
        rows({"routes": [lost]})["contacts/Contact>contacts EMAIL"]
        != (rows({"routes": [mapped]})["contacts/Contact>contacts EMAIL"])
    )


CARDS = {"lead": {"from": "WhatId", "to": "opportunities"}, "contact": {"from": "WhoId", "to": "contacts"}}


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        pytest.param({"references": {"a": CARDS["lead"] | {"unless": "b"}, "b": CARDS["contact"]}},
                     "a: unless: names b, which is no reference declared before it", id="declared after"),
        pytest.param({"references": {"a": CARDS["lead"] | {"unless": ["a"]}}}, "a: unless: names a", id="itself"),
        pytest.param({"references": CARDS, "fields": {"at": {"from": "A", "apart_on": ["lead", "card"]}}},
                     "at: apart_on: names card, which is no reference of this route", id="apart on nothing"),
        pytest.param({"references": {"a": CARDS["lead"] | {"into": "b"}}},
                     "a: into: names b, which is no target reference of this route", id="into nothing"),
        pytest.param({"references": {"a": CARDS["lead"], "b": CARDS["lead"] | {"into": "a"},
                                     "c": CARDS["lead"] | {"into": "b"}}},
                     "c: into: names b, which is no target reference of this route", id="into one that adds to another"),
        pytest.param({"references": {"a": CARDS["lead"], "b": CARDS["lead"] | {"through": ["a", "c"]}}},
                     "b: through: names c, which is no target reference of this route", id="through what is not there"),
        pytest.param({"references": {"a": CARDS["lead"] | {"into": "a", "through": ["a"]}}},
                     "into: and through: exclude one another", id="its parent and what that hangs on"),
    ],
)  # fmt: skip
def test_a_reference_is_named_where_there_is_one(extra: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(Route, CONTACT | extra)


def test_a_route_says_which_fields_and_rules_it_reads() -> None:
    """What is asked of the source, and what counts as disposed of, is taken from here."""
    route = read(Route, CONTACT | {
        "when": {"A": True}, "unless": {"B": "x"}, "fields": {"f": {"from": ["C", "D.Name"]}, "g": {"rule": "r"}},
        "references": {"lead": {"from": "E", "to": "users"}, "contacts": {"rule": "s", "to": "users"}},
    })  # fmt: skip

    assert (route.reads, route.rules) == ({"A", "B", "C", "D.Name", "E"}, {"r", "s"})
    assert read(Route, CONTACT | {"carried_by": {"X": "XId"}}).reads == {"XId"}


def test_a_route_says_what_it_fills_in_the_target() -> None:
    """A reference that adds to another has no counterpart of its own there, nor one that looks through its parent."""
    more = {"person": CARDS["lead"] | {"into": "contact"}, "email": CARDS["lead"] | {"through": ["contact"]}}
    route = read(Route, CONTACT | {"fields": {"f": {"from": "A"}}, "references": CARDS | more})

    assert route.fills == {"f", "lead", "contact"}


def test_a_field_is_left_out_where_the_org_has_none_of_what_it_reads() -> None:
    rows = {
        "f": {"from": "Own"},
        "g": {"from": ["Own", "Odd"]},
        "h": {"from": "Odd"},
        "i": {"value": "x"},
        "j": {"rule": "r"},
    }
    route = read(Route, CONTACT | {"fields": rows, "optional": "Odd"})

    assert set(route.without({"Odd"}).fields) == {"f", "g", "i", "j"}
    assert route.without(()) == route
