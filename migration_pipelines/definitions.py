"""The only place where everything meets: `build_definitions`, and `defs` for Dagster."""

import dagster as dg

from migration_pipelines.orchestration.assets import build_assets
from migration_pipelines.orchestration.jobs import build_jobs
from migration_pipelines.orchestration.partitions import known_projects, partitions_of
from migration_pipelines.orchestration.resources import Partitions
from migration_pipelines.orchestration.sensors import build_sensors
from migration_pipelines.pairs import shipped_source_objects

ASSET_JOB = "__ASSET_JOB"  # what a run is called that somebody starts by Materialize


def build_definitions(**overrides: object) -> dg.Definitions:
    """All assets, jobs and resources for the projects that the files describe now.

    Args:
        overrides: resources by name, for tests.
    """
    projects = known_projects()
    partitions_def = partitions_of(projects)
    mapped = {route.source for project in projects for one in project.mappings.values() for route in one.routes}
    jobs = build_jobs(partitions_def)
    return dg.Definitions(
        assets=build_assets(partitions_def, sorted(mapped | shipped_source_objects())),
        jobs=jobs,
        sensors=build_sensors({ASSET_JOB, *(job.name for job in jobs)}),
        resources={"partitions": Partitions(), **overrides},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
