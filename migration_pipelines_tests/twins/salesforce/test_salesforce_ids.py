"""Record ids."""

import pytest

from migration_pipelines.twins.salesforce.ids import canonical, make_id, to_18


@pytest.mark.parametrize(
    "id18", ["0015500001QdQWaAAN", "01254000001upcKAAQ", "012000000000000AAA", "003D000000Q89kQIAR"]
)
def test_the_check_characters_of_ids_recorded_from_real_orgs(id18: str) -> None:
    assert to_18(id18[:15]) == id18
    assert canonical(id18[:15]) == id18
    assert canonical(id18) == id18


def test_an_18_character_id_that_lost_its_case_is_restored_from_its_check_characters() -> None:
    assert canonical("003D000000Q89kQIAR".lower()) == "003D000000Q89kQIAR"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0015500001QdQWaAAM", id="wrong check"),
        pytest.param("0015500001QdQWa9AN", id="no check character"),
        pytest.param("0015500001QdQW", id="14 characters"),
        pytest.param("0015500001QdQW-", id="not base62"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_not_an_id_has_no_canonical_form(text: str) -> None:
    assert canonical(text) is None


def test_made_ids_carry_the_prefix_and_never_repeat() -> None:
    ids = {make_id("003", n) for n in range(1, 5_000)}

    assert len(ids) == 4_999
    assert {(len(one), one[:3], canonical(one) == one) for one in ids} == {(18, "003", True)}
    assert len({one.lower() for one in ids}) == 4_999  # 18 characters are safe without regard to case
