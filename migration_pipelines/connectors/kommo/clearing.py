"""What empties a custom field: `values: null` or `values: []`. The documentation shows neither, so the account tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Clearing:
    """Attributes: values, what is sent for a field that is to be empty."""

    def __init__(self) -> None:
        self.values: list[Any] | None = None
        self._has_turned = False

    def turn(self) -> bool:
        """The first way did not work: take the other one from now on. False where it is taken already."""
        if self._has_turned:
            return False
        self.values, self._has_turned = [], True
        return True

    @property
    def is_in_doubt(self) -> bool:
        return not self._has_turned


def cleared(item: Mapping[str, Any]) -> list[int]:
    """Places of the custom fields that an item empties."""
    return [place for place, one in enumerate(item.get("custom_fields_values") or ()) if not one["values"]]
