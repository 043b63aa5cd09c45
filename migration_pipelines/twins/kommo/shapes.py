"""The JSON types of what a body's items carry, checked before anything looks inside them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from migration_pipelines.twins.kommo.answers import Complaint, Json

LARGEST = 2**62
Shape = type | tuple["Shapes"] | Mapping[str, "Shape"]
Shapes = Mapping[str, "Shape"]

_TAGS: Shape = ({"id": int, "name": str},)
_RECORDS: Shape = ({"id": int, "tags_to_add": _TAGS, "tags_to_delete": _TAGS, "_embedded": {"tags": _TAGS}},)
SHAPES: Shapes = MappingProxyType(
    {
        "id": int,
        "name": str,
        "sort": int,
        "type": str,
        "code": str,
        "color": str,
        "is_main": bool,
        "is_unsorted_on": bool,
        "enums": ({"id": int, "sort": int, "code": str},),
        "tags_to_add": _TAGS,
        "tags_to_delete": _TAGS,
        "metadata": {},
        "pipeline_id": int,
        "user_id": int,
        "email": str,
        "password": str,
        "rights": {},
        "_embedded": {
            "tags": _TAGS,
            "contacts": _RECORDS,
            "companies": _RECORDS,
            "leads": _RECORDS,
            "source": {"external_id": str},
            "statuses": ({"id": int, "name": str, "sort": int, "color": str},),
        },
    }
)
"""A type; a tuple of one for an array of such objects; a mapping for an object."""


def misshapen(item: Json, shapes: Shapes = SHAPES, path: str = "") -> Iterator[Complaint]:
    """Null fits everywhere, and [] where an object is meant: PHP writes an empty one so."""
    for key, shape in shapes.items():
        if item.get(key) is not None:
            yield from _misfit(item[key], shape, path + key)


def _misfit(value: object, shape: Shape, path: str) -> Iterator[Complaint]:
    if isinstance(shape, type):
        is_misfit = not isinstance(value, shape) or (shape is int and (isinstance(value, bool) or _is_huge(value)))
        if is_misfit:
            yield Complaint("InvalidType", path)
    elif isinstance(shape, tuple):
        if not isinstance(value, list):
            yield Complaint("InvalidType", path)
            return
        for index, one in enumerate(value):
            if one == []:
                yield Complaint("InvalidType", f"{path}.{index}")
            yield from _misfit(one, shape[0], f"{path}.{index}")
    elif isinstance(value, dict):
        yield from misshapen(value, shape, f"{path}.")
    elif value != []:
        yield Complaint("InvalidType", path)


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and abs(value) > LARGEST
