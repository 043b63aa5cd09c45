"""What an administrator sets up: users, roles, webhooks, sources, groups of fields, customers."""

import pytest

USER = {"name": "New User", "email": "new@example.com", "password": "Secret1"}


def test_users_are_added_with_201_and_show_in_the_list(kommo):
    answer = kommo.post("users", json=[USER | {"lang": "tr", "rights": {"is_admin": True}, "request_id": "r"}])

    (made,) = answer.json()["_embedded"]["users"]
    assert (answer.status_code, made["request_id"], made["lang"]) == (201, "r", "tr")
    assert made["rights"]["is_admin"] is True
    assert "password" not in made
    assert made["id"] in kommo.ids("users")


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"name": ""}, ("FieldMissing", "name")),
        ({"password": None}, ("FieldMissing", "password")),
        ({"name": "x" * 51}, ("InvalidType", "name")),
        ({"name": "A & B"}, ("InvalidType", "name")),
        ({"password": "secret1"}, ("InvalidType", "password")),
        ({"password": "Sec1"}, ("InvalidType", "password")),
        ({"email": "ada@example.com"}, ("NotUnique", "email")),
    ],
)
def test_a_user_that_cannot_be_is_refused(kommo, complaints_of, told, complaint):
    assert complaints_of(kommo.post("users", json=[USER | told])) == [complaint]


def test_ten_users_are_added_at_once_and_a_hundred_in_all(kommo):
    def ten(start):
        return [USER | {"email": f"u{number}@example.com"} for number in range(start, start + 10)]

    assert kommo.post("users", json=[*ten(0), USER]).status_code == 400
    assert {kommo.post("users", json=ten(start)).status_code for start in range(0, 90, 10)} == {201}
    assert kommo.post("users", json=ten(90)).status_code == 402


def test_users_are_deactivated_with_202_but_no_administrator(kommo):
    assert kommo.post("users/deactivate", json=[{"id": 5002}]).status_code == 202
    assert kommo.read("users/5002")["rights"]["is_active"] is False
    assert kommo.post("users/activate", json=[{"id": 5002}]).status_code == 202
    assert kommo.read("users/5002")["rights"]["is_active"] is True
    assert kommo.post("users/deactivate", json=[{"id": 5001}]).status_code == 400
    assert kommo.delete("users/5002").status_code == 405


def test_roles_show_their_users_when_asked(kommo):
    role = kommo.make("roles", {"name": "Sellers", "rights": {"leads": {"view": "M"}}})
    made = kommo.make("users", USER | {"rights": {"role_id": role}})

    assert kommo.read(f"roles/{role}?with=users")["_embedded"]["users"] == [{"id": made}]
    assert kommo.read(f"users/{made}?with=role")["_embedded"]["roles"] == [{"id": role, "name": "Sellers"}]
    assert kommo.patch(f"roles/{role}", json={"name": "Agents"}).json()["name"] == "Agents"
    assert kommo.delete(f"roles/{role}").status_code == 204


def test_a_webhook_is_subscribed_listed_and_ended_by_its_address(kommo, complaints_of):
    told = {"destination": "https://a.example/hook", "settings": ["add_lead", "update_lead"]}

    made = kommo.post("webhooks", json=told)

    assert made.status_code == 201
    assert (made.json()["destination"], made.json()["settings"]) == (told["destination"], told["settings"])
    again = kommo.post("webhooks", json=told | {"settings": ["add_task"]}).json()
    assert (again["id"], again["settings"]) == (made.json()["id"], ["add_task"])
    assert kommo.read("webhooks")["_total_items"] == 1
    gone = kommo.request("DELETE", "webhooks", json={"destination": told["destination"]})
    assert (gone.status_code, kommo.get("webhooks").status_code) == (204, 204)
    assert kommo.request("DELETE", "webhooks", json={"destination": "x"}).status_code == 404
    assert complaints_of(kommo.post("webhooks", json={"destination": "x", "settings": ["a"]})) == [
        ("InvalidType", "destination")
    ]


def test_an_account_has_a_hundred_webhooks(kommo):
    for number in range(100):
        kommo.post("webhooks", json={"destination": f"https://a.example/{number}", "settings": ["add_lead"]})

    told = {"destination": "https://a.example/more", "settings": ["add_lead"]}
    assert kommo.post("webhooks", json=told).status_code == 400


