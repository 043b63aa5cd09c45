"""Files: upload sessions and their parts, versions, trash, downloads, attaching to cards and showing in notes."""

import pytest

NOW = 1_800_000_000
BODY = bytes(range(256)) * 5000
"""1,280,000 bytes: two whole parts of 524,288 and a rest of 231,424."""
PART = 524_288


def open_session(kommo, size, name="Ünal offer.pdf", **told):
    drive = kommo.read("account?with=drive_url")["drive_url"]
    return kommo.post(f"{drive}/v1.0/sessions", json={"file_name": name, "file_size": size} | told)


def upload(kommo, body=BODY, **told):
    session = open_session(kommo, len(body), **told).json()
    url, size = session["upload_url"], session["max_part_size"]
    answers = []
    for start in range(0, len(body), size):
        answers.append(kommo.post(url, content=body[start : start + size]))
        assert answers[-1].status_code == 200, answers[-1].text
        url = answers[-1].json().get("next_url")
    return answers


@pytest.fixture
def file(kommo):
    return upload(kommo)[-1].json()


def test_a_session_tells_the_documented_limits(kommo):
    session = open_session(kommo, 10).json()

    assert set(session) == {"session_id", "upload_url", "max_part_size", "max_file_size"}
    assert (session["max_part_size"], session["max_file_size"]) == (524_288, 314_572_800)


def test_a_file_goes_up_in_parts_and_comes_down_whole(kommo):
    middle, second, last = (answer.json() for answer in upload(kommo, content_type="application/pdf"))

    assert set(middle) == set(second) == {"next_url", "session_id"}
    assert middle["next_url"] != second["next_url"]
    assert (last["name"], last["size"], last["is_trashed"]) == ("Ünal offer.pdf", 1_280_000, False)
    assert last["metadata"] == {"extension": "pdf", "mime_type": "application/pdf"}
    assert last["sanitized_name"] == "Ünal_offer.pdf"
    down = kommo.get(last["_links"]["download"]["href"])
    assert (down.content == BODY, down.headers["content-type"]) == (True, "application/pdf")
    assert kommo.read(f"/v1.0/files/{last['uuid']}")["uuid"] == last["uuid"]


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"file_size": 314_572_801}, ("TooLong", "file_size")),
        ({"file_size": 0}, ("InvalidType", "file_size")),
        ({"file_size": "10"}, ("InvalidType", "file_size")),
        ({"file_name": None}, ("FieldMissing", "file_name")),
        ({"file_uuid": "nothing"}, ("NotSupportedChoice", "file_uuid")),
    ],
)
def test_a_session_that_cannot_be_is_refused(kommo, complaints_of, told, complaint):
    assert complaints_of(open_session(kommo, 10, **told)) == [complaint]


def test_a_part_is_neither_too_large_nor_empty_nor_more_than_was_said(kommo):
    url = open_session(kommo, PART + 10).json()["upload_url"]

    assert kommo.post(url, content=b"x" * (PART + 1)).status_code == 400
    assert kommo.post(url, content=b"").status_code == 400
    second = kommo.post(url, content=b"x" * PART).json()["next_url"]
    assert kommo.post(second, content=b"x" * 11).status_code == 400
    assert kommo.post(second, content=b"x" * 10).json()["size"] == PART + 10


def test_a_parts_address_works_once(kommo):
    url = open_session(kommo, 20).json()["upload_url"]

    assert kommo.post(url, content=b"x" * 10).status_code == 200
    assert kommo.post(url, content=b"x" * 10).status_code == 404
    assert kommo.post("/v1.0/sessions/upload/77-0-guess", content=b"x").status_code == 404
    assert kommo.post("/v1.0/sessions/upload/guess", content=b"x").status_code == 404


def test_a_session_ends_after_a_day(kommo):
    kommo.clock(set=NOW)
    url = open_session(kommo, 20).json()["upload_url"]
    kommo.clock(advance=24 * 3600 + 1)

    assert kommo.post(url, content=b"x" * 20).status_code == 404


def test_largest_part_is_told_by_the_session(kommo_with):
    kommo = kommo_with(largest_part=4)

    assert len(upload(kommo, b"0123456789")) == 3


def test_a_file_takes_a_new_version_under_its_own_uuid(kommo, file):
    newer = upload(kommo, b"two", file_uuid=file["uuid"], name="offer2.txt")[-1].json()

    assert newer["uuid"] == file["uuid"]
    assert newer["version_uuid"] != file["version_uuid"]
    versions = kommo.read(f"/v1.0/files/{file['uuid']}/versions")["_embedded"]["versions"]
    assert [one["size"] for one in versions] == [3, len(BODY)]
    assert kommo.get(versions[1]["_links"]["download"]["href"]).content == BODY


