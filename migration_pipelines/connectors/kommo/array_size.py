"""How many items the next array carries. One object of this serves all kinds, since the ceiling is the API's own."""

from __future__ import annotations

FIRST_ARRAY = 50  # what Kommo recommends; grown to what it allows while that goes well
LONGEST_ARRAY = 250


class ArraySize:
    """Twice as many after each array that went well, up to 250.

    A long array whose answer was lost says that the account's ceiling is lower: the longest of the shorter ones that went
    well is the limit from then on. A lost answer to an array that is no longer than recommended halves the next one.
    """

    def __init__(self) -> None:
        self.now = FIRST_ARRAY
        self._limit = LONGEST_ARRAY
        self._good = {FIRST_ARRAY}

    def went_well(self, length: int) -> None:
        self._good.add(length)
        if length >= self.now:
            self.now = min(self.now * 2, self._limit)

    def was_lost(self, length: int) -> None:
        if length > FIRST_ARRAY:
            self._limit = min(self._limit, max(one for one in self._good if one < length))
            self.now = min(self.now, self._limit)
        else:
            self.now = max(1, min(self.now, length // 2))
