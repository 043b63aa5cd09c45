"""The files' host, under /v1.0/: upload sessions with their parts, files, versions, trash, downloads."""

import hashlib
import mimetypes
import uuid
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Complaint, Json, hal, invalid, nothing, refuse
from migration_pipelines.twins.kommo.asking import array_body, filters_of, object_body, origin, page_of, several
from migration_pipelines.twins.kommo.asking import page_links as pages
from migration_pipelines.twins.kommo.twin import Kommo, RouteTable

ROOT = "/v1.0"
LARGEST_FILE = 314_572_800
SESSION_SECONDS = 24 * 3600
TRASH_SECONDS = 30 * 24 * 3600
"""Kommo limits: 300 MB a file; how long an upload may take, and how long a removed file can be brought back."""


def _open_session(twin: Kommo, call: Call) -> Response:
    item = object_body(call)
    faults = [Complaint("FieldMissing", key) for key in ("file_name", "file_size") if item.get(key) in (None, "")]
    if faults:
        raise invalid(*faults)
    size, known = item["file_size"], item.get("file_uuid")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or not isinstance(item["file_name"], str):
        raise invalid(Complaint("InvalidType", "file_size" if isinstance(item["file_name"], str) else "file_name"))
    if size > LARGEST_FILE:
        raise invalid(Complaint("TooLong", "file_size"))
    if known is not None and _file(twin, str(known)) is None:
        raise invalid(Complaint("NotSupportedChoice", "file_uuid"))
    session_id = twin.store.next_id("sessions")
    session = {
        "id": session_id,
        "file_name": item["file_name"],
        "file_size": size,
        "content_type": item.get("content_type") or mimetypes.guess_type(item["file_name"])[0],
        "file_uuid": known,
        "created_by": item.get("created_by") or {"type": "internal", "id": twin.me()},
        "opened_at": twin.now(),
        "received": 0,
        "parts": 0,
    }
    twin.store.put_document("sessions", session)
    return hal(
        {
            "session_id": session_id,
            "upload_url": _part_url(call.request, session),
            "max_part_size": twin.switches.largest_part,
            "max_file_size": LARGEST_FILE,
        }
    )


def _upload(twin: Kommo, call: Call) -> Response:
    """Kommo, files: each part has an address of its own, which the answer to the one before it tells."""
    token = call.request.path_params["token"]
    session_id = token.partition("-")[0]
    session = twin.store.document("sessions", session_id) if session_id.isdigit() else None
    if session is None or token != _part_token(session):
        raise refuse(404, "Session not found")
    if twin.now() - session["opened_at"] > SESSION_SECONDS:
        raise refuse(404, "Session has ended")
    body = call.body
    if not body or len(body) > twin.switches.largest_part:
        raise refuse(400, f"A part has 1 to {twin.switches.largest_part} bytes")
    session["received"] += len(body)
    if session["received"] > session["file_size"]:
        raise refuse(400, "More bytes than the session was opened for")
    twin.store.sql("INSERT INTO file_part VALUES (?, ?, ?)", (session["id"], session["parts"], body))
    session["parts"] += 1
    if session["received"] < session["file_size"]:
        twin.store.put_document("sessions", session)
        return hal({"next_url": _part_url(call.request, session), "session_id": session["id"]})
    twin.store.drop_document("sessions", session["id"])
    return hal(_shown(call.request, _keep(twin, session)))


def _keep(twin: Kommo, session: Json) -> Json:
    """Make of a finished session a file, or a new version of one."""
    number = twin.store.next_id("files")
    version = {
        "version_uuid": _uuid("version", number),
        "session_id": session["id"],
        "size": session["file_size"],
        "name": session["file_name"],
        "created_at": twin.now(),
        "mime_type": session["content_type"] or "application/octet-stream",
    }
    file = _file(twin, session["file_uuid"]) if session["file_uuid"] else None
    if file is None:
        file = {
            "id": _uuid("file", number),
            "name": session["file_name"],
            "created_at": twin.now(),
            "created_by": session["created_by"],
            "deleted_at": None,
            "versions": [],
        }
    file |= {"versions": [*file["versions"], version], "updated_at": twin.now()}
    twin.store.put_document("files", file)
    return file


def _get_files(twin: Kommo, call: Call) -> Response:
    filters, page = filters_of(call), page_of(call, twin.switches)
    deleted = "deleted" in filters and several(filters["deleted"]) == ["1"]
    found = [one for one in twin.store.documents("files") if (one["deleted_at"] is not None) == deleted]
    found.sort(key=lambda one: (one["created_at"], one["id"]))
    if "uuid" in filters:
        found = [one for one in found if one["id"] in several(filters["uuid"])]
    if "name" in filters:
        found = [one for one in found if several(filters["name"])[0].lower() in one["name"].lower()]
    shown = [_shown(call.request, one) for one in page.of(found)]
    if not shown:
        return nothing()
    has_next = page.number < page.count(len(found))
    return hal({"_links": pages(call.request, page, has_next=has_next), "_embedded": {"files": shown}})


def _get_file(twin: Kommo, call: Call) -> Response:
    return hal(_shown(call.request, _known(twin, call)))


def _get_versions(twin: Kommo, call: Call) -> Response:
    file = _known(twin, call)
    versions = [_version_shown(call.request, file, version) for version in reversed(file["versions"])]
    return hal({"_embedded": {"versions": versions}})


