"""The twin itself: snapshot, a person's changes behind our back, seeds, files, the command line."""

import json
import signal
import sqlite3
import subprocess
import sys

import httpx
import pytest

from migration_pipelines.twins.kommo.app import build_kommo_twin


def test_the_snapshot_shows_records_with_fields_by_code_tags_and_links(kommo):
    phone = {"field_code": "PHONE", "values": [{"value": "+1", "enum_code": "MOB"}]}
    contact = kommo.make("contacts", {"name": "Ada", "custom_fields_values": [phone], "tags_to_add": [{"name": "run"}]})
    lead = kommo.make("leads", {"_embedded": {"contacts": [{"id": contact}]}})

    state = kommo.snapshot()

    (ada,) = state["contacts"]
    assert (ada["name"], ada["tags"], ada["custom_fields"]["PHONE"][0]["value"]) == ("Ada", ["run"], "+1")
    assert state["links"] == [
        {"entity": "leads", "id": lead, "to_entity": "contacts", "to_id": contact, "is_main": True},
    ]
    assert [stage["id"] for stage in state["pipelines"][0]["statuses"]][-2:] == [142, 143]
    assert len(state["users"]) == 3


def test_a_person_edits_on_the_screen_where_a_text_may_be_longer(kommo):
    """The UI allows what the API refuses: the card can then not be sent back whole."""
    kommo.make("leads/custom_fields", {"name": "F", "type": "text", "code": "F"})
    lead = kommo.make("leads", {"name": "a"})
    long = {"custom_fields_values": [{"field_code": "F", "values": [{"value": "x" * 300}]}]}

    edited = kommo.post("/__twin__/edit", json={"entity": "leads", "id": lead, "changes": {"name": "b"} | long})

    assert edited.status_code == 204
    read = kommo.read(f"leads/{lead}")
    assert read["name"] == "b"
    assert kommo.patch(f"leads/{lead}", json=read).status_code == 400


@pytest.mark.parametrize("asked", [{"entity": "leads", "id": 1}, {"entity": "tasks", "id": 1}, {}])
def test_a_person_cannot_touch_what_is_not_there(kommo, asked):
    assert kommo.post("/__twin__/remove", json=asked).status_code == 400


def test_reset_goes_back_to_the_seed_and_to_the_first_ids(kommo):
    first = kommo.make("leads")
    kommo.post("/__twin__/reset")

    assert kommo.snapshot()["leads"] == []
    assert kommo.make("leads") == first


def test_a_seed_brings_records_with_their_own_ids_and_links(kommo_with):
    kommo = kommo_with(
        seed={
            "account": {"name": "Beta"},
            "custom_fields": {"leads": [{"name": "SF", "type": "text", "code": "SF_ID"}]},
            "companies": [{"id": 8_100_000, "name": "Acme"}],
            "contacts": [{"name": "Ada"}, {"id": 8_600_000, "name": "Bob"}],
            "links": [{"entity": "contacts", "id": 8_600_000, "to_entity": "companies", "to_id": 8_100_000}],
        }
    )

    assert kommo.read("account")["name"] == "Beta"
    assert kommo.read("contacts/8600000")["_embedded"]["companies"][0]["id"] == 8_100_000
    assert kommo.make("contacts") > 8_600_000
    assert len({contact["id"] for contact in kommo.snapshot()["contacts"]}) == 3


@pytest.mark.parametrize("seed", [{"people": []}, {"leads": [{"price": "x"}]}])
def test_a_seed_that_cannot_be_is_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        build_kommo_twin(seed=seed)


def test_data_in_a_file_survives_a_restart(kommo_with, tmp_path):
    path = str(tmp_path / "kommo.sqlite")
    lead = kommo_with(database=path).make("leads", {"name": "kept"})

    again = kommo_with(database=path)

    assert again.read(f"leads/{lead}")["name"] == "kept"
    assert len(again.snapshot()["pipelines"]) == 1


def test_data_of_an_older_twin_is_refused_and_not_misread(tmp_path):
    path = tmp_path / "kommo.sqlite"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE record (entity TEXT, id INTEGER)")
    old.close()

    with pytest.raises(ValueError, match="another version"):
        build_kommo_twin(database=str(path))


