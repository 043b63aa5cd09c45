"""As planned: whether the target, as it is now, still has what the approved plan needs of it. Asked before anything is made
there, and again when it refuses records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.changes import changes
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline, schema_after
from migration_pipelines.core.schema import FieldSchema, OrgSchema, fingerprint_touched
from migration_pipelines.errors import GateClosed
from migration_pipelines.stages import gates
from migration_pipelines.stages.partition import OpenPartition


def touched_fields(partition: OpenPartition) -> dict[str, set[str]]:
    """Target object -> fields that the mapping fills."""
    touched: dict[str, set[str]] = {}
    for _, compiled in partition.routes:
        touched.setdefault(compiled.route.target, set()).update(compiled.route.fills)
    return touched


def wanted_of(plan: Mapping[str, Any]) -> Wanted:
    """What a plan previewed to be made in the target."""
    wanted = plan["summary"]["wanted"]
    return Wanted(
        tuple(WantedField(**{**one, "choices": tuple(one["choices"])}) for one in wanted["fields"]),
        tuple(WantedPipeline(one["name"], tuple(one["stages"])) for one in wanted["pipelines"]),
    )


def lacking(wanted: Wanted, org: OrgSchema) -> Wanted:
    """What is wanted, without the fields that are there, and those of objects that are not."""
    fields = (one for one in wanted.fields if one.object in org.objects)
    return Wanted(tuple(one for one in fields if one.name not in org.objects[one.object].fields), wanted.pipelines)


def require_as_planned(partition: OpenPartition, plan: Mapping[str, Any], live: OrgSchema) -> None:
    """Raises GateClosed where the target is another one, or is not what the plan was measured against, with what is
    different."""
    planned, wanted = partition.schema("target"), wanted_of(plan)
    if live.identity != planned.identity:
        raise GateClosed(
            f"{partition.key}: the connection leads to {live.identity}, the plan is for {planned.identity}. Correct the "
            f"URL, or run: crm-migrate discover {partition.key} and plan again."
        )
    found = _different(partition, wanted, live)
    after = schema_after(live, lacking(wanted, live))
    if found or fingerprint_touched(after, touched_fields(partition)) != plan["summary"]["schema"]:
        what = f": {'; '.join(found)}" if found else ""
        raise GateClosed(f"{partition.key}: the target was changed since the plan was made{what}. {_advice(partition)}")


def require_still_as_planned(partition: OpenPartition) -> None:
    """Raises GateClosed where something that records need was taken away in the target since it was provisioned."""
    plan, live = partition.ledger.plans.current(), partition.target.describe()
    found = _different(partition, wanted_of(plan), live) if plan else []
    if found := [*found, *gates.lost_owners(partition, live)]:
        raise GateClosed(
            f"{partition.key}: the target was changed while records were written, and refuses some for it: "
            f"{'; '.join(found)}. {_advice(partition)} Afterwards verify tells whether records that were there before have "
            "lost something by it."
        )


def _different(partition: OpenPartition, wanted: Wanted, live: OrgSchema) -> list[str]:
    """What is different from the last look at the target; what is still to be made may be there as it is meant, or not."""
    seen = partition.schema("target")
    made = (one for one in lacking(wanted, seen).fields if one.name in _fields_of(live, one.object))
    meant = schema_after(seen, Wanted(tuple(made), ()))
    return changes(meant, live, touched_fields(partition), wanted.pipelines)


def _fields_of(org: OrgSchema, name: str) -> Mapping[str, FieldSchema]:
    return org.objects[name].fields if name in org.objects else {}


def _advice(partition: OpenPartition) -> str:
    return (
        f"Put it back there, then run: crm-migrate apply {partition.key}. If it is to stay so, run: crm-migrate discover "
        f"{partition.key}, then plan again and look at what is different."
    )
