"""What follows from a file's body and its path: sizes, checksum, extension, type, title."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from migration_pipelines.twins.salesforce.content.bodies import Body

OF_VERSION = ("ContentSize", "Checksum", "FileExtension", "FileType", "Title")
_SAME = "avi bmp csv eml gif html jpeg jpg json mov mp3 mp4 msg pdf png rtf snote svg tiff wav xml zip"
_TYPES: Mapping[str, str] = {name: name.upper() for name in _SAME.split()} | {
    "doc": "WORD",
    "docx": "WORD_X",
    "htm": "HTML",
    "log": "TEXT",
    "ppt": "POWER_POINT",
    "pptx": "POWER_POINT_X",
    "tif": "TIFF",
    "txt": "TEXT",
    "xls": "EXCEL",
    "xlsx": "EXCEL_X",
}
UNKNOWN, LINK = "UNKNOWN", "LINK"


def length(body: object) -> Sequence[object]:
    known = Body.read(body)
    return (known.size if known else None,)


def version(body: object, path: object, url: object) -> Sequence[object]:
    """The fields of `OF_VERSION`. A version without a path is a link, or a note."""
    known = Body.read(body)
    size, md5 = (known.size, known.md5) if known else (None, None)
    if not path:
        return (size, md5, None, LINK if url else None, None)
    name = PurePosixPath(str(path).replace("\\", "/"))
    extension = name.suffix.removeprefix(".").lower() or None
    return (size, md5, extension, _TYPES.get(extension or "", UNKNOWN), name.stem)


def note(body: object) -> Sequence[object]:
    """Size, type and extension of a note."""
    return (*length(body), "SNOTE", "snote")
