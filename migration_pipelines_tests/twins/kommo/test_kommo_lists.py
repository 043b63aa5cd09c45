"""Lists, their elements and products: definitions, fields of their own, links with quantities."""

import pytest


def element_link(catalog, element, **metadata):
    return {
        "to_entity_id": element,
        "to_entity_type": "catalog_elements",
        "metadata": {"catalog_id": catalog, **metadata},
    }


@pytest.fixture
def products(kommo):
    return next(one["id"] for one in kommo.read("catalogs")["_embedded"]["catalogs"] if one["type"] == "products")


def test_a_list_is_made_changed_and_never_deleted(kommo):
    made = kommo.make("catalogs", {"name": "Assets", "can_link_multiple": False})

    read = kommo.read(f"catalogs/{made}")
    assert (read["name"], read["type"], read["can_link_multiple"], read["account_id"]) == (
        "Assets",
        "regular",
        False,
        1000,
    )
    assert kommo.patch("catalogs", json=[{"id": made, "name": "Things"}]).status_code == 200
    assert kommo.patch(f"catalogs/{made}", json={"sort": 5}).json()["sort"] == 5
    assert kommo.read(f"catalogs/{made}")["name"] == "Things"
    assert kommo.delete(f"catalogs/{made}").status_code == 405


def test_an_account_has_ten_lists_and_the_list_of_products_is_not_made_by_the_api(kommo, complaints_of):
    assert complaints_of(kommo.post("catalogs", json=[{"name": "P", "type": "products"}])) == [
        ("NotSupportedChoice", "type")
    ]
    kommo.make("catalogs", *({"name": f"L{number}"} for number in range(9)))
    assert kommo.post("catalogs", json=[{"name": "eleventh"}]).status_code == 400


def test_a_list_keeps_its_type(kommo, products, complaints_of):
    answer = kommo.patch(f"catalogs/{products}", json={"type": "regular"})

    assert complaints_of(answer) == [("NotSupportedChoice", "type")]
    assert kommo.patch(f"catalogs/{products}", json={"type": "products", "name": "Goods"}).json()["name"] == "Goods"


def test_products_have_their_preset_fields_and_elements_carry_them(kommo, products):
    fields = kommo.read(f"catalogs/{products}/custom_fields")["_embedded"]["custom_fields"]
    assert {field["code"] for field in fields} == {"SKU", "PRICE", "GROUP", "DESCRIPTION", "UNIT", "EXTERNAL_ID"}
    told = [{"field_code": "PRICE", "values": [{"value": 12.5}]}, {"field_code": "SKU", "values": [{"value": "A-1"}]}]

    made = kommo.make(f"catalogs/{products}/elements", {"name": "Chair", "custom_fields_values": told})

    read = kommo.read(f"catalogs/{products}/elements/{made}")
    assert (read["name"], read["catalog_id"], read["is_deleted"]) == ("Chair", products, False)
    assert {one["field_code"]: one["values"][0]["value"] for one in read["custom_fields_values"]} == {
        "SKU": "A-1",
        "PRICE": "12.5",
    }
    assert kommo.ids(f"catalogs/{products}/elements?query=a-1") == [made]


def test_elements_stay_within_their_list(kommo, products, complaints_of):
    other = kommo.make("catalogs", {"name": "Other"})
    chair = kommo.make(f"catalogs/{products}/elements", {"name": "Chair"})

    assert kommo.get(f"catalogs/{other}/elements").status_code == 204
    assert kommo.get(f"catalogs/{other}/elements/{chair}").status_code == 204
    assert kommo.patch(f"catalogs/{other}/elements/{chair}", json={"name": "x"}).status_code == 404
    assert kommo.patch(f"catalogs/{products}/elements", json=[{"id": chair, "name": "Table"}]).status_code == 200
    assert kommo.read(f"catalogs/{products}/elements/{chair}")["name"] == "Table"
    assert kommo.get("catalogs/1/elements").status_code == 404
    assert complaints_of(kommo.post(f"catalogs/{other}/elements", json=[{}])) == [("FieldMissing", "name")]
    assert kommo.delete(f"catalogs/{products}/elements/{chair}").status_code == 405


