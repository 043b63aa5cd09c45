"""What a user may do and which rows he sees: the permissions of his profile and permission sets, as conditions in SQL.

A user without View All Data sees the rows that he or one of his queues owns, of the objects that have an owner; objects
without one are open to all. There are no sharing rules, no roles and no access through a parent.
"""

# ruff: noqa: S608 - identifiers are the catalogue's, ids have passed for ids

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.store import Store

API_ENABLED = "PermissionsApiEnabled"
VIEW_ALL_DATA = "PermissionsViewAllData"
QUERY_ALL_FILES = "PermissionsQueryAllFiles"
PERMISSION_ACCESS = "UserPermissionAccess"
FILES = frozenset({"ContentDocument", "ContentVersion"})
_OPEN = frozenset({"Group"})
"""Objects with an owner whose rows everybody sees."""


@dataclass(frozen=True)
class Visibility:
    """What one user sees.

    Attributes:
        permissions: those that he has, as the fields are called: PermissionsViewAllData.
        prepare: told of every object that a statement reads, before it does.
    """

    user_id: str
    permissions: frozenset[str]
    prepare: Callable[[SObject], None] = lambda _: None

    def condition(self, obj: SObject, alias: str) -> str | None:
        """A condition on a row of the object, whose table goes by this alias; None where every row is seen."""
        self.prepare(obj)
        if "ownerid" not in obj.all_fields or obj.name in _OPEN or self._sees_all(obj):
            return None
        owner, me = f'{alias}."OwnerId"', f"'{self.user_id}'"
        if obj.name in FILES:
            return f"{owner} = {me}"
        queues = f'SELECT "GroupId" FROM "GroupMember" WHERE "UserOrGroupId" = {me}'
        return f"({owner} = {me} OR {owner} IN ({queues}))"

    def _sees_all(self, obj: SObject) -> bool:
        return (QUERY_ALL_FILES if obj.name in FILES else VIEW_ALL_DATA) in self.permissions


class Permissions:
    """Who has which permission, as the org's rows say now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, frozenset[str]] = {}
        self._known_at = -1

    def of(self, user_id: str) -> frozenset[str]:
        """The union of the profile and the assigned permission sets; all for a user whose profile is not in the org."""
        changes = self._store.changes
        if changes != self._known_at:
            self._known.clear()
            self._known_at = changes
        if user_id not in self._known:
            self._known[user_id] = self._read(user_id)
        return self._known[user_id]

    def row(self, user_id: str) -> Mapping[str, object]:
        """The one row of UserPermissionAccess that this user sees."""
        held = self.of(user_id)
        return {"Id": "000000000000000AAA"} | {name: int(name in held) for name in self._names(PERMISSION_ACCESS)}

    def _read(self, user_id: str) -> frozenset[str]:
        held: set[str] = set()
        has_profile = False
        for name, which in (
            ("Profile", 'WHERE "Id" = (SELECT "ProfileId" FROM "User" WHERE "Id" = ?)'),
            (
                "PermissionSet",
                'WHERE "Id" IN (SELECT "PermissionSetId" FROM "PermissionSetAssignment" WHERE "AssigneeId" = ?)',
            ),
        ):
            names = self._names(name)
            for row in self._store.rows(self._store.catalogue[name], which, (user_id,)):
                has_profile = has_profile or name == "Profile"
                held.update(permission for permission in names if row[permission])
        return frozenset(held if has_profile else self._names("Profile"))

    def _names(self, name: str) -> list[str]:
        return [field.name for field in self._store.catalogue[name].stored if field.name.startswith("Permissions")]
