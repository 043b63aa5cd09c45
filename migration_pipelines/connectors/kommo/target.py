"""Kommo as a target: companies, contacts and leads in arrays, links from the company side, users matched only.

Kommo has no delete and no idempotency key (Kommo REST v4). What a lost answer applied is found by reading the newest
ids down to the highest one that was there before, and comparing the migration key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo import links
from migration_pipelines.connectors.kommo.forms import (
    ENTITIES,
    MIGRATION_KEY,
    OWN_FIELDS,
    ROLLED_BACK,
    TEXT_LIMIT,
    Forms,
    Pipelines,
    custom_field,
    in_its_words,
)
from migration_pipelines.connectors.kommo.provision import Provisioner
from migration_pipelines.core.compare import differences
from migration_pipelines.core.provisioning import Wanted, WantedField, WantedPipeline
from migration_pipelines.core.schema import ObjectSchema, OrgSchema, User
from migration_pipelines.errors import MigrationError, OutcomeUnknown, PermanentFailure

PAGE = 250
READ_BACK_PAGE = 200  # ids in one URL
FIRST_ARRAY = 50  # what Kommo recommends; grown to what it allows while that goes well
LONGEST_ARRAY = 250
LINKS = links.SCHEMA.name
QUARANTINE = WantedPipeline("Rolled back migration", ("Rolled back",))


class KommoTarget:
    """A Kommo account. Implements `connectors.base.Target`.

    Args:
        url: the account's own origin.
        token: a long-lived token of a private integration.
        requests_per_second: 5 by default, since bursts get an account blocked; 7 is Kommo's ceiling.
        quiet_seconds: pause before asking what became of a request whose answer was lost, and before asking again.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        requests_per_second: float = 5,
        quiet_seconds: float = 10,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/hal+json"}
        self._http = HttpClient(
            "Kommo",
            url,
            lambda _renew: headers,
            requests_per_second=requests_per_second,
            transport=transport,
            sleep=sleep,
        )
        self._quiet_seconds = quiet_seconds
        self._sleep = sleep
        self._array = FIRST_ARRAY
        self._highest: dict[str, int] = {}

    def close(self) -> None:
        self._http.close()

    # What the account is and has

    @cached_property
    def _account(self) -> Mapping[str, Any]:
        return dict(self._read("/api/v4/account", {"with": "datetime_settings"}))

    @cached_property
    def _custom_fields(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {entity: list(self._pages(f"/api/v4/{entity}/custom_fields", "custom_fields")) for entity in ENTITIES}

    @cached_property
    def _pipelines(self) -> Sequence[Mapping[str, Any]]:
        return list(self._read("/api/v4/leads/pipelines")["_embedded"]["pipelines"])

    @cached_property
    def _objects(self) -> Mapping[str, ObjectSchema]:
        objects = {}
        for entity in ENTITIES:
            own = {field.name: field for field in OWN_FIELDS[entity]}
            custom = {field.name: field for one in self._custom_fields[entity] if (field := custom_field(one))}
            objects[entity] = ObjectSchema(name=entity, label=entity, fields=own | custom)
        return objects

    @cached_property
    def _forms(self) -> Forms:
        ids = {
            (entity, one["code"] or one["name"]): one["id"]
            for entity in ENTITIES
            for one in self._custom_fields[entity]
        }
        zone = ZoneInfo(self._account["datetime_settings"]["timezone"])
        return Forms(zone, self._objects, ids, Pipelines.read(self._pipelines))

    def _forget_schema(self) -> None:
        for name in ("_account", "_custom_fields", "_pipelines", "_objects", "_forms"):
            self.__dict__.pop(name, None)

    def describe(self) -> OrgSchema:
        self._forget_schema()
        objects = {
            entity: self._objects[entity].model_copy(update={"records": int(self._newest_id(entity) is not None)})
            for entity in ENTITIES
        }
        objects[LINKS] = links.SCHEMA
        hooks = self._read("/api/v4/webhooks")
        return OrgSchema(
            crm="kommo", identity=f"kommo:{self._account['id']}", objects=objects, users=tuple(self._users()),
            facts={
                "time_zone": self._account["datetime_settings"]["timezone"],
                "currency": self._account["currency"],
                "pipelines": [
                    {"name": one["name"], "stages": [status["name"] for status in one["_embedded"]["statuses"]]}
                    for one in self._pipelines
                ],
                "webhooks": [one["destination"] for one in (hooks or {}).get("_embedded", {}).get("webhooks", ())],
            },
        )  # fmt: skip

    def migration_fields(self) -> Wanted:
        return Wanted(tuple(WantedField(entity, MIGRATION_KEY, "Salesforce ID", "text") for entity in ENTITIES), ())

    def provision(self, wanted: Wanted) -> list[str]:
        self._forget_schema()
        made = Provisioner(self._http, self._custom_fields, self._pipelines, self._settled_read).make(wanted)
        self._forget_schema()
        return made

    def _settled_read(self, path: str, kind: str) -> list[Mapping[str, Any]]:
        """A list after a lost answer: read when whatever was under way has had time to end."""
        self._sleep(self._quiet_seconds)
        return list(self._pages(path, kind))

    # Writing

    def group_by(self, target_object: str) -> str | None:
        return "company_id" if target_object == LINKS else None

    def batch_size(self, target_object: str) -> int:
        return LONGEST_ARRAY if target_object == LINKS else self._array

    def high_water(self, target_object: str) -> str | None:
        if target_object not in ENTITIES:
            return None
        if target_object not in self._highest:
            self._highest[target_object] = self._newest_id(target_object) or 0
        return str(self._highest[target_object])

    def render(self, batch: Batch) -> bytes:
        if batch.target_object == LINKS:
            return links.body(batch)
        return json.dumps([self._forms.item(batch.target_object, one) for one in batch.records]).encode()

    def write(self, batch: Batch, *, on_remote_job: Callable[[str], None]) -> Sequence[WriteResult | None]:
        del on_remote_job  # Kommo answers within the request
        if batch.target_object == LINKS:
            return links.write(self._http, batch)
        is_update = batch.records[0].target_id is not None
        response = self._http.write(
            "PATCH" if is_update else "POST", f"/api/v4/{batch.target_object}", self.render(batch)
        )
        if response.status_code not in (200, 400):
            raise PermanentFailure(
                f"Kommo refused {len(batch.records)} {batch.target_object}: {in_its_words(response)}"
            )
        try:
            return self._refused(batch, response) if response.status_code == 400 else self._taken(batch, response)
        except (MigrationError, ValueError, LookupError) as error:
            # Something of it may stand in the account by now, so no failure from here on means "nothing was applied".
            raise OutcomeUnknown(f"Kommo: what became of a request is not known ({error})") from error

    def _taken(self, batch: Batch, response: httpx.Response) -> Sequence[WriteResult | None]:
        is_update = batch.records[0].target_id is not None
        answers = {one["request_id"]: str(one["id"]) for one in response.json()["_embedded"][batch.target_object]}
        self._array = min(self._array * 2, LONGEST_ARRAY)
        if not is_update:
            self._highest[batch.target_object] = max(map(int, answers.values()))
        else:
            self._relink(batch)
        word = "updated" if is_update else "created"
        return [WriteResult(word, answers[one.key]) if one.key in answers else None for one in batch.records]

    def _refused(self, batch: Batch, response: httpx.Response) -> Sequence[WriteResult | None]:
        """The named items failed. Whether the others were applied is not documented, so the account is asked."""
        words: dict[str, str] = {}
        for one in response.json().get("validation-errors", ()):
            text = "; ".join(f"{error['path']}: {error['detail']} ({error['code']})" for error in one["errors"])
            words[one["request_id"]] = text
        if not words and len(batch.records) == 1:
            words[batch.records[0].key] = in_its_words(response)
        applied = self._applied(batch) if len(words) < len(batch.records) else [None] * len(batch.records)
        return [
            WriteResult("failed", message=words[record.key]) if record.key in words else result
            for record, result in zip(batch.records, applied, strict=True)
        ]

    def _relink(self, batch: Batch) -> None:
        """Deals that exist take their links by calls of their own, which are safe to repeat."""
        if batch.target_object == "leads":
            found = self.read_back("leads", [one.target_id or "" for one in batch.records])
            links.relink_deals(self._http, batch.records, found)

    def settle(self, batch: Batch) -> Sequence[WriteResult | None]:
        self._array = max(1, min(self._array, len(batch.records) // 2))
        results: Sequence[WriteResult | None] = []
        for _ in range(2):  # a request that was cut off may still be under way
            self._sleep(self._quiet_seconds)
            results = self._applied(batch)
            if all(results):
                break
        return results

    def _applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        if batch.target_object == LINKS:
            return links.applied(batch, self.read_back(LINKS, [links.link_id(one) for one in batch.records]))
        if batch.records[0].target_id is not None:
            found = self.read_back(batch.target_object, [one.target_id or "" for one in batch.records])
            return [_updated(one, found.get(one.target_id or "")) for one in batch.records]
        by_key = self._newer_than(batch.target_object, int(batch.high_water or 0))
        return [WriteResult("created", by_key[one.key]) if one.key in by_key else None for one in batch.records]

    def _newer_than(self, entity: str, high_water: int) -> dict[str, str]:
        """Migration key -> id, of every record above the high water mark."""
        by_key: dict[str, str] = {}
        for one in self._pages(f"/api/v4/{entity}", entity, [("order[id]", "desc")]):
            if one["id"] <= high_water:
                break
            self._highest[entity] = max(self._highest.get(entity, 0), one["id"])
            for field in one["custom_fields_values"] or ():
                if field["field_code"] == MIGRATION_KEY:
                    by_key[field["values"][0]["value"]] = str(one["id"])
        return by_key

    # Reading back

    def read_back(self, target_object: str, target_ids: Sequence[str]) -> Mapping[str, Found]:
        if target_object == LINKS:
            return links.read_back(target_ids, self._answers)
        if target_object == "users":
            return {user.id: Found({}) for user in self._users() if user.is_active and user.id in target_ids}
        return {
            str(one["id"]): self._forms.found(target_object, one) for one in self._answers(target_object, target_ids)
        }

    def _answers(self, entity: str, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        extra = [("with", "contacts")] if entity == "leads" else []
        for start in range(0, len(ids), READ_BACK_PAGE):
            asked = [("filter[id][]", one) for one in ids[start : start + READ_BACK_PAGE]]
            yield from self._pages(f"/api/v4/{entity}", entity, [*asked, *extra])

    # Rolling back, as far as Kommo lets one

    def undone(self, target_object: str, found: Found) -> Found | None:
        if target_object == LINKS:
            return None
        values = dict(found.values)
        if target_object == "leads":
            values |= {"pipeline": QUARANTINE.name, "status": QUARANTINE.stages[0]}
        else:
            field = "first_name" if target_object == "contacts" else "name"
            values[field] = _marked(values.get(field))
        return Found({name: values[name] for name in ("pipeline", "status", "first_name", "name") if name in values})

    def undo(self, target_object: str, records: Mapping[str, Found]) -> Mapping[str, str]:
        if target_object == LINKS:
            return links.unlink(self._http, list(records))
        refused: dict[str, str] = {}
        if target_object == "leads":
            self.provision(Wanted((), (QUARANTINE,)))
            refused = links.unlink_deals(self._http, records)
        items = []
        for target_id, found in records.items():
            after = self.undone(target_object, found)
            values = {name: value for name, value in (after.values if after else {}).items() if name != "name"}
            if target_object == "companies":
                values = {"name": after.values["name"] if after else ""}
            item = self._forms.item(target_object, Record(target_id, values, target_id=target_id))
            items.append(item | {"tags_to_add": [{"name": ROLLED_BACK}]})
        chunks = [items[start : start + FIRST_ARRAY] for start in range(0, len(items), FIRST_ARRAY)]
        while chunks:
            chunk = chunks.pop()
            response = self._http.write("PATCH", f"/api/v4/{target_object}", json.dumps(chunk).encode())
            if response.status_code == 200:
                continue
            if len(chunk) > 1:  # one of them may spoil the request for all; undoing twice changes nothing
                chunks += [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
            else:
                refused[str(chunk[0]["id"])] = in_its_words(response)
        return refused

    # Reading

    def _users(self) -> Iterator[User]:
        for one in self._pages("/api/v4/users", "users"):
            yield User(id=str(one["id"]), name=one["name"], email=one["email"], is_active=one["rights"]["is_active"])

    def _newest_id(self, entity: str) -> int | None:
        page = self._read(f"/api/v4/{entity}", [("order[id]", "desc"), ("limit", 1)])
        return page["_embedded"][entity][0]["id"] if page else None

    def _read(self, path: str, params: Any = None) -> Any:
        """An answer's content; None where Kommo answers 204 for nothing."""
        response = self._http.get(path, params)
        if response.status_code == 204:
            return None
        if response.status_code != 200:
            raise PermanentFailure(f"Kommo refused to be read: {in_its_words(response)}")
        return response.json()

    def _pages(self, path: str, kind: str, params: Sequence[tuple[str, Any]] = ()) -> Iterator[Mapping[str, Any]]:
        number = 1
        while page := self._read(path, [*params, ("page", number), ("limit", PAGE)]):
            yield from page["_embedded"][kind]
            if "next" not in page["_links"]:
                return
            number += 1


def _updated(record: Record, found: Found | None) -> WriteResult | None:
    if found is None or differences(record.values, found.values):
        return None
    if any(
        not links.are_as_meant(record.references[name], found.references.get(name, ()))
        for name in links.DEAL_LINKS
        if name in record.references
    ):
        return None
    return WriteResult("updated", record.target_id)


def _marked(name: str | None) -> str:
    mark = f"[{ROLLED_BACK}]"
    return name if name and name.startswith(mark) else f"{mark} {name or ''}".strip()[: TEXT_LIMIT - 1]
