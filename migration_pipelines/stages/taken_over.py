"""Records that became others in the source, such as converted leads: which rows of a plan take over what they made in the
target, and what of it was left behind because the others are there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migration_pipelines.core.compare import Verdict
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.errors import MappingError
from migration_pipelines.ledger.successions import LeftBehind, Succession
from migration_pipelines.stages.partition import OpenPartition

_SHOWN = 20


def successions(partition: OpenPartition) -> Iterator[tuple[CompiledRoute, Succession]]:
    """Each route whose records become others, with what they become.

    Raises:
        MappingError: nothing makes a record of what they become.
    """
    keys = partition.route_keys
    makes = {compiled.key for _, compiled in partition.routes if not compiled.route.carried_by}
    for _, compiled in partition.routes:
        for name, field in compiled.route.becomes.items():
            key = next((one for one in keys.get(name, ()) if one in makes), None)
            if key is None:
                raise MappingError(f"{compiled.key}: becomes: names {name}, which no route makes")
            yield compiled, Succession(compiled.route.source, compiled.key, field, key)


def take_over(partition: OpenPartition, plan_id: int, compiled: CompiledRoute) -> Iterator[bytes]:
    """Note which planned rows of a route take over a record, and yield what the plan's fingerprint has to cover."""
    for _, one in successions(partition):
        if one.route == compiled.key:
            for source_id, entry_id in partition.ledger.successions.find(plan_id, one):
                yield f"{source_id}\0takes over {entry_id}\0".encode("utf-8", "surrogatepass")


def left_behind(partition: OpenPartition, crm_object: str) -> Iterator[tuple[CompiledRoute, LeftBehind]]:
    """Records of a CRM object that stand in the target though what they stood for became something else. Links are none:
    they go with the records that they join."""
    ours = {compiled.key for compiled in partition.routes_of(crm_object) if compiled.route.fields}
    for compiled, one in successions(partition):
        if one.former in ours:
            for row in partition.ledger.successions.left_behind(one):
                yield compiled, row


def figures_of_twice(partition: OpenPartition, crm_object: str) -> dict[str, Any]:
    """Those whose successor has a record of its own. Shape: {number, first: [{object, target_id, source_id, became,
    stands_as}]}."""
    twice = [
        {
            "object": compiled.route.target, "target_id": row.target_id, "source_id": row.source_id,
            "became": row.became, "stands_as": row.stands_as,
        }
        for compiled, row in left_behind(partition, crm_object)
        if row.stands_as is not None
    ]  # fmt: skip
    return {"number": len(twice), "first": twice[:_SHOWN]}


def look_for_left_behind(partition: OpenPartition, compiled: CompiledRoute) -> None:
    """Ask the target for what a route left behind, and note what people have merged or deleted there since."""
    rows = [
        row
        for other, one in successions(partition)
        if other.key == compiled.key
        for row in partition.ledger.successions.left_behind(one)
    ]
    if not rows:
        return
    there = partition.target.read_back(compiled.route.target, [row.target_id for row in rows])
    gone: Sequence[LeftBehind] = [row for row in rows if row.target_id not in there]
    partition.ledger.proof.keep_findings(
        [row.entry_id for row in gone],
        [(row.entry_id, "", str(Verdict.MISSING), row.target_id, None) for row in gone],
    )