def test_a_file_is_listed_renamed_trashed_and_restored(kommo, file):
    asked = f"/v1.0/files?filter[uuid][]={file['uuid']}"
    path = f"/v1.0/files/{file['uuid']}"
    assert [one["uuid"] for one in kommo.read(asked)["_embedded"]["files"]] == [file["uuid"]]
    assert kommo.patch(path, json={"name": "new.pdf"}).json()["name"] == "new.pdf"

    assert kommo.request("DELETE", "/v1.0/files", json=[{"uuid": file["uuid"]}]).status_code == 204
    assert kommo.get(path).status_code == 404
    assert kommo.get(asked).status_code == 204

    restored = kommo.post("/v1.0/files/restore", json=[{"uuid": file["uuid"]}])
    assert [one["is_trashed"] for one in restored.json()["_embedded"]["files"]] == [False]
    assert kommo.get(path).status_code == 200


def test_the_trash_is_emptied_after_thirty_days(kommo, file):
    kommo.clock(set=NOW)
    kommo.request("DELETE", "/v1.0/files", json=[{"uuid": file["uuid"]}])
    kommo.clock(advance=30 * 24 * 3600 + 1)

    assert kommo.post("/v1.0/files/restore", json=[{"uuid": file["uuid"]}]).status_code == 400


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_files_are_attached_listed_and_detached(kommo, file, entity):
    card = kommo.make(entity)
    path, named = f"{entity}/{card}/files", [{"file_uuid": file["uuid"]}]
    assert kommo.get(path).status_code == 204

    assert kommo.put(path, json=named).status_code == 200
    assert kommo.put(path, json=named).status_code == 200
    assert [one["file_uuid"] for one in kommo.read(path)["_embedded"]["files"]] == [file["uuid"]]
    assert kommo.request("DELETE", path, json=named).status_code == 202
    assert kommo.get(path).status_code == 204


def test_attached_files_are_paged_by_before_id(kommo):
    lead = kommo.make("leads")
    made = [upload(kommo, b"x")[-1].json()["uuid"] for _ in range(3)]
    kommo.put(f"leads/{lead}/files", json=[{"file_uuid": one} for one in made])

    first = kommo.read(f"leads/{lead}/files?limit=2")
    second = kommo.read(first["_links"]["next"]["href"])

    found = [one["file_uuid"] for page in (first, second) for one in page["_embedded"]["files"]]
    assert found == list(reversed(made))
    assert "next" not in second["_links"]


def test_what_is_not_there_is_not_attached(kommo, complaints_of, file):
    lead = kommo.make("leads")

    answer = kommo.put(f"leads/{lead}/files", json=[{"file_uuid": "nothing"}])
    assert complaints_of(answer) == [("NotSupportedChoice", "file_uuid")]
    assert kommo.put("leads/1/files", json=[{"file_uuid": file["uuid"]}]).status_code == 404


def test_an_attachment_note_shows_a_file_of_the_drive_with_its_latest_version(kommo, complaints_of, file):
    lead = kommo.make("leads")
    told = {"file_uuid": file["uuid"], "file_name": "offer.pdf"}
    made = kommo.make("leads/notes", {"entity_id": lead, "note_type": "attachment", "params": told})

    assert kommo.read(f"leads/notes/{made}")["params"] == told | {
        "version_uuid": file["version_uuid"],
        "is_drive_attachment": True,
    }
    wrong = {"entity_id": lead, "note_type": "attachment", "params": told | {"version_uuid": "other"}}
    assert complaints_of(kommo.post("leads/notes", json=[wrong])) == [("NotSupportedChoice", "params.version_uuid")]


@pytest.mark.parametrize(("open_downloads", "status"), [(False, 401), (True, 200)])
def test_open_downloads(kommo_with, open_downloads, status):
    kommo = kommo_with(open_downloads=open_downloads)
    href = upload(kommo, b"x")[-1].json()["_links"]["download"]["href"]

    assert kommo.get(href, headers={"Authorization": ""}).status_code == status


@pytest.mark.parametrize(("drive_counts", "status"), [(True, 429), (False, 204)])
def test_drive_counts(kommo_with, drive_counts, status):
    kommo = kommo_with(requests_per_second=1, drive_counts=drive_counts)
    kommo.clock(set=NOW)
    kommo.get("account")

    assert kommo.get("/v1.0/files").status_code == status
