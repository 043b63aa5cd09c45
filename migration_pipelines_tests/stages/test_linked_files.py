"""Files that stay where they are, through both twins: a note on each card says where, and no body is read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_pipelines import stages
from migration_pipelines.demo.ids import account_id, contact_id, user_id
from migration_pipelines.errors import InvalidInput
from migration_pipelines.ledger.store import Ledger
from migration_pipelines.project import load_project
from migration_pipelines.stages import gates
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.pairs.test_other_forms import _add
from migration_pipelines_tests.stages.test_whole_pair import (
    DECIDED,
    decide,
    outcomes,
    texts_on,
    write_shipped_project,
)
from migration_pipelines_tests.world import World, firm, small_firm

BODY = b"%PDF offer of the pumps"
OFFER, OFFER_BODY = make_id("069", 900), make_id("068", 900)
SCAN, OF_EMAIL = make_id("00P", 1), make_id("00P", 2)
EMAIL = make_id("02s", 900)
ADDRESS = "https://harbor.my.salesforce.example/{id}?name={name}"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an org with the small firm, a file on a company and on a contact, and attachments on the contact and on an
    e-mail to the company."""
    small = firm()
    person, company, author = contact_id(small.people[0]), account_id(small.companies[0]), user_id(small.sellers[0])
    by = {"OwnerId": author, "CreatedById": author, "CreatedDate": "2026-03-05T15:20:30.000+0000"}
    seed = small_firm(tmp_path_factory.mktemp("linked"))
    size, md5, body = len(BODY), hashlib.md5(BODY).hexdigest(), base64.b64encode(BODY).decode()  # noqa: S324
    _add(seed, "ContentDocument", {"Id": OFFER, "Title": "Offer & terms", "FileExtension": "pdf", "ContentSize": size,
                                   "LatestPublishedVersionId": OFFER_BODY, **by})  # fmt: skip
    _add(seed, "ContentVersion", {"Id": OFFER_BODY, "ContentDocumentId": OFFER, "Title": "Offer & terms",
                                  "FileExtension": "pdf", "ContentSize": size, "Checksum": md5, "VersionData": body,
                                  "IsLatest": True, **by})  # fmt: skip
    _add(
        seed, "ContentDocumentLink",
        {"Id": make_id("06A", 900), "ContentDocumentId": OFFER, "LinkedEntityId": company},
        {"Id": make_id("06A", 901), "ContentDocumentId": OFFER, "LinkedEntityId": person},
    )  # fmt: skip
    _add(seed, "Attachment", {"Id": SCAN, "Name": "scan.png", "ParentId": person, "Body": body, "BodyLength": 1_234_567,
                              **by})  # fmt: skip
    _add(seed, "EmailMessage", {"Id": EMAIL, "Subject": "Terms", "TextBody": "As agreed.", "Status": "3",
                                "RelatedToId": company, "CreatedById": author, "MessageDate": by["CreatedDate"]})  # fmt: skip
    _add(seed, "Attachment", {"Id": OF_EMAIL, "Name": "terms.txt", "ParentId": EMAIL, "Body": body, "BodyLength": size,
                              **by})  # fmt: skip
    app = build_salesforce_twin(seed=seed, client_id="demo", client_secret="planted-client-secret")
    with serve_in_thread(app) as twin:
        yield twin.url


def test_a_linked_file_is_a_note_on_each_of_its_cards(ledger: Ledger, source: str, tmp_path: Path) -> None:
    """SF-KOMMO-73."""
    small = firm()
    person, company = contact_id(small.people[0]), account_id(small.companies[0])
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"files": "link"})
    with World.open(ledger, source, projects, tmp_path) as world:
        with world.partition() as partition:
            stages.discover(partition)
            judged = gates.judge_plan(partition)
            assert "1 decision open: file_address" in judged["every_decision_is_taken"].says
        decide(world.folder / "project.yaml", "file_address", f'"{ADDRESS}"')
        world.prepare()
        world.apply()

        assert world.broken_claims() == {}
        snapshot = world.snapshot()
        assert snapshot["files"] == []
        assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file() and path.read_bytes() == BODY]
        of_offer = (
            "[File] Offer & terms.pdf, 23 bytes\n"
            f"https://harbor.my.salesforce.example/{OFFER}?name=Offer%20%26%20terms.pdf\n"
            f"MD5 {hashlib.md5(BODY).hexdigest()}"  # noqa: S324
        )
        of_scan = f"[File] scan.png, 1,234,567 bytes\nhttps://harbor.my.salesforce.example/{SCAN}?name=scan.png"
        on_company = [text for text in texts_on(snapshot, "companies", company) if of_offer in text]
        on_person = [text for text in texts_on(snapshot, "contacts", person) if text.startswith("[File]")]
        assert len(on_company) == 1
        assert len(on_person) == 2
        assert sum(of_offer in text for text in on_person) == sum(of_scan in text for text in on_person) == 1
        of_email = f"[File] terms.txt, 23 bytes\nhttps://harbor.my.salesforce.example/{OF_EMAIL}?name=terms.txt"
        assert sum(of_email in text for text in texts_on(snapshot, "companies", company)) == 1
        assert outcomes(world)["attachments/Attachment>notes"] == {"loaded": 2}
        archived = (tmp_path / "home" / "archive" / world.key / "ContentVersion.csv").read_text("utf-8-sig")
        assert OFFER_BODY in archived

        with world.partition() as partition:
            stages.roll_back(partition)
        assert "[File]" not in json.dumps(world.snapshot()["notes"])


@pytest.mark.parametrize("address", ["http://files.example/{id}", "https://files.example/", "https://{id}", "{id}"])
def test_an_address_without_the_files_id_is_none(address: str, tmp_path: Path) -> None:
    projects = write_shipped_project(tmp_path / "projects", DECIDED | {"file_address": f'"{address}"'})

    with pytest.raises(InvalidInput, match="file_address"):
        load_project(projects / "demo")
