"""Reading describe files: those that are shipped, and those of a seed.

A describe file holds an answer of `GET sobjects/X/describe`. Keys that it leaves out are filled in, so the shipped
files state only what is particular to a field, and an answer saved from a real org is taken as it is. Besides
Salesforce's own keys a file may say:

{"use": "address", "prefix": "Billing"}   a set of fields out of `field-sets.json`
childRelationshipName                     the relationship's name at the parent
feature                                   the switch without which an org has no such object or field
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from migration_pipelines.twins.salesforce.describe import Catalogue, Field, SObject
from migration_pipelines.twins.salesforce.describe_keys import Describe, whole_field, whole_object
from migration_pipelines.twins.salesforce.switches import FEATURES

SHIPPED = Path(__file__).parent / "describes"
TOOLING = SHIPPED / "tooling"
FIELD_SETS = "field-sets.json"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PREFIX = re.compile(r"[0-9A-Za-z]{3}")
_Read = tuple[Describe, tuple[Field, ...]]


class DescribeError(ValueError):
    """A describe file cannot be used; the message names file and reason."""


def load_catalogue(folder: Path | None, features: Iterable[str] = ()) -> Catalogue:
    """The shipped objects, with those of the folder added or put in their place.

    Args:
        features: the switches that are on, of those that fields and objects depend on.

    Raises:
        DescribeError: a file is not a describe.
    """
    read = {answer["name"].lower(): (answer, fields) for answer, fields in _shipped(SHIPPED, frozenset(features))}
    for path in sorted(folder.glob("*.json")) if folder else ():
        answer, fields = _read(path, frozenset(features))
        read[answer["name"].lower()] = (answer, fields)
    tooling = _shipped(TOOLING, frozenset(features))
    return Catalogue(
        [
            *(SObject(answer, fields) for answer, fields in read.values()),
            *(SObject(answer, fields, is_tooling=True) for answer, fields in tooling),
        ]
    )


def switch_for(object_name: str, field_name: str | None = None) -> str | None:
    """The switch that gives an org such an object or field; None where no switch does."""
    for switch in FEATURES:
        found = load_catalogue(None, (switch,)).get(object_name)
        if found and (field_name is None or field_name.lower() in found.all_fields):
            return switch
    return None


@cache
def permission_names() -> tuple[str, ...]:
    """The permissions that profiles and permission sets give, as fields: PermissionsApiEnabled, ..."""
    return tuple(field["name"] for field in _field_sets()["permissions"])


@cache
def _shipped(folder: Path, features: frozenset[str]) -> tuple[_Read, ...]:
    """Read once for all twins of a process: it takes longer than the rest of a bare twin."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != FIELD_SETS]
    read = [_read(path, features) for path in paths]
    return tuple((answer, fields) for answer, fields in read if answer.pop("feature", None) in (None, *features))


def _read(path: Path, features: frozenset[str]) -> _Read:
    """One file, without the fields of features that are off."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        fields = tuple(
            _field(field)
            for field in _with_sets(given["fields"], given.get("label", given["name"]))
            if field.get("feature") in (None, *features)
        )
        answer = whole_object(given)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise DescribeError(f"{path.name} is not an answer of GET sobjects/X/describe: {error!r}") from error
    strange = [name for name in (answer["name"], *(field.name for field in fields)) if not _NAME.fullmatch(name)]
    if strange or not (answer["keyPrefix"] is None or _PREFIX.fullmatch(answer["keyPrefix"])):
        raise DescribeError(f"{path.name}: not an API name or key prefix: {strange or answer['keyPrefix']}")
    return answer, fields


def _field(given: Describe) -> Field:
    children = given.pop("childRelationshipName", None)
    given.pop("feature", None)
    return Field(given["name"], given["type"], whole_field(given), children)


def _with_sets(fields: Iterable[Mapping[str, str]], object_label: str) -> Iterator[Describe]:
    for field in fields:
        if "use" not in field:
            yield {"label": _label(field["name"])} | dict(field)
            continue
        for member in _field_sets()[field["use"]]:
            filled = {
                key: value.format(prefix=field.get("prefix", ""), object=object_label).strip()
                if isinstance(value, str)
                else value
                for key, value in member.items()
            }
            yield {"label": _label(filled["name"])} | filled


@cache
def _field_sets() -> Mapping[str, list[Describe]]:
    sets: dict[str, list[Describe]] = json.loads((SHIPPED / FIELD_SETS).read_text(encoding="utf-8"))
    return sets


def _label(name: str) -> str:
    """`NumberOfEmployees` -> `Number Of Employees`; for fields whose file gives no label."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
