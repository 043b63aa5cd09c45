"""Companies, contacts and leads: creating, changing, reading and finding them."""

import pytest

WON, LOST = 142, 143
T0 = 1_577_836_800
NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        ("leads", {}),
        ("contacts", {"is_deleted": False, "is_unsorted": False}),
        ("companies", {"is_deleted": False}),
    ],
)
def test_a_create_answers_with_id_request_id_and_link_only(kommo, entity, said):
    (item,) = kommo.post(entity, json=[{"name": "a"}]).json()["_embedded"][entity]

    href = f"{kommo.base_url}/api/v4/{entity}/{item['id']}"
    assert item == {"id": item["id"], "request_id": "0", "_links": {"self": {"href": href}}, **said}


def test_a_contact_patch_answers_with_name_and_updated_at_besides(kommo):
    contact = kommo.make("contacts", {"name": "a"})
    kommo.clock(set=NOW)

    body = kommo.patch(f"contacts/{contact}", json={"name": "b"}).json()

    assert (body["id"], body["name"], body["updated_at"]) == (contact, "b", NOW)
    assert "custom_fields_values" not in body


def test_ids_increase_within_a_kind_and_differ_between_kinds(kommo):
    first, second = kommo.make("leads", {}, {})

    assert second == first + 1
    assert kommo.make("contacts") not in (first, second)


def test_a_lead_defaults_to_the_first_stage_of_the_main_pipeline_and_the_tokens_user(kommo):
    kommo.clock(set=NOW)
    lead = kommo.read(f"leads/{kommo.make('leads')}")
    (pipeline,) = kommo.read("leads/pipelines")["_embedded"]["pipelines"]
    first = next(stage for stage in pipeline["_embedded"]["statuses"] if stage["type"] == 0)
    me = kommo.read("account")["current_user_id"]

    assert (lead["pipeline_id"], lead["status_id"]) == (pipeline["id"], first["id"])
    assert lead["responsible_user_id"] == lead["created_by"] == lead["updated_by"] == me
    assert (lead["created_at"], lead["updated_at"], lead["closed_at"], lead["price"]) == (NOW, NOW, None, 0)


def test_a_lead_read_has_the_documented_keys(kommo):
    lead = kommo.read(f"leads/{kommo.make('leads')}")

    assert set(lead) == {
        *("id", "name", "price", "responsible_user_id", "group_id", "status_id", "pipeline_id", "loss_reason_id"),
        *("created_by", "updated_by", "created_at", "updated_at", "closed_at", "closest_task_at", "is_deleted"),
        *("custom_fields_values", "score", "account_id", "labor_cost", "is_price_computed", "_links", "_embedded"),
    }
    assert lead["_embedded"] == {"tags": [], "companies": []}


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_creation_can_be_backdated_and_attributed(kommo, entity):
    told = {"created_at": T0, "updated_at": T0 + 5, "created_by": 5002, "updated_by": 0, "responsible_user_id": 5003}

    record = kommo.read(f"{entity}/{kommo.make(entity, told)}")

    assert {key: record[key] for key in told} == told


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({"created_at": T0 * 1000}, ("InvalidType", "created_at")),
        ({"created_at": "2020-01-01"}, ("InvalidType", "created_at")),
        ({"price": 10.5}, ("InvalidType", "price")),
        ({"price": "10"}, ("InvalidType", "price")),
        ({"name": 7}, ("InvalidType", "name")),
        ({"name": "x" * 256}, ("TooLong", "name")),
        ({"responsible_user_id": 1}, ("NotSupportedChoice", "responsible_user_id")),
        ({"pipeline_id": 1}, ("NotSupportedChoice", "pipeline_id")),
        ({"status_id": 1}, ("NotSupportedChoice", "status_id")),
        ({"loss_reason_id": 1, "status_id": LOST}, ("NotSupportedChoice", "loss_reason_id")),
        ({"_embedded": {"contacts": [{"id": 1}]}}, ("NotSupportedChoice", "_embedded.contacts.0.id")),
        ({"_embedded": {"companies": [{"id": 1}]}}, ("NotSupportedChoice", "_embedded.companies.0.id")),
        ({"_embedded": {"tags": [{"id": 1}]}}, ("NotSupportedChoice", "_embedded.tags.0.id")),
    ],
)
def test_what_kommo_does_not_take_is_a_400_that_names_item_and_path(kommo, complaints_of, item, complaint):
    answer = kommo.post("leads", json=[{"request_id": "good"}, {"request_id": "bad"} | item])

    assert complaints_of(answer) == [complaint]
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["request_id"] for one in answer.json()["validation-errors"]] == ["bad"]
    assert kommo.ids("leads") == []


