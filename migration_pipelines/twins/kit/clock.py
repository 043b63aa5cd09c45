"""The twin's clock: real time, moved or frozen by whoever rehearses. A twin asks no other clock."""

import time


class Clock:
    """Seconds since 1970. Starts as real time; `advance` shifts it, `set` freezes it, `real` brings it back."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen_at: float | None = None

    def now(self) -> float:
        return time.time() + self._offset if self._frozen_at is None else self._frozen_at

    def set(self, epoch: float) -> None:
        """Stand still at this moment; `advance` moves on from here."""
        self._frozen_at = epoch

    def advance(self, seconds: float) -> None:
        if self._frozen_at is None:
            self._offset += seconds
        else:
            self._frozen_at += seconds

    def real(self) -> None:
        self._offset = 0.0
        self._frozen_at = None

    def as_dict(self) -> dict[str, object]:
        return {"now": self.now(), "is_frozen": self._frozen_at is not None, "offset_seconds": self._offset}
