"""The pure middle: every record is planned, held, excluded or carried, with every reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from migration_pipelines.core.mapping import ObjectMapping
from migration_pipelines.core.records import (
    HoldReason,
    KnownParent,
    Outcome,
    Planned,
    Problem,
    SourceRecord,
    SymbolicReference,
    Transformed,
)
from migration_pipelines.core.rules import RuleBook, WithNotes
from migration_pipelines.core.transform import CompiledRoute, compile_route, is_empty, transform
from migration_pipelines.errors import MappingError

RULES = RuleBook()


@RULES.rule(reads=("First", "Last"))
def full_name(record: SourceRecord, decisions: Mapping[str, Any]) -> Any:
    return f"{decisions['prefix']}{record.values['First']} {record.values['Last']}"


@RULES.rule(reads=("Last",))
def doubtful(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return WithNotes(record.values["Last"], [Problem(HoldReason.BAD_VALUE, "looks odd", holds=False)])


@RULES.rule(reads=("Last",))
def refusing(_record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return Problem(HoldReason.BAD_VALUE, "never good enough")


@RULES.rule(reads=("Several",))
def several(record: SourceRecord, _decisions: Mapping[str, Any]) -> Any:
    return list(record.values["Several"] or ())


def compile_(route: Mapping[str, Any], tables: Any = None) -> CompiledRoute:
    content = {"routes": [{"source": "Contact", "target": "contacts", **route}], "tables": tables or {}}
    mapping = ObjectMapping.model_validate(content)
    return compile_route(
        "contacts", mapping.routes[0], tables=mapping.tables, rules=RULES, decisions={"prefix": "Dr "},
        homes={"Deal": "opportunities"},
    )  # fmt: skip


def run(route: Mapping[str, Any], values: Mapping[str, Any], known: Any = None, tables: Any = None) -> Transformed:
    return transform([SourceRecord("Contact", "003A", values)], compile_(route, tables), known or {})


def field(row: Mapping[str, Any], values: Mapping[str, Any], tables: Any = None) -> Any:
    """What one target field is planned to hold."""
    return run({"fields": {"x": row}}, values, tables=tables).planned[0].values["x"]


def reasons(done: Transformed) -> list[HoldReason]:
    return [problem.reason for problem in done.held["003A"]]


@pytest.mark.parametrize(
    ("row", "values", "expected"),
    [
        pytest.param({"from": "A"}, {"A": "as it is "}, "as it is ", id="a field is not touched"),
        pytest.param({"from": "A"}, {"A": "  "}, None, id="blanks are nothing, and clear the target"),
        pytest.param({"from": "A"}, {"A": False}, False, id="false is a value"),
        pytest.param({"from": "A"}, {"A": 0}, 0, id="zero is a value"),
        pytest.param({"from": "A", "default": 0}, {"A": None}, 0, id="a default fills what is empty"),
        pytest.param({"from": "A", "default": 5}, {"A": 0}, 0, id="a default does not replace zero"),
        pytest.param({"from": "A", "convert": "strip", "default": "-"}, {"A": " x "}, "x", id="converted"),
        pytest.param({"value": False}, {}, False, id="a constant"),
        pytest.param({"from": ["A", "B"], "convert": "first"}, {"A": None, "B": "b"}, "b", id="the first of several"),
        pytest.param({"rule": "full_name"}, {"First": "Ada", "Last": "Lovelace"}, "Dr Ada Lovelace", id="a rule"),
        pytest.param({"from": "A", "table": "t"}, {"A": "New"}, "Open", id="a table"),
        pytest.param({"from": "A", "table": "t"}, {"A": None}, None, id="nothing is not looked up"),
        pytest.param({"from": "A", "table": "t"}, {"A": "Gone"}, None, id="a table may say nothing"),
        pytest.param({"from": "A", "table": "t", "default": "-"}, {"A": "Gone"}, "-", id="which a default fills"),
    ],
)
def test_a_field_is_filled(row: Any, values: Any, expected: Any) -> None:
    assert field(row, values, tables={"t": {"New": "Open", "Gone": ""}}) == expected


@pytest.mark.parametrize(
    ("row", "values", "reason", "named"),
    [
        pytest.param(
            {"from": "A", "required": True}, {"A": " "}, HoldReason.MISSING_REQUIRED, "A", id="required and empty"
        ),
        pytest.param(
            {"from": "A", "table": "t", "required": True}, {"A": "Old"}, HoldReason.VALUE_NOT_MAPPED, "A",
            id="not in its table; that it is then empty is no second problem",
        ),
        pytest.param({"from": "A", "convert": "day"}, {"A": "soon"}, HoldReason.BAD_VALUE, "A", id="not convertible"),
        pytest.param({"rule": "refusing"}, {"Last": "x"}, HoldReason.BAD_VALUE, "refusing", id="a rule refuses"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_holds_its_record(row: Any, values: Any, reason: HoldReason, named: str) -> None:
    done = run({"fields": {"x": row}}, values, tables={"t": {"New": "Open"}})

    assert done.planned == []
    assert [(one.reason, one.field) for one in done.held["003A"]] == [(reason, named)]


def test_every_problem_of_a_record_is_reported() -> None:
    route = {
        "fields": {
            "last_name": {"from": "Last", "required": True},
            "born": {"from": "Born", "convert": "day"},
            "status": {"from": "Status", "table": "t"},
        },
        "references": {"owner": {"from": "OwnerId", "to": "users"}, "company": {"from": "AccountId", "to": "accounts"}},
    }
    values = {"Last": None, "Born": "soon", "Status": "Old", "OwnerId": "005X", "AccountId": None}

    done = run(route, values, tables={"t": {}})

    assert reasons(done) == [
        HoldReason.MISSING_REQUIRED,
        HoldReason.BAD_VALUE,
        HoldReason.VALUE_NOT_MAPPED,
        HoldReason.OWNER_UNRESOLVED,
        HoldReason.REFERENCE_EMPTY,
    ]


def test_a_problem_that_does_not_hold_keeps_the_value_and_is_listed() -> None:
    """SF-KOMMO-66: a number that cannot be normalised is carried as it was typed."""
    done = run({"fields": {"x": {"from": "A", "convert": {"phone": {"region": "US"}}}}}, {"A": "reception"})

    (planned,) = done.planned
    assert planned.values == {"x": "reception"}
    assert [(note.reason, note.field) for note in planned.notes] == [(HoldReason.BAD_VALUE, "A")]
    assert done.held == {}


def test_the_notes_of_a_rule_are_listed() -> None:
    (planned,) = run({"fields": {"x": {"rule": "doubtful"}}}, {"Last": "Zz"}).planned

    assert (planned.values["x"], [note.message for note in planned.notes]) == ("Zz", ["looks odd"])


OWNER = {"references": {"owner": {"from": "OwnerId", "to": "users"}}}
PLANNED_PARENT = KnownParent("accounts/Account>companies", Outcome.PLANNED)
HELD_PARENT = KnownParent("accounts/Account>companies", Outcome.HELD)
CASES: dict[str, tuple[str | None, dict[tuple[str, str], KnownParent]]] = {
    "if_empty": (None, {}),
    "if_unknown": ("001X", {}),
    "if_held": ("001X", {("accounts", "001X"): HELD_PARENT}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("decided", CASES)
def test_an_empty_an_unknown_and_a_held_parent_are_decided_apart(case: str, decided: str) -> None:
    """COMMON-06: `bare` for one of the three lets through that one only."""
    source_id, known = CASES[case]
    row = {"from": "AccountId", "to": "accounts", decided: "bare"}

    done = run({"references": {"company": row}}, {"AccountId": source_id}, known)

    if case == decided:
        assert done.planned == [Planned("003A", {}, ())]
    else:
        expected = {
            "if_empty": HoldReason.REFERENCE_EMPTY,
            "if_unknown": HoldReason.PARENT_UNKNOWN,
            "if_held": HoldReason.PARENT_HELD,
        }
        assert reasons(done) == [expected[case]]


@pytest.mark.parametrize("known", [{}, {("users", "005X"): KnownParent("users/User>users", Outcome.HELD)}])
def test_a_record_whose_owner_is_unresolved_is_held(known: Any) -> None:
    """COMMON-28."""
    assert reasons(run(OWNER, {"OwnerId": "005X"}, known)) == [HoldReason.OWNER_UNRESOLVED]


@pytest.mark.parametrize("outcome", [Outcome.PLANNED, Outcome.LOADED])
def test_a_record_whose_parent_comes_over_names_it_by_source_id(outcome: Outcome) -> None:
    """COMMON-06, COMMON-28."""
    done = run(OWNER, {"OwnerId": "005X"}, {("users", "005X"): KnownParent("users/User>users", outcome)})

    assert done.planned[0].references == (SymbolicReference("owner", "users/User>users", "005X"),)


@pytest.mark.parametrize("outcome", [Outcome.EXCLUDED, Outcome.DELETED_IN_SOURCE, Outcome.FAILED, Outcome.CARRIED])
def test_a_parent_that_makes_no_record_counts_as_held(outcome: Outcome) -> None:
    known = {("accounts", "001X"): KnownParent("accounts/Account>companies", outcome)}
    row = {"references": {"company": {"from": "AccountId", "to": "accounts"}}}

    (problem,) = run(row, {"AccountId": "001X"}, known).held["003A"]
    assert (problem.reason, problem.message) == (HoldReason.PARENT_HELD, f"001X is {outcome.value}")


def test_a_reference_to_a_row_that_another_record_carries_is_one_to_that_record() -> None:
    carried = KnownParent("contacts/Account>contacts", Outcome.CARRIED, ("contacts/Contact>contacts", "003P"))
    row = {"references": {"contact": {"from": "WhatId", "to": "contacts"}}}

    (planned,) = run(row, {"WhatId": "001P"}, {("contacts", "001P"): carried}).planned

    assert planned.references == (SymbolicReference("contact", "contacts/Contact>contacts", "003P"),)


def test_a_reference_may_add_to_another_and_names_no_parent_twice() -> None:
    rows = {
        "contacts": {"rule": "several", "to": "contacts", "if_unknown": "bare"},
        "person": {"from": "AccountId", "to": "contacts", "into": "contacts", "if_unknown": "bare"},
        "company": {"from": "AccountId", "to": "accounts", "unless": "person", "if_unknown": "bare"},
    }
    one, other = (KnownParent("contacts/Contact>contacts", Outcome.PLANNED) for _ in range(2))
    known = {("contacts", "1"): one, ("contacts", "2"): other, ("accounts", "2"): PLANNED_PARENT}

    def filled(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        (planned,) = run({"references": rows}, values, known).planned
        return [(reference.field, reference.source_id) for reference in planned.references]

    assert filled({"Several": ["1"], "AccountId": "2"}) == [("contacts", "1"), ("contacts", "2")]
    assert filled({"Several": ["1", "2"], "AccountId": "2"}) == [("contacts", "1"), ("contacts", "2")]


LETTER = KnownParent(
    "activities/EmailMessage>notes", Outcome.PLANNED, references=(
        SymbolicReference("contact", "contacts/Contact>contacts", "003B"),
        SymbolicReference("created_by", "users/User>users", "005A"),
    ),
)  # fmt: skip
THROUGH = {"email": {"from": "ParentId", "to": "activities", "through": ["contact"], "if_unknown": "exclude"},
           "contact": {"from": "ParentId", "to": "contacts", "unless": "email"}}  # fmt: skip


def test_a_reference_takes_over_what_its_parent_hangs_on() -> None:
    """Of the parent itself nothing is said, nor of what it hangs on by other names."""
    (planned,) = run({"references": THROUGH}, {"ParentId": "02sA"}, {("activities", "02sA"): LETTER}).planned

    assert planned.references == (SymbolicReference("contact", "contacts/Contact>contacts", "003B"),)


@pytest.mark.parametrize("outcome", [None, Outcome.EXCLUDED, Outcome.DELETED_IN_SOURCE, Outcome.MADE_BY_PLATFORM])
@pytest.mark.parametrize("through", [["contact"], []])
def test_a_record_is_left_out_with_a_parent_that_is(outcome: Outcome | None, through: list[str]) -> None:
    """Whatever else were wrong with it: a required field is empty too."""
    known = {("activities", "02sA"): KnownParent("activities/EmailMessage>notes", outcome)} if outcome else {}
    row = {"references": THROUGH | {"email": THROUGH["email"] | {"through": through}},
           "fields": {"x": {"from": "A", "required": True}}}  # fmt: skip

    done = run(row, {"ParentId": "02sA", "A": None}, known)

    assert done == Transformed([], {}, {"003A": "belongs to 02sA, which is not brought over"}, {})


@pytest.mark.parametrize("through", [["contact"], []])
def test_a_record_whose_parent_is_held_is_held_and_not_left_out(through: list[str]) -> None:
    known = {("activities", "02sA"): KnownParent("activities/EmailMessage>notes", Outcome.HELD)}
    row = THROUGH["email"] | {"through": through}

    assert reasons(run({"references": THROUGH | {"email": row}}, {"ParentId": "02sA"}, known)) == [
        HoldReason.PARENT_HELD
    ]


def test_a_reference_looks_in_its_objects_in_order_of_preference() -> None:
    known = {
        ("contacts", "X"): KnownParent("contacts/Contact>contacts", Outcome.PLANNED),
        ("opportunities", "X"): KnownParent("opportunities/Opportunity>leads", Outcome.PLANNED),
    }
    row = {"from": "ParentId", "to": ["opportunities", "contacts", "accounts"]}

    done = run({"references": {"parent": row}}, {"ParentId": "X"}, known)

    assert done.planned[0].references == (SymbolicReference("parent", "opportunities/Opportunity>leads", "X"),)


def test_each_of_several_references_is_judged_on_its_own() -> None:
    row = {"rule": "several", "to": "accounts", "if_held": "bare"}
    known = {("accounts", "1"): PLANNED_PARENT, ("accounts", "2"): HELD_PARENT, ("accounts", "3"): PLANNED_PARENT}

    done = run({"references": {"c": row}}, {"Several": ["1", "2", "3"]}, known)

    assert [one.source_id for one in done.planned[0].references] == ["1", "3"]


def test_a_record_can_refer_to_what_it_becomes_itself() -> None:
    known = {("contacts", "003A"): KnownParent("contacts/Contact>contacts", Outcome.PLANNED)}

    done = run({"references": {"contact_id": {"from": "Id", "to": "contacts"}}}, {}, known)

    assert done.planned[0].references == (SymbolicReference("contact_id", "contacts/Contact>contacts", "003A"),)


def test_the_parents_to_ask_for_are_those_that_the_transformation_looks_up() -> None:
    compiled = compile_({"references": {"p": {"from": "P", "to": ["opportunities", "contacts"]}, "q": OWNER_ROW}})

    asked = compiled.named_parents(SourceRecord("Contact", "003A", {"P": "1", "OwnerId": None}))

    assert asked == {("opportunities", "1"), ("contacts", "1")}


OWNER_ROW = {"from": "OwnerId", "to": "users"}


@pytest.mark.parametrize(
    ("when", "values", "is_in"),
    [
        ({"A": {"empty": False}}, {"A": "x"}, True),
        ({"A": {"empty": False}}, {"A": " "}, False),
        ({"A": {"empty": True}}, {"A": None}, True),
        ({"A": {"empty": True}}, {"A": 0}, False),
        ({"A": "Call"}, {"A": "Call"}, True),
        ({"A": "Call"}, {"A": "call"}, False),
        ({"A": ["x", "y"]}, {"A": "y"}, True),
        ({"A": ["x", "y"]}, {"A": None}, False),
        ({"A": False}, {"A": False}, True),
        ({"A": False}, {"A": None}, False),
        ({"A": "x", "B": True}, {"A": "x", "B": False}, False),
    ],
)
def test_only_records_that_meet_every_condition_are_in_a_route(when: Any, values: Any, is_in: bool) -> None:
    done = run({"when": when}, values)

    assert (len(done.planned), len(done.excluded), len(done.held)) == ((1, 0, 0) if is_in else (0, 1, 0))


def test_a_record_outside_a_route_is_excluded_in_words() -> None:
    when = {"IsConverted": False, "Kind": ["a", "b"], "Name": {"empty": False}}

    done = run({"when": when}, {"IsConverted": True, "Kind": "a", "Name": "x"})

    assert done.excluded == {
        "003A": "not in scope, which is where IsConverted is false and Kind is a or b and Name is filled"
    }


CARRIED = {"carried_by": {"Deal": "DealId"}}
DEAL = "opportunities/Opportunity>leads"


def test_a_carried_row_adds_to_the_record_that_it_points_at() -> None:
    """SF-KOMMO-01: a row that makes no record of its own still has its outcome."""
    done = run(CARRIED, {"DealId": "006A"}, {("opportunities", "006A"): KnownParent(DEAL, Outcome.PLANNED)})

    assert (done.carried, done.planned, done.held) == ({"003A": (DEAL, "006A")}, [], {})


@pytest.mark.parametrize(
    ("deal", "known", "reason"),
    [
        (None, {}, HoldReason.REFERENCE_EMPTY),
        ("006A", {}, HoldReason.PARENT_UNKNOWN),
        ("006A", {("opportunities", "006A"): KnownParent(DEAL, Outcome.HELD)}, HoldReason.PARENT_HELD),
    ],
)
def test_a_row_that_nothing_carries_is_held(deal: Any, known: Any, reason: HoldReason) -> None:
    """SF-KOMMO-01."""
    done = run(CARRIED, {"DealId": deal}, known)

    assert (done.carried, reasons(done)) == ({}, [reason])


def test_every_record_has_exactly_one_outcome() -> None:
    """SF-KOMMO-01."""
    route = {"when": {"In": True}, "fields": {"x": {"from": "A", "required": True}}}
    records = [
        SourceRecord("Contact", f"{index}", {"In": index % 3 != 0, "A": "a" if index % 2 else None})
        for index in range(12)
    ]

    done = transform(records, compile_(route), {})

    outcomes = [*(one.source_id for one in done.planned), *done.held, *done.excluded, *done.carried]
    assert sorted(outcomes) == sorted(record.id for record in records)


@pytest.mark.parametrize(
    ("route", "missing"),
    [
        pytest.param({"fields": {"x": {"from": "Absent"}}}, "Absent", id="field"),
        pytest.param({"fields": {"x": {"rule": "full_name"}}}, "First", id="field of a rule"),
        pytest.param({"references": {"x": {"from": "Absent", "to": "users"}}}, "Absent", id="reference"),
        pytest.param({"references": {"x": {"rule": "several", "to": "users"}}}, "Several", id="rule of a reference"),
        pytest.param({"when": {"Absent": True}}, "Absent", id="condition"),
        pytest.param({"carried_by": {"Deal": "Absent"}}, "Absent", id="carrier"),
    ],
)
def test_a_field_that_was_not_extracted_stops_the_run_and_holds_nothing(route: Any, missing: str) -> None:
    """It is a fault of mapping or connector, not of the data."""
    with pytest.raises(MappingError, match=rf"Contact 003A: .*'{missing}'.*discover and extract again"):
        run(route, {"Last": "x"})


@pytest.mark.parametrize(
    ("route", "says"),
    [
        (
            {"fields": {"x": {"from": "A", "convert": "fone"}}},
            "contacts/Contact>contacts: there is no converter 'fone'",
        ),
        ({"fields": {"x": {"rule": "ful_name"}}}, "contacts/Contact>contacts: there is no rule 'ful_name'.*full_name"),
        ({"carried_by": {"Order": "OrderId"}}, "contacts/Contact>contacts: no route brings over Order"),
    ],
)
def test_what_a_route_names_must_exist_before_the_first_record(route: Any, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        compile_(route)


@pytest.mark.parametrize(("value", "empty"), [(None, True), ("", True), (" \n", True), ([], True), (0, False),
                                             (False, False), ("x", False), ([None], False)])  # fmt: skip
def test_what_is_empty(value: Any, empty: bool) -> None:
    assert is_empty(value) is empty


LEADS, PEOPLE, COMPANIES = (f"{name}/X>{name}" for name in ("opportunities", "contacts", "accounts"))
ON_ONE_CARD = {
    "references": {
        "lead": {"from": "WhatId", "to": "opportunities", "if_empty": "bare", "if_unknown": "bare"},
        "contact": {"from": "WhoId", "to": "contacts", "unless": "lead", "if_empty": "bare", "if_unknown": "bare"},
        "company": {"from": "WhatId", "to": "accounts", "unless": ["lead", "contact"]},
    }
}
CARDS = {
    ("opportunities", "006A"): KnownParent(LEADS, Outcome.PLANNED),
    ("opportunities", "006H"): KnownParent(LEADS, Outcome.HELD),
    ("contacts", "003A"): KnownParent(PEOPLE, Outcome.PLANNED),
    ("contacts", "003H"): KnownParent(PEOPLE, Outcome.HELD),
    ("accounts", "001A"): KnownParent(COMPANIES, Outcome.PLANNED),
}


@pytest.mark.parametrize(
    ("what", "who", "card"),
    [
        pytest.param("006A", "003A", ("lead", LEADS, "006A"), id="the deal before the person"),
        pytest.param("006A", "003H", ("lead", LEADS, "006A"), id="a held person does not matter then"),
        pytest.param("001A", "003A", ("contact", PEOPLE, "003A"), id="the person before the company"),
        pytest.param(None, "003A", ("contact", PEOPLE, "003A"), id="only a person"),
        pytest.param("500C", "003A", ("contact", PEOPLE, "003A"), id="a person, and what does not come over"),
        pytest.param("001A", None, ("company", COMPANIES, "001A"), id="only a company"),
        pytest.param(
            "001A", "00QL", ("company", COMPANIES, "001A"), id="a company, and a person that does not come over"
        ),
    ],
)
def test_of_several_references_only_the_first_is_filled(what: Any, who: Any, card: Any) -> None:
    """SF-KOMMO-09: Kommo shows an activity on one card."""
    (planned,) = run(ON_ONE_CARD, {"WhatId": what, "WhoId": who}, CARDS).planned

    assert planned.references == (SymbolicReference(*card),)


@pytest.mark.parametrize(
    ("what", "who", "says"),
    [
        pytest.param("006H", "003A", ["006H is held"], id="a held deal may come later: no other card takes its place"),
        pytest.param("001A", "003H", ["003H is held"], id="nor of a held person's"),
        pytest.param(None, None, ["WhatId is empty, and there is no lead or contact: link it in the source"], id="nothing"),
        pytest.param("500C", "00QL", ["500C was not extracted, and there is no lead or contact: link it in the source"],
                     id="nothing that comes over"),
    ],
)  # fmt: skip
def test_a_record_without_any_of_several_parents_is_held_and_says_what_to_do(what: Any, who: Any, says: Any) -> None:
    (held,) = run(ON_ONE_CARD, {"WhatId": what, "WhoId": who}, CARDS).held.values()

    assert [problem.message.startswith(words) for problem, words in zip(held, says, strict=True)] == [True] * len(says)


def test_what_is_missing_is_named_as_the_target_names_it() -> None:
    """Two references may fill one of the target's: whoever reads the message knows that one only."""
    references = {
        "lead": {"from": "WhatId", "to": "opportunities", "if_empty": "bare", "if_unknown": "bare"},
        "unconverted": {"from": "WhoId", "to": "leads", "into": "lead", "if_empty": "bare", "if_unknown": "bare"},
        "company": {"from": "WhatId", "to": "accounts", "unless": ["lead", "unconverted"]},
    }
    ((problem,),) = run({"references": references}, {"WhatId": None, "WhoId": None}, {}).held.values()

    assert problem.message.startswith("WhatId is empty, and there is no lead: link it in the source")


