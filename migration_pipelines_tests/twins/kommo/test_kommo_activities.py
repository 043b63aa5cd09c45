"""Tasks, notes and calls: what each takes, what a read shows, and what happens to the card they stand on."""

import pytest

NOW = 1_800_000_000
T0 = 1_577_836_800
TASK = {"text": "Call back", "complete_till": NOW + 3600}


def note(card, text="Hello", **told):
    return {"entity_id": card, "note_type": "common", "params": {"text": text}} | told


def test_a_task_is_made_with_the_documented_defaults_and_reads_back(kommo):
    kommo.clock(set=NOW)
    me = kommo.read("account")["current_user_id"]
    lead = kommo.make("leads")

    task = kommo.read(f"tasks/{kommo.make('tasks', TASK | {'entity_id': lead, 'entity_type': 'leads'})}")

    assert {key: value for key, value in task.items() if key not in ("id", "_links")} == {
        "created_by": me,
        "updated_by": me,
        "created_at": NOW,
        "updated_at": NOW,
        "responsible_user_id": me,
        "group_id": 0,
        "entity_id": lead,
        "entity_type": "leads",
        "duration": 0,
        "is_completed": False,
        "task_type_id": 1,
        "text": "Call back",
        "result": [],
        "complete_till": NOW + 3600,
        "account_id": 1000,
    }


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"text": ""}, ("FieldMissing", "text")),
        ({"complete_till": None}, ("InvalidType", "complete_till")),
        ({"complete_till": NOW * 1000}, ("InvalidType", "complete_till")),
        ({"task_type_id": 99}, ("NotSupportedChoice", "task_type_id")),
        ({"entity_id": 1, "entity_type": "leads"}, ("NotSupportedChoice", "entity_id")),
        ({"entity_id": 1, "entity_type": "deals"}, ("NotSupportedChoice", "entity_type")),
        ({"entity_id": 1}, ("FieldMissing", "entity_type")),
        ({"is_completed": "yes"}, ("InvalidType", "is_completed")),
        ({"result": "done"}, ("InvalidType", "result")),
    ],
)
def test_a_task_that_cannot_be_is_refused_by_path(kommo, complaints_of, told, complaint):
    assert complaint in complaints_of(kommo.post("tasks", json=[TASK | told]))
    assert kommo.get("tasks").status_code == 204


def test_a_completed_task_can_be_created_with_its_result_and_backdated(kommo):
    told = {"is_completed": True, "result": {"text": "Reached"}, "created_at": T0, "complete_till": T0, "duration": 900}

    task = kommo.read(f"tasks/{kommo.make('tasks', TASK | told)}")

    assert {key: task[key] for key in told} == told


@pytest.mark.parametrize(("rule", "status"), [("ignored", 200), ("refuse", 400)])
def test_completed_tasks_where_they_are_not_honoured(kommo_with, rule, status):
    kommo = kommo_with(completed_tasks=rule)

    assert kommo.post("tasks", json=[TASK | {"is_completed": True}]).status_code == status
    assert [task["is_completed"] for task in kommo.snapshot()["tasks"]] == [False] * (status == 200)


def test_task_text_length(kommo_with, complaints_of):
    kommo = kommo_with(task_text_length=5)

    assert complaints_of(kommo.post("tasks", json=[TASK | {"text": "123456"}])) == [("TooLong", "text")]
    assert kommo.post("tasks", json=[TASK | {"text": "12345"}]).status_code == 200


def test_tasks_are_filtered_and_ordered_as_documented(kommo):
    lead, other = kommo.make("leads", {}, {})
    late, early, done = kommo.make(
        "tasks",
        TASK | {"complete_till": NOW + 9, "entity_id": lead, "entity_type": "leads"},
        TASK | {"complete_till": NOW, "entity_id": other, "entity_type": "leads", "task_type_id": 2},
        TASK | {"is_completed": True, "responsible_user_id": 5002},
    )

    assert kommo.ids("tasks?filter[is_completed]=1") == [done]
    assert kommo.ids("tasks?filter[is_completed]=0&order[complete_till]=asc") == [early, late]
    assert kommo.ids(f"tasks?filter[entity_type]=leads&filter[entity_id]={lead}") == [late]
    assert kommo.ids("tasks?filter[task_type][]=2") == kommo.ids("tasks?filter[task_type_id]=2") == [early]
    assert kommo.ids("tasks?filter[responsible_user_id]=5002") == [done]


