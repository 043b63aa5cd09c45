"""Elements of a list, products among them: a name and custom fields. The object of the list "Assets" is "list:Assets".

An element's id of ours is "<list id>:<element id>", which is what linking it to a card needs.
"""

from __future__ import annotations

from migration_pipelines.connectors.kommo.account import Account
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.arrays import Collection, Item
from migration_pipelines.connectors.kommo.cards import Cards


class Elements(Cards):
    def __init__(self, api: KommoApi, account: Account, entity: str) -> None:
        super().__init__(api, account, entity)
        path = account.path_of(entity)
        self.collections = (Collection(f"/api/v4/{path}/elements", "elements", path.rpartition("/")[2]),)

    def _quarantined(self, item: Item) -> Item:
        return item  # elements have no tags
