"""What the org consists of: objects and fields, read from describe files. The only source of names for every module.

A describe file holds an answer of `GET sobjects/X/describe`. Keys that it leaves out are filled in, so the shipped
files state only what is particular to a field (`{"use": "address", "prefix": "Billing"}` stands for a set out of
`field-sets.json`, `childRelationshipName` for the relationship's name at the parent), and an answer saved from a real
org is taken as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from migration_pipelines.twins.salesforce.describe_keys import Describe, whole_field, whole_object

SHIPPED = Path(__file__).parent / "describes"
FIELD_SETS = "field-sets.json"
MULTI_CURRENCY_FIELD, MULTI_CURRENCY_OBJECT = "CurrencyIsoCode", "CurrencyType"
COMPOUND_TYPES = frozenset({"address", "location"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PREFIX = re.compile(r"[0-9A-Za-z]{3}")


class DescribeError(ValueError):
    """A describe file cannot be used; the message names file and reason."""


@dataclass(frozen=True)
class Field:
    """One field. `answer` is its whole describe."""

    name: str
    type: str
    answer: Describe

    @cached_property
    def label(self) -> str:
        return str(self.answer["label"])

    @property
    def is_stored(self) -> bool:
        """Compounds have no value of their own: they are put together from their parts."""
        return self.type not in COMPOUND_TYPES

    @cached_property
    def reference_to(self) -> tuple[str, ...]:
        return tuple(self.answer["referenceTo"])

    @property
    def is_polymorphic(self) -> bool:
        return bool(self.answer["namePointing"] or self.answer["polymorphicForeignKey"] or len(self.reference_to) > 1)

    @property
    def target_key(self) -> str:
        """The parent's field that holds what this reference holds."""
        return self.answer["referenceTargetField"] or "Id"


@dataclass(frozen=True)
class Child:
    """A relationship as its parent sees it: `OpportunityContactRoles` of an Opportunity."""

    name: str
    child: str
    field: str


class SObject:
    """One object. Names are found in any case."""

    def __init__(self, answer: Describe, fields: Iterable[Field]) -> None:
        self.answer = answer
        self.name: str = answer["name"]
        self.key_prefix: str | None = answer["keyPrefix"]
        self.fields = {field.name.lower(): field for field in fields}
        self.parents = {
            field.answer["relationshipName"].lower(): field
            for field in self.fields.values()
            if field.answer["relationshipName"]
        }
        self.children: dict[str, Child] = {}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def field(self, name: str) -> Field | None:
        return self.fields.get(name.lower())

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        return tuple(field for field in self if field.is_stored)

    @cached_property
    def name_field(self) -> Field | None:
        return next((field for field in self if field.answer["nameField"]), None)

    def parts(self, compound: Field) -> dict[str, Field]:
        """An address's parts by their key in the answer: `city` -> BillingCity."""
        prefix = compound.name.removesuffix("__c").removesuffix("Address")
        return {
            part.name.removeprefix(prefix)[:1].lower() + part.name.removeprefix(prefix)[1:]: part
            for part in self
            if part.answer["compoundFieldName"] == compound.name
        }


class Catalogue:
    """Every object of the org."""

    def __init__(self, answers: Iterable[Describe]) -> None:
        objects = [_object(answer) for answer in answers]
        self._objects = {obj.name.lower(): obj for obj in objects}
        self._by_prefix = {obj.key_prefix: obj for obj in objects if obj.key_prefix}
        for obj in objects:
            obj.answer.setdefault("childRelationships", list(self._children_of(obj)))
            obj.children = {
                child["relationshipName"].lower(): Child(
                    child["relationshipName"], child["childSObject"], child["field"]
                )
                for child in obj.answer["childRelationships"]
                if child["relationshipName"]
            }
        for obj in objects:
            for field in obj:
                field.answer.pop("childRelationshipName", None)

    def __iter__(self) -> Iterator[SObject]:
        return iter(sorted(self._objects.values(), key=lambda obj: obj.name))

    def get(self, name: str) -> SObject | None:
        return self._objects.get(name.lower())

    def __getitem__(self, name: str) -> SObject:
        return self._objects[name.lower()]

    def of_id(self, record_id: str) -> SObject | None:
        return self._by_prefix.get(record_id[:3])

    def _children_of(self, parent: SObject) -> Iterator[Describe]:
        for child in self:
            for field in child:
                if parent.name in field.reference_to:
                    yield {
                        "cascadeDelete": field.answer["cascadeDelete"],
                        "childSObject": child.name,
                        "deprecatedAndHidden": False,
                        "field": field.name,
                        "junctionIdListNames": [],
                        "junctionReferenceTo": [],
                        "relationshipName": field.answer.get("childRelationshipName"),
                        "restrictedDelete": field.answer["restrictedDelete"],
                    }


def load_catalogue(folder: Path | None, *, multi_currency: bool) -> Catalogue:
    """The shipped standard objects, with those of the folder added or put in their place.

    Raises:
        DescribeError: a file is not a describe.
    """
    answers: dict[str, Describe] = {}
    for path in sorted(SHIPPED.glob("*.json")):
        if path.name != FIELD_SETS and (multi_currency or path.stem != MULTI_CURRENCY_OBJECT):
            answers[path.stem.lower()] = _whole(path, multi_currency=multi_currency)
    for path in sorted(folder.glob("*.json")) if folder else ():
        answer = _whole(path, multi_currency=True)
        answers[str(answer["name"]).lower()] = answer
    return Catalogue(answers.values())


def _whole(path: Path, *, multi_currency: bool) -> Describe:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        answer = whole_object(given)
        answer["fields"] = [
            whole_field(field)
            for field in _with_sets(given["fields"], given.get("label", given["name"]))
            if multi_currency or field["name"] != MULTI_CURRENCY_FIELD
        ]
        names = [answer["name"], *(field["name"] for field in answer["fields"])]
        strange = [name for name in names if not _NAME.fullmatch(name)]
        if strange or not (answer["keyPrefix"] is None or _PREFIX.fullmatch(answer["keyPrefix"])):
            raise DescribeError(f"{path.name}: not an API name or key prefix: {strange or answer['keyPrefix']}")
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise DescribeError(f"{path.name} is not an answer of GET sobjects/X/describe: {error!r}") from error
    return answer


def _with_sets(fields: Iterable[Mapping[str, str]], object_label: str) -> Iterator[Describe]:
    sets = json.loads((SHIPPED / FIELD_SETS).read_text(encoding="utf-8"))
    for field in fields:
        if "use" not in field:
            yield {"label": _label(field["name"])} | dict(field)
            continue
        for member in sets[field["use"]]:
            filled = {
                key: value.format(prefix=field.get("prefix", ""), object=object_label).strip()
                if isinstance(value, str)
                else value
                for key, value in member.items()
            }
            yield {"label": _label(filled["name"])} | filled


def _label(name: str) -> str:
    """`NumberOfEmployees` -> `Number Of Employees`; for fields whose file gives no label."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)


def _object(answer: Describe) -> SObject:
    return SObject(answer, (Field(field["name"], field["type"], field) for field in answer["fields"]))
