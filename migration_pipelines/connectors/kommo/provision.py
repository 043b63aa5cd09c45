"""Custom fields and pipelines in Kommo: made by code and name, never twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo.forms import MIGRATION_KEY, THEIRS
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline
from migration_pipelines.errors import OutcomeUnknown, PermanentFailure

ATTEMPTS = 3
STAGE_COLOURS = ("#fffeb2", "#ffdc7f", "#c1e0ff", "#deff81", "#f3beff")
PIPELINES = "/api/v4/leads/pipelines"

_Read = Callable[[str, str], list[Mapping[str, Any]]]


class Provisioner:
    """Makes what is wanted and not there.

    Args:
        fields, pipelines: what the account has.
        settled_read: reads a list anew after an answer was lost.
    """

    def __init__(
        self,
        http: HttpClient,
        fields: Mapping[str, Sequence[Mapping[str, Any]]],
        pipelines: Sequence[Mapping[str, Any]],
        settled_read: _Read,
    ) -> None:
        self._http = http
        self._fields = fields
        self._pipelines = pipelines
        self._settled_read = settled_read

    def make(self, wanted: Wanted) -> list[str]:
        """Returns what was made, in words. Raises PermanentFailure where Kommo refuses."""
        made = []
        for entity in dict.fromkeys(field.object for field in wanted.fields):
            there = {one["code"] or one["name"] for one in self._fields[entity]}
            missing = [one for one in wanted.fields if one.object == entity and one.name not in there]
            if missing:
                self._make_fields(entity, missing)
                made += [f"field {one.name} ({one.type}) of {entity}" for one in missing]
        for pipeline in wanted.pipelines:
            made += self._make_pipeline(pipeline)
        return made

    def _make_fields(self, entity: str, missing: Sequence[WantedField]) -> None:
        """All at once; fewer after each lost answer, which is how Kommo says that an array is too long."""
        path = f"/api/v4/{entity}/custom_fields"
        size, attempts_left = len(missing), ATTEMPTS
        while missing:
            try:
                self._post(path, [_field_item(one) for one in missing[:size]], f"fields of {entity}")
                missing = missing[size:]
            except OutcomeUnknown:
                attempts_left -= size == 1
                if not attempts_left:
                    raise
                size = max(1, size // 2)
                there = {one["code"] for one in self._settled_read(path, "custom_fields")}
                missing = [one for one in missing if one.name not in there]

    def _make_pipeline(self, wanted: WantedPipeline) -> list[str]:
        there = next((one for one in self._pipelines if one["name"] == wanted.name), None)
        for _ in range(ATTEMPTS):
            try:
                if there is None:
                    self._post(PIPELINES, [_pipeline_item(wanted)], f"pipeline {wanted.name}")
                    return [f"pipeline {wanted.name} with {len(wanted.stages)} stages"]
                present = {status["name"] for status in there["_embedded"]["statuses"]}
                missing = [stage for stage in wanted.stages if stage not in present]
                if missing:
                    items = [_stage_item(stage, n) for n, stage in enumerate(wanted.stages) if stage in missing]
                    self._post(f"{PIPELINES}/{there['id']}/statuses", items, f"stages of {wanted.name}")
                return [f"stage {stage} of pipeline {wanted.name}" for stage in missing]
            except OutcomeUnknown:
                found = self._settled_read(PIPELINES, "pipelines")
                there = next((one for one in found if one["name"] == wanted.name), None)
        raise OutcomeUnknown(f"Kommo: the answers to {ATTEMPTS} attempts at making pipeline {wanted.name} were lost")

    def _post(self, path: str, items: list[dict[str, Any]], what: str) -> None:
        response = self._http.write("POST", path, json.dumps(items).encode())
        if response.status_code not in (200, 201):
            raise PermanentFailure(
                f"Kommo refused to make {what} (status {response.status_code}: {response.text[:200]}). "
                "The token must be an administrator's."
            )


def _field_item(wanted: WantedField) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": wanted.label, "code": wanted.name, "type": THEIRS[wanted.type],
        "is_api_only": wanted.name == MIGRATION_KEY,
    }  # fmt: skip
    if wanted.choices:
        item["enums"] = [{"value": choice, "sort": n} for n, choice in enumerate(wanted.choices)]
    return item


def _pipeline_item(wanted: WantedPipeline) -> dict[str, Any]:
    return {
        "name": wanted.name, "sort": 500, "is_main": False, "is_unsorted_on": False,
        "_embedded": {"statuses": [_stage_item(stage, n) for n, stage in enumerate(wanted.stages)]},
    }  # fmt: skip


def _stage_item(stage: str, position: int) -> dict[str, Any]:
    return {"name": stage, "sort": 20 + 10 * position, "color": STAGE_COLOURS[position % len(STAGE_COLOURS)]}
