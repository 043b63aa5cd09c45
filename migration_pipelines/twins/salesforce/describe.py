"""What the org consists of: objects, fields and relationships. The only source of names for every module.

What is hidden from whoever calls is left out by every look-up of a name that a client may have written. The store
keeps it: `SObject.all_fields`, `SObject.stored`, `Catalogue.everything` and `Catalogue[...]` still find it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migration_pipelines.twins.salesforce.describe_keys import Describe, relationship

COMPOUND_TYPES = frozenset({"address", "location"})


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        answer: its whole describe. Twins of one process share it: it is never changed.
        children: what its parents call the relationship, "Contacts".
    """

    name: str
    type: str
    answer: Describe
    children: str | None = None

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
    """One object. Names are found in any case; iteration, `field`, `fields` and `parents` leave out hidden fields.

    Attributes:
        answer: its whole describe without `recordTypeInfos` and `urls`.
        is_tooling: only the Tooling API has it.
    """

    def __init__(self, answer: Describe, fields: Iterable[Field], *, is_tooling: bool = False) -> None:
        self.answer = dict(answer)
        self.name: str = answer["name"]
        self.key_prefix: str | None = answer["keyPrefix"]
        self.is_tooling = is_tooling
        self.all_fields = {field.name.lower(): field for field in fields}
        self.children: dict[str, Child] = {}
        self.hide(())

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def field(self, name: str) -> Field | None:
        return self.fields.get(name.lower())

    def hide(self, names: Iterable[str]) -> None:
        """Hide these fields and no others.

        Raises:
            ValueError: the object has no such field, or field permissions do not reach it.
        """
        hidden = {name.lower(): name for name in names}
        for key, name in hidden.items():
            if key not in self.all_fields or not self.all_fields[key].answer["permissionable"]:
                raise ValueError(f"{self.name} has no field {name} that field permissions could hide")
        self.fields = {key: field for key, field in self.all_fields.items() if key not in hidden}
        self.parents = {
            field.answer["relationshipName"].lower(): field for field in self if field.answer["relationshipName"]
        }
        self.answer["fields"] = [field.answer for field in self]

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        """Every field that the store has a column for, hidden ones too."""
        return tuple(field for field in self.all_fields.values() if field.is_stored)

    @cached_property
    def name_field(self) -> Field | None:
        return next((field for field in self.all_fields.values() if field.answer["nameField"]), None)

    def parts(self, compound: Field) -> dict[str, Field]:
        """A compound's parts by their key in the answer: `city` -> BillingCity, `latitude` -> Place__Latitude__s."""
        prefix = compound.name.removesuffix("__c").removesuffix("Address")
        found: dict[str, Field] = {}
        for part in self:
            if part.answer["compoundFieldName"] == compound.name:
                key = part.name.removeprefix(prefix).removeprefix("__").removesuffix("__s")
                found[key[:1].lower() + key[1:]] = part
        return found


class Catalogue:
    """Every object of the org. Iteration, `get` and `of_id` leave out hidden objects and the Tooling API's own."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self._all = {obj.name.lower(): obj for obj in sorted(objects, key=lambda obj: obj.name)}
        self._told = {
            obj.name: obj.answer["childRelationships"]
            for obj in self.everything()
            if "childRelationships" in obj.answer
        }
        self.hide({})

    def __iter__(self) -> Iterator[SObject]:
        return iter(self._visible.values())

    def everything(self) -> Iterator[SObject]:
        return iter(self._all.values())

    def get(self, name: str) -> SObject | None:
        return self._visible.get(name.lower())

    def __getitem__(self, name: str) -> SObject:
        """An object that the twin itself needs, hidden or not."""
        return self._all[name.lower()]

    def __contains__(self, name: str) -> bool:
        """Whether there is such an object, hidden or not."""
        return name.lower() in self._all

    def of_id(self, record_id: str) -> SObject | None:
        return self._by_prefix.get(record_id[:3])

    def hide(self, fields: Mapping[str, Iterable[str]], objects: Iterable[str] = ()) -> None:
        """Hide these fields, given by object, and these objects, and nothing else.

        Raises:
            ValueError: one of them does not exist, or cannot be hidden. What was hidden stays so.
        """
        hidden, by_object = {name.lower() for name in objects}, {name.lower(): fields[name] for name in fields}
        unknown = sorted((hidden | by_object.keys()) - self._all.keys())
        if unknown:
            raise ValueError(f"the org has no {', '.join(unknown)} to hide")
        for name, obj in self._all.items():
            obj.hide(by_object.get(name, ()))
        self._visible = {name: obj for name, obj in self._all.items() if name not in hidden and not obj.is_tooling}
        # Where two share a prefix the first is meant: ContentDocument, not ContentNote.
        self._by_prefix = {obj.key_prefix: obj for obj in reversed(self._visible.values()) if obj.key_prefix}
        self._relate()

    def tooling(self, shared: Iterable[str]) -> "Catalogue":
        """What the Tooling API has: its own objects, and these of the org's. Nothing is hidden there."""
        names = {name.lower() for name in shared}
        return Catalogue(
            SObject(
                {key: value for key, value in obj.answer.items() if key != "childRelationships"},
                obj.all_fields.values(),
            )
            for name, obj in self._all.items()
            if obj.is_tooling or name in names
        )

    def _relate(self) -> None:
        """Tell each object of its children."""
        found: dict[str, list[Describe]] = {obj.name: [] for obj in self.everything()}
        for child in self:
            for field in child:
                for parent in field.reference_to:
                    if parent in found:
                        found[parent].append(relationship(child.name, field.answer, field.children))
        for obj in self.everything():
            relationships = self._told.get(obj.name, found[obj.name])
            obj.answer["childRelationships"] = relationships
            obj.children = {
                entry["relationshipName"].lower(): Child(
                    entry["relationshipName"], entry["childSObject"], entry["field"]
                )
                for entry in relationships
                if entry["relationshipName"]
            }
