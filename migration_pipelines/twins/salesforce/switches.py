"""Named switches: how the twin behaves where Salesforce's documentation leaves room, or orgs differ."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Switches:
    """Each has a default. The README's table says what it stands for.

    Attributes:
        session_seconds: life of a session that was issued by a login.
        locator_seconds: age at which a query locator is forgotten.
        daily_requests: API requests in a rolling 24 hours.
        uri_bytes: longer request lines answer 414.
        archive_days: age at which the daily background run archives Events and closed Tasks.
        multi_currency: whether CurrencyIsoCode and CurrencyType exist.
        polymorphic_type: what `attributes.type` of `Who`, `What`, `Owner` says: "concrete" (Contact) or "Name".
    """

    session_seconds: int = 2 * 60 * 60
    locator_seconds: int = 2 * 24 * 60 * 60
    daily_requests: int = 100_000
    uri_bytes: int = 16_384
    archive_days: int = 365
    multi_currency: bool = False
    polymorphic_type: str = "concrete"

    def but(self, given: Mapping[str, object]) -> "Switches":
        """These switches with some changed; values may be the command line's strings.

        Raises:
            ValueError: no switch has that name, or the value does not fit it.
        """
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        unknown = sorted(set(given) - set(kinds))
        if unknown:
            raise ValueError(f"no switch {', '.join(unknown)}; there are {', '.join(kinds)}")
        changed = replace(self, **{name: _as(kinds[name], value) for name, value in given.items()})  # type: ignore[arg-type]
        if changed.polymorphic_type not in ("concrete", "Name"):
            raise ValueError("polymorphic_type is concrete or Name")
        return changed


def _as(kind: type, value: object) -> object:
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{value!r} is neither true nor false")
        return value.lower() == "true"
    return kind(value)