def test_a_stage_must_belong_to_the_pipeline_that_is_named_with_it(kommo, complaints_of):
    first = kommo.read("leads/pipelines")["_embedded"]["pipelines"][0]
    other = kommo.make("leads/pipelines", {"name": "B", "sort": 2, "is_main": False, "is_unsorted_on": True})
    foreign = first["_embedded"]["statuses"][1]["id"]

    answer = kommo.post("leads", json=[{"pipeline_id": other, "status_id": foreign}])
    assert complaints_of(answer) == [("NotSupportedChoice", "status_id")]
    lead = kommo.read(f"leads/{kommo.make('leads', {'pipeline_id': other, 'status_id': WON})}")
    assert (lead["pipeline_id"], lead["status_id"]) == (other, WON)


def test_a_loss_reason_on_a_lead_that_is_not_lost_is_refused_by_record_id(kommo):
    lead = kommo.make("leads")
    reason = kommo.ids("leads/loss_reasons")[0]

    answer = kommo.patch("leads", json=[{"id": lead, "loss_reason_id": reason}])

    assert answer.status_code == 400
    assert answer.json() == {
        "errors": {str(lead): "Loss reason can be specified only for lost lead"},
        "title": "Bad Request",
        "type": "https://httpstatus.es/400",
        "status": 400,
        "detail": "Invalid request body",
    }


def test_a_lead_can_be_created_lost_with_its_reason_and_closing_time(kommo):
    reason = kommo.ids("leads/loss_reasons")[0]
    lead = kommo.make("leads", {"status_id": LOST, "loss_reason_id": reason, "closed_at": T0})

    read = kommo.read(f"leads/{lead}?with=loss_reason")

    assert (read["loss_reason_id"], read["closed_at"]) == (reason, T0)
    assert read["_embedded"]["loss_reason"][0]["id"] == reason


def test_closing_sets_closed_at_and_reopening_clears_it_with_the_loss_reason(kommo):
    lead = kommo.make("leads")
    reason = kommo.ids("leads/loss_reasons")[0]
    first = kommo.read(f"leads/{lead}")["status_id"]
    kommo.clock(set=NOW)

    kommo.patch(f"leads/{lead}", json={"status_id": LOST, "loss_reason_id": reason})
    assert kommo.read(f"leads/{lead}")["closed_at"] == NOW
    kommo.patch(f"leads/{lead}", json={"status_id": first})

    read = kommo.read(f"leads/{lead}")
    assert (read["closed_at"], read["loss_reason_id"]) == (None, None)


def test_first_and_last_name_build_a_contacts_name(kommo):
    contact = kommo.make("contacts", {"first_name": "Ada", "last_name": "Lovelace"})
    assert kommo.read(f"contacts/{contact}")["name"] == "Ada Lovelace"

    kommo.patch(f"contacts/{contact}", json={"last_name": "King"})

    read = kommo.read(f"contacts/{contact}")
    assert (read["name"], read["first_name"], read["last_name"]) == ("Ada King", "Ada", "King")


def test_a_patch_leaves_alone_what_it_does_not_name(kommo):
    lead = kommo.make("leads", {"name": "Deal", "price": 5, "created_at": T0, "_embedded": {"tags": [{"name": "x"}]}})
    before = kommo.read(f"leads/{lead}")
    kommo.clock(set=NOW)

    kommo.patch("leads", json=[{"id": lead, "price": 6}])

    assert kommo.read(f"leads/{lead}") == before | {"price": 6, "updated_at": NOW}


def test_a_patch_of_an_unknown_record_changes_nothing(kommo):
    lead = kommo.make("leads", {"name": "a"})

    assert kommo.patch("leads/1", json={"name": "b"}).status_code == 404
    assert kommo.patch("leads", json=[{"id": lead, "name": "b"}, {"id": 1}]).json()["errors"] == {
        "1": "Entity not found"
    }
    assert kommo.read(f"leads/{lead}")["name"] == "a"


def test_a_bulk_patch_item_without_id_is_refused(kommo, complaints_of):
    assert complaints_of(kommo.patch("leads", json=[{"name": "b"}])) == [("FieldMissing", "id")]


def test_a_record_that_was_read_can_be_sent_back_with_its_read_only_keys(kommo):
    """Whole records fail for over-long texts, dates and stale loss reasons, not for the keys that Kommo computes."""
    lead = kommo.read(f"leads/{kommo.make('leads', {'name': 'a'})}")

    assert kommo.patch(f"leads/{lead['id']}", json=lead).status_code == 200


def test_a_new_lead_links_existing_contacts_and_one_company(kommo, complaints_of):
    ada, bob = kommo.make("contacts", {"name": "Ada"}, {"name": "Bob"})
    acme, other = kommo.make("companies", {}, {})
    linked = {"contacts": [{"id": ada}, {"id": bob, "is_main": True}], "companies": [{"id": acme}]}
    lead = kommo.make("leads", {"_embedded": linked})

    embedded = kommo.read(f"leads/{lead}?with=contacts")["_embedded"]

    assert {one["id"]: one["is_main"] for one in embedded["contacts"]} == {ada: False, bob: True}
    assert [one["id"] for one in embedded["companies"]] == [acme]
    assert "contacts" not in kommo.read(f"leads/{lead}")["_embedded"]
    two = kommo.post("leads", json=[{"_embedded": {"companies": [{"id": acme}, {"id": other}]}}])
    assert complaints_of(two) == [("NotSupportedChoice", "_embedded.companies")]