def _patch_file(twin: Kommo, call: Call) -> Response:
    file, name = _known(twin, call), object_body(call).get("name")
    if not name:
        raise invalid(Complaint("FieldMissing", "name"))
    twin.store.put_document("files", {**file, "name": name, "updated_at": twin.now()})
    return _get_file(twin, call)


def _delete_files(twin: Kommo, call: Call) -> Response:
    """Kommo, files: what is deleted lies in the trash for 30 days."""
    for file in _named(twin, call):
        twin.store.put_document("files", {**file, "deleted_at": twin.now()})
    return nothing()


def _restore_files(twin: Kommo, call: Call) -> Response:
    restored = []
    for file in _named(twin, call, is_trashed=True):
        twin.store.put_document("files", {**file, "deleted_at": None})
        restored.append(_shown(call.request, {**file, "deleted_at": None}))
    return hal({"_embedded": {"files": restored}})


def _download(twin: Kommo, call: Call) -> Response:
    path = call.request.path_params
    file = _file(twin, path["uuid"])
    versions = {version["version_uuid"]: version for version in file["versions"]} if file else {}
    if path["version"] not in versions:
        raise refuse(404, "File not found")
    version = versions[path["version"]]
    rows = twin.store.sql(
        "SELECT body FROM file_part WHERE session_id = ? ORDER BY number", (version["session_id"],)
    ).fetchall()
    return Response(b"".join(row["body"] for row in rows), media_type=version["mime_type"])


def _named(twin: Kommo, call: Call, *, is_trashed: bool = False) -> list[Json]:
    """The files that an array of {"uuid"} names, all in the same place."""
    files = []
    for index, item in enumerate(array_body(call)):
        file = _file(twin, str(item.get("uuid")), is_trashed=is_trashed)
        if file is None:
            raise invalid(Complaint("NotSupportedChoice", "uuid"), request_id=str(index))
        files.append(file)
    return files


def _known(twin: Kommo, call: Call) -> Json:
    file = _file(twin, call.request.path_params["uuid"])
    if file is None:
        raise refuse(404, "File not found")
    return file


def _file(twin: Kommo, file_uuid: str, *, is_trashed: bool = False) -> Json | None:
    file = twin.store.document("files", file_uuid)
    if file is None or (file["deleted_at"] is not None) != is_trashed:
        return None
    return None if is_trashed and twin.now() - file["deleted_at"] > TRASH_SECONDS else file


def _shown(request: Request, file: Json) -> Json:
    latest = file["versions"][-1]
    path = PurePosixPath(file["name"])
    return {
        "uuid": file["id"],
        "version_uuid": latest["version_uuid"],
        "name": file["name"],
        "sanitized_name": "".join(one if one.isalnum() or one in "._-" else "_" for one in file["name"]),
        "size": latest["size"],
        "type": latest["mime_type"].split("/")[0] if latest["mime_type"].startswith(("image", "video")) else "file",
        "metadata": {"extension": path.suffix.lstrip("."), "mime_type": latest["mime_type"]},
        "session_id": latest["session_id"],
        "has_multiple_versions": len(file["versions"]) > 1,
        "is_trashed": file["deleted_at"] is not None,
        "created_at": file["created_at"],
        "created_by": file["created_by"],
        "updated_at": file["updated_at"],
        "deleted_at": file["deleted_at"],
        "_links": _links(request, file, latest),
    }


def _version_shown(request: Request, file: Json, version: Json) -> Json:
    return {
        "uuid": file["id"],
        "version_uuid": version["version_uuid"],
        "name": version["name"],
        "size": version["size"],
        "session_id": version["session_id"],
        "created_at": version["created_at"],
        "_links": _links(request, file, version),
    }


def _links(request: Request, file: Json, version: Json) -> Json:
    host, name = origin(request), quote(version["name"], safe="")
    download = {"href": f"{host}/download/{file['id']}/{version['version_uuid']}/{name}"}
    return {
        "self": {"href": f"{host}{ROOT}/files/{file['id']}"},
        "download": download,
        "download_version": download,
    }


def _part_url(request: Request, session: Json) -> str:
    return f"{origin(request)}{ROOT}/sessions/upload/{_part_token(session)}"


def _part_token(session: Json) -> str:
    part = f"{session['id']}-{session['parts']}"
    return f"{part}-{hashlib.sha256(part.encode()).hexdigest()[:32]}"


def _uuid(kind: str, number: int) -> str:
    # Numbered, not random: a rehearsal repeats itself.
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {number}"))


ROUTES: RouteTable = (
    ("POST", f"{ROOT}/sessions", _open_session),
    ("POST", ROOT + "/sessions/upload/{token}", _upload),
    ("GET", f"{ROOT}/files", _get_files),
    ("DELETE", f"{ROOT}/files", _delete_files),
    ("POST", f"{ROOT}/files/restore", _restore_files),
    ("GET", ROOT + "/files/{uuid}", _get_file),
    ("PATCH", ROOT + "/files/{uuid}", _patch_file),
    ("GET", ROOT + "/files/{uuid}/versions", _get_versions),
    ("GET", "/download/{uuid}/{version}/{name}", _download),
)
