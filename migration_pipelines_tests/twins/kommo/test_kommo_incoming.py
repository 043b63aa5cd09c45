"""Leads with people in one request: `leads/complex`, and incoming leads with what becomes of them."""

import pytest

NOW = 1_800_000_000
EMAIL = {"field_code": "EMAIL", "values": [{"value": "ada@example.com"}]}
WHOLE = {
    "name": "Deal",
    "price": 100,
    "request_id": "r1",
    "_embedded": {
        "contacts": [{"first_name": "Ada", "last_name": "Lovelace", "custom_fields_values": [EMAIL]}],
        "companies": [{"name": "Acme"}],
        "tags": [{"name": "web"}],
    },
}


def test_a_whole_lead_is_made_with_its_people_all_linked_and_answered_as_a_bare_array(kommo):
    answer = kommo.post("leads/complex", json=[WHOLE, {"name": "alone"}])

    first, second = answer.json()
    assert answer.headers["content-type"] == "application/hal+json"
    assert (first["request_id"], first["merged"]) == (["r1"], False)
    assert second == {
        "id": first["id"] + 1,
        "contact_id": None,
        "company_id": None,
        "request_id": ["1"],
        "merged": False,
    }
    lead = kommo.read(f"leads/{first['id']}?with=contacts")
    assert [one["id"] for one in lead["_embedded"]["contacts"]] == [first["contact_id"]]
    assert [one["id"] for one in lead["_embedded"]["companies"]] == [first["company_id"]]
    assert [one["name"] for one in lead["_embedded"]["tags"]] == ["web"]
    contact = kommo.read(f"contacts/{first['contact_id']}")
    assert contact["name"] == "Ada Lovelace"
    assert [one["id"] for one in contact["_embedded"]["companies"]] == [first["company_id"]]


@pytest.mark.parametrize(
    ("embedded", "complaint"),
    [
        ({"contacts": [{}, {}]}, ("TooMany", "_embedded.contacts")),
        ({"companies": [{}, {}]}, ("TooMany", "_embedded.companies")),
        ({"contacts": [{"created_at": "x"}]}, ("InvalidType", "_embedded.contacts.0.created_at")),
        ({"contacts": [{"custom_fields_values": [EMAIL] * 41}]},
         ("TooMany", "_embedded.contacts.0.custom_fields_values")),
    ],
)  # fmt: skip
def test_a_whole_lead_that_cannot_be_leaves_nothing_behind(kommo, complaints_of, embedded, complaint):
    answer = kommo.post("leads/complex", json=[WHOLE, {"request_id": "bad", "_embedded": embedded}])

    assert complaints_of(answer) == [complaint]
    assert [one["request_id"] for one in answer.json()["validation-errors"]] == ["bad"]
    state = kommo.snapshot()
    assert state["leads"] == state["contacts"] == state["companies"] == []


def test_fifty_whole_leads_are_taken_and_fifty_one_are_not(kommo):
    assert kommo.post("leads/complex", json=[{}] * 51).status_code == 400
    assert len(kommo.post("leads/complex", json=[{}] * 50).json()) == 50


@pytest.mark.parametrize("duplicate_control", [False, True])
def test_duplicate_control(kommo_with, duplicate_control):
    """Compared with what is stored, not inside the request; a merged item answers with the ids that were there."""
    kommo = kommo_with(duplicate_control=duplicate_control)
    first = kommo.post("leads/complex", json=[WHOLE]).json()[0]

    second = kommo.post("leads/complex", json=[WHOLE]).json()[0]

    assert second["merged"] is duplicate_control
    keys = ("id", "contact_id", "company_id")
    assert ([second[key] for key in keys] == [first[key] for key in keys]) is duplicate_control
    assert len(kommo.ids("contacts")) == (1 if duplicate_control else 2)


def test_duplicate_control_does_not_look_inside_the_request_nor_at_closed_leads(kommo_with):
    kommo = kommo_with(duplicate_control=True)
    kommo.post("leads/complex", json=[WHOLE | {"status_id": 142}])

    assert [one["merged"] for one in kommo.post("leads/complex", json=[WHOLE, WHOLE]).json()] == [False, False]


@pytest.mark.parametrize("links", [False, True])
def test_complex_links_existing(kommo_with, links):
    kommo = kommo_with(complex_links_existing=links)
    company = kommo.make("companies", {"name": "There"})

    made = kommo.post("leads/complex", json=[{"_embedded": {"companies": [{"id": company}]}}]).json()[0]

    assert made["company_id"] == (company if links else None)
    assert len(kommo.ids("companies")) == 1


