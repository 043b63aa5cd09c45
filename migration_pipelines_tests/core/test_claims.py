"""What must hold: a verdict and one sentence that starts with the numbers."""

from __future__ import annotations

from typing import Any

import pytest

from migration_pipelines.core.claims import OBJECT_CLAIMS, PLAN_CLAIMS, claims_of

ROUTE: dict[str, Any] = {
    "rows": 10,
    "outcomes": {"loaded": 8, "held": 2},
    "present": 8,
    "read_back_at": "2026-03-31 09:30 UTC",
    "findings": [],
    "ignored": [],
    "wrong": 0,
    "unverified": 0,
    "wrong_references": 0,
    "not_loaded": [],
}
OBJECT = {"extracted": 10, "source_count": 10, "unaccounted": 0, "without_record": 0}
CLAIMS = {claim.name: claim for claim in (*OBJECT_CLAIMS, *PLAN_CLAIMS, *claims_of("users"))}


def judge(name: str, route: Any = None, source: Any = None, **figures: Any) -> tuple[bool, str]:
    found = CLAIMS[name].judge(
        {"objects": {"Contact": OBJECT | (source or {})}, "routes": {"r": ROUTE | (route or {})}, "failed_allowed": 0,
         "owners_needed": 2, "owners_open": [], "unmatched_owner": "stop"} | figures
    )  # fmt: skip
    assert found.holds or found.next, "a claim that does not hold says what to do next"
    return found.holds, found.says


@pytest.mark.parametrize("claim", claims_of("users"), ids=lambda claim: claim.name)
def test_every_claim_holds_where_all_is_well(claim: Any) -> None:
    assert judge(claim.name)[0]


@pytest.mark.parametrize(
    ("name", "figures", "says"),
    [
        pytest.param("every_record_was_extracted", {"source": {"extracted": 9}}, "9 of 10 Contact extracted",
                     id="COMMON-30 fewer than the source counts"),
        pytest.param("every_record_was_extracted", {"source": {"extracted": 11}}, "11 of 10 Contact extracted",
                     id="SF-KOMMO-60 more than the source counts"),
        pytest.param("the_outcomes_add_up", {"source": {"unaccounted": 1}},
                     "1 of 10 records unaccounted for", id="SF-KOMMO-01 without an outcome"),
        pytest.param("the_outcomes_add_up", {"source": {"without_record": 1}},
                     "1 of 10 records unaccounted for", id="SF-KOMMO-01 without a record"),
        pytest.param("the_outcomes_add_up", {"route": {"outcomes": {"loaded": 7, "planned": 3}}},
                     "3 of 10 records are planned and not loaded yet", id="COMMON-30 not loaded"),
        pytest.param("what_was_loaded_is_there", {"route": {"present": 7}},
                     "7 of 8 loaded records answered when the target was asked by their ids, as of 2026-03-31 09:30 UTC",
                     id="SF-KOMMO-60 vanished"),
        pytest.param("every_field_reads_back_as_meant", {"route": {"wrong": 1}},
                     "1 records read back differently, 0 were not read back, as of 2026-03-31 09:30 UTC", id="COMMON-04 wrong"),
        pytest.param("every_field_reads_back_as_meant", {"route": {"unverified": 4}},
                     "0 records read back differently, 4 were not read back, as of 2026-03-31 09:30 UTC",
                     id="COMMON-04 not read back"),
        pytest.param("references_point_at_what_was_meant", {"route": {"wrong_references": 1}},
                     "1 records point at another parent or owner than meant, as of 2026-03-31 09:30 UTC", id="COMMON-06"),
        pytest.param("failures_stay_within_the_decision",
                     {"route": {"outcomes": {"loaded": 9, "failed": 1},
                                "not_loaded": [{"source_id": "003A", "outcome": "failed", "problem": {"message": "bad"}}]}},
                     "1 records refused by the target, 0 allowed: 003A: bad", id="SF-KOMMO-71 refused, itemised"),
        pytest.param("every_owner_is_resolved",
                     {"owners_open": [{"name": "Ada", "email": None, "source_id": "005A", "records": 1200}]},
                     "1 of 2 owners unresolved: Ada <005A> (1200 records)", id="COMMON-28"),
    ],
)  # fmt: skip
def test_a_claim_that_does_not_hold_says_so_in_numbers(name: str, figures: Any, says: str) -> None:
    assert judge(name, **figures) == (False, says)


def test_all_outcomes_are_listed_where_they_add_up() -> None:
    """COMMON-30."""
    assert judge("the_outcomes_add_up") == (True, "10 records: 8 loaded, 2 held")


def test_as_many_refusals_as_were_allowed_are_within_the_decision() -> None:
    route = {"outcomes": {"failed": 2}}

    assert judge("failures_stay_within_the_decision", route, failed_allowed=2)[0]
    assert not judge("failures_stay_within_the_decision", route, failed_allowed=1)[0]


def test_owners_may_stay_unresolved_where_a_person_decided_that_their_records_are_held() -> None:
    """COMMON-28: or decided otherwise."""
    open_owner = {"name": "Ada", "email": "ada@acme.example", "source_id": "005A"}

    holds, says = judge("every_owner_is_resolved", owners_open=[open_owner], unmatched_owner="hold")

    assert (holds, says) == (
        True,
        "1 of 2 owners unresolved: Ada <ada@acme.example>; by decision their records are held",
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("every_decision_is_taken", "open_decisions", id="SF-KOMMO-41"),
        pytest.param("everything_has_a_disposition", "undisposed", id="SF-KOMMO-01"),
        pytest.param("nothing_is_hidden_from_us", "gaps", id="what the source hides"),
        pytest.param("the_plan_fits_the_target", "misfits", id="obstacles"),
        pytest.param("every_mapping_row_is_confirmed", "unconfirmed", id="COMMON-05"),
    ],
)
def test_a_plan_is_closed_while_something_is_open(name: str, key: str) -> None:
    assert judge(name, **{key: []})[0]
    holds, says = judge(name, **{key: ["this", "that"]})

    assert not holds
    assert says.startswith("2 ")
    assert says.endswith(": this; that")


def test_a_long_list_is_cut_and_says_how_many_more() -> None:
    _, says = judge("every_mapping_row_is_confirmed", unconfirmed=[f"row {n}" for n in range(11)])

    assert says.startswith("11 rows unconfirmed: row 0; ")
    assert says.endswith("row 7 and 3 more")


def test_only_users_answer_for_the_owners() -> None:
    assert "every_owner_is_resolved" in [claim.name for claim in claims_of("users")]
    assert "every_owner_is_resolved" not in [claim.name for claim in claims_of("contacts")]