def test_the_command_line_says_where_the_twin_listens_and_stops_cleanly(tmp_path):
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"users": [{"name": "Only", "email": "only@example.com", "is_admin": True}]}))
    command = [sys.executable, "-m", "migration_pipelines.twins", "kommo", "--port", "0", "--seed", str(seed)]
    with subprocess.Popen(
        [*command, "--switch", "minor_units=true", "--token", "T"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said, _, url = process.stdout.readline().strip().rpartition(" ")
        users = httpx.get(f"{url}/api/v4/users", headers={"Authorization": "Bearer T"}).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert said == "kommo twin on"
    assert [user["name"] for user in users["_embedded"]["users"]] == ["Only"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["kommo", "--switch", "speed=1"], "unknown switch speed"),
        (["kommo", "--host", "0.0.0.0"], "not a loopback address"),  # noqa: S104
        (["dynamics"], "invalid choice"),
    ],
)
def test_the_command_line_refuses_with_the_reason(arguments, complaint):
    done = subprocess.run(
        [sys.executable, "-m", "migration_pipelines.twins", *arguments], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert complaint in done.stderr


FULL_SEED = {
    "account": {"customers_mode": "segments"},
    "roles": [{"id": 3600, "name": "Sellers"}],
    "sources": [{"name": "Chat", "external_id": "c1"}],
    "catalogs": [{"id": 6200, "name": "Products", "type": "products"}],
    "custom_fields": {"catalogs/6200": [{"name": "Weight", "type": "numeric", "code": "WEIGHT"}]},
    "leads": [{"id": 9_100_000, "name": "Deal"}],
    "customers": [{"id": 9_600_000, "name": "Loyal"}],
    "catalog_elements": [
        {
            "catalog_id": 6200,
            "id": 6_600_000,
            "name": "Chair",
            "custom_fields_values": [{"field_code": "WEIGHT", "values": [{"value": 7}]}],
        }
    ],
    "links": [{"entity": "leads", "id": 9_100_000, "to_entity": "catalog_elements", "to_id": 6_600_000, "quantity": 4}],
    "tasks": [{"text": "Call", "complete_till": 1, "entity_id": 9_100_000, "entity_type": "leads"}],
    "notes": [
        {"entity_type": "leads", "entity_id": 9_100_000, "note_type": "amomail_message", "params": {"subject": "Hi"}},
        {"entity_type": "customers", "entity_id": 9_600_000, "params": {"text": "a"}},
    ],
}


def test_a_seed_brings_lists_products_tasks_and_notes_that_the_api_could_not_make(kommo_with):
    kommo = kommo_with(seed=FULL_SEED)

    state = kommo.snapshot()
    assert [(one["name"], one["custom_fields"]["WEIGHT"][0]["value"]) for one in state["catalog_elements"]] == [
        ("Chair", "7")
    ]
    assert [one["quantity"] for one in state["links"]] == [4]
    assert [(one["text"], one["entity_id"]) for one in state["tasks"]] == [("Call", 9_100_000)]
    assert [(one["entity_type"], one["note_type"]) for one in state["notes"]] == [
        ("leads", "amomail_message"),
        ("customers", "common"),
    ]
    assert [one["name"] for one in state["roles"]] == ["Sellers"]
    assert kommo.get("/__twin__/automations").json() == []
    assert kommo.read("leads/9100000")["closest_task_at"] == 1
    assert kommo.read("customers/9600000")["status_id"] in kommo.ids("customers/statuses")
    kommo.make("leads/notes", {"entity_id": 9_100_000, "params": {"text": "later"}})
    kommo.post("/__twin__/reset")
    again = [(one["id"], one["params"]) for one in kommo.snapshot()["notes"]]  # the seed says no moment: it is another
    assert again == [(one["id"], one["params"]) for one in state["notes"]]


def test_a_person_edits_and_removes_tasks_notes_and_elements_too(kommo_with):
    kommo = kommo_with(seed=FULL_SEED)
    state = kommo.snapshot()
    task, note = state["tasks"][0]["id"], state["notes"][0]["id"]

    for entity, record, changes in (
        ("tasks", task, {"text": "Visit"}),
        ("notes", note, {"params": {"subject": "Bye"}}),
        ("catalog_elements", 6_600_000, {"name": "Table"}),
    ):
        told = {"entity": entity, "id": record, "changes": changes}
        assert kommo.post("/__twin__/edit", json=told).status_code == 204
    kommo.post("/__twin__/remove", json={"entity": "tasks", "id": task})

    assert kommo.read(f"leads/notes/{note}")["params"] == {"subject": "Bye"}
    assert kommo.read("catalogs/6200/elements/6600000")["name"] == "Table"
    assert kommo.get("tasks").status_code == 204
    assert kommo.snapshot()["tasks"][0]["text"] == "Visit"


def test_the_command_line_names_the_integration_and_its_scopes():
    command = [sys.executable, "-m", "migration_pipelines.twins", "kommo", "--port", "0", "--scope", "crm"]
    with subprocess.Popen(
        [*command, "--client-id", "me", "--client-secret", "planted", "--redirect-uri", "https://me.example/"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().strip().rpartition(" ")[2]
        code = httpx.post(f"{url}/__twin__/code").json()["code"]
        told = {"client_id": "me", "client_secret": "planted", "redirect_uri": "https://me.example/"}
        told |= {"grant_type": "authorization_code", "code": code}
        token = httpx.post(f"{url}/oauth2/access_token", json=told).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        statuses = [httpx.get(url + path, headers=headers).status_code for path in ("/api/v4/account", "/v1.0/files")]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert statuses == [200, 403]
