"""Objects whose rows nobody writes: definitions, made of the describes, and what the running user may do.

They are filled when a statement first reads them, which spares all other twins the time.
"""

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.metadata import ENTITIES, FIELDS, entity_rows, field_rows
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.visibility import PERMISSION_ACCESS, Permissions

DEFINITIONS = frozenset({ENTITIES, FIELDS})
COMPUTED = DEFINITIONS | {PERMISSION_ACCESS}


class Computed:
    def __init__(self, store: Store, permissions: Permissions) -> None:
        self._store = store
        self._permissions = permissions

    def prepare(self, obj: SObject) -> None:
        """Fill what a statement on this object reads, for the user who is acting."""
        parents = {parent for field in obj for parent in field.reference_to}
        if DEFINITIONS & {obj.name, *parents}:
            self._define()
        if obj.name == PERMISSION_ACCESS:
            self._store.run(f'DELETE FROM "{PERMISSION_ACCESS}"')  # noqa: S608 - a constant
            self._store.insert_complete(obj, [self._permissions.row(self._store.user_id)])

    def forget(self) -> None:
        """The describes have changed: define anew when next asked."""
        for name in DEFINITIONS:
            self._store.run(f'DELETE FROM "{name}"')  # noqa: S608 - a constant

    def _define(self) -> None:
        catalogue = self._store.catalogue
        for name, rows in ((ENTITIES, entity_rows), (FIELDS, field_rows)):
            if self._store.is_empty(name):
                self._store.insert_complete(catalogue[name], list(rows(catalogue)))