FORM = {
    "source_name": "Site",
    "source_uid": "s-1",
    "created_at": NOW,
    "metadata": {"form_id": "f", "form_name": "Form", "form_page": "https://a.example", "form_sent_at": NOW,
                 "ip": "192.0.2.1"},
    "_embedded": {"leads": [{"name": "Asked"}], "contacts": [{"name": "Ada"}], "companies": [{"name": "Acme"}]},
}  # fmt: skip
SIP = {
    "source_name": "PBX",
    "source_uid": "p-1",
    "metadata": {"phone": "+1", "called_at": NOW, "duration": 5, "from": "+2"},
}


@pytest.fixture
def incoming(kommo):
    answer = kommo.post("leads/unsorted/forms", json=[FORM | {"request_id": "r"}])
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["_embedded"]["unsorted"]
    return one


def test_an_incoming_lead_stands_on_the_incoming_stage_with_its_people(kommo, incoming):
    (pipeline,) = kommo.read("leads/pipelines")["_embedded"]["pipelines"]
    stage = next(one["id"] for one in pipeline["_embedded"]["statuses"] if one["type"] == 1)
    lead, contact = (incoming["_embedded"][kind][0]["id"] for kind in ("leads", "contacts"))

    read = kommo.read(f"leads/{lead}?with=contacts")
    assert (read["name"], read["status_id"]) == ("Asked", stage)
    assert read["_embedded"]["contacts"][0]["id"] == contact
    assert kommo.read(f"contacts/{contact}")["is_unsorted"] is True
    (listed,) = kommo.read("leads/unsorted?filter[category]=forms")["_embedded"]["unsorted"]
    assert (listed["uid"], listed["category"], listed["created_at"], listed["account_id"]) == (
        incoming["uid"],
        "forms",
        NOW,
        1000,
    )
    assert kommo.get("leads/unsorted?filter[category]=sip").status_code == 204


def test_an_accepted_one_moves_to_the_first_stage_and_can_no_longer_be_declined(kommo, incoming):
    lead = incoming["_embedded"]["leads"][0]["id"]
    contact = incoming["_embedded"]["contacts"][0]["id"]

    accepted = kommo.post(f"leads/unsorted/{incoming['uid']}/accept", json={"user_id": 5002})

    assert accepted.status_code == 200
    (pipeline,) = kommo.read("leads/pipelines")["_embedded"]["pipelines"]
    first = next(one["id"] for one in pipeline["_embedded"]["statuses"] if one["type"] == 0)
    read = kommo.read(f"leads/{lead}")
    assert (read["status_id"], read["responsible_user_id"]) == (first, 5002)
    assert kommo.read(f"contacts/{contact}")["is_unsorted"] is False
    assert kommo.get("leads/unsorted").status_code == 204
    assert kommo.request("DELETE", f"leads/unsorted/{incoming['uid']}/decline").status_code == 404


def test_a_declined_one_is_gone_with_its_people(kommo, incoming):
    declined = kommo.request("DELETE", f"leads/unsorted/{incoming['uid']}/decline", json={"user_id": 5001})

    assert (declined.status_code, declined.json()["uid"]) == (200, incoming["uid"])
    assert kommo.ids("leads") == kommo.ids("contacts") == kommo.ids("companies") == []


def test_a_linked_one_gives_its_contact_to_the_lead_that_is_named(kommo, incoming):
    lead = kommo.make("leads", {"name": "There"})
    told = {"link": {"entity_id": lead, "entity_type": "leads"}, "user_id": 5001}

    assert kommo.post(f"leads/unsorted/{incoming['uid']}/link", json=told).status_code == 200

    linked = kommo.read(f"leads/{lead}?with=contacts")["_embedded"]["contacts"]
    assert [one["id"] for one in linked] == [incoming["_embedded"]["contacts"][0]["id"]]
    assert kommo.ids("leads") == [lead]


def test_only_forms_and_calls_come_in_and_with_their_metadata(kommo, complaints_of):
    assert kommo.post("leads/unsorted/sip", json=[SIP]).status_code == 200
    assert kommo.post("leads/unsorted/mail", json=[SIP]).status_code == 405
    bare = SIP | {"metadata": {"phone": "+1"}}
    assert complaints_of(kommo.post("leads/unsorted/sip", json=[bare])) == [
        ("FieldMissing", "metadata.called_at"),
        ("FieldMissing", "metadata.duration"),
        ("FieldMissing", "metadata.from"),
    ]


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"status_id": 1}, ("NotSupportedChoice", "status_id")),
        ({"user_id": 1}, ("NotSupportedChoice", "user_id")),
    ],
)
def test_accepting_names_a_stage_and_a_user_that_are_there(kommo, complaints_of, incoming, told, complaint):
    assert complaints_of(kommo.post(f"leads/unsorted/{incoming['uid']}/accept", json=told)) == [complaint]
