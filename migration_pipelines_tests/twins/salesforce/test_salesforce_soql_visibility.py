"""SOQL shows the rows that the running user may see: the object's own, children and those of semi-joins, not parents."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from migration_pipelines.twins.kit.serial import Serial
from migration_pipelines.twins.salesforce.content.bodies import Bodies
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.describe_files import load_catalogue
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.results import beginning
from migration_pipelines.twins.salesforce.soql.asking import Asking, Now
from migration_pipelines.twins.salesforce.soql.compiler import compile_select
from migration_pipelines.twins.salesforce.soql.parser import parse
from migration_pipelines.twins.salesforce.store import Store

ME, OTHER = make_id("005", 1), make_id("005", 2)
MINE, THEIRS = make_id("001", 1), make_id("001", 2)


class OnlyMine:
    def condition(self, obj: SObject, alias: str) -> str | None:
        return f"{alias}.\"OwnerId\" = '{ME}'" if obj.field("OwnerId") else None


@pytest.fixture
def store() -> Iterator[Store]:
    """Two accounts, mine and another's, each with a contact of mine and one of the other's."""
    with closing(Serial()) as serial:
        store = Store(serial.connection, load_catalogue(None, frozenset()), Bodies(None, None))
        catalogue = store.catalogue
        accounts = [(MINE, ME), (THEIRS, OTHER)]
        store.insert_complete(
            catalogue["Account"],
            [{"Id": key, "Name": key[:15], "OwnerId": owner, "IsDeleted": 0} for key, owner in accounts],
        )
        contacts = [(account, owner) for account, _ in accounts for owner in (ME, OTHER)]
        store.insert_complete(
            catalogue["Contact"],
            [
                {"Id": make_id("003", n), "LastName": f"C{n}", "AccountId": account, "OwnerId": owner, "IsDeleted": 0}
                for n, (account, owner) in enumerate(contacts, 1)
            ],
        )
        yield store


def ask(store: Store, soql: str) -> list[dict[str, Any]]:
    asking = Asking(catalogue=store.catalogue, now=Now(0.0, ZoneInfo("UTC")), base="/x", user_id=ME, sees=OnlyMine())
    return [json.loads(record) for record in beginning(store, compile_select(parse(soql), asking), 100)]


def test_rows_of_others_are_not_found(store: Store) -> None:
    assert [record["Id"] for record in ask(store, "SELECT Id FROM Account")] == [MINE]
    assert ask(store, f"SELECT Id FROM Account WHERE Id = '{THEIRS}'") == []  # noqa: S608 - this is SOQL


def test_aggregates_count_what_is_seen(store: Store) -> None:
    (record,) = ask(store, "SELECT COUNT(Id) n FROM Contact")
    assert record["n"] == 2


def test_children_of_others_are_not_among_the_children(store: Store) -> None:
    (record,) = ask(store, "SELECT Id, (SELECT LastName FROM Contacts) FROM Account")
    assert [child["LastName"] for child in record["Contacts"]["records"]] == ["C1"]


def test_a_semi_join_finds_by_what_is_seen(store: Store) -> None:
    found = ask(store, "SELECT LastName FROM Contact WHERE AccountId IN (SELECT Id FROM Account)")
    assert [record["LastName"] for record in found] == ["C1"]


def test_a_parent_is_shown_whoever_owns_it(store: Store) -> None:
    found = ask(store, "SELECT Account.Name FROM Contact ORDER BY LastName")
    assert [record["Account"]["Name"] for record in found] == [MINE[:15], THEIRS[:15]]
