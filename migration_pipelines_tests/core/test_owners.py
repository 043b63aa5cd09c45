"""Which user of the target stands for a user, or a queue, of the source? Never the first of several."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.owners import match_owners
from migration_pipelines.core.schema import User

ADA = User(id="005A", name="Ada", email="ada@acme.example")
KOMMO_ADA = User(id="1", name="Ada L.", email="ada@acme.example")
KOMMO_BOB = User(id="2", name="Bob", email="bob@acme.example")


def match(source: User, *target: User, **decided: str) -> Any:
    found = match_owners([source], target, {name.replace("_at_", "@"): wish for name, wish in decided.items()})
    return found[source.id]


@pytest.mark.parametrize("email", ["ada@acme.example", "Ada@ACME.example", " ada@acme.example "])
def test_an_owner_is_matched_by_e_mail(email: str) -> None:
    """COMMON-27, SF-KOMMO-49: without regard to case."""
    found = match(ADA.model_copy(update={"email": email}), KOMMO_BOB, KOMMO_ADA)

    assert (found.target, found.resolved_by, found.problem) == (KOMMO_ADA, "e-mail", None)


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        pytest.param(ADA, [KOMMO_BOB], "no active user of the target has the e-mail address ada@acme.example",
                     id="COMMON-28 nobody"),
        pytest.param(ADA, [KOMMO_ADA.model_copy(update={"is_active": False})],
                     "no active user of the target has the e-mail address ada@acme.example", id="SF-KOMMO-69 inactive"),
        pytest.param(ADA, [KOMMO_ADA, KOMMO_ADA.model_copy(update={"id": "9", "email": "ADA@acme.example"})],
                     "2 users of the target have the e-mail address ada@acme.example", id="two of one address"),
        pytest.param(ADA.model_copy(update={"email": None}), [KOMMO_ADA], "has no e-mail address to match by",
                     id="no address"),
    ],
)  # fmt: skip
def test_an_owner_that_cannot_be_matched_waits_with_the_reason(source: User, target: list[User], problem: str) -> None:
    """COMMON-28, SF-KOMMO-49."""
    found = match(source, *target)

    assert (found.target, found.resolved_by, found.problem) == (None, None, problem)


def test_an_inactive_namesake_does_not_stand_in_the_way() -> None:
    """SF-KOMMO-69."""
    assert match(ADA, KOMMO_ADA.model_copy(update={"id": "9", "is_active": False}), KOMMO_ADA).target == KOMMO_ADA


def test_an_account_that_is_no_persons_does_not_stand_in_the_way() -> None:
    """SF-KOMMO-69: a portal or integration account of the same address."""
    assert match(ADA, KOMMO_ADA.model_copy(update={"id": "9", "is_standard": False}), KOMMO_ADA).target == KOMMO_ADA


@pytest.mark.parametrize("name", ["ada_at_acme.example", "ADA_at_acme.example", "005A", "005a"])
def test_the_word_of_a_person_goes_before_the_e_mail(name: str) -> None:
    """SF-KOMMO-69: the records of one owner can be given to a named other."""
    found = match(ADA, KOMMO_ADA, KOMMO_BOB, **{name: "Bob@acme.example"})

    assert (found.target, found.resolved_by) == (KOMMO_BOB, "decision")


def test_the_word_of_a_person_helps_where_there_is_no_e_mail() -> None:
    found = match(ADA.model_copy(update={"email": None}), KOMMO_BOB, **{"005A": "bob@acme.example"})

    assert found.target == KOMMO_BOB


def test_a_decision_for_somebody_who_is_not_there_is_a_problem_and_not_forgotten() -> None:
    """COMMON-28: the e-mail does not silently take the place of what a person decided."""
    found = match(ADA, KOMMO_ADA, **{"005A": "nobody@acme.example"})

    assert found.target is None
    assert found.problem == "no active user of the target has the e-mail address nobody@acme.example"


def test_several_people_may_have_one_counterpart() -> None:
    found = match_owners([ADA, ADA.model_copy(update={"id": "005B"})], [KOMMO_ADA], {})

    assert [one.target for one in found.values()] == [KOMMO_ADA, KOMMO_ADA]


@pytest.mark.parametrize(("is_sandbox", "expected"), [(True, KOMMO_ADA), (False, None)])
def test_what_a_sandbox_appends_to_addresses_is_ignored_in_a_sandbox_only(
    is_sandbox: bool, expected: User | None
) -> None:
    """COMMON-27: Salesforce appends .invalid when it copies an org into a sandbox."""
    copied = ADA.model_copy(update={"email": "ada@acme.example.invalid"})

    found = match_owners([copied], [KOMMO_ADA], {}, is_sandbox=is_sandbox)

    assert found[ADA.id].target == expected


@pytest.mark.parametrize("name", ["Inbound Leads", "inbound leads", "00G1"])
def test_a_queue_is_given_to_whom_a_person_names_by_its_name_or_id(name: str) -> None:
    """COMMON-28: a queue has no e-mail address that could be matched."""
    queue = User(id="00G1", name="Inbound Leads", is_queue=True)

    assert match_owners([queue], [KOMMO_BOB], {name: "bob@acme.example"})["00G1"].target == KOMMO_BOB
    assert match_owners([queue], [KOMMO_BOB], {})["00G1"].problem == (
        "is a queue, and nobody takes its place: name in owners.yaml who does, by the queue's name or id"
    )


def test_a_person_is_not_named_by_name() -> None:
    """Two people may have one name."""
    assert match(ADA, KOMMO_BOB, Ada="bob@acme.example").target is None
