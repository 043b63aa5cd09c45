"""One open partition: project files, ledger, connectors and the lock on the target org, for the length of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType

from migration_pipelines.archive_database import ArchiveDatabase
from migration_pipelines.connectors.base import Source, Target
from migration_pipelines.connectors.registry import open_source, open_target
from migration_pipelines.core import lifecycle
from migration_pipelines.core.crm_objects import NAMES
from migration_pipelines.core.exchange import Exchange, exchange_between
from migration_pipelines.core.mapping import ObjectMapping, Route
from migration_pipelines.core.order import routes_in_order
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.core.transform import CompiledRoute, compile_route
from migration_pipelines.errors import GateClosed, InvalidInput, MappingError
from migration_pipelines.files import FileStore
from migration_pipelines.ledger.lock import OrgLock
from migration_pipelines.ledger.store import Ledger, PartitionLedger
from migration_pipelines.pairs import KEPT, Disposition
from migration_pipelines.project import Environment, find_partition
from migration_pipelines.settings import Settings
from migration_pipelines.stages.keep_file import kept_file

PRODUCTION = "production"
"""The environment in which real people are: nothing may be refused there, and a pilot goes first."""


MULTI_CURRENCY, CONVERT = "multi_currency", "convert"
"""The decision by which amounts are converted."""


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
        self.archive = settings.home / "archive" / key
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

    @cached_property
    def archive_database(self) -> ArchiveDatabase:
        """Where objects are kept by the disposition `database`. Raises InvalidInput where its variable does not say."""
        variable = self._connections.archive_database
        if variable is None:
            raise InvalidInput(f"{self.key}: project.yaml names no archive_database for {self.environment}.")
        return ArchiveDatabase(self._environ, variable)

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
                f"{self.key}: {self._naming_file(source_object)} names {source_object}, and did not when the orgs were "
                f"discovered: its fields are not known. Run: crm-migrate discover {self.key}, then extract"
            )
        return found

    def _naming_file(self, source_object: str) -> str:
        """The project's file by which the records of a source object are read."""
        mapped = (name for name, compiled in self.routes if compiled.route.source == source_object)
        return next((f"mapping/{name}.yaml" for name in mapped), "project.yaml, under objects:,")

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
        decisions, mappings, source = self.project.decisions, self.project.mappings, self.ledger.schema("source")
        ordered = [
            (crm_object, route.without(_absent(route, source)))
            for crm_object, route in routes_in_order(mappings, NAMES, decisions)
        ]
        homes = {route.source: crm_object for crm_object, route in reversed(ordered) if not route.carried_by}
        return tuple(
            (
                crm_object,
                compile_route(
                    crm_object, route, tables=mappings[crm_object].tables, rules=self.project.pair.rules,
                    decisions=decisions, homes=homes, exchange=self.exchange,
                ),
            )
            for crm_object, route in ordered
        )  # fmt: skip

    @property
    def exchange(self) -> Exchange | None:
        """By what amounts are converted; None where they are not, or the orgs do not say."""
        source, target = self.ledger.schema("source"), self.ledger.schema("target")
        is_wanted = self.project.decisions.get(MULTI_CURRENCY) == CONVERT
        return exchange_between(source, target) if is_wanted and source and target else None

    @property
    def mappings(self) -> Mapping[str, ObjectMapping]:
        """The mapping files, without what decisions switch off and what the source org does not have."""
        return {
            name: mapping.model_copy(update={"routes": tuple(one.route for one in self.routes_of(name))})
            for name, mapping in self.project.mappings.items()
        }

    def routes_of(self, crm_object: str) -> list[CompiledRoute]:
        return [route for name, route in self.routes if name == crm_object]

    @property
    def route_keys(self) -> Mapping[str, Sequence[str]]:
        """What a reference may be `to:`, a CRM object or one of its targets ("leads>contacts") -> the routes meant."""
        keys: dict[str, list[str]] = {}
        for name, compiled in self.routes:
            keys.setdefault(name, []).append(compiled.key)
            keys.setdefault(f"{name}>{compiled.route.target}", []).append(compiled.key)
        return keys

    def routes_from(self, source_object: str) -> list[CompiledRoute]:
        return [route for _, route in self.routes if route.route.source == source_object]

    @cached_property
    def source_objects(self) -> tuple[str, ...]:
        """The source objects that the mapping names, in load order."""
        return tuple(dict.fromkeys(route.route.source for _, route in self.routes))

    @cached_property
    def dispositions(self) -> Mapping[str, Disposition]:
        """What becomes of source objects that are not migrated: the project's own word, and the pair's for what the org
        has rows of and no route takes."""
        source, own = self.ledger.schema("source"), self.project.file.objects
        defaults = {
            name: default
            for name, one in (source.objects if source else {}).items()
            if one.records and one.is_business and name not in self.source_objects and name not in own
            if (default := self.project.pair.disposition_of(name))
        }
        return {**own, **defaults}

    def may_be_archived(self, source_object: str) -> bool:
        """Whether the org's rows of an object, if it has any, would be archived."""
        own, is_routed = source_object in self.project.file.objects, source_object in self.source_objects
        return (own or not is_routed) and bool(KEPT & (self.project.disposition_of(source_object) or {}).keys())

    def wants_fields_of(self, found: ObjectSchema) -> bool:
        """Whether the fields of an object with rows are read that no route takes: it may be archived, or is open."""
        is_open = found.is_business and found.name not in self.source_objects
        return self.may_be_archived(found.name) or (is_open and not self.project.disposition_of(found.name))

    @cached_property
    def archived(self) -> tuple[str, ...]:
        """The source objects whose records are archived, as far as the org has any. A route may take them as well."""
        source = self.ledger.schema("source")
        return tuple(
            name for name in (source.objects if source else ()) if KEPT & self.dispositions.get(name, {}).keys()
        )

    @property
    def extracted_objects(self) -> tuple[str, ...]:
        """The source objects that are read whole: those of the mapping, then those that are only archived."""
        return tuple(dict.fromkeys((*self.source_objects, *self.archived)))

    def rows(self) -> dict[str, str]:
        """Everything that a person confirms for this org, as name -> fingerprint."""
        return self.project.rows(self.dispositions)

    def fingerprint(self) -> str:
        """The fingerprint of everything that a person confirms for this org."""
        return self.project.fingerprint(self.dispositions)

    def reads(self, source_object: str) -> frozenset[str]:
        """Every field that routes and rules read of an object's records, also where other records carry them as rows."""
        read: set[str] = set()
        for _, compiled in self.routes:
            route, rules = compiled.route, [self.project.pair.rules.find(name) for name in compiled.route.rules]
            if route.source == source_object:
                read |= route.reads.union(*(rule.reads for rule in rules))
            read |= route.reads_of(source_object).union(*(rule.reads_children.get(source_object, ()) for rule in rules))
        return frozenset(read)

    def paths(self, source_object: str) -> tuple[str, ...]:
        """The parents' fields that are read of an object's records, such as "CreatedBy.Name"."""
        return tuple(sorted(one for one in self.reads(source_object) if "." in one))

    def absent(self, source_object: str) -> tuple[str, ...]:
        """The optional fields that routes read of an object and that the source org does not have."""
        source = self.schema("source")
        found = {field for compiled in self.routes_from(source_object) for field in _absent(compiled.route, source)}
        return tuple(sorted(found))

    def parent_field(self, source_object: str) -> str | None:
        """The field by which rows of an object hang below the record that carries them, or that was made of them.

        Raises:
            MappingError: there is more than one.
        """
        fields = [field for route in self.routes_from(source_object) for field in route.route.carried_by.values()]
        fields += [
            field
            for _, compiled in self.routes
            for maker, field in compiled.route.made_by_platform.items()
            if maker == source_object
        ]
        there = dict.fromkeys(field for field in fields if field not in self.absent(source_object))
        if len(there) > 1:
            raise MappingError(
                f"rows of {source_object} hang below other records by one field, not by {', '.join(there)}"
            )
        return next(iter(there), None)

    def children_of(self, source_object: str) -> tuple[str, ...]:
        """The source objects whose rows are carried by records of this one."""
        return tuple(
            dict.fromkeys(route.route.source for _, route in self.routes if source_object in route.route.carried_by)
        )

    def keep_schema(self, side: str, schema: OrgSchema) -> None:
        """Keep what was discovered of a side; what was worked out by an earlier discovery is worked out anew."""
        self.ledger.keep_schema(side, schema)
        for name in ("routes", "source_objects", "dispositions", "archived"):
            self.__dict__.pop(name, None)

    def reach(self, step: str) -> None:
        """Record a step of the lifecycle. Raises GateClosed where one before it is missing."""
        taken = [event["detail"]["step"] for event in self.ledger.events("step")]
        if to_record := lifecycle.advance(taken, step):
            self.ledger.add_event("step", detail={"step": to_record})

    @property
    def step(self) -> str | None:
        return lifecycle.furthest([event["detail"]["step"] for event in self.ledger.events("step")])


def _absent(route: Route, source: OrgSchema | None) -> set[str]:
    """The optional fields of a route that its source object does not have, as far as it was discovered."""
    found = source.objects.get(route.source) if source else None
    return set(route.optional) - set(found.fields) if found and found.fields else set()