def test_completing_a_task_is_a_patch_and_moves_the_cards_closest_task(kommo):
    lead = kommo.make("leads")
    on_lead = {"entity_id": lead, "entity_type": "leads"}
    first, second = kommo.make("tasks", TASK | on_lead, TASK | on_lead | {"complete_till": NOW + 9000})
    assert kommo.read(f"leads/{lead}")["closest_task_at"] == NOW + 3600

    body = kommo.patch(f"tasks/{first}", json={"is_completed": True, "result": {"text": "Done"}}).json()

    assert (body["id"], "updated_at" in body) == (first, True)
    assert kommo.read(f"tasks/{first}")["result"] == {"text": "Done"}
    assert kommo.read(f"leads/{lead}")["closest_task_at"] == NOW + 9000
    kommo.patch("tasks", json=[{"id": second, "is_completed": True}])
    assert kommo.read(f"leads/{lead}")["closest_task_at"] is None


@pytest.mark.parametrize("kind", ["tasks", "leads/notes"])
def test_tasks_and_notes_cannot_be_deleted(kommo, kind):
    lead = kommo.make("leads")
    made = kommo.make(kind, TASK if kind == "tasks" else note(lead))

    assert kommo.delete(f"{kind}/{made}").status_code == 405


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_a_note_is_made_under_its_kind_of_card_or_under_the_card(kommo, entity):
    card, other = kommo.make(entity, {}, {})
    kommo.clock(set=NOW)

    answer = kommo.post(f"{entity}/notes", json=[note(card, request_id="r")]).json()
    second = kommo.make(f"{entity}/{card}/notes", {"note_type": "common", "params": {"text": "Two"}})
    third = kommo.make(f"{entity}/notes", note(other))

    (item,) = answer["_embedded"]["notes"]
    assert (item["entity_id"], item["request_id"], set(item)) == (
        card,
        "r",
        {"id", "entity_id", "request_id", "_links"},
    )
    assert kommo.ids(f"{entity}/{card}/notes") == [item["id"], second]
    assert kommo.ids(f"{entity}/notes") == [item["id"], second, third]
    read = kommo.read(f"{entity}/notes/{item['id']}")
    assert (read["note_type"], read["params"], read["created_at"], read["entity_id"]) == (
        "common",
        {"text": "Hello"},
        NOW,
        card,
    )
    assert kommo.read(f"{entity}/{card}/notes/{second}")["params"] == {"text": "Two"}
    assert kommo.get(f"{entity}/{card}/notes/{third}").status_code == 204


def test_notes_of_one_kind_of_card_are_not_found_under_another(kommo):
    lead, contact = kommo.make("leads"), kommo.make("contacts")
    made = kommo.make("leads/notes", note(lead))

    assert kommo.get("contacts/notes").status_code == 204
    assert kommo.get(f"contacts/notes/{made}").status_code == 204
    assert kommo.patch(f"contacts/notes/{made}", json={"params": {"text": "x"}}).status_code == 404
    assert kommo.post(f"contacts/{contact + 999}/notes", json=[note(1)]).status_code == 404


@pytest.mark.parametrize(
    ("note_type", "params"),
    [
        ("common", {"text": "a"}),
        ("call_in", {"duration": 60, "source": "PBX", "phone": "+1", "uniq": "u", "link": "https://a.example/1.mp3"}),
        ("call_out", {"duration": 0, "source": "PBX", "phone": "+1"}),
        ("service_message", {"service": "Import", "text": "a"}),
        ("extended_service_message", {"service": "Import", "text": "a"}),
        ("geolocation", {"text": "here", "address": "Street 1", "longitude": "29.0", "latitude": "41.0"}),
        ("sms_in", {"text": "a", "phone": "+1"}),
        ("sms_out", {"text": "a", "phone": "+1"}),
    ],
)
def test_the_documented_types_of_notes_are_creatable(kommo, note_type, params):
    lead = kommo.make("leads")

    made = kommo.make("leads/notes", {"entity_id": lead, "note_type": note_type, "params": params})

    assert kommo.read(f"leads/notes/{made}")["params"] == params
    assert kommo.ids(f"leads/notes?filter[note_type]={note_type}") == [made]


