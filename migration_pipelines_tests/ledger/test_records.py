"""Extraction: what is the same is not written again; what vanishes is marked, and comes back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.ledger.store import PartitionLedger

NOW = datetime(2026, 3, 31, 9, 30, tzinfo=UTC)


def contact(source_id: str, **values: Any) -> SourceRecord:
    return SourceRecord("Contact", source_id, values, NOW)


def extract(partition: PartitionLedger, *pages: list[SourceRecord], name: str = "Contact") -> tuple[int, int]:
    """(records in the ledger, changed ones)."""
    with partition.records.extraction(name, NOW) as extraction:
        changed = sum(extraction.store(page) for page in pages)
        return extraction.finish(sum(map(len, pages))), changed


def rows(partition: PartitionLedger, name: str = "Contact") -> dict[str, Mapping[str, Any]]:
    return {
        row["source_id"]: row
        for row in partition.select(
            "SELECT source_id, payload, deleted, parent_id, xmin::text AS written_by FROM ledger.source_record "
            "WHERE partition_id = :partition AND object_id = :object",
            object=partition.object_id(name),
        )
    }  # fmt: skip


def read(partition: PartitionLedger, **options: Any) -> list[SourceRecord]:
    return list(itertools.chain(*partition.records.pages("Contact", **options)))


def test_records_come_back_as_they_were_given(partition: PartitionLedger) -> None:
    given = contact("003A", Name="Ada", Amount=0.1, Big=2**60, Flag=False, Nothing=None, List=["a", {"b": 1}])

    assert extract(partition, [given]) == (1, 1)
    assert read(partition) == [given]


def test_only_what_differs_is_written_again(partition: PartitionLedger) -> None:
    """COMMON-33: a delta that finds nothing changed changes nothing."""
    extract(partition, [contact("1", Name="Ada"), contact("2", Name="Bob")])
    before = rows(partition)

    assert extract(partition, [contact("1", Name="Ada"), contact("2", Name="Bobby")]) == (2, 1)

    after = rows(partition)
    assert after["1"] == before["1"]
    assert after["2"]["written_by"] != before["2"]["written_by"]
    assert after["2"]["payload"] == {"Name": "Bobby"}


def test_a_row_that_hangs_below_another_parent_is_written_again(partition: PartitionLedger) -> None:
    """A mapping that begins to carry rows names their parent only now, though no value of theirs has changed."""
    role = SourceRecord("Role", "00KA", {"DealId": "1"})
    extract(partition, [role], name="Role")

    extract(partition, [SourceRecord("Role", "00KA", {"DealId": "1"}, parent_id="1")], name="Role")

    assert rows(partition, "Role")["00KA"]["parent_id"] == "1"


def test_a_record_that_the_source_no_longer_gives_is_marked_as_deleted(partition: PartitionLedger) -> None:
    extract(partition, [contact("1", Name="Ada"), contact("2", Name="Bob")])

    assert extract(partition, [contact("1", Name="Ada")]) == (1, 0)

    assert [(record.id, record.deleted) for record in read(partition)] == [("1", False), ("2", True)]
    assert partition.records.count("Contact") == 1


def test_a_vanished_record_is_marked_once(partition: PartitionLedger) -> None:
    extract(partition, [contact("1", Name="Ada")])
    extract(partition)
    before = rows(partition)

    extract(partition)

    assert rows(partition) == before


def test_a_vanished_record_comes_back_when_the_source_gives_it_again(partition: PartitionLedger) -> None:
    ada = contact("1", Name="Ada")
    extract(partition, [ada])
    extract(partition)

    assert extract(partition, [ada]) == (1, 1)
    assert read(partition) == [ada]


def test_a_record_that_the_source_calls_deleted_is_kept_and_not_counted(partition: PartitionLedger) -> None:
    gone = SourceRecord("Contact", "1", {"Name": "Ada"}, NOW, deleted=True)

    assert extract(partition, [gone]) == (0, 1)
    assert read(partition) == [gone]


def test_a_reading_that_was_cut_off_marks_nothing_and_its_pages_stay(partition: PartitionLedger) -> None:
    """A failed read is never an empty read."""
    extract(partition, [contact("1", Name="Ada"), contact("2", Name="Bob")])

    def read_a_page_and_lose_the_source() -> None:
        with partition.records.extraction("Contact", NOW) as extraction:
            extraction.store([contact("3", Name="Eve")])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        read_a_page_and_lose_the_source()

    assert [(record.id, record.deleted) for record in read(partition)] == [("1", False), ("2", False), ("3", False)]
    last = partition.records.last_extraction("Contact")
    assert last is not None
    assert last["extracted"] == 2


@pytest.mark.parametrize("is_first", [True, False])
def test_a_record_that_the_source_gives_twice_is_kept_once_as_it_was_last(
    partition: PartitionLedger, is_first: bool
) -> None:
    """A record that somebody saves during a reading comes again, on the same page or on a later one."""
    if not is_first:
        extract(partition, [contact("0", Name="Zoe")])
    early, late = NOW, NOW + timedelta(seconds=1)
    zoe, ada = contact("0", Name="Zoe"), SourceRecord("Contact", "1", {"Name": "Ada"}, early)
    ada_later, bob = SourceRecord("Contact", "1", {"Name": "Ada L."}, late), contact("2", Name="Bob")

    extract(partition, [zoe, ada], [bob, ada_later, ada], [bob])

    assert [(record.id, record.values["Name"]) for record in read(partition)] == [
        ("0", "Zoe"),
        ("1", "Ada L."),
        ("2", "Bob"),
    ]


def test_two_readings_at_once_do_not_see_each_other(partition: PartitionLedger) -> None:
    with (
        partition.records.extraction("Contact", NOW) as contacts,
        partition.records.extraction("Account", NOW) as accounts,
    ):
        contacts.store([contact("1", Name="Ada")])
        accounts.store([SourceRecord("Account", "1", {"Name": "Acme"})])
        assert (contacts.finish(1), accounts.finish(1)) == (1, 1)


def test_partitions_do_not_see_each_other(partition: PartitionLedger, ledger: Any) -> None:
    other = ledger.partition(f"{partition.key}-other")
    extract(partition, [contact("1", Name="Ada")])

    extract(other)

    assert (partition.records.count("Contact"), other.records.count("Contact")) == (1, 0)


def test_a_reading_is_kept_with_the_sources_own_count(partition: PartitionLedger) -> None:
    """COMMON-30, SF-KOMMO-36."""
    with partition.records.extraction("Contact", NOW) as extraction:
        extraction.store([contact("1", Name="Ada")])
        assert partition.records.last_extraction("Contact") is None
        extraction.finish(7)

    last = partition.records.last_extraction("Contact")
    assert last is not None
    assert (last["high_water"], last["source_count"], last["extracted"]) == (NOW, 7, 1)


def test_the_profile_counts_what_is_filled_and_keeps_three_samples(partition: PartitionLedger) -> None:
    """False, zero, empty text and nothing say nothing about a field."""
    pages = [
        [
            contact("1", Name="Ada", Flag=False, Number=0, Note=""),
            contact("2", Name="Ada", Flag=True, Number=0, Note=None),
        ],
        [contact(f"{n}", Name=f"Name {n}", Flag=None, Number=n, Note="") for n in range(3, 7)],
    ]
    extract(partition, *pages)

    last = partition.records.last_extraction("Contact")
    assert last is not None
    assert last["profile"]["filled"] == {"Name": 6, "Number": 4, "Flag": 1}
    assert last["profile"]["samples"] == {"Name": ["Ada", "Name 3", "Name 4"], "Number": [3, 4, 5], "Flag": [True]}


def test_pages_go_on_where_the_last_one_ended(partition: PartitionLedger) -> None:
    """COMMON-30: no record is left out or read twice at the edge of a page."""
    ids = ["A", "a", "B", "ä", "1", "10", "2", "é", "_", "z"]
    extract(partition, [contact(one, Name=one) for one in ids])

    assert sorted(record.id for record in read(partition, limit=3)) == sorted(ids)


def test_a_record_comes_with_the_rows_that_it_carries(partition: PartitionLedger) -> None:
    extract(partition, [contact("1", Name="Ada"), contact("2", Name="Bob")])
    roles = [
        SourceRecord("Role", f"r{n}", {"n": n}, parent_id=parent) for n, parent in enumerate(["1", "2", "1", None])
    ]
    extract(partition, roles, name="Role")
    extract(partition, [role for role in roles if role.id != "r1"], name="Role")

    found = read(partition, children=("Role",))

    assert [record.children for record in found] == [{"Role": [{"n": 0}, {"n": 2}]}, {"Role": []}]
