"""Text: what every target wants of it."""

from __future__ import annotations

from typing import Any

from migration_pipelines.core.converters.registry import converter


@converter(makes="text")
def text(value: Any) -> str:
    """The value as text; numbers without a trailing ".0", booleans as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@converter(makes="multiselect")
def choices(value: str) -> list[str] | None:
    """The choices of a list of several, as Salesforce writes them: "Pumps;Valves" -> ["Pumps", "Valves"]."""
    return [one for part in value.split(";") if (one := part.strip())] or None


@converter()
def strip(value: str) -> str | None:
    """The text without blanks around it; nothing where nothing is left."""
    return value.strip() or None


@converter()
def first(value: list[Any]) -> Any:
    """The first of several source fields that holds something."""
    return next((one for one in value if one not in (None, "")), None)
