"""What Salesforce does about files when rows of theirs are written.

The first version of a file makes its ContentDocument and the links of its owner and of the place where it is
published; a further one takes over from the one before. A ContentNote is a file too: its document has the note's id.
"""

from collections.abc import Sequence

from migration_pipelines.twins.salesforce.values import Values
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.completing import complete, store
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.outcomes import RowError, missing

VERSION, DOCUMENT, LINK, NOTE = "ContentVersion", "ContentDocument", "ContentDocumentLink", "ContentNote"
_COPIED = (
    *("Title", "Description", "FileType", "FileExtension", "ContentSize", "OwnerId", "SharingOption", "SharingPrivacy"),
    *("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "ContentModifiedDate"),
)
"""What a document shows of its latest version."""


def check_version(chunk: Chunk) -> None:
    """A file needs a path and a body; a link needs its address instead."""
    paths, urls, bodies = chunk.values("PathOnClient"), chunk.values("ContentUrl"), chunk.values("VersionData")
    for position, (path, url, body) in enumerate(zip(paths, urls, bodies, strict=True)):
        if url and (path or body):
            text = "A link has ContentUrl, and neither PathOnClient nor VersionData"
            chunk.refuse(position, RowError("FIELD_INTEGRITY_EXCEPTION", text, ("ContentUrl",)))
        elif not url and not (path and body):
            absent = [name for name, value in (("PathOnClient", path), ("VersionData", body)) if not value]
            chunk.refuse(position, missing(absent))


def check_link(context: Context, chunk: Chunk) -> None:
    """A document is linked with a record once."""
    documents = chunk.values("ContentDocumentId")
    found = context.store.find(
        chunk.obj, "ContentDocumentId", set(documents), ("ContentDocumentId", "LinkedEntityId"), live=True
    )
    there = set(found)
    for position, pair in enumerate(zip(documents, chunk.values("LinkedEntityId"), strict=True)):
        if pair in there:
            text = f"Document with ID: {pair[0]} is already linked with the entity with ID: {pair[1]}"
            chunk.refuse(position, RowError("DUPLICATE_VALUE", text))
        there.add(pair)


def place_versions(context: Context, chunk: Chunk) -> None:
    """Before they are stored: number the versions, and make the documents of those that are the first."""
    given = chunk.values("ContentDocumentId")
    fresh = [position for position, document in enumerate(given) if not document]
    chunk.columns["ContentDocumentId"] = list(given)
    if fresh:
        made = _documents(context, chunk.take(fresh))
        for position, document in zip(fresh, made, strict=True):
            chunk.columns["ContentDocumentId"][position] = document
    chunk.columns["VersionNumber"] = _numbers(context, chunk.values("ContentDocumentId"))
    latest = {document: position for position, document in enumerate(chunk.columns["ContentDocumentId"])}
    chunk.columns["IsLatest"] = [
        int(latest[document] == position) for position, document in enumerate(chunk.columns["ContentDocumentId"])
    ]
    for document in given:
        if document:
            _take_over(context, chunk, latest[document], str(document))


def publish(context: Context, chunk: Chunk) -> None:
    """After they are stored: link the files of first versions with their owners and where they are published."""
    pairs: list[tuple[object, object, str]] = []
    for document, owner, place, number in zip(
        *map(chunk.values, ("ContentDocumentId", "OwnerId", "FirstPublishLocationId", "VersionNumber")), strict=True
    ):
        if number == "1":
            pairs.append((document, owner, "I"))
            if place and place != owner:
                pairs.append((document, place, "V"))
    _link(context, pairs)


def file_notes(context: Context, chunk: Chunk) -> None:
    """A note's file: a document under its id, and one version."""
    versions = Chunk(
        context.store.catalogue[VERSION],
        chunk.size,
        {
            "Title": chunk.values("Title"),
            "PathOnClient": [f"{title}.snote" for title in chunk.values("Title")],
            "VersionData": chunk.values("Content"),
            **{name: chunk.values(name) for name in ("OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate")},
        },
    )
    complete(context, versions)
    versions.columns["ContentDocumentId"] = _documents(context, versions, ids=chunk.values("Id"))
    versions.columns["VersionNumber"], versions.columns["IsLatest"] = ["1"] * chunk.size, [1] * chunk.size
    store(context, versions)
    publish(context, versions)


def _documents(context: Context, versions: Chunk, ids: Values | None = None) -> Values:
    columns = {name: versions.values(name) for name in _COPIED} | {"LatestPublishedVersionId": versions.values("Id")}
    if ids is not None:
        columns["Id"] = ids
    documents = Chunk(context.store.catalogue[DOCUMENT], versions.size, columns)
    complete(context, documents)
    store(context, documents)
    return documents.columns["Id"]


def _numbers(context: Context, documents: Values) -> Values:
    counts: dict[object, int] = {}
    versions = context.store.catalogue[VERSION]
    for (document,) in context.store.find(versions, "ContentDocumentId", set(documents), ("ContentDocumentId",)):
        counts[document] = counts.get(document, 0) + 1
    numbers: Values = []
    for document in documents:
        counts[document] = counts.get(document, 0) + 1
        numbers.append(str(counts[document]))
    return numbers


def _take_over(context: Context, chunk: Chunk, position: int, document: str) -> None:
    run = context.store.run
    run(f'UPDATE "{VERSION}" SET "IsLatest" = 0 WHERE "ContentDocumentId" = ?', (document,))  # noqa: S608 - a constant
    shown = {name: chunk.values(name)[position] for name in ("Title", "FileType", "FileExtension", "ContentSize")}
    shown["LatestPublishedVersionId"] = chunk.values("Id")[position]
    stamps = {"LastModifiedDate": context.now, "SystemModstamp": context.now, "LastModifiedById": context.user_id}
    changes = shown | stamps
    sets = ", ".join(f'"{name}" = ?' for name in changes)
    run(f'UPDATE "{DOCUMENT}" SET {sets} WHERE "Id" = ?', (*changes.values(), document))  # noqa: S608 - constants


def _link(context: Context, pairs: Sequence[tuple[object, object, str]]) -> None:
    if not pairs:
        return
    documents, places, types = (list(column) for column in zip(*pairs, strict=True))
    columns: dict[str, Values] = {
        "ContentDocumentId": documents,
        "LinkedEntityId": places,
        "ShareType": types,
        "Visibility": ["AllUsers"] * len(pairs),
    }
    links = Chunk(context.store.catalogue[LINK], len(pairs), columns)
    complete(context, links)
    store(context, links)