@pytest.mark.parametrize(
    ("values", "is_in"),
    [
        ({"Kind": "Call", "Closed": True, "Old": False}, False),
        ({"Kind": "Call", "Closed": False, "Old": False}, True),
        ({"Kind": "Task", "Closed": True, "Old": False}, True),
        ({"Kind": "Task", "Closed": True, "Old": True}, False),
    ],
)
def test_records_that_meet_every_condition_of_unless_are_left_out(values: Any, is_in: bool) -> None:
    done = run({"when": {"Old": False}, "unless": {"Kind": "Call", "Closed": True}}, values)

    assert bool(done.planned) is is_in
    if not is_in:
        assert done.excluded == {
            "003A": "not in scope, which is where Old is false unless Kind is Call and Closed is true"
        }


def test_a_value_that_only_the_star_of_a_table_takes_is_listed() -> None:
    """SF-KOMMO-15: types without an equivalent are listed."""
    row, tables = {"fields": {"type": {"from": "Type", "table": "t"}}}, {"t": {"Meeting": "Meeting", "*": "Follow-up"}}

    (named,) = run(row, {"Type": "Meeting"}, tables=tables).planned
    (other,) = run(row, {"Type": "Demo"}, tables=tables).planned

    assert (named.values, named.notes) == ({"type": "Meeting"}, ())
    assert other.values == {"type": "Follow-up"}
    assert [(note.reason, note.field, note.value) for note in other.notes] == [
        (HoldReason.VALUE_NOT_MAPPED, "Type", "Demo")
    ]


