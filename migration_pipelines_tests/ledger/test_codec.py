"""What PostgreSQL's text cannot hold goes in and comes out without loss: alone, and through real columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from migration_pipelines.core.records import HoldReason, Outcome, Problem
from migration_pipelines.ledger.base import copy_rows
from migration_pipelines.ledger.codec import decode_text, encode_all, encode_text, to_json
from migration_pipelines.ledger.plans import PlanRow
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines_tests.ledger.conftest import CONTACTS, Desk

AWKWARD = "\x00\udfff\ud800\ue000\ue0000041\\u0000\\N\\.\t\n\r\"'{},NULL\U0001f600é"
# Everything that there is, and what is awkward more often than chance would have it.
TEXT = st.text(st.sampled_from(AWKWARD), max_size=5) | st.text(st.characters(), max_size=30)
# In JSON two surrogates that make a pair are the character that they stand for.
PAIRED = TEXT.map(lambda value: value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
JSON = st.recursive(
    PAIRED | PAIRED | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PAIRED, inner, max_size=3),
    max_leaves=6,
)
in_one_connection = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip


@pytest.fixture
def scratch(ledger: Ledger) -> Iterator[Connection]:
    """A connection with a temporary table of every kind of column that we fill."""
    with ledger.engine.connect() as connection:
        connection.execute(
            text("CREATE TEMP TABLE scratch (n int, t text, j json, ts text[], ns bigint[], b bytea, f boolean)")
        )
        yield connection
        connection.rollback()


def through(connection: Connection, columns: str, *rows: Any) -> list[Any]:
    """What comes back of rows that were copied into the scratch table."""
    connection.execute(text("TRUNCATE scratch"))
    copy_rows(connection, "scratch", ["n", *columns.split()], [(n, *row) for n, row in enumerate(rows)])
    found = connection.execute(text("SELECT * FROM scratch ORDER BY n")).mappings()
    return [tuple(row[name] for name in columns.split()) for row in found]


@given(TEXT)
@example(AWKWARD)
def test_any_text_comes_back(value: str) -> None:
    encoded = encode_text(value)

    assert decode_text(encoded) == value
    assert "\x00" not in encoded
    encoded.encode("utf-8")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\ue000")))
def test_text_that_postgresql_can_hold_is_not_touched(value: str) -> None:
    assert encode_text(value) == value


@given(JSON)
@example({"\ue000": "\ue0000041"})
def test_any_content_comes_back_from_json(content: Any) -> None:
    assert json.loads(to_json(content)) == content
    to_json(content).encode("utf-8")


def test_content_is_encoded_in_all_its_texts() -> None:
    content = {"\x00": ["\ud800", {"a": "\ue000"}, 1, None, True]}

    assert encode_all(content) == {"\ue0000000": ["\ue000d800", {"a": "\ue000e000"}, 1, None, True]}


@in_one_connection
@given(value=TEXT)
@example(value=AWKWARD)
@example(value="")
@example(value="\\.")
def test_any_text_comes_back_from_a_text_column(scratch: Connection, value: str) -> None:
    ((found,),) = through(scratch, "t", (value,))

    assert decode_text(found) == value


@in_one_connection
@given(content=JSON)
@example(content={"\ue000": "\ue0000041"})
@example(content={"\ud800": "\x00"})
def test_any_content_comes_back_from_a_json_column(scratch: Connection, content: Any) -> None:
    """A private-use character, such as an icon of a font, was written as its code once."""
    ((found,),) = through(scratch, "j", (to_json(content),))

    assert found == content


@in_one_connection
@given(values=st.lists(TEXT | st.none(), max_size=5))
@example(values=[])
@example(values=["", "NULL", "null", None, '"', "\\", "{", "}", ",", " "])
def test_any_texts_come_back_from_an_array(scratch: Connection, values: list[str | None]) -> None:
    ((found,),) = through(scratch, "ts", (values,))

    assert [None if one is None else decode_text(one) for one in found] == values


@in_one_connection
@given(
    rows=st.lists(
        st.tuples(
            TEXT | st.none(),
            st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3) | st.none(),
            st.binary(max_size=8) | st.none(),
            st.booleans() | st.none(),
        ),
        max_size=4,
    )
)
def test_any_rows_come_back_in_their_places(scratch: Connection, rows: list[Any]) -> None:
    found = through(scratch, "t ns b f", *rows)

    assert [
        (None if t is None else decode_text(t), ns, None if b is None else bytes(b), f) for t, ns, b, f in found
    ] == rows


def test_a_json_null_is_not_an_empty_column(scratch: Connection) -> None:
    assert through(scratch, "j t", (to_json(None), None)) == [(None, None)]
    assert scratch.scalar(text("SELECT count(*) FROM scratch WHERE j IS NOT NULL AND t IS NULL")) == 1


@pytest.mark.parametrize("value", ["\x00", "\ud800", "\ue000"])
def test_a_value_that_postgresql_cannot_hold_is_still_reported_in_the_plan(
    partition: PartitionLedger, value: str
) -> None:
    """`->>` refuses a whole object for an escaped NUL in any of its texts."""
    problem = Problem(HoldReason.BAD_VALUE, f"{value!r} is no date", "Born", value)
    plan_id = partition.plans.begin()
    partition.plans.add(plan_id, [PlanRow(CONTACTS, "003A", Outcome.HELD, problems=[problem.as_json()])])

    (found,) = partition.plans.problems(plan_id)
    assert (found["reason"], found["field"], found["rows"], found["example"]) == ("BAD_VALUE", "Born", 1, "003A")


def test_an_owner_keeps_a_name_that_postgresql_cannot_hold(partition: PartitionLedger) -> None:
    owner = {"source_id": "005A", "name": AWKWARD, "email": None, "is_active": True, "target_id": None,
             "resolved_by": None, "problem": None, "is_needed": True}  # fmt: skip

    partition.plans.replace_owners([owner])

    assert partition.owners() == [owner]


def test_a_payload_keeps_what_postgresql_cannot_hold_from_plan_to_proof(desk: Desk) -> None:
    payload = {"name": AWKWARD}
    desk.plan(PlanRow(CONTACTS, "003A", Outcome.PLANNED, b"hash", payload=payload))

    (sent,) = desk.load()
    (page,) = desk.partition.proof.written(CONTACTS, only_unverified=True)

    assert (sent.payload, page[0].payload) == (payload, payload)
    desk.partition.proof.keep_findings([sent.entry_id], [(sent.entry_id, "name", "wrong", AWKWARD, None)])
    assert [(one["meant"], one["found"]) for one in desk.partition.proof.findings(CONTACTS)] == [(AWKWARD, None)]
