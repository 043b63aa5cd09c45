"""Kommo's host for files: a body goes up in parts of the size that a session allows, and is found again by its name.

The address of the drive is a fact of the account. Its answers tell addresses to continue at; our token goes to none
that is not the drive's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

import httpx

from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo.api import IDS_IN_ONE_URL, KommoApi
from migration_pipelines.connectors.kommo.refusals import in_its_words
from migration_pipelines.errors import OutcomeUnknown, PermanentFailure

FILES = "/v1.0/files"
SESSIONS = "/v1.0/sessions"
PART_ATTEMPTS = 3
_PIECE_BYTES = 1 << 20


class Bodies(Protocol):
    """Opens a file body by what a record says of it."""

    def __call__(self, digest: str) -> BinaryIO: ...


class Refused(Exception):
    """The drive does not take a file, in its words."""


class SessionEnded(Exception):
    """What was uploaded so far is lost, and the upload has to begin anew."""


class Drive:
    """Args: connect, makes the client once it is needed, for only then must the account be asked for the address."""

    def __init__(self, connect: Callable[[], HttpClient]) -> None:
        self._connect = connect
        self._connected: HttpClient | None = None

    @property
    def _http(self) -> HttpClient:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def close(self) -> None:
        if self._connected:
            self._connected.close()

    def upload(self, session: bytes, body: BinaryIO) -> Mapping[str, Any]:
        """The file that was made.

        Args:
            session: the request that opens one, as JSON.

        Raises:
            Refused: the drive does not take it.
            SessionEnded: the session is gone; `body` has to be read anew.
            OutcomeUnknown: the last part may have arrived.
        """
        opened = self._taken(self._http.repeatable("POST", SESSIONS, body=session))
        part_size, url = int(opened["max_part_size"]), opened["upload_url"]
        while part := body.read(part_size):
            answer = self._send_part(self._path(url), part)
            if "next_url" not in answer:
                return answer
            url = answer["next_url"]
        raise Refused("the drive waits for more bytes than the file has")

    def _send_part(self, path: str, part: bytes) -> Mapping[str, Any]:
        """One part. A part's address works once, so after a lost answer it tells whether the part arrived."""
        for attempt in range(PART_ATTEMPTS):
            try:
                response = self._http.write("POST", path, part, content_type="application/octet-stream")
            except OutcomeUnknown:
                if attempt + 1 == PART_ATTEMPTS:
                    raise
                continue
            if response.status_code in (404, 410) or (attempt and response.status_code == 400):
                raise SessionEnded
            return self._taken(response)
        raise SessionEnded

    def _taken(self, response: httpx.Response) -> Mapping[str, Any]:
        if response.status_code == 403:
            raise PermanentFailure(
                f"Kommo's drive takes no files from us: {in_its_words(response)}. An administrator has to give our "
                'integration the scope "Access to files".'
            )
        if response.status_code not in (200, 201):
            raise Refused(in_its_words(response))
        try:
            return dict(response.json())
        except ValueError:
            raise OutcomeUnknown("Kommo's drive answered with something that is no JSON") from None

    def _path(self, url: str) -> str:
        """Raises PermanentFailure where an address to continue at is on another host than the drive."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self._http.origin:
            raise PermanentFailure(f"Kommo's drive sends us to {parts.netloc}, where our token must not go.")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Files of exactly this name, the oldest first, whatever the drive makes of the filter."""
        return [one for one in self._pages([("filter[name]", name)]) if one["name"] == name]

    def by_uuid(self, uuids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(uuids), IDS_IN_ONE_URL // 2):
            asked = uuids[start : start + IDS_IN_ONE_URL // 2]
            for one in self._pages([("filter[uuid][]", uuid) for uuid in asked]):
                if one["uuid"] in asked:
                    yield one

    def has(self, uuid: str) -> bool:
        return any(self.by_uuid([uuid]))

    def restore(self, uuid: str) -> bool:
        """Take a file out of the trash. False where it is gone for good."""
        response = self._http.write("POST", f"{FILES}/restore", json.dumps([{"uuid": uuid}]).encode())
        return response.is_success or self.has(uuid)

    def remove(self, uuid: str) -> str | None:
        """Into the trash, where Kommo keeps it for 30 days. Returns its words where it refuses."""
        response = self._http.write("DELETE", FILES, json.dumps([{"uuid": uuid}]).encode())
        if response.is_success or (response.status_code != 403 and not self.has(uuid)):
            return None
        scope = ' Our integration needs the scope "Deleting files".' if response.status_code == 403 else ""
        return in_its_words(response) + scope

    def digest(self, file: Mapping[str, Any]) -> str | None:
        """SHA-256 of a file's bytes in hexadecimal digits; None where the drive does not let us have them."""
        url = urlsplit(file["_links"]["download"]["href"])
        if f"{url.scheme}://{url.netloc}" != self._http.origin:
            return None
        body = self._http.download(url.path)
        if isinstance(body, httpx.Response):
            return None
        digest = hashlib.sha256()
        with body:
            while piece := body.file.read(_PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def _pages(self, params: Sequence[tuple[str, Any]]) -> Iterator[Mapping[str, Any]]:
        return KommoApi(self._http, quiet_seconds=0).pages(FILES, "files", params)
