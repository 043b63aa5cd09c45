"""Kommo as a target: the table of what it takes, and the account that takes it.

Each kind of record is one object of `kind.Kind`: cards, tasks, notes, elements of lists, files, links. Users are matched
only, never made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Found, Joined, WriteResult
from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo.account import LIST, Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import number_of
from migration_pipelines.connectors.kommo.card_files import CARD_FILES, CardFiles
from migration_pipelines.connectors.kommo.cards import Cards, Leads
from migration_pipelines.connectors.kommo.drive import Bodies, Drive
from migration_pipelines.connectors.kommo.elements import Elements
from migration_pipelines.connectors.kommo.files import FILES, Files
from migration_pipelines.connectors.kommo.forms import ENTITIES, MIGRATION_KEY, THEIRS
from migration_pipelines.connectors.kommo.kind import Kind
from migration_pipelines.connectors.kommo.links import COMPANY_CONTACTS, LEAD_ELEMENTS, Links
from migration_pipelines.connectors.kommo.notes import NOTES, Notes
from migration_pipelines.connectors.kommo.pace import Pace
from migration_pipelines.connectors.kommo.provision import Provisioner
from migration_pipelines.connectors.kommo.sign_in import SignIn
from migration_pipelines.connectors.kommo.tasks import TASKS, Tasks
from migration_pipelines.core.provisioning import Wanted, WantedField
from migration_pipelines.core.schema import ObjectSchema, OrgSchema
from migration_pipelines.errors import MappingError

USERS = "users"
CHECKLIST = {
    "bots are off": (
        "Salesbots, the automations of the digital pipelines and message templates that could reach customers are off in "
        "this account. Its settings show them. A status change starts them, and nothing that they send can be taken back."
    )
}


class KommoTarget:
    """A Kommo account. Implements `connectors.base.Target`.

    Args:
        url: the account's own origin.
        token: a long-lived token of a private integration, or how to sign in by OAuth.
        requests_per_second: 5 by default, since bursts get an account blocked; 7 is Kommo's ceiling.
        quiet_seconds: pause before asking what became of a request whose answer was lost, and before asking again.
        bodies: opens the file body that a record names; None where no files are to be loaded.
    """

    def __init__(
        self,
        url: str,
        token: str | SignIn,
        *,
        requests_per_second: float = 5,
        quiet_seconds: float = 10,
        bodies: Bodies | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pace = Pace(requests_per_second, sleep=sleep, clock=clock)

        def identified(renew: bool) -> Mapping[str, str]:
            bearer = token if isinstance(token, str) else token.access_token(renew=renew)
            return {"Authorization": f"Bearer {bearer}", "Accept": "application/hal+json"}

        def client(name: str, origin: str) -> HttpClient:
            return HttpClient(name, origin, identified, manners=pace, transport=transport, sleep=sleep)

        self._api = KommoApi(client("Kommo", url), quiet_seconds=quiet_seconds, sleep=sleep)
        self._account = Account(self._api)
        self._drive = Drive(lambda: client("Kommo's drive", self._account.facts["drive_url"]))
        self._bodies = bodies
        self._kinds = self._fixed_kinds()

    def _fixed_kinds(self) -> dict[str, Kind]:
        api, account = self._api, self._account
        cards = {
            "companies": Cards(api, account, "companies"),
            "contacts": Cards(api, account, "contacts", named="first_name"),
            "leads": Leads(api, account),
        }
        return {
            **cards,
            COMPANY_CONTACTS.name: Links(api, COMPANY_CONTACTS),
            LEAD_ELEMENTS.name: Links(api, LEAD_ELEMENTS),
            TASKS: Tasks(api, account, cards),
            NOTES: Notes(api, cards),
            FILES: Files(self._drive, self._bodies),
            CARD_FILES: CardFiles(api),
        }

    def _kind(self, target_object: str) -> Kind:
        """The kind that a target object is. Raises MappingError where there is none of that name."""
        if target_object not in self._kinds:
            if not self._is_there(target_object):
                raise MappingError(
                    f"Kommo has no {target_object!r}; there are: {', '.join(self._kinds)}, and {LIST}NAME."
                )
            self._kinds[target_object] = Elements(self._api, self._account, target_object)
        return self._kinds[target_object]

    def _is_there(self, target_object: str) -> bool:
        return target_object in self._kinds or target_object in self._account.lists

    def close(self) -> None:
        self._api.close()
        self._drive.close()

    # What the account is and has

    def describe(self) -> OrgSchema:
        self._account.forget()
        account = self._account
        hooks = self._api.read("/api/v4/webhooks")
        return OrgSchema(
            crm="kommo", identity=f"kommo:{account.facts['id']}",
            objects={name: self._schema(name) for name in (*self._kinds, *account.lists)},
            users=tuple(account.users()), checklist=self.checklist(),
            facts={
                "time_zone": account.zone,
                "currency": account.facts["currency"],
                "pipelines": [
                    {"name": one["name"], "stages": [status["name"] for status in one["_embedded"]["statuses"]]}
                    for one in account.pipelines
                ],
                "webhooks": [one["destination"] for one in (hooks or {}).get("_embedded", {}).get("webhooks", ())],
            },
        )  # fmt: skip

    def _schema(self, name: str) -> ObjectSchema:
        """An object, and for a card whether there is any: what is there already is asked about before a load."""
        kind = self._kind(name)
        if name not in ENTITIES or not isinstance(kind, Cards):
            return kind.schema()
        return kind.schema().model_copy(update={"records": int(kind.holds_any())})

    def checklist(self) -> Mapping[str, str]:
        """What no API tells and a person has to confirm before anything is written: name -> what must be so."""
        return CHECKLIST

    def migration_fields(self) -> Wanted:
        return Wanted(tuple(WantedField(entity, MIGRATION_KEY, "Salesforce ID", "text") for entity in ENTITIES), ())

    def field_types(self) -> frozenset[str]:
        return frozenset(THEIRS)

    def provision(self, wanted: Wanted) -> list[str]:
        self._account.forget()
        made = Provisioner(self._api, self._account).make(wanted)
        self._account.forget()
        return made

    def may_ignore(self, target_object: str) -> frozenset[str]:
        return frozenset() if target_object == USERS else self._kind(target_object).may_ignore

    # Writing

    def group_by(self, target_object: str) -> str | None:
        return None if target_object == USERS else self._kind(target_object).group_by()

    def batch_size(self, target_object: str) -> int:
        return self._kind(target_object).batch_size()

    def high_water(self, target_object: str) -> str | None:
        return self._kind(target_object).high_water()

    def render(self, batch: Batch) -> bytes:
        return self._kind(batch.target_object).render(batch)

    def write(
        self, batch: Batch, *, on_remote_job: Callable[[str], None], body: bytes | None = None
    ) -> Sequence[WriteResult | None]:
        del on_remote_job  # Kommo answers within the request
        return self._kind(batch.target_object).write(batch, self.render(batch) if body is None else body)

    def settle(self, batch: Batch) -> Sequence[WriteResult | None]:
        results: Sequence[WriteResult | None] = []
        for _ in range(2):  # a request that was cut off may still be under way
            self._api.keep_quiet()
            results = self._kind(batch.target_object).applied(batch)
            if all(results):
                break
        return results

    # Reading back, rolling back

    def read_back(self, target_object: str, target_ids: Sequence[str]) -> Mapping[str, Found]:
        if target_object == USERS:
            return {user.id: Found({}) for user in self._account.users() if user.is_active and user.id in target_ids}
        return self._kind(target_object).read_back(target_ids)

    def standing(self, target_object: str, fields: Sequence[str]) -> Iterator[tuple[str, str, Found]]:
        del fields  # Kommo gives all of them
        yield from self._kind(target_object).standing()

    def fillable(self, target_object: str, found: Found, fields: Collection[str]) -> frozenset[str]:
        return self._kind(target_object).fillable(found, fields)

    def restore(self, target_object: str, records: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        return self._kind(target_object).restore(records)

    def joined(self, batch: Batch) -> Sequence[Joined | None]:
        return self._kind(batch.target_object).joined(batch)

    def undoing_needs(self, target_object: str) -> Wanted:
        return self._kind(target_object).undoing_needs

    def undone(self, target_object: str, found: Found) -> Found | None:
        return self._kind(target_object).undone(found)

    def undo(self, target_object: str, records: Mapping[str, Found]) -> Mapping[str, str]:
        return self._kind(target_object).undo(records)

    def rolled_back(self, target_object: str) -> Mapping[str, str]:
        """Of two with one key the oldest counts. Tasks and notes on cards that were not rolled back are not looked for."""
        if target_object == USERS or not self._is_there(target_object):
            return {}
        oldest_last = sorted(self._kind(target_object).rolled_back(), key=lambda one: -number_of(one[1]))
        return dict(oldest_last)
