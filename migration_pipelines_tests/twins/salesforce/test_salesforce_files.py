"""Files: uploads by JSON and multipart, versions, documents and links, notes, downloads."""

# ruff: noqa: S608 - this is SOQL, and the test's own

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines_tests.twins.salesforce.small_org import ADMIN, ATTACHMENT, Org

Start = Callable[..., Org]
HELLO = b"hello\r\n--world--\x00"


@pytest.fixture
def files(start: Start) -> Org:
    return start()


def created(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["success"], body["errors"]) == (True, [])
    record_id: str = body["id"]
    return record_id


def upload(org: Org, body: bytes = HELLO, **fields: object) -> str:
    told = {"Title": "Hello", "PathOnClient": "C:\\in\\Hello.PDF", "VersionData": base64.b64encode(body).decode()}
    return created(org.post("sobjects/ContentVersion", json=told | fields))


def form(entity: str, record: dict[str, Any], field: str, content: bytes) -> dict[str, Any]:
    parts = [
        (entity, (None, json.dumps(record), "application/json")),
        (field, ("a.bin", io.BytesIO(content), "application/octet-stream")),
    ]
    return {"files": parts}


def document_of(org: Org, version: str) -> str:
    (row,) = org.records(f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{version}'")
    document: str = row["ContentDocumentId"]
    return document


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    code: str = answer.json()[0]["errorCode"]
    return code


def test_a_first_version_makes_its_document_and_links_it_with_owner_and_record(files: Org) -> None:
    (account,) = files.put_rows("Account", {"Name": "Acme"})

    version = upload(files, FirstPublishLocationId=account)

    (row,) = files.records(
        "SELECT Title, VersionNumber, IsLatest, ContentSize, Checksum, FileType, FileExtension, OwnerId "
        f"FROM ContentVersion WHERE Id = '{version}'"
    )
    assert row == {
        "Title": "Hello",
        "VersionNumber": "1",
        "IsLatest": True,
        "ContentSize": 17,
        "Checksum": hashlib.md5(HELLO, usedforsecurity=False).hexdigest(),
        "FileType": "PDF",
        "FileExtension": "pdf",
        "OwnerId": ADMIN,
    }
    document = document_of(files, version)
    assert document.startswith("069")
    assert files.records(f"SELECT Title, LatestPublishedVersionId FROM ContentDocument WHERE Id = '{document}'") == [
        {"Title": "Hello", "LatestPublishedVersionId": version}
    ]
    links = files.records(
        f"SELECT LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'"
    )
    assert sorted(links, key=str) == sorted(
        [{"LinkedEntityId": ADMIN, "ShareType": "I"}, {"LinkedEntityId": account, "ShareType": "V"}], key=str
    )


def test_a_further_version_is_the_latest_of_the_same_document(files: Org) -> None:
    document = document_of(files, upload(files))

    second = upload(files, b"two", ContentDocumentId=document, Title="Two", PathOnClient="two.txt")

    rows = files.records(
        f"SELECT VersionNumber, IsLatest FROM ContentVersion WHERE ContentDocumentId = '{document}' ORDER BY VersionNumber"
    )
    assert rows == [{"VersionNumber": "1", "IsLatest": False}, {"VersionNumber": "2", "IsLatest": True}]
    assert files.records(
        f"SELECT Title, FileType, LatestPublishedVersionId FROM ContentDocument WHERE Id = '{document}'"
    ) == [{"Title": "Two", "FileType": "TEXT", "LatestPublishedVersionId": second}]
    assert files.ask("SELECT COUNT() FROM ContentDocument")["totalSize"] == 1


def test_a_multipart_upload_keeps_the_bytes_as_they_are(files: Org) -> None:
    record = {"Title": "Big", "PathOnClient": "big.zip"}
    content = HELLO * 200_000  # 3.4 MB: past what is kept in memory

    version = created(files.post("sobjects/ContentVersion", **form("entity_content", record, "VersionData", content)))

    answer = files.get(f"sobjects/ContentVersion/{version}/VersionData")
    assert (answer.status_code, answer.content == content) == (200, True)
    assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("size", [1, *range((1 << 20) - 400, (1 << 20) - 240, 20), 1 << 20])
def test_an_upload_of_any_size_ends_where_its_boundary_begins(files: Org, size: int) -> None:
    content = b"\r\n--" + b"-" * size

    version = created(
        files.post("sobjects/ContentVersion", **form("entity_content", {"PathOnClient": "a"}, "VersionData", content))
    )

    assert files.get(f"sobjects/ContentVersion/{version}/VersionData").content == content


def test_a_chunked_upload_is_understood(files: Org) -> None:
    request = files.build_request(
        "POST", f"{files.base_url}/services/data/v60.0/sobjects/ContentVersion",
        **form("entity_content", {"PathOnClient": "a.txt"}, "VersionData", HELLO),
    )  # fmt: skip
    whole = request.read()

    def pieces() -> Iterator[bytes]:
        yield whole[:50]
        yield whole[50:]

    headers = {"Content-Type": request.headers["Content-Type"]}
    version = created(files.post("sobjects/ContentVersion", content=pieces(), headers=headers))

    assert files.get(f"sobjects/ContentVersion/{version}/VersionData").content == HELLO


def test_attachments_and_documents_come_either_way_and_say_their_type(files: Org) -> None:
    (account,) = files.put_rows("Account", {"Name": "Acme"})
    (folder,) = files.put_rows(
        "Folder", {"Name": "Shared", "Type": "Document", "AccessType": "Public", "DeveloperName": "S"}
    )
    told = {"ParentId": account, "Name": "a.txt", "ContentType": "text/plain"}
    attachment = created(files.post("sobjects/Attachment", json=told | {"Body": base64.b64encode(HELLO).decode()}))
    (email,) = files.put_rows("EmailMessage", {"Subject": "Hello"})
    below = told | {"ParentId": email}
    other = created(files.post("sobjects/Attachment", **form("entity_attachment", below, "Body", HELLO)))
    paper = {"Name": "p", "DeveloperName": "p", "FolderId": folder, "Type": "pdf"}
    document = created(files.post("sobjects/Document", **form("entity_document", paper, "Body", HELLO)))

    for path in (f"Attachment/{attachment}/Body", f"Attachment/{other}/Body", f"Document/{document}/Body"):
        assert files.get(f"sobjects/{path}").content == HELLO
    assert files.get(f"sobjects/Attachment/{other}/Body").headers["Content-Type"].startswith("text/plain")
    assert files.records("SELECT BodyLength FROM Attachment") == [{"BodyLength": 17}] * 2
    body_url = f"/services/data/v60.0/sobjects/Attachment/{other}/Body"
    assert files.records(f"SELECT Body FROM Attachment WHERE Id = '{other}'") == [{"Body": body_url}]
    parents = files.records("SELECT Parent.Type FROM Attachment ORDER BY Parent.Type")
    assert [one["Parent"]["Type"] for one in parents] == ["Account", "EmailMessage"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"VersionData": "aGVsbG8="}, "REQUIRED_FIELD_MISSING"),
        ({"PathOnClient": "a.txt"}, "REQUIRED_FIELD_MISSING"),
        ({"PathOnClient": "a.txt", "ContentUrl": "https://x.example"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"PathOnClient": "a.txt", "VersionData": "aGVsbG8=", "Nope": 1}, "INVALID_FIELD"),
        ({"PathOnClient": "a.txt", "VersionData": "aGVsbG8=", "Checksum": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_what_is_no_file_is_refused_and_leaves_nothing(files: Org, told: dict[str, Any], code: str) -> None:
    assert refused(files.post("sobjects/ContentVersion", json=told)) == code
    assert files.ask("SELECT COUNT() FROM ContentDocument")["totalSize"] == 0


@pytest.mark.parametrize("text", ["not base64!", "1-5-5d41402abc4b2a76b9719d911017c592", "-", "@/etc/passwd"])
def test_a_body_that_is_not_base64_is_refused(files: Org, text: str) -> None:
    answer = files.post("sobjects/ContentVersion", json={"PathOnClient": "a.txt", "VersionData": text})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"nothing"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: application/json\r\n\r\n{}"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: application/json\r\n\r\n{\r\n--b--"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b--"),
        ("application/json", b"[]"),
        ("application/json", b'{"Title": [true], "PathOnClient": 1}'),
        ("application/json", b"{"),
    ],
)
def test_a_broken_upload_is_refused(files: Org, content_type: str, body: bytes) -> None:
    refused(files.post("sobjects/ContentVersion", content=body, headers={"Content-Type": content_type}))


