"""One open partition: project files, ledger, connectors and the lock on the target org, for the length of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType

from migration_pipelines.connectors.base import Source, Target
from migration_pipelines.connectors.registry import open_source, open_target
from migration_pipelines.core import lifecycle
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.order import routes_in_order
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.core.transform import CompiledRoute, compile_route
from migration_pipelines.errors import GateClosed
from migration_pipelines.files import FileStore
from migration_pipelines.ledger.lock import OrgLock
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines.project import Environment, find_partition
from migration_pipelines.settings import Settings
from migration_pipelines.stages.keep_file import kept_file

PRODUCTION = "production"
"""The environment in which real people are: nothing may be refused there, and a pilot goes first."""


class OpenPartition:
    """Use as a context manager; connectors are opened when they are first asked for.

    Raises:
        InvalidInput: there is no such partition, or its files are invalid.
    """

    def __init__(self, settings: Settings, ledger: Ledger, key: str, environ: Mapping[str, str] = os.environ) -> None:
        self.key = key
        self.project, self.environment = find_partition(settings.projects, key)
        self.ledger: PartitionLedger = ledger.partition(key)
        self.files = FileStore(settings.files_url)
        self.review = settings.home / "review" / key
        self._environ = environ
        self._tokens = settings.tokens(key)
        self._lock: OrgLock | None = None

    def __enter__(self) -> OpenPartition:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock and close the connectors. Idempotent."""
        if self._lock:
            self._lock.release()
            self._lock = None
        for name in ("source", "target"):
            if connector := self.__dict__.pop(name, None):
                connector.close()

    @cached_property
    def source(self) -> Source:
        return open_source(self.project.file.source, self._connections.source, self._environ)

    @cached_property
    def target(self) -> Target:
        return open_target(
            self.project.file.target, self._connections.target, self._environ, self._tokens,
            bodies=lambda digest: kept_file(self.files, digest),
        )  # fmt: skip

    @property
    def _connections(self) -> Environment:
        return self.project.file.environments[self.environment]

    def schema(self, side: str) -> OrgSchema:
        """The discovered schema of a side. Raises GateClosed before discovery."""
        found = self.ledger.schema(side)
        if found is None:
            raise GateClosed(f"{self.key}: the orgs have not been discovered yet. Run: crm-migrate discover {self.key}")
        return found

    def source_schema(self, source_object: str) -> ObjectSchema:
        """The discovered fields of a mapped source object. Raises GateClosed where discovery did not know of it yet."""
        found = self.schema("source").objects.get(source_object)
        if found is None or not found.fields:
            raise GateClosed(
                f"{self.key}: the mapping names {source_object}, which was not in it when the orgs were discovered. "
                f"Run: crm-migrate discover {self.key}, then extract"
            )
        return found

    def lock(self) -> OrgLock:
        """The lock on the target org, taken at the first call and held until `close`. Raises GateClosed if taken."""
        if self._lock is None:
            self._lock = OrgLock(self.ledger.engine, self.schema("target").identity)
        return self._lock

    @cached_property
    def routes(self) -> tuple[tuple[str, CompiledRoute], ...]:
        """(CRM object, route) in load order.

        Raises:
            MappingError: the mapping names what does not exist.
        """
        decisions, mappings = self.project.decisions, self.project.mappings
        ordered = list(routes_in_order(mappings, NAMES, decisions))
        homes = {route.source: crm_object for crm_object, route in reversed(ordered) if not route.carried_by}
        return tuple(
            (
                crm_object,
                compile_route(
                    crm_object, route, tables=mappings[crm_object].tables, rules=self.project.pair.rules,
                    decisions=decisions, homes=homes,
                ),
            )
            for crm_object, route in ordered
        )  # fmt: skip

    def routes_of(self, crm_object: str) -> list[CompiledRoute]:
        return [route for name, route in self.routes if name == crm_object]

    def routes_from(self, source_object: str) -> list[CompiledRoute]:
        return [route for _, route in self.routes if route.route.source == source_object]

    @cached_property
    def source_objects(self) -> tuple[str, ...]:
        """The source objects that the mapping names, in load order."""
        return tuple(dict.fromkeys(route.route.source for _, route in self.routes))

    def paths(self, source_object: str) -> tuple[str, ...]:
        """The parents' fields that routes and rules read of an object's records, such as "CreatedBy.Name"."""
        rules, read = self.project.pair.rules, set[str]()
        for compiled in self.routes_from(source_object):
            read |= compiled.route.reads.union(*(rules.find(name).reads for name in compiled.route.rules))
        return tuple(sorted(one for one in read if "." in one))

    def parent_field(self, source_object: str) -> str | None:
        """The field by which rows of an object hang below the record that carries them."""
        fields = [field for route in self.routes_from(source_object) for field in route.route.carried_by.values()]
        return fields[0] if fields else None

    def children_of(self, source_object: str) -> tuple[str, ...]:
        """The source objects whose rows are carried by records of this one."""
        return tuple(
            dict.fromkeys(route.route.source for _, route in self.routes if source_object in route.route.carried_by)
        )

    def reach(self, step: str) -> None:
        """Record a step of the lifecycle. Raises GateClosed where one before it is missing."""
        taken = [event["detail"]["step"] for event in self.ledger.events("step")]
        if to_record := lifecycle.advance(taken, step):
            self.ledger.add_event("step", detail={"step": to_record})

    @property
    def step(self) -> str | None:
        return lifecycle.furthest([event["detail"]["step"] for event in self.ledger.events("step")])
