"""Which record of the source is which of the target's own? Never the first of several, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from migration_pipelines.core.matching import (
    BY_WORD,
    NEW,
    Candidate,
    Doubt,
    Hit,
    Keys,
    Match,
    Standing,
    match,
    normal_values,
)

PEOPLE = Keys(({"EMAIL": "e-mail"}, {"PHONE": "phone"}), region="US")


def person(email: Any = None, phone: Any = None) -> dict[str, Any]:
    return {"EMAIL": email, "PHONE": [{"value": phone, "enum_code": "WORK"}] if phone else []}


def found(
    source: Mapping[str, dict[str, Any]],
    target: Mapping[str, dict[str, Any]],
    *,
    keys: Keys = PEOPLE,
    asked: set[str] | None = None,
    decided: Mapping[str, str] = {},
    taken: Mapping[str, str] = {},
    bears: Mapping[str, str] = {},
) -> dict[str, Match | Doubt]:
    standing = Standing(keys)
    for target_id, values in target.items():
        standing.add(Candidate(target_id, f"Person {target_id}", bears.get(target_id)), values)
    hits: dict[str, Hit] = {one: hit for one, values in source.items() if (hit := standing.hit(values))}
    return match(standing, hits, set(source) if asked is None else asked, decided, taken)


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (" Ada@Engines.Example ", "e-mail", ["ada@engines.example"]),
        ("no-reply@engines.example", "e-mail", []),
        ("nobody@engines.example", "e-mail", []),
        ("ada@example.com", "e-mail", []),
        ("ada@noemail.com", "e-mail", []),
        ("ada", "e-mail", []),
        ("nora@engines.example", "e-mail", ["nora@engines.example"]),
        ("  ", "e-mail", []),
        (None, "phone", []),
        ("(212) 555-0100", "phone", ["+12125550100"]),
        ("+1 212 555 0100", "phone", ["+12125550100"]),
        ("212 555 0100 x12", "phone", []),
        ("ask at the desk", "phone", []),
        ("  Engines \u00a0 LTD ", "name", ["engines ltd"]),
        ("İrem A.Ş.", "name", ["irem a.ş."]),
        ("\uff25ngines Ltd", "name", ["engines ltd"]),
        ([{"value": "A@b.example"}, {"value": "a@B.example"}, {"value": "c@b.example"}], "e-mail",
         ["a@b.example", "c@b.example"]),
    ],
)  # fmt: skip
def test_values_are_compared_in_a_normal_form_and_placeholders_have_none(
    value: Any, form: str, expected: list[str]
) -> None:
    assert normal_values(value, form, "US") == expected


def test_a_legal_form_tells_two_companies_apart() -> None:
    keys = Keys(({"name": "name"},))
    standing = {"1": {"name": "Harbor Ltd"}, "2": {"name": "Harbor GmbH"}}

    assert found({"A": {"name": "HARBOR  gmbh"}}, standing, keys=keys) == {
        "A": Match("2", "name", "harbor gmbh", "Person 2")
    }
    assert found({"A": {"name": "Harbor"}}, standing, keys=keys) == {}


@pytest.mark.parametrize(
    ("ours", "key", "value"),
    [
        pytest.param(person("ADA@engines.example"), "EMAIL", "ada@engines.example", id="e-mail"),
        pytest.param(person(None, "(212) 555-0100"), "PHONE", "+12125550100", id="phone"),
        pytest.param(person("ada@engines.example", "212 555 0199"), "EMAIL", "ada@engines.example", id="another phone"),
    ],
)
def test_one_that_bears_the_same_key_is_the_same(ours: dict[str, Any], key: str, value: str) -> None:
    there = {"7": person("ada@engines.example", "+1 212 555 0100")}

    assert found({"A": ours}, there) == {"A": Match("7", key, value, "Person 7")}


def test_a_blank_never_matches() -> None:
    assert found({"A": person(), "B": person("", "")}, {"7": person(), "8": person("", "")}) == {}


def test_the_strongest_key_that_finds_anything_decides() -> None:
    there = {"7": person("ada@engines.example"), "8": person(None, "+12125550100")}

    assert found({"A": person("ada@engines.example", "2125550100")}, there)["A"] == Match(
        "7", "EMAIL", "ada@engines.example", "Person 7"
    )


def test_a_weaker_key_does_not_match_against_a_stronger_one() -> None:
    """Two colleagues behind one telephone: each has an address of their own."""
    said = found({"A": person("ada@engines.example", "2125550100")}, {"7": person("bob@engines.example", "2125550100")})

    assert isinstance(said["A"], Doubt)
    assert [one.id for one in said["A"].candidates] == ["7"]
    assert said["A"].message == "PHONE +12125550100 stands on 7 (Person 7) in the target, whose EMAIL is another"


def test_of_several_candidates_none_is_taken() -> None:
    said = found({"A": person("ada@engines.example")}, {one: person("ada@engines.example") for one in ("7", "8")})["A"]

    assert isinstance(said, Doubt)
    assert ([one.id for one in said.candidates], said.key, said.value) == (["7", "8"], "EMAIL", "ada@engines.example")


def test_two_addresses_of_one_record_that_find_two_match_neither() -> None:
    both = person([{"value": "ada@home.example"}, {"value": "ada@work.example"}])
    said = found({"A": both}, {"7": person("ada@home.example"), "8": person("ada@work.example")})["A"]

    assert isinstance(said, Doubt)
    assert [one.id for one in said.candidates] == ["7", "8"]


def test_two_of_the_source_that_share_a_value_match_neither() -> None:
    said = found({one: person("desk@engines.example") for one in "AB"}, {"7": person("desk@engines.example")})

    assert {name: isinstance(one, Doubt) and one.others for name, one in said.items()} == {"A": ("B",), "B": ("A",)}


def test_one_that_was_loaded_before_shares_its_value_too() -> None:
    """What is in the target already is not asked about, and a value that it bears identifies nobody else."""
    source = {one: person("desk@engines.example") for one in "AB"}
    said = found(source, {"7": person("desk@engines.example")}, asked={"B"})

    assert set(said) == {"B"}
    assert isinstance(said["B"], Doubt)
    assert said["B"].others == ("A",)


def test_two_of_the_source_that_find_one_by_different_keys_match_neither() -> None:
    source = {"A": person("ada@engines.example"), "B": person(None, "2125550100")}
    said = found(source, {"7": person("ada@engines.example", "2125550100")})

    assert {name: isinstance(one, Doubt) and one.others for name, one in said.items()} == {"A": ("B",), "B": ("A",)}


def test_one_that_another_route_matched_is_not_matched_again() -> None:
    said = found({"A": person("ada@engines.example")}, {"7": person("ada@engines.example")}, taken={"7": "LEAD"})["A"]

    assert isinstance(said, Doubt)
    assert said.others == ("LEAD",)


@pytest.mark.parametrize(("bearer", "is_match"), [("", True), ("A", True), ("B", False)])
def test_one_that_bears_the_key_of_another_record_is_not_matched(bearer: str, is_match: bool) -> None:
    there = {"7": person("ada@engines.example")}
    said = found({"A": person("ada@engines.example")}, there, bears={"7": bearer})["A"]

    assert isinstance(said, Match) is is_match


def test_a_key_of_several_fields_counts_only_where_all_agree() -> None:
    keys = Keys(({"name": "name", "CITY": "name"},))
    there = {"7": {"name": "Harbor", "CITY": "Albany"}, "8": {"name": "Harbor", "CITY": None}}

    said = found({"A": {"name": "harbor", "CITY": "ALBANY"}, "B": {"name": "Harbor", "CITY": "Troy"},
                  "C": {"name": "Harbor", "CITY": None}}, there, keys=keys)  # fmt: skip
    assert said == {"A": Match("7", "name + CITY", "harbor + albany", "Person 7")}


def test_a_persons_word_closes_the_doubt_and_frees_the_others() -> None:
    source = {one: person("desk@engines.example") for one in "ABC"}
    there = {one: person("desk@engines.example") for one in ("7", "8")}

    said = found(source, there, decided={"A": "7", "B": NEW, "C": "8"})
    assert said == {
        "A": Match("7", BY_WORD, "7", "Person 7"),
        "C": Match("8", BY_WORD, "8", "Person 8"),
    }


def test_a_person_may_name_one_that_no_key_finds() -> None:
    assert found({"A": person()}, {"7": person()}, decided={"A": "7"}) == {"A": Match("7", BY_WORD, "7", "Person 7")}


@pytest.mark.parametrize(
    ("decided", "bears", "why"),
    [
        pytest.param({"A": "9"}, {}, "matches.yaml names 9, which is not in the target or is ours", id="unknown"),
        pytest.param({"A": "7", "B": "7"}, {}, "matches.yaml names 7 for B as well", id="named twice"),
        pytest.param({"A": "7"}, {"7": "Z"}, "7 (Person 7) in the target bears the migration key of Z", id="another's"),
    ],
)
def test_a_persons_word_that_cannot_be_is_said_so(decided: dict[str, str], bears: dict[str, str], why: str) -> None:
    said = found({"A": person(), "B": person()}, {"7": person()}, decided=decided, bears=bears)["A"]

    assert isinstance(said, Doubt)
    assert (said.message, said.key) == (why, BY_WORD)
