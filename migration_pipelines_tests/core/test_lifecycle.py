"""The steps of a partition, never out of order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_pipelines.core.lifecycle import ROLLED_BACK, STEPS, advance, furthest
from migration_pipelines.errors import GateClosed


def take(steps: list[str]) -> list[str]:
    """What is on record after somebody tried these steps one after the other."""
    taken: list[str] = []
    for step in steps:
        try:
            recorded = advance(taken, step)
        except GateClosed:
            continue
        if recorded:
            taken.append(recorded)
    return taken


def test_the_steps_in_order() -> None:
    assert take(list(STEPS)) == list(STEPS)
    assert furthest(STEPS) == "signed off"


def test_nothing_has_been_reached_at_first() -> None:
    assert furthest([]) is None


@pytest.mark.parametrize("step", STEPS[1:])
def test_no_step_before_the_first(step: str) -> None:
    with pytest.raises(GateClosed, match=f"'{step}' comes after '.*', which has not been reached"):
        advance([], step)


@pytest.mark.parametrize(("reached", "step"), [(2, "verified"), (1, "loaded"), (0, "planned"), (3, "signed off")])
def test_no_step_is_left_out(reached: int, step: str) -> None:
    with pytest.raises(GateClosed):
        advance(STEPS[: reached + 1], step)


@pytest.mark.parametrize("again", STEPS)
def test_doing_a_step_again_takes_nothing_back(again: str) -> None:
    assert advance(STEPS, again) is None


@pytest.mark.parametrize("step", ["planned", "loaded"])
def test_after_a_roll_back_the_plan_that_stands_or_a_new_one_is_loaded(step: str) -> None:
    assert advance([*STEPS[:5], ROLLED_BACK], step) == step


@pytest.mark.parametrize("step", ["verified", "signed off"])
def test_after_a_roll_back_nothing_is_proven_before_it_is_loaded_again(step: str) -> None:
    with pytest.raises(GateClosed):
        advance([*STEPS[:5], ROLLED_BACK], step)


@pytest.mark.parametrize("step", ["discovered", "mapped"])
def test_a_discovery_after_a_roll_back_changes_no_step(step: str) -> None:
    assert advance([*STEPS[:5], ROLLED_BACK], step) is None
    assert furthest([*STEPS[:5], ROLLED_BACK]) == ROLLED_BACK


@given(st.lists(st.sampled_from([*STEPS, ROLLED_BACK]), max_size=20))
def test_whatever_is_tried_a_recorded_step_follows_the_one_before_it(tried: list[str]) -> None:
    for before, after in pairwise(take(["discovered", *tried])):
        if after == ROLLED_BACK:
            continue
        if before == ROLLED_BACK:
            assert after in ("planned", "loaded")
        else:
            assert STEPS.index(after) == STEPS.index(before) + 1


@given(st.lists(st.sampled_from([*STEPS, ROLLED_BACK]), max_size=20))
def test_what_is_reached_is_the_last_step_on_record(tried: list[str]) -> None:
    taken = take(tried)

    assert furthest(taken) == (taken[-1] if taken else None)
