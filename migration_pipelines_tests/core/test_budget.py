"""What a plan costs: the source in days of reading, the target in requests and minutes."""

from __future__ import annotations

from migration_pipelines.core.budget import Cost, Reading, cost, reading


def test_nothing_to_write_costs_nothing() -> None:
    assert cost({}, arrays={}, groups={}, per_second=5) == Cost(0, 0.0)


def test_a_begun_array_is_a_request_and_so_is_a_begun_page_of_the_read_back() -> None:
    # 501 contacts: 11 arrays of 50, and 3 pages of 200 to read back
    assert cost({"contacts": 501}, arrays={"contacts": 50}, groups={}, per_second=1).requests == 11 + 3


def test_records_that_travel_by_parent_cost_a_request_for_each_parent() -> None:
    # 1,000 links below 300 companies, and 5 pages
    assert (
        cost(
            {"company_contacts": 1000}, arrays={"company_contacts": 250}, groups={"company_contacts": 300}, per_second=1
        ).requests
        == 305
    )


def test_minutes_follow_from_the_pace() -> None:
    # 30,000 records: 600 arrays of 50 and 150 pages; 750 requests at 5 a second are 150 seconds
    assert cost({"leads": 30_000}, arrays={"leads": 50}, groups={}, per_second=5) == Cost(750, 2.5)


def test_more_records_than_the_source_gives_in_a_day_take_several() -> None:
    """SF-KOMMO-64: 100 million records a day are the stated ceiling of Bulk API 2.0."""
    assert reading(250_000_001, 100_000_000) == Reading(250_000_001, 100_000_000, days=3)
    assert reading(100_000_000, 100_000_000).days == 1
