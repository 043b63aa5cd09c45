"""What to do about a record that was kept back: a sentence for every reason, in words that a person can act on."""

from __future__ import annotations

import pytest

from migration_pipelines.core.records import HoldReason
from migration_pipelines.reports.advice import REFUSED, advice, reason_in_words


@pytest.mark.parametrize("reason", [*(one.name for one in HoldReason), REFUSED])
def test_every_reason_has_its_sentence_of_its_own(reason: str) -> None:
    others = {advice(one.name) for one in HoldReason if one.name != reason}

    assert advice(reason).endswith(".")
    assert advice(reason) not in others


def test_a_reason_is_said_in_words() -> None:
    assert reason_in_words("PARENT_HELD") == "parent is held"
    assert reason_in_words(REFUSED) == "refused by the target"
    assert reason_in_words("A_REASON_OF_TOMORROW") == "A_REASON_OF_TOMORROW"


def test_what_was_carried_is_only_to_be_looked_at() -> None:
    assert advice("BAD_VALUE", holds=False) != advice("BAD_VALUE")
    assert "carried" in advice("BAD_VALUE", holds=False)
