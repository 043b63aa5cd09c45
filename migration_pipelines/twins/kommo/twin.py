"""What every handler of the Kommo twin is given, and the shape of a route table."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import Json
from migration_pipelines.twins.kommo.entities import Entity
from migration_pipelines.twins.kommo.store import Store
from migration_pipelines.twins.kommo.switches import Switches

ACCOUNT_ID = 1000


@dataclass(frozen=True)
class Kommo:
    store: Store
    clock: Clock
    switches: Switches

    def now(self) -> int:
        return int(self.clock.now())

    def account(self) -> Json:
        account = self.store.document("account", ACCOUNT_ID)
        if account is None:
            raise LookupError("every twin is seeded with an account")
        return account


EntityHandler = Callable[[Kommo, Entity, Call], Response]
Handler = Callable[[Kommo, Call], Response]
RouteTable = tuple[tuple[str, str, Handler], ...]
"""Method, path under /api/v4/, handler."""