def test_tags_are_replaced_by_embedded_and_moved_by_deltas(kommo):
    def tags() -> list[str]:
        return [tag["name"] for tag in kommo.read(f"contacts/{contact}")["_embedded"]["tags"]]

    contact = kommo.make("contacts", {"_embedded": {"tags": [{"name": "a"}]}, "tags_to_add": [{"name": "b"}]})
    assert tags() == ["a", "b"]
    kommo.patch(f"contacts/{contact}", json={"tags_to_add": [{"name": "c"}], "tags_to_delete": [{"name": "a"}]})
    assert tags() == ["b", "c"]
    kommo.patch(f"contacts/{contact}", json={"_embedded": {"tags": [{"name": "d"}]}})
    assert tags() == ["d"]
    kommo.patch(f"contacts/{contact}", json={"_embedded": {"tags": None}})
    assert tags() == []


@pytest.mark.parametrize(
    "asked", ["filter[id][]={0}&filter[id][]={2}", "filter[id][0]={0}&filter[id][1]={2}", "filter[id]={0}"]
)
def test_all_three_spellings_of_a_list_filter_are_understood(kommo, asked):
    made = kommo.make("leads", {}, {}, {})

    assert kommo.ids("leads?" + asked.format(*made)) == ([made[0], made[2]] if "{2}" in asked else [made[0]])


def test_a_range_filter_takes_from_and_to_and_a_bare_moment_finds_nothing(kommo):
    old, middle, new = kommo.make("leads", *({"updated_at": T0 + step} for step in (0, 10, 20)))

    assert kommo.ids(f"leads?filter[updated_at][from]={T0 + 10}") == [middle, new]
    assert kommo.ids(f"leads?filter[updated_at][from]={T0 + 1}&filter[updated_at][to]={T0 + 19}") == [middle]
    assert kommo.ids(f"leads?filter[updated_at]={T0}") == []
    assert kommo.ids(f"leads?filter[updated_at][to]={T0}") == [old]


def test_leads_are_filtered_by_pipeline_stage_and_owner(kommo):
    (pipeline,) = kommo.ids("leads/pipelines")
    won, mine = kommo.make("leads", {"status_id": WON}, {"responsible_user_id": 5002})

    assert kommo.ids(f"leads?filter[statuses][0][pipeline_id]={pipeline}&filter[statuses][0][status_id]={WON}") == [won]
    assert kommo.ids(f"leads?filter[pipeline_id]={pipeline}") == [won, mine]
    assert kommo.ids("leads?filter[responsible_user_id]=5002") == [mine]


def test_an_unknown_filter_is_ignored_and_unfiltered_results_come_back(kommo):
    made = kommo.make("leads", {}, {})

    assert kommo.ids("leads?filter[custom_fields_values][30001]=x") == made


def test_order_goes_both_ways_and_only_by_what_the_entity_knows(kommo):
    old, new = kommo.make("leads", {"created_at": T0}, {"created_at": T0 + 1})
    first, second = kommo.make("contacts", {"created_at": T0 + 1}, {"created_at": T0})

    assert kommo.ids("leads?order[created_at]=desc") == [new, old]
    assert kommo.ids("leads?order[id]=desc") == [new, old]
    assert kommo.ids("contacts?order[created_at]=asc") == [first, second]


def test_query_finds_a_part_of_the_name_or_of_any_custom_field(kommo):
    phone = {"field_code": "PHONE", "values": [{"value": "+90 532 111"}]}
    ada, _ = kommo.make("contacts", {"name": "Ada Lovelace", "custom_fields_values": [phone]}, {"name": "Bob"})

    assert kommo.ids("contacts?query=lovel") == [ada]
    assert kommo.ids("contacts?query=532") == [ada]
    assert kommo.ids("contacts?query=nobody") == []


def test_what_a_person_removed_is_gone_from_reads_but_leads_show_in_the_trash(kommo):
    lead, stays = kommo.make("leads", {"name": "a"}, {})
    contact = kommo.make("contacts")
    kommo.post(f"leads/{stays}/link", json=[{"to_entity_id": contact, "to_entity_type": "contacts"}])
    for entity, record in (("leads", lead), ("contacts", contact)):
        assert kommo.post("/__twin__/remove", json={"entity": entity, "id": record}).status_code == 204

    assert kommo.ids("leads") == [stays]
    assert kommo.get(f"leads/{lead}").status_code == 204
    assert kommo.read(f"leads/{stays}?with=contacts")["_embedded"]["contacts"] == []
    (trashed,) = kommo.read("leads?with=only_deleted")["_embedded"]["leads"]
    assert {key for key, value in trashed.items() if value is not None} == {
        "id",
        "updated_by",
        "updated_at",
        "is_deleted",
    }
    assert kommo.patch(f"leads/{lead}", json={"name": "b"}).status_code == 404