def test_what_would_be_carried_by_a_record_out_of_scope_is_out_of_scope() -> None:
    done = run(CARRIED, {"DealId": "006A"}, {("opportunities", "006A"): KnownParent(DEAL, Outcome.EXCLUDED)})

    assert done.excluded == {"003A": "carried by 006A, which is not in scope"}


def row(id_: str, made: str, **values: Any) -> dict[str, Any]:
    return {"Id": id_, "CreatedDate": f"{made}T10:00:00.000+0000", **values}


def below(field_row: Mapping[str, Any], *rows: Mapping[str, Any], tables: Any = None) -> Transformed:
    """A contact that carries these warranties, and one field that reads them."""
    record = SourceRecord("Contact", "003A", {}, children={"Warranty": rows})
    compiled = compile_({"fields": {"x": {"child": "Warranty", **field_row}}}, tables)
    return transform([record], compiled, {})


YOUNG, OLD = row("w1", "2027-02-01", Serial="Y", Seats=5.0), row("w2", "2026-02-01", Serial="O", Seats=None)


@pytest.mark.parametrize(
    ("field_row", "rows", "expected"),
    [
        pytest.param({"from": "Serial"}, [], None, id="no row is nothing"),
        pytest.param({"from": "Serial", "default": "-"}, [], "-", id="which a default fills"),
        pytest.param({"from": "Serial"}, [YOUNG], "Y", id="one row"),
        pytest.param({"from": "Serial", "table": "t"}, [YOUNG], "Young", id="looked up"),
        pytest.param({"from": "CreatedDate", "convert": "moment"}, [YOUNG], "2027-02-01T10:00:00Z", id="converted"),
        pytest.param({"from": ["Seats", "Serial"], "convert": "first"}, [OLD], "O", id="of several fields"),
        pytest.param({"from": "Serial", "many": "newest"}, [YOUNG, OLD], "Y", id="the newest by its date"),
        pytest.param({"from": "Serial", "many": "lines"}, [YOUNG, OLD], "O\nY", id="a line each, oldest first"),
        pytest.param({"from": "Seats", "many": "lines"}, [YOUNG, OLD], "-\n5", id="an empty one keeps its line"),
        pytest.param({"from": "Seats", "many": "lines"}, [OLD, OLD], None, id="none of them has a value"),
        pytest.param(
            {"from": "Serial", "many": "lines"}, [row("w3", "2026-02-01", Serial="a\nb"), YOUNG], "a b\nY",
            id="a line break within a value",
        ),
    ],
)  # fmt: skip
def test_a_field_is_filled_from_rows_that_the_record_carries(field_row: Any, rows: Any, expected: Any) -> None:
    """SF-KOMMO-21, SF-KOMMO-77."""
    (planned,) = below(field_row, *rows, tables={"t": {"Y": "Young"}}).planned

    assert planned.values == {"x": expected}


