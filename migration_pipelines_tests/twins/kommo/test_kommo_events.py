"""Events: what they say happened, how they are found, and that nobody writes them."""

import pytest

T0 = 1_577_836_800
NOW = 1_800_000_000


def types(kommo, asked=""):
    answer = kommo.get(f"events{asked}")
    return [] if answer.status_code == 204 else [one["type"] for one in answer.json()["_embedded"]["events"]]


def test_each_write_leaves_its_event_the_latest_first(kommo):
    kommo.clock(set=NOW)
    contact, lead = kommo.make("contacts"), kommo.make("leads")
    for body in ({"status_id": 142}, {"price": 7}, {"responsible_user_id": 5002}, {"name": "New"}):
        kommo.clock(advance=1)
        kommo.patch(f"leads/{lead}", json=body)
    kommo.clock(advance=1)
    kommo.post(f"leads/{lead}/link", json=[{"to_entity_id": contact, "to_entity_type": "contacts"}])
    kommo.clock(advance=1)
    kommo.make("leads/notes", {"entity_id": lead, "params": {"text": "a"}})
    kommo.clock(advance=1)
    task = kommo.make("tasks", {"text": "t", "complete_till": NOW, "entity_id": lead, "entity_type": "leads"})
    kommo.clock(advance=1)
    kommo.patch(f"tasks/{task}", json={"is_completed": True})
    kommo.clock(advance=1)
    kommo.post("/__twin__/remove", json={"entity": "leads", "id": lead})

    assert types(kommo, f"?filter[entity][]=lead&filter[entity_id][]={lead}") == [
        *("lead_deleted", "task_completed", "task_added", "common_note_added", "entity_linked", "name_field_changed"),
        *("entity_responsible_changed", "sale_field_changed", "lead_status_changed", "lead_added"),
    ]
    assert types(kommo, "?filter[entity]=contact") == ["contact_added"]


def test_a_change_of_stage_says_from_where_to_where(kommo):
    lead = kommo.read(f"leads/{kommo.make('leads')}")
    kommo.patch(f"leads/{lead['id']}", json={"status_id": 142})

    (event,) = kommo.read("events?filter[type]=lead_status_changed")["_embedded"]["events"]

    pipeline = lead["pipeline_id"]
    assert event["value_before"] == [{"lead_status": {"id": lead["status_id"], "pipeline_id": pipeline}}]
    assert event["value_after"] == [{"lead_status": {"id": 142, "pipeline_id": pipeline}}]
    assert (event["entity_type"], event["entity_id"], event["created_by"]) == ("lead", lead["id"], 5001)
    assert kommo.read(f"events/{event['id']}")["type"] == "lead_status_changed"


def test_events_are_filtered_by_time_and_a_page_holds_a_hundred(kommo):
    kommo.clock(set=NOW)
    kommo.make("leads", *[{}] * 150)
    kommo.clock(advance=100)
    kommo.make("contacts")

    assert types(kommo, f"?filter[created_at][from]={NOW + 1}") == ["contact_added"]
    assert len(types(kommo, "?limit=100")) == 100
    assert len(types(kommo, "?limit=250")) == 50
    assert len(types(kommo, "?limit=100&page=2")) == 51


def test_events_page(kommo_with):
    kommo = kommo_with(events_page=250)
    kommo.make("leads", *[{}] * 150)

    assert len(types(kommo, "?limit=250")) == 150


@pytest.mark.parametrize(("events_backdated", "at"), [(False, NOW), (True, T0)])
def test_events_backdated(kommo_with, events_backdated, at):
    kommo = kommo_with(events_backdated=events_backdated)
    kommo.clock(set=NOW)
    kommo.make("leads", {"created_at": T0})

    assert [one["created_at"] for one in kommo.read("events")["_embedded"]["events"]] == [at]


def test_events_cannot_be_written_and_are_not_asked_for_by_more_than_ten_records(kommo):
    assert kommo.post("events", json=[{"type": "lead_added"}]).status_code == 405
    ids = "&".join(f"filter[entity_id][]={number}" for number in range(11))
    assert kommo.get(f"events?{ids}").status_code == 400
    assert kommo.get("events/7-none").status_code == 404


def started(kommo):
    return [(one["event"], one["started"]) for one in kommo.get("/__twin__/automations").json()]


def test_what_would_start_bots_and_webhooks_is_noted(kommo):
    hook = {"destination": "https://a.example/", "settings": ["status_lead", "note_lead", "add_contact"]}
    kommo.post("webhooks", json=hook)
    lead = kommo.make("leads")
    kommo.make("contacts")
    kommo.patch(f"leads/{lead}", json={"status_id": 142})
    kommo.make("leads/notes", {"entity_id": lead, "params": {"text": "loud"}})
    kommo.make(
        "leads/notes",
        {"entity_id": lead, "params": {"text": "quiet"}, "is_need_to_trigger_digital_pipeline": False},
    )
    kommo.patch(f"leads/{lead}", json={"price": 7})

    assert started(kommo) == [
        ("lead_added", "digital_pipeline"),
        ("contact_added", "https://a.example/"),
        ("lead_status_changed", "digital_pipeline"),
        ("lead_status_changed", "https://a.example/"),
        ("common_note_added", "digital_pipeline"),
        ("common_note_added", "https://a.example/"),
    ]


@pytest.mark.parametrize("starts", [True, False])
def test_backdated_starts_automations(kommo_with, starts):
    kommo = kommo_with(backdated_starts_automations=starts)
    kommo.clock(set=NOW)
    kommo.make("leads", {"created_at": T0})

    assert started(kommo) == [("lead_added", "digital_pipeline")] * starts
    kommo.make("leads")
    assert len(started(kommo)) == starts + 1
