"""What every step of a write knows: the store, the switches, and the moment."""

from dataclasses import dataclass
from functools import cached_property

from migration_pipelines.twins.salesforce.derived import Rule, Stages, rules_of
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches


@dataclass(frozen=True)
class Context:
    """Attributes: `now` is the moment of the write in the stored form, and all its rows have the same."""

    store: Store
    switches: Switches
    now: str

    @property
    def user_id(self) -> str:
        """Who writes: creator and owner where the row names none."""
        return self.store.user_id

    def rules(self, obj: SObject, *, is_seed: bool = False) -> tuple[Rule, ...]:
        stages = self._stages if obj.name == "Opportunity" else {}
        rules = rules_of(obj.name, stages, None if is_seed else self.now)
        return tuple(rule for rule in rules if all(name.lower() in obj.all_fields for name in rule.triggers))

    @cached_property
    def _stages(self) -> Stages:
        rows = self.store.rows(self.store.catalogue["OpportunityStage"])
        return {str(row["MasterLabel"]).casefold(): row for row in rows}
