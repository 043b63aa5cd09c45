"""The file store: a body is kept once, whole, and for nobody else to read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_pipelines.errors import InvalidInput, PermanentFailure
from migration_pipelines.files import FileStore


@pytest.fixture(params=["folder", "file://", "memory://"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """A folder, and file systems that are reached through fsspec."""
    place = {"folder": "", "file://": "file://", "memory://": "memory:/"}[request.param]
    return FileStore(f"{place}{tmp_path}/files")


@pytest.mark.parametrize("body", [b"", b"x", os.urandom(100_000), b"a" * 3_000_000])
def test_a_body_comes_back_as_it_was_put(store: FileStore, body: bytes) -> None:
    assert store.get(store.put(body)) == body


def test_a_body_in_pieces_is_the_same_body(store: FileStore) -> None:
    stored = store.put_stream([b"Ada ", b"", b"Lovelace"])

    assert stored.digest == hashlib.sha256(b"Ada Lovelace").hexdigest() == store.put(b"Ada Lovelace")
    assert (stored.size_bytes, stored.md5) == (12, hashlib.md5(b"Ada Lovelace").hexdigest())  # noqa: S324
    assert b"".join(store.read(stored.digest)) == b"Ada Lovelace"


def test_a_body_whose_source_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        FileStore(tmp_path).put_stream(breaks())

    assert list(tmp_path.rglob("*")) == []


def test_a_file_system_that_is_not_installed_is_a_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"MIGRATION_FILES names a file system that is not there"):
        FileStore("nosuch://bucket/files")


def test_a_body_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    assert store.put(b"x") == store.put(b"x") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert len([one for one in tmp_path.rglob("*") if one.is_file()]) == 1


def test_only_we_may_read_what_is_kept(tmp_path: Path) -> None:
    """Request bodies hold people's names and numbers."""
    FileStore(tmp_path / "files").put(b"Ada Lovelace")

    for one in (tmp_path / "files").rglob("*"):
        assert one.stat().st_mode & 0o077 == 0, one


def test_a_digest_that_nobody_put_is_a_key_error(store: FileStore) -> None:
    with pytest.raises(KeyError):
        store.get("00" * 32)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file, where a folder should be")

    with pytest.raises(PermanentFailure, match=r"cannot be written.*MIGRATION_FILES"):
        FileStore(tmp_path / "files").put(b"x")


def test_a_full_disk_leaves_no_half_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    store = FileStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(PermanentFailure, match="No space left on device"):
            store.put(b"x")
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []

    assert store.get(store.put(b"x")) == b"x"