def test_a_document_is_linked_with_a_record_once(files: Org) -> None:
    (account,) = files.put_rows("Account", {"Name": "Acme"})
    document = document_of(files, upload(files))
    link = {"ContentDocumentId": document, "LinkedEntityId": account, "ShareType": "V"}
    collection = {"records": [{"attributes": {"type": "ContentDocumentLink"}} | link] * 2}

    results = files.post("composite/sobjects", json=collection)

    assert [result["success"] for result in results.json()] == [True, False]
    assert results.json()[1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"


def test_deleting_a_document_takes_versions_and_links_along_and_a_version_cannot_go_alone(files: Org) -> None:
    version = upload(files)
    document = document_of(files, version)
    assert files.delete(f"sobjects/ContentVersion/{version}").status_code >= 400

    assert files.delete(f"sobjects/ContentDocument/{document}").status_code == 204

    assert files.ask("SELECT COUNT() FROM ContentVersion")["totalSize"] == 0
    assert files.ids(f"SELECT Id FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'") == []


def test_a_note_is_a_file_under_its_own_id(files: Org) -> None:
    text = base64.b64encode(b"<p>Hi &amp; bye</p>").decode()

    note = created(files.post("sobjects/ContentNote", json={"Title": "Call", "Content": text}))

    assert note.startswith("069")
    assert files.records(f"SELECT Title, FileType FROM ContentDocument WHERE Id = '{note}'") == [
        {"Title": "Call", "FileType": "SNOTE"}
    ]
    assert files.records(f"SELECT IsLatest FROM ContentVersion WHERE ContentDocumentId = '{note}'") == [
        {"IsLatest": True}
    ]
    assert files.get(f"sobjects/ContentNote/{note}/Content").content == b"<p>Hi &amp; bye</p>"


def test_a_seed_gives_bodies_as_base64_or_as_files(start: Start, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_bytes(HELLO)
    account, attachment = make_id("001", 1), make_id("00P", 2)
    rows = {
        "Account": [{"Id": account, "Name": "A"}],
        "Attachment": [
            {"Id": ATTACHMENT, "ParentId": account, "Name": "1", "Body": "aGVsbG8="},
            {"Id": attachment, "ParentId": account, "Name": "2", "Body": "@files/a.txt"},
        ],
    }
    for name, some in rows.items():
        (tmp_path / "rows" / f"{name}.json").write_text(json.dumps(some))
    org = start(seed=tmp_path)

    for _ in range(2):
        assert org.get(f"sobjects/Attachment/{ATTACHMENT}/Body").content == b"hello"
        assert org.get(f"sobjects/Attachment/{attachment}/Body").content == HELLO
        assert org.records("SELECT BodyLength FROM Attachment ORDER BY Name") == [{"BodyLength": 5}, {"BodyLength": 17}]
        org.post("/__twin__/reset")


def test_a_seed_that_names_no_file_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "Attachment.json").write_text(json.dumps([{"Name": "1", "Body": "@files/none.txt"}]))

    with pytest.raises(ValueError, match="neither base64"):
        start(seed=tmp_path)


def test_file_storage_counts_bytes_and_data_storage_two_kilobytes_a_record(files: Org) -> None:
    before = files.get("limits").json()
    assert (before["DataStorageMB"], before["FileStorageMB"]) == ({"Max": 10_240, "Remaining": 10_240},) * 2
    files.put_rows("Contact", *({"LastName": f"N{n}"} for n in range(513)))  # 1,026 KB
    upload(files, b"x" * (1_024 * 1_024))

    after = files.get("limits").json()

    assert (after["DataStorageMB"]["Remaining"], after["FileStorageMB"]["Remaining"]) == (10_238, 10_239)