@pytest.mark.parametrize("note_type", ["amomail_message", "chat", "site_visit", "transaction", "zoom_meeting", "bogus"])
def test_mail_chats_and_other_types_are_not_creatable(kommo, complaints_of, note_type):
    lead = kommo.make("leads")

    answer = kommo.post("leads/notes", json=[{"entity_id": lead, "note_type": note_type, "params": {"text": "a"}}])

    assert complaints_of(answer) == [("NotSupportedChoice", "note_type")]


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"params": {}}, ("FieldMissing", "params.text")),
        ({"params": {"text": 7}}, ("InvalidType", "params.text")),
        ({"params": "text"}, ("InvalidType", "params")),
        ({"note_type": "call_in", "params": {"phone": "+1", "source": "x"}}, ("FieldMissing", "params.duration")),
        ({"note_type": "attachment", "params": {"file_uuid": "no", "file_name": "a"}},
         ("NotSupportedChoice", "params.file_uuid")),
        ({"entity_id": 1}, ("NotSupportedChoice", "entity_id")),
        ({"entity_id": None}, ("FieldMissing", "entity_id")),
        ({"entity_id": "7"}, ("InvalidType", "entity_id")),
    ],
)  # fmt: skip
def test_a_note_that_cannot_be_is_refused_by_path(kommo, complaints_of, told, complaint):
    lead = kommo.make("leads")

    assert complaint in complaints_of(kommo.post("leads/notes", json=[note(lead) | told]))


def test_note_params_lax_takes_a_note_without_its_keys(kommo_with):
    kommo = kommo_with(note_params="lax")
    lead = kommo.make("leads")

    assert kommo.post("leads/notes", json=[{"entity_id": lead, "note_type": "sms_in"}]).status_code == 200


def test_note_length_spares_the_extended_service_message(kommo_with, complaints_of):
    kommo = kommo_with(note_length=5)
    lead = kommo.make("leads")
    long = {"service": "s", "text": "123456"}

    assert complaints_of(kommo.post("leads/notes", json=[note(lead, "123456")])) == [("TooLong", "params.text")]
    extended = {"entity_id": lead, "note_type": "extended_service_message", "params": long}
    assert kommo.post("leads/notes", json=[extended]).status_code == 200


@pytest.mark.parametrize("rule", ["honoured", "ignored"])
def test_note_dates_and_authors(kommo_with, rule):
    kommo = kommo_with(note_dates=rule, note_authors=rule)
    kommo.clock(set=NOW)
    lead = kommo.make("leads")
    told = {"created_at": T0, "updated_at": T0, "created_by": 5002, "updated_by": 5002, "responsible_user_id": 5003}

    read = kommo.read(f"leads/notes/{kommo.make('leads/notes', note(lead, **told))}")

    mine = dict.fromkeys(("created_by", "updated_by", "responsible_user_id"), 5001)
    ignored = {"created_at": NOW, "updated_at": NOW} | mine
    assert {key: read[key] for key in told} == (told if rule == "honoured" else ignored)


def test_a_note_is_changed_by_id_and_in_a_batch_with_its_card(kommo, complaints_of):
    lead = kommo.make("leads")
    made = kommo.make("leads/notes", note(lead))

    assert kommo.patch(f"leads/notes/{made}", json={"params": {"text": "one"}}).status_code == 200
    assert kommo.read(f"leads/notes/{made}")["params"] == {"text": "one"}
    bare = {"id": made, "params": {"text": "two"}}
    assert complaints_of(kommo.patch("leads/notes", json=[bare])) == [("FieldMissing", "entity_id")]
    assert kommo.patch("leads/notes", json=[bare | {"entity_id": lead}]).status_code == 200
    assert kommo.patch(f"leads/{lead}/notes/{made}", json={"params": {"text": "three"}}).status_code == 200
    assert kommo.read(f"leads/notes/{made}")["params"] == {"text": "three"}


