"""What the demo company does not have: attachments and notes of other forms, and meetings as notes. From end to end."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_pipelines.demo.ids import account_id, contact_id, user_id
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.world import World, firm, small_firm, write_project

ATTACHMENT, LOOSE = make_id("00P", 1), make_id("00P", 2)
NOTE, NOTE_BODY = make_id("069", 900), make_id("068", 900)
HTML = b"<p>Calls back on Monday</p>"


def _add(folder: Path, name: str, *rows: dict[str, Any]) -> None:
    path = folder / "rows" / f"{name}.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else []
    path.write_text(json.dumps([*there, *rows]), "utf-8")


@pytest.fixture
def world(ledger: Ledger, tmp_path: Path) -> Iterator[World]:
    small = firm()
    person, company, author = contact_id(small.people[0]), account_id(small.companies[0]), user_id(small.sellers[0])
    by = {"OwnerId": author, "CreatedById": author}
    seed = small_firm(tmp_path)
    body = {"Body": base64.b64encode(b"scan").decode(), "BodyLength": 4, "ContentType": "image/png"}
    _add(
        seed, "Attachment",
        {"Id": ATTACHMENT, "Name": "scan.png", "ParentId": person, **body, **by},
        {"Id": LOOSE, "Name": "private.png", "ParentId": person, "IsPrivate": True, **body, **by},
    )  # fmt: skip
    _add(seed, "ContentNote", {"Id": NOTE, "Title": "Minutes", "LatestPublishedVersionId": NOTE_BODY,
                               "Content": base64.b64encode(HTML).decode(), **by})  # fmt: skip
    _add(seed, "ContentDocument", {"Id": NOTE, "Title": "Minutes", "LatestPublishedVersionId": NOTE_BODY, **by})
    _add(seed, "ContentVersion", {"Id": NOTE_BODY, "ContentDocumentId": NOTE, "Title": "Minutes", "FileExtension": "snote",
                                  "FileType": "SNOTE", "VersionData": base64.b64encode(HTML).decode(), "IsLatest": True,
                                  **by})  # fmt: skip
    _add(seed, "ContentDocumentLink", {"Id": make_id("06A", 900), "ContentDocumentId": NOTE, "LinkedEntityId": company})
    projects = write_project(tmp_path / "projects")
    project = projects / "demo" / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("meetings: task", "meetings: note"), "utf-8")
    app = build_salesforce_twin(seed=seed, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin, World.open(ledger, twin.url, projects, tmp_path) as world:
        yield world


def test_older_attachments_newer_notes_and_meetings_as_notes_arrive(world: World) -> None:
    """SF-KOMMO-16, SF-KOMMO-32."""
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}
    snapshot = world.snapshot()
    files = {file["name"]: file["id"] for file in snapshot["files"]}
    scan, minutes = files[f"scan [SF:{ATTACHMENT}].png"], files[f"Minutes [SF:{NOTE_BODY}].html"]
    on = {(one["entity"], one["record_id"]) for one in snapshot["attached"] if one["file_uuid"] in (scan, minutes)}
    names = {(kind, one["id"]): one["custom_fields"]["SF_ID"][0]["value"]
             for kind in ("companies", "contacts", "leads") for one in snapshot[kind]}  # fmt: skip
    small = firm()
    assert {names[one] for one in on} == {contact_id(small.people[0]), account_id(small.companies[0])}
    assert not [name for name in files if LOOSE in name]
    texts = [one["params"].get("text") or "" for one in snapshot["notes"]]
    assert sum(text.startswith("[Meeting] ") for text in texts) == 2
    assert not [task for task in snapshot["tasks"] if "[Meeting]" in task["text"]]
