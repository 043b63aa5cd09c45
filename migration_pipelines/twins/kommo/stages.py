"""Where a lead can stand: which stage belongs to which pipeline, and what being won or lost brings with it."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import Switches

WITHOUT_LOSS = "Loss reason can be specified only for lost lead"


@dataclass(frozen=True)
class Stages:
    """Every pipeline's stages, in their order, and the main pipeline."""

    WON: ClassVar[int] = 142
    LOST: ClassVar[int] = 143
    INCOMING: ClassVar[int] = 1
    """The `type` of a pipeline's first stage, whose id is its own."""

    by_pipeline: Mapping[int, list[Json]]
    main: int

    @classmethod
    def of(cls, store: Store) -> "Stages":
        pipelines = store.documents("pipelines")
        stages = {
            pipeline["id"]: sorted(store.documents("statuses", pipeline["id"]), key=lambda stage: int(stage["sort"]))
            for pipeline in pipelines
        }
        return cls(stages, next(pipeline["id"] for pipeline in pipelines if pipeline["is_main"]))

    def first(self, pipeline_id: int) -> int:
        """A pipeline's first stage after the incoming leads."""
        return next(int(stage["id"]) for stage in self.by_pipeline[pipeline_id] if stage["type"] != self.INCOMING)

    def incoming(self, pipeline_id: int) -> int:
        """The stage of a pipeline's incoming leads."""
        return next(int(stage["id"]) for stage in self.by_pipeline[pipeline_id] if stage["type"] == self.INCOMING)

    def place(self, pipeline_id: int | None, status_id: int | None, present: tuple[int, int] | None) -> tuple[int, int]:
        """Pipeline and stage of a lead, of which a write may name both, one or none.

        Raises:
            LookupError: its argument is the key that names what is not there.
        """
        if pipeline_id is None:
            pipeline_id = self._owner(status_id) or (present[0] if present else self.main)
        if pipeline_id not in self.by_pipeline:
            raise LookupError("pipeline_id")
        if status_id is None:
            stays = present and (present[0] == pipeline_id or present[1] in (self.WON, self.LOST))
            status_id = present[1] if present and stays else self.first(pipeline_id)
        if status_id not in {stage["id"] for stage in self.by_pipeline[pipeline_id]}:
            raise LookupError("status_id")
        return pipeline_id, status_id

    def _owner(self, status_id: int | None) -> int | None:
        """The pipeline of a stage that has an id of its own; won and lost are the same in all."""
        if status_id in (None, self.WON, self.LOST):
            return None
        return next((pipeline for pipeline, stages in self.by_pipeline.items() if _holds(stages, status_id)), None)


def close(told: Json, row: sqlite3.Row | None, now: int, switches: Switches) -> str | None:
    """Complete `closed_at` and `loss_reason_id` of a lead whose stage is known; a text is the rule that is broken."""
    was_closed = row is not None and row["status_id"] in (Stages.WON, Stages.LOST)
    if told["status_id"] in (Stages.WON, Stages.LOST):
        if told.get("closed_at") is None:
            told["closed_at"] = row["closed_at"] if row is not None and was_closed else now
    elif switches.open_lead_closed_at == "ignored" or was_closed:
        told["closed_at"] = None
    if told["status_id"] != Stages.LOST:
        if told.get("loss_reason_id") is not None:
            return WITHOUT_LOSS
        told["loss_reason_id"] = None
    return None


def _holds(stages: list[Json], status_id: int | None) -> bool:
    return any(stage["id"] == status_id for stage in stages)
