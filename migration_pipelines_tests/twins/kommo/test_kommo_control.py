"""The twin itself: snapshot, a person's changes behind our back, seeds, files, the command line."""

import json
import signal
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
