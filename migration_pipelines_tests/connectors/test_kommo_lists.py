"""Lists in Kommo, products among them, and what of them stands on a deal in which quantity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration_pipelines.connectors.base import Record
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines.errors import MappingError
from migration_pipelines_tests.connectors.account import Account, open_account

PRODUCTS = "list:Products"
WANTED = Wanted(
    (WantedField("list:Assets", "SERIAL", "Serial", "text"), WantedField(PRODUCTS, "COLOUR", "Colour", "text")), ()
)


@pytest.fixture
def account() -> Iterator[Account]:
    with open_account() as account:
        account.target.provision(WANTED)
        yield account


def test_a_list_is_made_with_its_fields_and_its_key_and_not_twice(account: Account) -> None:
    lists = [one["name"] for one in account.twin.get("snapshot").json()["catalogs"]]
    assert lists.count("Assets") == 1
    assert lists.count("Products") == 1
    assert account.target.provision(WANTED) == []
    fields = account.target.describe().objects["list:Assets"].fields
    assert {"name", "SERIAL", "SF_ID"} <= set(fields)


def test_a_product_reads_back_with_its_preset_fields(account: Account) -> None:
    """The list of products is there already, with fields of its own."""
    meant = {"name": "Pump", "SKU": "P-1", "PRICE": "1234.50", "DESCRIPTION": "Line one\nLine two", "COLOUR": "Red"}

    target_id = account.make(PRODUCTS, "01t", meant)

    assert differences(meant, account.target.read_back(PRODUCTS, [target_id])[target_id].values) == []
    assert account.keys("catalog_elements") == ["01t"]


def test_an_element_of_one_list_is_none_of_another(account: Account) -> None:
    pump = account.make("list:Assets", "A", {"name": "Pump"})

    assert account.target.read_back(PRODUCTS, [pump]) == {}
    assert account.target.read_back("list:Assets", [pump, "9:9"]).keys() == {pump}


def test_a_list_that_the_account_lacks_is_a_fault_of_the_mapping(account: Account) -> None:
    with pytest.raises(MappingError, match=r"list:Nowhere.*companies"):
        account.write("list:Nowhere", Record("A", {"name": "x"}))


@pytest.mark.parametrize("quantity", [1, 2.5, "3", "0.001", 12345])
def test_a_product_stands_on_a_deal_in_its_quantity(account: Account, quantity: float | str) -> None:
    pump, deal = account.make(PRODUCTS, "01t", {"name": "Pump"}), account.make("leads", "006")

    target_id = account.make("lead_elements", "00k", {"quantity": quantity}, lead=[deal], element=[pump])

    assert target_id == f"{deal}:{pump}"
    found = account.target.read_back("lead_elements", [target_id])[target_id]
    assert differences({"quantity": quantity}, found.values) == []
    assert found.references == {"lead": [deal], "element": [pump]}


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "504_after_apply"])
def test_a_lost_change_of_quantity_is_told_by_the_quantity(account: Account, fault: str) -> None:
    """The link stands either way; that it is there says nothing."""
    pump, deal = account.make(PRODUCTS, "01t", {"name": "Pump"}), account.make("leads", "006")
    target_id = account.make("lead_elements", "00k", {"quantity": 1}, lead=[deal], element=[pump])
    account.set_fault(fault, "POST /api/v4/leads*/link")
    record = Record("00k", {"quantity": 7}, {"lead": [deal], "element": [pump]}, target_id)

    (result,) = account.write("lead_elements", record)

    assert (result is None) == (fault == "cut_before")
    assert account.load("lead_elements", record)["00k"].result == "updated"
    assert account.target.read_back("lead_elements", [target_id])[target_id].values == {"quantity": 7}


def test_taking_a_product_off_a_deal_leaves_the_others_on_it(account: Account) -> None:
    """COMMON-02."""
    deal = account.make("leads", "006")
    made = [account.make(PRODUCTS, f"01t{n}", {"name": "Pump"}) for n in range(3)]
    ids = [account.make("lead_elements", one, {"quantity": 1}, lead=[deal], element=[one]) for one in made]

    account.target.undo("lead_elements", account.target.read_back("lead_elements", ids[1:2]))

    assert list(account.target.read_back("lead_elements", ids)) == [ids[0], ids[2]]
