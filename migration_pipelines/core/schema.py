"""What an org has: objects, fields, and the few facts about it that a plan depends on. Both sides, one shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from migration_pipelines.core.fingerprint import fingerprint
from migration_pipelines.core.mapping import Frozen


class FieldSchema(Frozen):
    """One field. What is no business data the platform keeps for itself: nobody has to dispose of it.

    `type` is ours: text, textarea, integer, decimal, boolean, date, datetime, select, multiselect,
    multitext, reference, url, id; `max_length` is in characters, `max_value` is the largest number; `filled` is how many
    records hold a value, where the org was asked. Of a reference `refers_to` says to which objects, and `name_path` by
    which path their name is read, such as "Owner.Name"; of an amount `currency_field` says which field has its currency."""

    name: str
    label: str = ""
    type: str = "text"
    max_length: int | None = None
    max_value: int | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    writable: bool = True
    is_custom: bool = False
    is_business: bool = True
    filled: int | None = None
    refers_to: tuple[str, ...] = ()
    name_path: str | None = None
    currency_field: str | None = None


class ObjectSchema(Frozen):
    """One object: its fields by API name or code, and how many records it holds where the org says so.

    `is_counted` tells a count from the org's own estimate; `takes_fields` says that fields can be made in it."""

    name: str
    label: str = ""
    fields: Mapping[str, FieldSchema] = {}
    records: int | None = None
    is_counted: bool = False
    is_custom: bool = False
    is_business: bool = True
    takes_fields: bool = False

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that may not be empty."""
        return tuple(name for name, field in self.fields.items() if field.required)


class User(Frozen):
    """Who can own records: a user, or a queue. Ids are the org's own; one that is no person's full account is not standard."""

    id: str
    name: str = ""
    email: str | None = None
    is_active: bool = True
    is_standard: bool = True
    is_queue: bool = False


class Automation(Frozen):
    """Something that acts by itself when records change: "flow", "trigger", "validation rule" and the like.

    `is_active` is None where the org does not tell."""

    kind: str
    name: str
    object: str | None = None
    is_active: bool | None = None


class Capability(Frozen):
    """Whether an org has or allows something that a migration may need; `how` says what told us."""

    name: str
    state: Literal["available", "missing", "cannot tell"]
    how: str


class OrgSchema(Frozen):
    """A snapshot of an org.

    Attributes:
        identity: names the org among all orgs of its CRM, for the lock: "kommo:1000".
        automations: what could be seen; the kinds that we may not see are in `not_visible`, which is not none.
        gaps: what the org may hold and does not show us, a sentence each.
        checklist: what no API tells and a person has to see to before anything is written: name -> what must be so.
        facts: what else a plan asks: time zone, currency, pipelines, stages, limits.
    """

    crm: str
    identity: str
    objects: Mapping[str, ObjectSchema]
    users: tuple[User, ...] = ()
    automations: tuple[Automation, ...] = ()
    not_visible: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    gaps: tuple[str, ...] = ()
    checklist: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}


def fingerprint_touched(schema: OrgSchema, touched: Mapping[str, set[str]]) -> str:
    """Fingerprint of the part of a schema that a mapping touches: type, length, required, choices; never ids.

    Args:
        touched: object name -> names of the fields that the mapping fills or reads.
    """
    seen: dict[str, Any] = {}
    for object_name, fields in sorted(touched.items()):
        found = schema.objects.get(object_name)
        present = found.fields if found else {}
        seen[object_name] = {
            name: [one.type, one.max_length, one.required, list(one.choices), one.writable]
            for name in sorted(fields)
            if (one := present.get(name))
        }
    return fingerprint(seen)
