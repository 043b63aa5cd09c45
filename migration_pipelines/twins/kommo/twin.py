"""What every handler of the Kommo twin is given, and the shape of a route table."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json, problem
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import Switches

ACCOUNT_ID = 1000


@dataclass(frozen=True)
class Kommo:
    """The twin's state and rules, as one request meets them.

    Attributes:
        acts_as: the user named by `X-Context-User-ID`; None is the user who gave out the token, an administrator.
        by_person: a person does this on the screen, where less is refused than over the API.
    """

    store: Store
    clock: Clock
    switches: Switches
    acts_as: int | None = None
    by_person: bool = False

    def now(self) -> int:
        return int(self.clock.now())

    def me(self) -> int:
        return self.acts_as or int(self.account()["current_user_id"])

    def records(self, entity: Entity, ids: Iterable[object]) -> dict[int, sqlite3.Row]:
        """Those that exist under the entity's path and were not removed by a person."""
        found = self.store.records(entity.name, ids)
        return {
            number: row
            for number, row in found.items()
            if all(row[column] == value for column, value in entity.scope.items())
        }

    def account(self) -> Json:
        account = self.store.document("account", ACCOUNT_ID)
        if account is None:
            raise LookupError("every twin is seeded with an account")
        return account


EntityHandler = Callable[[Kommo, Entity, Call], Response]
Handler = Callable[[Kommo, Call], Response]
Route = tuple[str, str, Handler]
RouteTable = tuple[Route, ...]
"""Method, path under /api/v4/ (or from the root if it begins with a slash), handler."""


def on(find: Callable[[Kommo, Call], Entity], handler: EntityHandler) -> Handler:
    """A handler for the records that stand under a request's path."""
    return lambda twin, call: handler(twin, find(twin, call), call)


def for_admins(handler: Handler) -> Handler:
    """Kommo REST v4: the account is set up by administrators only."""

    def answer(twin: Kommo, call: Call) -> Response:
        if twin.acts_as is not None:
            user = twin.store.document("users", twin.acts_as)
            if not (user and user["rights"]["is_admin"]):
                return problem(403, "Access denied")
        return handler(twin, call)

    return answer
