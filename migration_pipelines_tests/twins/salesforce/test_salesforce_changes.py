"""Ids of what changed and of what was deleted in a span of time."""

from collections.abc import Callable

import pytest

from migration_pipelines_tests.twins.salesforce.small_org import Org

Start = Callable[..., Org]
BEFORE, AFTER = "2026-06-15T22:00:00Z", "2026-06-15T23:00:00Z"
"""Around the twin's frozen clock, which says half past ten."""


def ask(org: Org, what: str, start: str = BEFORE, end: str = AFTER, name: str = "Account") -> dict[str, object]:
    answer = org.get(f"sobjects/{name}/{what}/", params={"start": start, "end": end})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_updated_lists_what_was_created_or_changed_and_not_what_was_deleted(start: Start) -> None:
    org = start()
    kept, gone = org.put_rows("Account", {"Name": "Kept"}, {"Name": "Gone"})
    org.post("/__twin__/remove", json={"object": "Account", "id": gone})

    assert ask(org, "updated") == {"ids": [kept], "latestDateCovered": "2026-06-15T22:30:00.000+0000"}
    assert ask(org, "updated", "2026-06-15T21:00:00Z", "2026-06-15T22:29:00Z")["ids"] == []


def test_deleted_lists_ids_with_the_moment_of_their_deletion(start: Start) -> None:
    org = start()
    _, gone = org.put_rows("Account", {"Name": "Kept"}, {"Name": "Gone"})
    org.clock(advance=90)
    org.post("/__twin__/remove", json={"object": "Account", "id": gone})
    org.clock(advance=3600)

    assert ask(org, "deleted") == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-06-15T22:31:30.000+0000"}],
        "earliestDateAvailable": "2026-05-31T23:31:00.000+0000",
        "latestDateCovered": "2026-06-15T23:00:00.000+0000",
    }


def test_seconds_are_ignored_and_offsets_are_understood(start: Start) -> None:
    org = start()
    (made,) = org.put_rows("Account", {"Name": "Made"})

    assert ask(org, "updated", "2026-06-15T22:30:59Z")["ids"] == [made]
    assert ask(org, "updated", "2026-06-16T01:00:00+03:00", "2026-06-16T02:00:00+03:00")["ids"] == [made]


@pytest.mark.parametrize(
    ("what", "start_at", "end"),
    [
        ("updated", AFTER, BEFORE),
        ("updated", BEFORE, BEFORE),
        ("updated", "2026-05-15T00:00:00Z", AFTER),
        ("deleted", "2026-05-31T00:00:00Z", AFTER),
        ("updated", "yesterday", AFTER),
    ],
)
def test_a_span_that_is_not_covered_is_refused(start: Start, what: str, start_at: str, end: str) -> None:
    answer = start().get(f"sobjects/Account/{what}", params={"start": start_at, "end": end})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_objects_that_are_not_replicated_are_refused(start: Start) -> None:
    answer = start().get("sobjects/UserPermissionAccess/updated", params={"start": BEFORE, "end": AFTER})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")
