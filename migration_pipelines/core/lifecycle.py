"""The steps of a partition, never out of order. Doing an earlier one again takes nothing back."""

from __future__ import annotations

from collections.abc import Sequence

from migration_pipelines.errors import GateClosed

STEPS = ("discovered", "mapped", "planned", "loaded", "verified", "signed off")
ROLLED_BACK = "rolled back"


def furthest(taken: Sequence[str]) -> str | None:
    """The step that a partition has come to; after a roll back it starts over from a plan."""
    reached: str | None = None
    for step in taken:
        if step == ROLLED_BACK:
            reached = ROLLED_BACK
        elif reached == ROLLED_BACK:
            reached = step if step in STEPS[2:] else reached
        elif reached is None or STEPS.index(step) > STEPS.index(reached):
            reached = step
    return reached


def advance(taken: Sequence[str], step: str) -> str | None:
    """The step to record, or None where it is reached already.

    Raises:
        GateClosed: a step before it has not been taken.
    """
    reached = furthest(taken)
    if step == ROLLED_BACK:
        return step
    position = STEPS.index(step)
    if reached == ROLLED_BACK:  # from a new plan, or from the one that stands
        reached = "mapped" if step == "planned" else "planned"
    done = -1 if reached is None else STEPS.index(reached)
    if position > done + 1:
        raise GateClosed(f"{step!r} comes after {STEPS[position - 1]!r}, which has not been reached.")
    return step if position == done + 1 else None
