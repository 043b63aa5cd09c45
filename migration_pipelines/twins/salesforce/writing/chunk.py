"""Rows on their way into the store, held by column, with the errors found so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.values import ABSENT, Values
from migration_pipelines.twins.salesforce.writing.outcomes import RowError


@dataclass
class Chunk:
    """Attributes:
    columns: stored values by field name; ABSENT where a row does not say the field.
    errors: by position of the row.
    """

    obj: SObject
    size: int
    columns: dict[str, Values]
    errors: dict[int, list[RowError]] = field(default_factory=dict)

    def refuse(self, position: int, error: RowError) -> None:
        self.errors.setdefault(position, []).append(error)

    def values(self, name: str) -> Values:
        """The field's values; None where a row does not say it."""
        values = self.columns.get(name)
        if values is None:
            return [None] * self.size
        return [None if value is ABSENT else value for value in values] if ABSENT in values else values

    def said(self, name: str) -> Iterable[tuple[int, object]]:
        """Positions and values of the rows that give the field one; null is none."""
        return (
            (position, value)
            for position, value in enumerate(self.columns.get(name, ()))
            if value is not ABSENT and value is not None
        )

    def sound(self) -> Sequence[int]:
        """Positions of the rows without an error."""
        if not self.errors:
            return range(self.size)
        return [position for position in range(self.size) if position not in self.errors]

    def take(self, positions: Sequence[int]) -> "Chunk":
        """These rows as a chunk of their own, without errors."""
        if len(positions) == self.size:
            return Chunk(self.obj, self.size, self.columns)
        taken = {name: [values[position] for position in positions] for name, values in self.columns.items()}
        return Chunk(self.obj, len(positions), taken)