def test_a_source_is_known_by_its_external_id_and_shown_on_its_leads(kommo, complaints_of):
    source = kommo.make("sources", {"name": "Chat", "external_id": "c1"})
    assert complaints_of(kommo.post("sources", json=[{"name": "Again", "external_id": "c1"}])) == [
        ("NotUnique", "external_id")
    ]
    lead = kommo.make("leads", {"_embedded": {"source": {"external_id": "c1", "type": "widget"}}})

    read = kommo.read(f"leads/{lead}?with=source_id,source,is_price_modified_by_robot")

    assert (read["source_id"], read["is_price_modified_by_robot"]) == (source, False)
    assert read["_embedded"]["source"] == {"id": source, "name": "Chat"}
    assert "source_id" not in kommo.read(f"leads/{lead}")
    assert kommo.read(f"sources/{source}")["pipeline_id"] in kommo.ids("leads/pipelines")
    assert kommo.delete(f"sources/{source}").status_code == 204


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_groups_of_fields_have_texts_for_ids(kommo, entity):
    answer = kommo.post(f"{entity}/custom_fields/groups", json=[{"name": "Old data"}])
    (group,) = answer.json()["_embedded"]["custom_field_groups"]

    assert answer.status_code == 201
    assert group["id"].startswith(f"{entity}_")
    field = kommo.make(f"{entity}/custom_fields", {"name": "F", "type": "text", "group_id": group["id"]})
    assert kommo.read(f"{entity}/custom_fields/{field}")["group_id"] == group["id"]
    path = f"{entity}/custom_fields/groups/{group['id']}"
    assert kommo.patch(path, json={"name": "New"}).json()["name"] == "New"
    assert kommo.delete(path).status_code == 204
    assert kommo.get(path).status_code == 404


def test_customers_have_to_be_switched_on(kommo):
    for path in ("customers", "customers/statuses", "customers/notes", "customers/1/links"):
        assert kommo.get(path).status_code == 402
    assert kommo.patch("customers/mode", json={"is_enabled": True, "mode": "other"}).status_code == 400

    answer = kommo.patch("customers/mode", json={"is_enabled": True, "mode": "periodicity"})

    assert answer.json() == {"mode": "periodicity", "is_enabled": True}
    assert kommo.read("account")["customers_mode"] == "periodicity"
    assert kommo.get("customers").status_code == 204


@pytest.fixture
def shop(kommo):
    kommo.patch("customers/mode", json={"is_enabled": True, "mode": "segments"})
    return kommo


def test_a_customer_is_a_card_with_links_notes_tasks_and_transactions(shop, complaints_of):
    contact = shop.make("contacts")
    customer = shop.make("customers", {"name": "Loyal", "next_price": 50, "next_date": 1_800_000_000})

    shop.post(f"customers/{customer}/link", json=[{"to_entity_id": contact, "to_entity_type": "contacts"}])
    shop.make("customers/notes", {"entity_id": customer, "params": {"text": "a"}})
    shop.make("tasks", {"text": "t", "complete_till": 1, "entity_id": customer, "entity_type": "customers"})
    bought = shop.make(f"customers/{customer}/transactions", {"price": 30})

    read = shop.read(f"customers/{customer}?with=contacts")
    assert (read["name"], read["next_price"], read["closest_task_at"]) == ("Loyal", 50, 1)
    assert read["_embedded"]["contacts"][0]["id"] == contact
    assert shop.read(f"contacts/{contact}?with=customers")["_embedded"]["customers"][0]["id"] == customer
    assert shop.ids(f"customers/{customer}/transactions") == [bought]
    assert shop.delete(f"customers/{customer}/transactions/{bought}").status_code == 204
    assert shop.delete(f"customers/{customer}").status_code == 405
    assert complaints_of(shop.post("customers", json=[{}])) == [("FieldMissing", "name")]
    bad = shop.post("customers", json=[{"name": "a", "status_id": 1}])
    assert complaints_of(bad) == [("NotSupportedChoice", "status_id")]


def test_segments_and_their_fields_are_kept(shop):
    segment = shop.make("customers/segments", {"name": "VIP"})

    assert shop.ids("customers/segments") == [segment]
    assert shop.post("customers/segments/custom_fields", json=[{"name": "F", "type": "text"}]).status_code == 201
    assert shop.delete(f"customers/segments/{segment}").status_code == 204