def test_pinning_is_204_and_shown_only_when_asked_for(kommo):
    lead = kommo.make("leads")
    made = kommo.make("leads/notes", note(lead))

    assert kommo.post(f"leads/notes/{made}/pin").status_code == 204
    assert kommo.read(f"leads/notes/{made}?with=is_pinned")["is_pinned"] is True
    assert "is_pinned" not in kommo.read(f"leads/notes/{made}")
    assert kommo.post(f"leads/notes/{made}/unpin").status_code == 204
    assert kommo.read(f"leads/notes/{made}?with=is_pinned")["is_pinned"] is False
    assert kommo.post("leads/notes/1/pin").status_code == 404


@pytest.mark.parametrize(("feed_collapses_seconds", "seen"), [(True, ["b", "c"]), (False, ["a", "b", "c"])])
def test_feed_collapses_seconds(kommo_with, feed_collapses_seconds, seen):
    """The API lists every note; a person sees one of those that share a second on a card."""
    kommo = kommo_with(feed_collapses_seconds=feed_collapses_seconds)
    lead = kommo.make("leads")
    seconds = {"a": T0, "b": T0, "c": T0 + 1}
    made = kommo.make("leads/notes", *(note(lead, text, created_at=at) for text, at in seconds.items()))

    feed = kommo.get(f"/__twin__/feed?entity=leads&id={lead}").json()

    assert kommo.ids(f"leads/{lead}/notes") == made
    assert [one["params"]["text"] for one in feed] == seen


CALL = {"direction": "inbound", "phone": "8 (415) 555-12-34", "duration": 30, "source": "PBX"}


@pytest.fixture
def caller(kommo):
    phone = {"field_code": "PHONE", "values": [{"value": "+7 415 555 12 34"}]}
    return kommo.make("contacts", {"name": "Ada", "custom_fields_values": [phone]})


def test_a_call_is_found_by_the_last_ten_digits_and_logged_on_the_contact(kommo, caller):
    answer = kommo.post("calls", json=[CALL | {"uniq": "u1", "created_at": T0}])

    assert answer.status_code == 200
    assert answer.json()["errors"] == []
    (logged,) = answer.json()["_embedded"]["calls"]
    assert (logged["entity_type"], logged["entity_id"]) == ("contacts", caller)
    read = kommo.read(f"contacts/notes/{logged['id']}")
    assert (read["note_type"], read["params"]["uniq"], read["created_at"]) == ("call_in", "u1", T0)


def test_the_one_active_lead_gets_the_call_and_with_two_the_contact_does(kommo, caller):
    linked = {"_embedded": {"contacts": [{"id": caller}]}}
    lead, _lost = kommo.make("leads", linked, linked | {"status_id": 143})

    def owner():
        (logged,) = kommo.post("calls", json=[CALL]).json()["_embedded"]["calls"]
        return logged["entity_type"], logged["entity_id"]

    assert owner() == ("leads", lead)
    kommo.make("leads", linked)
    assert owner() == ("contacts", caller)


def test_a_call_of_nobody_is_dropped_inside_a_200(kommo, caller):
    answer = kommo.post("calls", json=[CALL | {"phone": "+1 999 000 00 00", "request_id": "lost"}, CALL])

    assert answer.status_code == 200
    assert [error["request_id"] for error in answer.json()["errors"]] == ["lost"]
    assert [one["entity_id"] for one in answer.json()["_embedded"]["calls"]] == [caller]
    assert len(kommo.snapshot()["notes"]) == 1


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"direction": "sideways"}, ("NotSupportedChoice", "direction")),
        ({"phone": None}, ("FieldMissing", "phone")),
        ({"call_status": 8}, ("NotSupportedChoice", "call_status")),
    ],
)
def test_a_call_that_cannot_be_is_refused(kommo, complaints_of, told, complaint):
    assert complaints_of(kommo.post("calls", json=[CALL | told])) == [complaint]
