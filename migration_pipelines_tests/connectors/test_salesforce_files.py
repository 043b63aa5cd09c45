"""Bodies of files and their links: whole, compared with what Salesforce says of them, and none left out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_pipelines.connectors.base import FileBody
from migration_pipelines.connectors.salesforce import Credentials, SalesforceSource
from migration_pipelines.core.records import SourceRecord
from migration_pipelines.errors import PermanentFailure, TransientFailure
from migration_pipelines.files import FileStore
from migration_pipelines.stages.keep_file import keep_file
from migration_pipelines.twins.kit.serve import serve_in_thread
from migration_pipelines.twins.salesforce import build_salesforce_twin

BODY = bytes(range(256)) * 5_000
GIVEN = Credentials(token="planted-session")


@pytest.fixture
def org() -> Iterator[str]:
    with serve_in_thread(build_salesforce_twin(tokens=["planted-session"])) as twin:
        yield twin.url


@pytest.fixture
def source(org: str) -> Iterator[SalesforceSource]:
    source = SalesforceSource(org, GIVEN, sleep=lambda _: None)
    yield source
    source.close()


def put_all(org: str, name: str, rows: list[dict[str, Any]]) -> list[str]:
    answer = httpx.post(f"{org}/__twin__/rows", json={"object": name, "rows": rows})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["ids"])


def put(org: str, name: str, **row: Any) -> str:
    return put_all(org, name, [row])[0]


@pytest.fixture
def attachment(org: str) -> str:
    account = put(org, "Account", Name="Acme")
    return put(
        org, "Attachment", ParentId=account, Name="a.bin", Body=base64.b64encode(BODY).decode(), BodyLength=len(BODY)
    )


def body_of(source: SalesforceSource, name: str, fields: list[str]) -> FileBody:
    (record,) = [record for page in source.read(name, fields) for record in page]
    body = source.file_of(record)
    assert body
    return body


def test_an_attachment_is_kept_under_its_digest(source: SalesforceSource, attachment: str, tmp_path: Path) -> None:
    body = body_of(source, "Attachment", ["Id", "Name", "BodyLength"])
    assert body == FileBody("Attachment", attachment, "a.bin", len(BODY))
    files = FileStore(tmp_path)

    stored = keep_file(source, files, body)

    assert (stored.digest, stored.size_bytes) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert files.get(stored.digest) == BODY


def test_a_file_is_compared_by_its_checksum(source: SalesforceSource, org: str, tmp_path: Path) -> None:
    put(org, "ContentVersion", Title="Plan", PathOnClient="plan.bin", VersionData=base64.b64encode(BODY).decode())
    body = body_of(source, "ContentVersion", ["Id", "PathOnClient", "ContentSize", "Checksum", "ContentUrl"])
    assert (body.name, body.size_bytes, body.md5) == ("plan.bin", len(BODY), hashlib.md5(BODY).hexdigest())  # noqa: S324

    assert keep_file(source, FileStore(tmp_path), body).md5 == body.md5


@pytest.mark.parametrize("kind", ["truncated", "503", "cut_before", "cut_after", "expired_token"])
def test_an_interrupted_download_begins_anew(
    source: SalesforceSource, org: str, attachment: str, kind: str, tmp_path: Path
) -> None:
    source.now()
    httpx.post(f"{org}/__twin__/faults", json={"kind": kind, "endpoint": "GET *Body"})

    stored = keep_file(source, FileStore(tmp_path), FileBody("Attachment", attachment, "a.bin", len(BODY)))

    assert stored.digest == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("kind", ["truncated", "503", "cut_after"])
def test_a_file_that_never_arrives_whole_is_not_kept_by_half(
    source: SalesforceSource, org: str, attachment: str, kind: str, tmp_path: Path
) -> None:
    httpx.post(f"{org}/__twin__/faults", json={"kind": kind, "endpoint": "GET *Body", "times": 100})

    with pytest.raises(TransientFailure, match=rf"the file 'a.bin' \(Attachment {attachment}\) was read: .*again"):
        keep_file(source, FileStore(tmp_path), FileBody("Attachment", attachment, "a.bin", len(BODY)))

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("said", "says"),
    [({"size_bytes": 7}, "has 1280000 bytes, and the source says 7"), ({"md5": "0" * 32}, "another checksum")],
)
def test_a_file_that_is_not_what_the_source_says_is_refused(
    source: SalesforceSource, attachment: str, said: dict[str, Any], says: str, tmp_path: Path
) -> None:
    body = FileBody("Attachment", attachment, "a.bin", **{"size_bytes": len(BODY), **said})

    with pytest.raises(TransientFailure, match=says):
        keep_file(source, FileStore(tmp_path), body)


def test_a_file_that_is_gone_is_a_sentence(source: SalesforceSource) -> None:
    with pytest.raises(PermanentFailure, match=r"the file 'gone' \(Attachment 00P000000000001AAA\) \(NOT_FOUND"):
        list(source.open_file(FileBody("Attachment", "00P000000000001AAA", "gone", 1)))


@pytest.mark.parametrize(
    "record",
    [
        SourceRecord("Account", "001x", {"Id": "001x"}),
        SourceRecord("ContentVersion", "068x", {"ContentUrl": "https://x.example", "ContentSize": 0}),
    ],
    ids=["no file at all", "a link to a page"],
)
def test_what_has_no_body_says_so(source: SalesforceSource, record: SourceRecord) -> None:
    assert source.file_of(record) is None


def test_every_link_of_every_file_is_read(source: SalesforceSource, org: str) -> None:
    """Salesforce lists links only for given files: they are asked for by 300 files at a time."""
    account = put(org, "Account", Name="Acme")
    documents = put_all(org, "ContentDocument", [{"Title": f"{n}"} for n in range(301)])
    links = [{"ContentDocumentId": one, "LinkedEntityId": account, "ShareType": "V"} for one in documents]
    put_all(org, "ContentDocumentLink", links)

    fields = ["ContentDocumentId", "LinkedEntityId"]
    pages = list(source.read("ContentDocumentLink", fields, parent_field="LinkedEntityId"))

    found = [record for page in pages for record in page]
    assert sorted(one.values["ContentDocumentId"] for one in found if one.parent_id == account) == sorted(documents)
    assert len({one.id for one in found}) == len(found) == source.count("ContentDocumentLink")
