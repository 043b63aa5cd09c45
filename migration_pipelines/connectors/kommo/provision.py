"""Custom fields and their choices, pipelines, lists and loss reasons in Kommo: made by code and name, never twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from migration_pipelines.connectors.kommo.account import LIST, LOSS_REASONS, Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.forms import LOSS_REASON, MIGRATION_KEY, THEIRS
from migration_pipelines.connectors.kommo.refusals import in_its_words
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline
from migration_pipelines.errors import MappingError, OutcomeUnknown, PermanentFailure

ATTEMPTS = 3
STAGE_COLOURS = ("#fffeb2", "#ffdc7f", "#c1e0ff", "#deff81", "#f3beff")
PIPELINES = "/api/v4/leads/pipelines"


class Provisioner:
    """Makes what is wanted and the account lacks."""

    def __init__(self, api: KommoApi, account: Account) -> None:
        self._api = api
        self._account = account

    def make(self, wanted: Wanted) -> list[str]:
        """Returns what was made, in words.

        Raises:
            PermanentFailure: Kommo refuses.
            MappingError: loss reasons are wanted, and the account has none for the API.
        """
        made = self._make_loss_reasons([one for one in wanted.fields if _is_loss_reason(one)])
        fields = [one for one in wanted.fields if not _is_loss_reason(one)]
        lists = [one.object.removeprefix(LIST) for one in fields if one.object.startswith(LIST)]
        if missing := [one for one in dict.fromkeys(lists) if LIST + one not in self._account.lists]:
            made += self._make_named("catalogs", "list", "/api/v4/catalogs", missing)
            self._account.forget()
        for entity in dict.fromkeys(one.object for one in fields):
            there = {one["code"] or one["name"]: one for one in self._account.custom_fields[entity]}
            needed = [one for one in (*_key_of(entity), *fields) if one.object == entity and one.name not in there]
            if needed:
                self._make_fields(entity, needed)
                made += [f"field {one.name} ({one.type}) of {entity}" for one in needed]
            for one in fields:
                if one.object == entity and one.name in there:
                    made += self._add_choices(entity, one, there[one.name])
        for pipeline in wanted.pipelines:
            made += self._make_pipeline(pipeline)
        return made

    def _make_loss_reasons(self, wanted: Sequence[WantedField]) -> list[str]:
        if wanted and not self._account.has_loss_reasons:
            raise MappingError(
                "This Kommo account has no loss reasons that the API can reach. Map them to a field with a name of its own "
                f"in place of {LOSS_REASON.name}."
            )
        names = [choice for one in wanted for choice in one.choices]
        return self._make_named("loss_reasons", "loss reason", LOSS_REASONS, names) if names else []

    def _add_choices(self, entity: str, wanted: WantedField, there: Mapping[str, Any]) -> list[str]:
        """All choices are sent, those that are there with their ids: without them Kommo would make them anew, and what
        records hold of them would be gone."""
        path = f"/api/v4/{self._account.path_of(entity)}/custom_fields"
        lacking = _lacking(wanted, there)
        for _ in range(ATTEMPTS):
            if not (missing := _lacking(wanted, there)):
                return [f"choice {one} of {wanted.name} of {entity}" for one in lacking]
            present = there["enums"]
            added = [{"value": one, "sort": len(present) + n} for n, one in enumerate(missing)]
            try:
                self._send("PATCH", f"{path}/{there['id']}", {"enums": [*present, *added]}, f"choices of {wanted.name}")
                return [f"choice {one} of {wanted.name} of {entity}" for one in lacking]
            except OutcomeUnknown:
                found = self._api.settled_pages(path, "custom_fields")
                there = next((one for one in found if one["id"] == there["id"]), there)
        raise OutcomeUnknown(f"Kommo: the answers to {ATTEMPTS} attempts at adding choices to {wanted.name} were lost")

    def _make_named(self, kind: str, word: str, path: str, names: Sequence[str]) -> list[str]:
        """Things that have only a name, one request each."""
        there = {one["name"] for one in self._api.pages(path, kind)}
        missing = [one for one in dict.fromkeys(names) if one not in there]
        for name in missing:
            for _ in range(ATTEMPTS):
                try:
                    self._post(path, [{"name": name}], f"{word} {name}")
                    break
                except OutcomeUnknown:
                    if name in {one["name"] for one in self._api.settled_pages(path, kind)}:
                        break
            else:
                raise OutcomeUnknown(f"Kommo: the answers to {ATTEMPTS} attempts at making {word} {name} were lost")
        return [f"{word} {name}" for name in missing]

    def _make_fields(self, entity: str, missing: Sequence[WantedField]) -> None:
        """All at once; fewer after each lost answer, which is how Kommo says that an array is too long."""
        path = f"/api/v4/{self._account.path_of(entity)}/custom_fields"
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
                there = {one["code"] for one in self._api.settled_pages(path, "custom_fields")}
                missing = [one for one in missing if one.name not in there]

    def _make_pipeline(self, wanted: WantedPipeline) -> list[str]:
        there = next((one for one in self._account.pipelines if one["name"] == wanted.name), None)
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
                found = self._api.settled_pages(PIPELINES, "pipelines")
                there = next((one for one in found if one["name"] == wanted.name), None)
        raise OutcomeUnknown(f"Kommo: the answers to {ATTEMPTS} attempts at making pipeline {wanted.name} were lost")

    def _post(self, path: str, items: list[dict[str, Any]], what: str) -> None:
        self._send("POST", path, items, what)

    def _send(self, method: str, path: str, told: Any, what: str) -> None:
        response = self._api.write(method, path, json.dumps(told).encode())
        if response.status_code not in (200, 201):
            raise PermanentFailure(f"Kommo refused to make {what}: {in_its_words(response)}.")


def _lacking(wanted: WantedField, there: Mapping[str, Any]) -> list[str]:
    """Choices that a field lacks; none where it has no choices at all."""
    present = {one["value"] for one in there["enums"] or ()}
    return [one for one in wanted.choices if one not in present] if there["enums"] is not None else []


def _is_loss_reason(wanted: WantedField) -> bool:
    return (wanted.object, wanted.name) == ("leads", LOSS_REASON.name)


def _key_of(entity: str) -> tuple[WantedField, ...]:
    """A list that we fill takes the migration key with its other fields; the cards' keys are wanted by name."""
    is_list = entity.startswith(LIST)
    return (WantedField(entity, MIGRATION_KEY, "Salesforce ID", "text"),) if is_list else ()


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
