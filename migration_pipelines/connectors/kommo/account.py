"""What a Kommo account is and has, read once and forgotten when something is made: fields, pipelines, lists, users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.clearing import Clearing
from migration_pipelines.connectors.kommo.forms import (
    ELEMENT_FIELDS,
    ENTITIES,
    LOSS_REASON,
    OWN_FIELDS,
    Forms,
    Pipelines,
    custom_field,
)
from migration_pipelines.core.schema import ObjectSchema, User

LIST = "list:"
LOSS_REASONS = "/api/v4/leads/loss_reasons"
_WITH = "datetime_settings,task_types,drive_url"


class Account:
    def __init__(self, api: KommoApi) -> None:
        self._api = api
        self.clearing = Clearing()

    def forget(self) -> None:
        for name, attribute in vars(Account).items():
            if isinstance(attribute, cached_property):
                self.__dict__.pop(name, None)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        return dict(self._api.read("/api/v4/account", {"with": _WITH}))

    @cached_property
    def zone(self) -> str:
        return str(self.facts["datetime_settings"]["timezone"])

    @cached_property
    def task_types(self) -> Mapping[str, int]:
        """Name -> id."""
        return {one["name"]: one["id"] for one in self.facts["_embedded"]["task_types"]}

    @cached_property
    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        return list(self._api.read("/api/v4/leads/pipelines")["_embedded"]["pipelines"])

    @cached_property
    def lists(self) -> Mapping[str, int]:
        """Name of each list, as our object is called -> its id. Of several with one name the oldest counts."""
        found = sorted(self._api.pages("/api/v4/catalogs", "catalogs"), key=lambda one: -int(one["id"]))
        return {LIST + one["name"]: one["id"] for one in found}

    @cached_property
    def has_loss_reasons(self) -> bool:
        """Not every account has them where the API can see them."""
        return self._api.has(LOSS_REASONS)

    @cached_property
    def loss_reasons(self) -> Mapping[str, int]:
        """Name -> id."""
        if not self.has_loss_reasons:
            return {}
        return {one["name"]: one["id"] for one in self._api.pages(LOSS_REASONS, "loss_reasons")}

    @cached_property
    def custom_fields(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {
            entity: list(self._api.pages(f"/api/v4/{self.path_of(entity)}/custom_fields", "custom_fields"))
            for entity in (*ENTITIES, *self.lists)
        }

    def path_of(self, entity: str) -> str:
        return f"catalogs/{self.lists[entity]}" if entity.startswith(LIST) else entity

    @cached_property
    def objects(self) -> Mapping[str, ObjectSchema]:
        """What has custom fields: the cards, and the elements of each list."""
        objects = {}
        for entity, described in self.custom_fields.items():
            own = {one.name: one for one in OWN_FIELDS.get(entity, ELEMENT_FIELDS)}
            if entity == "leads" and self.has_loss_reasons:
                own[LOSS_REASON.name] = LOSS_REASON.model_copy(update={"choices": tuple(self.loss_reasons)})
            custom = {field.name: field for one in described if (field := custom_field(one))}
            objects[entity] = ObjectSchema(
                name=entity, label=entity.removeprefix(LIST), fields=own | custom, takes_fields=True
            )
        return objects

    @cached_property
    def forms(self) -> Forms:
        ids = {
            (entity, one["code"] or one["name"]): one["id"]
            for entity, described in self.custom_fields.items()
            for one in described
        }
        pipelines = Pipelines.read(self.pipelines)
        return Forms(ZoneInfo(self.zone), self.objects, ids, pipelines, self.loss_reasons, self.clearing)

    def users(self) -> Iterator[User]:
        for one in self._api.pages("/api/v4/users", "users"):
            yield User(id=str(one["id"]), name=one["name"], email=one["email"], is_active=one["rights"]["is_active"])
