"""Discover: read what both orgs are, and keep it. Writes nothing to either."""

from __future__ import annotations

from dataclasses import dataclass

from migration_pipelines.core.schema import OrgSchema
from migration_pipelines.stages.partition import OpenPartition


@dataclass(frozen=True, slots=True)
class Discovered:
    source: OrgSchema
    target: OrgSchema


def discover(partition: OpenPartition) -> Discovered:
    """Snapshot both orgs' schemas.

    Raises:
        MappingError, PermanentFailure, TransientFailure: as the connectors' `describe`.
    """
    source = partition.source.describe(partition.source_objects, also=partition.wants_fields_of)
    target = partition.target.describe()
    partition.keep_schema("source", source)
    partition.keep_schema("target", target)
    partition.reach("discovered")
    return Discovered(source, target)