def test_a_list_has_fields_of_its_own_with_types_that_cards_lack(kommo, complaints_of):
    made = kommo.make("catalogs", {"name": "Assets"})
    at = f"catalogs/{made}/custom_fields"

    answer = kommo.post(at, json=[{"name": "Owner", "type": "linked_entity", "code": "OWNER"}])

    assert answer.status_code == 201
    assert answer.json()["_embedded"]["custom_fields"][0]["entity_type"] == "catalogs"
    assert complaints_of(kommo.post(at, json=[{"name": "A", "type": "smart_address"}])) == [
        ("NotSupportedChoice", "type")
    ]
    assert complaints_of(kommo.post("leads/custom_fields", json=[{"name": "A", "type": "linked_entity"}])) == [
        ("NotSupportedChoice", "type")
    ]
    owner = {"field_code": "OWNER", "values": [{"value": {"entity_id": 1, "entity_type": "contacts"}}]}
    element = kommo.make(f"catalogs/{made}/elements", {"name": "a", "custom_fields_values": [owner]})
    read = kommo.read(f"catalogs/{made}/elements/{element}")["custom_fields_values"]
    assert read[0]["values"][0]["value"] == {"entity_id": 1, "entity_type": "contacts"}


def test_products_of_a_lead_are_links_with_a_quantity(kommo, products):
    lead = kommo.make("leads")
    chair, table = kommo.make(f"catalogs/{products}/elements", {"name": "Chair"}, {"name": "Table"})

    told = [element_link(products, chair, quantity=3), element_link(products, table)]
    answer = kommo.post(f"leads/{lead}/link", json=told)

    assert [one["metadata"] for one in answer.json()["_embedded"]["links"]] == [
        {"quantity": 3, "catalog_id": products},
        {"quantity": 1, "catalog_id": products},
    ]
    kommo.post(f"leads/{lead}/link", json=[element_link(products, chair, quantity=2.5)])
    embedded = kommo.read(f"leads/{lead}?with=catalog_elements")["_embedded"]["catalog_elements"]
    assert {one["id"]: one["metadata"]["quantity"] for one in embedded} == {chair: 2.5, table: 1}
    assert kommo.read(f"leads/{lead}/links?filter[to_catalog_id]={products}")["_total_items"] == 2
    assert kommo.post(f"leads/{lead}/unlink", json=[element_link(products, chair)]).status_code == 204
    assert kommo.read(f"leads/{lead}/links")["_total_items"] == 1


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"catalog_id": 1}, ("NotSupportedChoice", "metadata.catalog_id")),
        ({"quantity": "two"}, ("InvalidType", "metadata.quantity")),
        ({"quantity": -1}, ("InvalidType", "metadata.quantity")),
    ],
)
def test_a_link_to_an_element_names_its_list_and_a_quantity(kommo, products, complaints_of, metadata, complaint):
    lead, chair = kommo.make("leads"), kommo.make(f"catalogs/{products}/elements", {"name": "Chair"})

    told = element_link(products, chair)
    answer = kommo.post(f"leads/{lead}/link", json=[told | {"metadata": told["metadata"] | metadata}])

    assert complaints_of(answer) == [complaint]


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_an_element_that_links_once_is_on_one_card_only(kommo, entity):
    made = kommo.make("catalogs", {"name": "Serials", "can_link_multiple": False})
    element = kommo.make(f"catalogs/{made}/elements", {"name": "SN-1"})
    first, second = kommo.make(entity, {}, {})

    assert kommo.post(f"{entity}/{first}/link", json=[element_link(made, element)]).status_code == 200
    assert kommo.post(f"{entity}/{first}/link", json=[element_link(made, element)]).status_code == 200
    assert kommo.post(f"{entity}/{second}/link", json=[element_link(made, element)]).status_code == 400
