"""Dropping refused rows step by step, and putting the answers back into the order of the request."""

from collections.abc import Iterable

from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.outcomes import Outcome, RowError


class Sieve:
    """The rows of one request. `names_refused` tells whether the answer of a refused row carries its Id."""

    def __init__(self, chunk: Chunk, *, names_refused: bool) -> None:
        self._chunk = chunk
        self._names_refused = names_refused
        self._outcomes: list[Outcome | None] = [None] * chunk.size
        self._places = list(range(chunk.size))

    def drop_refused(self) -> Chunk:
        """Answer the rows that have errors by now; the others go on."""
        chunk = self._chunk
        if not chunk.errors:
            return chunk
        ids = chunk.values("Id")
        for position, errors in chunk.errors.items():
            known = str(ids[position]) if self._names_refused and ids[position] else None
            self._outcomes[self._places[position]] = Outcome(known, created=False, errors=tuple(errors))
        sound = chunk.sound()
        self._places = [self._places[position] for position in sound]
        self._chunk = chunk.take(sound)
        return self._chunk

    def refuse_all(self, error: RowError) -> list[Outcome]:
        return [Outcome(None, created=False, errors=(error,))] * len(self._outcomes)

    def outcomes(self, ids: Iterable[str], *, created: bool) -> list[Outcome]:
        """All answers, those of the rows that are left being these ids."""
        for place, record_id in zip(self._places, ids, strict=True):
            self._outcomes[place] = Outcome(record_id, created)
        return [outcome for outcome in self._outcomes if outcome is not None]
