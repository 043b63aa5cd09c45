"""Sessions: whose they are, and when they end."""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from migration_pipelines.twins.kit.clock import Clock


@dataclass
class Session:
    """An issued session. `used_at` is its latest use, in epoch seconds of the twin's clock."""

    user_id: str
    used_at: float


class Sessions:
    """Issued sessions end some time after their last use; given tokens belong to the administrator and never end.

    Either kind ends when it is revoked.
    """

    def __init__(self, clock: Clock, life_seconds: float, tokens: Iterable[str]) -> None:
        self._clock = clock
        self._life_seconds = life_seconds
        self._tokens = frozenset(tokens)
        self.forget()

    def forget(self) -> None:
        """Back to the given tokens."""
        self._numbers = itertools.count(1)
        self._issued: dict[str, Session] = {}
        self._given = set(self._tokens)

    def issue(self, user_id: str) -> str:
        # Sessions are numbered, not random: a rehearsal repeats itself, and a twin guards nothing.
        number = f"twin-session-{next(self._numbers)}"
        token = f"00DTw0000000001!{hashlib.sha256(number.encode()).hexdigest()}"
        self._issued[token] = Session(user_id, self._clock.now())
        return token

    def is_valid(self, token: str | None) -> bool:
        """Whether a request may come with this token. Asking counts as a use."""
        if token is None or token in self._given:
            return token is not None
        session, now = self._issued.get(token), self._clock.now()
        if session is None or now >= session.used_at + self._life_seconds:
            return False
        session.used_at = now
        return True

    def user_of(self, token: str | None) -> str | None:
        """The user of an issued session; None stands for the administrator."""
        session = self._issued.get(token or "")
        return session.user_id if session else None

    def ends_at(self, token: str) -> float | None:
        """When the session would end without another use, in epoch seconds; None where it is no live one."""
        session, now = self._issued.get(token), self._clock.now()
        if token in self._given:
            return now + self._life_seconds
        end = session.used_at + self._life_seconds if session else now
        return end if end > now else None

    def revoke(self, token: str) -> bool:
        was_given = token in self._given
        self._given.discard(token)
        return self._issued.pop(token, None) is not None or was_given

    def revoke_all(self) -> None:
        self._issued.clear()
        self._given.clear()


def bearer(authorization: str | None) -> str | None:
    kind, _, token = (authorization or "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") and token else None