def test_more_rows_than_the_field_has_room_for_hold_the_record() -> None:
    """SF-KOMMO-77: only a simple object goes into fields; nobody chooses among rows in silence."""
    (problem,) = below({"from": "Serial"}, YOUNG, OLD).held["003A"]

    assert (problem.reason, problem.field) == (HoldReason.SEVERAL_CHILDREN, "Serial")
    assert "2 rows of Warranty" in problem.message
    assert "w1, w2" in problem.message


def test_the_rows_that_are_not_the_newest_are_listed() -> None:
    (planned,) = below({"from": "Serial", "many": "newest"}, YOUNG, OLD).planned

    assert [(note.reason, note.holds) for note in planned.notes] == [(HoldReason.SEVERAL_CHILDREN, False)]
    assert "w1; not w2" in planned.notes[0].message


def test_a_value_of_a_row_that_cannot_be_used_holds_the_record() -> None:
    done = below({"from": "Serial", "convert": "day", "many": "lines", "required": True}, YOUNG, OLD)

    assert reasons(done) == [HoldReason.BAD_VALUE, HoldReason.BAD_VALUE]


@pytest.mark.parametrize(
    ("field_row", "rows", "says"),
    [
        ({"from": "Nothing"}, [YOUNG], "Warranty w1: the extract has no field 'Nothing'"),
        ({"child": "Ticket", "from": "A"}, [], "Contact carries no rows of Ticket"),
        ({"from": "Serial", "many": "newest"}, [{"Id": "w1"}, {"Id": "w2"}], "w1 has no CreatedDate"),
    ],
)
def test_rows_or_fields_that_are_not_there_stop_the_run(field_row: Any, rows: Any, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        below(field_row, *rows)


@pytest.mark.parametrize(("rows", "empty", "is_in"), [([YOUNG], False, True), ([], False, False), ([], True, True)])
def test_a_route_may_take_records_by_the_rows_that_they_carry(rows: Any, empty: bool, is_in: bool) -> None:
    record = SourceRecord("Contact", "003A", {}, children={"Warranty": rows})

    done = transform([record], compile_({"when": {"Warranty": {"empty": empty}}}), {})

    assert (len(done.planned), len(done.excluded)) == ((1, 0) if is_in else (0, 1))


def test_of_rows_below_a_record_only_can_be_asked_whether_there_are_any() -> None:
    record = SourceRecord("Contact", "003A", {}, children={"Warranty": [YOUNG]})

    with pytest.raises(MappingError, match="Warranty is no field of Contact"):
        transform([record], compile_({"when": {"Warranty": "Y"}}), {})
