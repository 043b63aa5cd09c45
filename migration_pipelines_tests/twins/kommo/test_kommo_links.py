"""Links between records, and the tag lists."""

import pytest

NOW = 1_800_000_000


def to(kind, record, **metadata):
    return {"to_entity_id": record, "to_entity_type": kind} | ({"metadata": metadata} if metadata else {})


@pytest.fixture
def trio(kommo):
    """A lead, a contact and a company, not linked."""
    return kommo.make("leads"), kommo.make("contacts"), kommo.make("companies")


def test_a_link_is_written_is_main_and_read_main_contact_from_either_side(kommo, trio):
    lead, contact, company = trio

    answer = kommo.post(f"leads/{lead}/link", json=[to("contacts", contact, is_main=True), to("companies", company)])

    row = {"entity_id": lead, "entity_type": "leads"}
    assert answer.status_code == 200
    assert answer.json()["_total_items"] == 2
    assert answer.json()["_embedded"]["links"] == [
        row | {"to_entity_id": contact, "to_entity_type": "contacts", "metadata": {"main_contact": True}},
        row | {"to_entity_id": company, "to_entity_type": "companies", "metadata": None},
    ]
    (seen,) = kommo.read(f"companies/{company}/links")["_embedded"]["links"]
    assert (seen["to_entity_type"], seen["to_entity_id"]) == ("leads", lead)


@pytest.mark.parametrize(
    ("entity", "other", "is_allowed"),
    [
        ("leads", "contacts", True),
        ("leads", "companies", True),
        ("leads", "leads", False),
        ("contacts", "companies", True),
        ("contacts", "leads", False),
        ("contacts", "contacts", False),
        ("companies", "contacts", True),
        ("companies", "leads", True),
        ("companies", "companies", False),
    ],
)
def test_only_the_pairs_of_the_matrix_can_be_linked(kommo, entity, other, is_allowed):
    one, another = kommo.make(entity), kommo.make(other)

    answer = kommo.post(f"{entity}/{one}/link", json=[to(other, another)])

    assert answer.status_code == (200 if is_allowed else 400)


def test_linking_twice_changes_nothing_and_unlinking_is_204(kommo, trio):
    lead, contact, _ = trio
    for _ in range(2):
        kommo.post(f"leads/{lead}/link", json=[to("contacts", contact)])
    assert kommo.read(f"leads/{lead}/links")["_total_items"] == 1

    assert kommo.post(f"leads/{lead}/unlink", json=[to("contacts", contact)]).status_code == 204
    assert kommo.get(f"leads/{lead}/links").status_code == 204


def test_a_new_main_contact_takes_the_place_of_the_old(kommo):
    def main() -> list[int]:
        contacts = kommo.read(f"leads/{lead}?with=contacts")["_embedded"]["contacts"]
        return [one["id"] for one in contacts if one["is_main"]]

    lead, ada, bob = kommo.make("leads"), *kommo.make("contacts", {}, {})
    kommo.post(f"leads/{lead}/link", json=[to("contacts", ada)])
    assert main() == [ada]
    kommo.post(f"leads/{lead}/link", json=[to("contacts", bob, is_main=True)])
    assert main() == [bob]
    kommo.post(f"leads/{lead}/unlink", json=[to("contacts", bob)])
    assert main() == [ada]


def test_a_lead_has_one_company_at_most(kommo, trio):
    lead, _, company = trio
    kommo.post(f"leads/{lead}/link", json=[to("companies", company)])

    assert kommo.post(f"leads/{lead}/link", json=[to("companies", kommo.make("companies"))]).status_code == 400
    assert kommo.post(f"companies/{kommo.make('companies')}/link", json=[to("leads", lead)]).status_code == 400


def test_linking_what_does_not_exist_is_refused_and_nothing_of_the_array_is_linked(kommo, complaints_of, trio):
    lead, contact, _ = trio

    answer = kommo.post(f"leads/{lead}/link", json=[to("contacts", contact), to("contacts", 1)])

    assert complaints_of(answer) == [("NotSupportedChoice", "to_entity_id")]
    assert kommo.get(f"leads/{lead}/links").status_code == 204
    assert kommo.post("leads/1/link", json=[to("contacts", contact)]).status_code == 404


def test_links_are_filtered_by_the_other_side(kommo, trio):
    lead, contact, company = trio
    kommo.post(f"leads/{lead}/link", json=[to("contacts", contact), to("companies", company)])

    asked = f"leads/{lead}/links?filter[to_entity_type]=companies&filter[to_entity_id]={company}"

    assert [one["to_entity_id"] for one in kommo.read(asked)["_embedded"]["links"]] == [company]


def test_linking_moves_updated_at_of_both(kommo, trio):
    lead, contact, _ = trio
    kommo.clock(set=NOW)

    kommo.post(f"leads/{lead}/link", json=[to("contacts", contact)])

    assert kommo.read(f"leads/{lead}")["updated_at"] == kommo.read(f"contacts/{contact}")["updated_at"] == NOW


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_a_tag_that_exists_is_given_back_with_its_id(kommo, entity):
    first = kommo.post(f"{entity}/tags", json=[{"name": "run", "color": "DDEBB5", "request_id": "r"}]).json()
    second = kommo.post(f"{entity}/tags", json=[{"name": "run"}]).json()

    (tag,) = first["_embedded"]["tags"]
    assert (tag["name"], tag["color"], tag["request_id"]) == ("run", "DDEBB5", "r")
    assert second["_embedded"]["tags"][0]["id"] == tag["id"]


def test_tags_are_of_one_kind_of_record_and_are_found_by_name_id_or_part(kommo):
    assert kommo.get("leads/tags").status_code == 204
    a, b = kommo.make("leads/tags", {"name": "alpha"}, {"name": "alphabet"})

    assert kommo.get("contacts/tags").status_code == 204
    assert kommo.ids("leads/tags?filter[name]=alpha") == [a]
    assert kommo.ids(f"leads/tags?filter[id][]={b}") == [b]
    assert kommo.ids("leads/tags?query=bet") == [b]
