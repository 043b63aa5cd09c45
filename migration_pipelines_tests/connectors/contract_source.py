"""What every Source keeps, whatever CRM it reads. A connector's tests inherit it and say how their org is handled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from migration_pipelines.connectors.base import Source
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.errors import TransientFailure

MOST_RECORDS_A_PAGE = 2_000


class OrgUnderTest(Protocol):
    """An org with one object of more than two pages, and what a person or the network does to it."""

    source: Source
    object: str
    fields: Sequence[str]
    requests: int  # that a whole reading of the object takes

    def add(self) -> str:
        """Make one record. Returns its id."""

    def change(self, record_id: str) -> None: ...

    def delete(self, record_id: str) -> None: ...

    def let_an_hour_pass(self) -> None:
        """What is there from before is older than an hour from now on."""

    def fail(self, kind: str, ordinal: int, times: int = 1) -> None:
        """Let the ordinal-th request from now on, and those after it, go wrong: "truncated", "503", "cut_after" ..."""


def read_all(org: OrgUnderTest) -> list[SourceRecord]:
    return [record for page in org.source.read(org.object, org.fields) for record in page]


class SourceContract:
    """Subclasses give the fixture `org`."""

    def test_it_reads_as_many_records_as_the_org_counts_and_none_twice(self, org: OrgUnderTest) -> None:
        found = [record.id for record in read_all(org)]

        assert len(found) == len(set(found)) == org.source.count(org.object) > 2 * MOST_RECORDS_A_PAGE

    def test_every_record_has_the_fields_that_were_asked_for_and_no_others(self, org: OrgUnderTest) -> None:
        assert {tuple(sorted(record.values)) for record in read_all(org)} == {tuple(sorted(org.fields))}

    def test_a_page_is_bounded_and_never_empty(self, org: OrgUnderTest) -> None:
        sizes = [len(page) for page in org.source.read(org.object, org.fields)]

        assert sizes
        assert all(0 < size <= MOST_RECORDS_A_PAGE for size in sizes)

    def test_what_changed_and_what_was_deleted_since_is_read_and_nothing_older(self, org: OrgUnderTest) -> None:
        changed, deleted = org.add(), org.add()
        org.let_an_hour_pass()
        since = org.source.now()
        org.change(changed)
        org.delete(deleted)
        added = org.add()

        found = [record for page in org.source.read(org.object, org.fields, since=since) for record in page]

        assert {record.id: record.deleted for record in found} == {changed: False, deleted: True, added: False}
        assert deleted not in {record.id for record in read_all(org)}

    @pytest.mark.parametrize("kind", ["truncated", "expired_token", "503", "504", "cut_before", "cut_after"])
    def test_one_failure_at_any_request_changes_nothing(self, org: OrgUnderTest, kind: str) -> None:
        whole = sorted(record.id for record in read_all(org))
        for ordinal in range(1, org.requests + 1):
            org.fail(kind, ordinal)

            assert sorted(record.id for record in read_all(org)) == whole, ordinal

    @pytest.mark.parametrize("kind", ["truncated", "503", "cut_after"])
    def test_a_failed_read_is_never_an_empty_or_a_short_one(self, org: OrgUnderTest, kind: str) -> None:
        for ordinal in range(1, org.requests + 1):
            org.fail(kind, ordinal, times=100)

            with pytest.raises(TransientFailure, match="again"):
                read_all(org)
